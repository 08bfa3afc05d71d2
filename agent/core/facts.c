/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes down what an event says. Nothing is decided here. */
#include <string.h>

#include <agent/core/internal.h>

/* ---- the cluster ---- */

/* Cut off from the cluster, every other node is lost to us: what can be known of it ends here. */
static void cluster_lost(struct chb_core *core)
{
    core->cluster_up = false;
    core->quorate = false;
    core->cib_known = false;
    core->pending.fence = 0;
    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        struct chb_peer *peer = &core->peers[i];
        if (peer->node == 0) {
            continue;
        }
        if (peer->member || !peer->lost) {
            peer->lost_at = core->now;
        }
        peer->member = false;
        peer->heard = false;
        peer->lost = true;
        peer->fenced_at = CHB_TIME_NEVER;
    }
}

/* R3.4. It is there: what was found out about its absence, or is being, is about an outage that is
 * over. */
static void outage_over(struct chb_core *core, struct chb_peer *peer)
{
    peer->fenced_at = CHB_TIME_NEVER;
    peer->operator_says_down = false;
    if (peer->node == core->peer) {
        core->pending.fence = 0;
    }
}

static void node_up(struct chb_core *core, struct chb_peer *peer)
{
    outage_over(core, peer);
    if (peer->node == core->peer) {
        core->fence_tries = 0;
        core->fence_retry_at = CHB_TIME_NEVER;
    }
    peer->member = true;
    peer->lost = false;
    peer->silent = false;
    peer->heard = false;
    peer->up_at = core->now;
    core->tell = true; /* it has missed all that was said before */
}

static void node_down(struct chb_core *core, struct chb_peer *peer, bool whole_node,
                      struct chb_actions *actions)
{
    bool news = peer->member || (whole_node && !peer->lost);

    /* A fence that was asked for after its agent fell silent is about this same outage. */
    if (peer->member) {
        peer->lost_at = core->now;
        peer->member = false;
        peer->heard = false;
    }
    if (whole_node && !peer->lost) {
        peer->lost = true;
        if (!chb_time_is_set(peer->fenced_at)) {
            peer->lost_at = core->now;
        }
    }
    if (news && peer->node == core->peer) {
        chb_note(actions, whole_node ? CHB_NOTE_PEER_LOST : CHB_NOTE_AGENT_LOST, peer->node, 0, 0);
    }
}

static void facts_membership(struct chb_core *core, const struct chb_event *event,
                             struct chb_actions *actions)
{
    struct chb_peer *peer = chb_peer_slot_new(core, event->u.node.id);
    if (peer == NULL) {
        return;
    }
    if (event->kind == CHB_EVENT_NODE_UP) {
        node_up(core, peer);
    } else if (event->kind == CHB_EVENT_SILENT) {
        if (!peer->silent) {
            peer->silent = true;
            peer->lost_at = core->now;
        }
    } else if (event->kind == CHB_EVENT_HEARD) {
        peer->silent = false;
        outage_over(core, peer);
    } else {
        node_down(core, peer, event->kind == CHB_EVENT_NODE_DOWN, actions);
    }
}

/* ---- messages ---- */

static void facts_state(struct chb_core *core, const struct chb_event *event,
                        struct chb_actions *actions)
{
    struct chb_peer *peer = chb_peer_slot(core, event->u.msg.from);
    if (peer == NULL || !peer->member) {
        return; /* of a membership that is over */
    }
    const struct chb_state_msg *state = &event->u.msg.state;
    if (!peer->heard) {
        outage_over(core, peer);
    }
    if (state->oob_alive && (!peer->heard || !peer->msg.oob_alive)) {
        peer->oob_since = core->now;
    }
    if (state->main_alive && (!peer->heard || !peer->msg.main_alive)) {
        peer->main_since = core->now;
    }
    peer->heard = true;
    peer->heard_at = core->now;
    peer->msg = *state;
    if (state->dead_generation > peer->dead_generation) {
        peer->dead_generation = state->dead_generation; /* P1 stays true for good */
        if (peer->node == core->peer && core->generation != 0 &&
            peer->dead_generation >= core->generation) {
            chb_note(actions, CHB_NOTE_PEER_DIED, peer->node, 0, peer->dead_generation);
        }
    }
}

static void facts_request(struct chb_core *core, const struct chb_event *event,
                          struct chb_actions *actions)
{
    struct chb_event command = {.at = event->at};
    enum chb_role meant = CHB_ROLE_NONE;

    if (event->u.request.request.node != core->self) {
        return;
    }
    switch (event->u.request.request.request) {
    case CHB_REQUEST_SWITCHOVER:
        command.kind = CHB_EVENT_SWITCHOVER;
        meant = CHB_ROLE_PRIMARY;
        break;
    case CHB_REQUEST_RESYNC:
        command.kind = CHB_EVENT_RESYNC;
        meant = CHB_ROLE_SECONDARY;
        break;
    case CHB_REQUEST_NONE:
    case CHB_REQUEST_MAX:
        return;
    }
    /* Only the side that the request is meant for acts on it, so it is never passed on again: a
     * role that has changed on the way would kill the wrong replica. */
    if (core->role == meant) {
        chb_facts_command(core, &command, actions);
    }
}

/* ---- fencing ---- */

static void fenced(struct chb_core *core, struct chb_peer *peer, struct chb_actions *actions)
{
    if (!chb_time_is_set(peer->fenced_at)) {
        peer->fenced_at = core->now;
        chb_note(actions, CHB_NOTE_FENCED, peer->node, 0, 0);
    }
}

/* P2 (R3.4). A fence counts only if it was complete after the loss, whoever asked for it: the
 * fencer makes one fence of two requests, so even the answer to our own may be about an earlier
 * outage. A request is forgotten when the peer is back. */
static void facts_fence(struct chb_core *core, const struct chb_event *event,
                        struct chb_actions *actions)
{
    struct chb_peer *peer = chb_peer_slot(core, event->u.fence.node);
    bool answer = event->kind == CHB_EVENT_FENCE_RESULT;
    if (peer == NULL) {
        return;
    }
    if (answer) {
        if (core->pending.fence == 0 || event->u.fence.op != core->pending.fence) {
            return;
        }
        core->pending.fence = 0;
    } else if (!peer->lost || chb_time_before(event->u.fence.not_before, peer->lost_at)) {
        return;
    }
    switch (event->u.fence.outcome) {
    case CHB_OUTCOME_DONE:
        if (!chb_peer_talks(peer) && !chb_time_before(event->u.fence.not_before, peer->lost_at)) {
            fenced(core, peer, actions);
        } else if (answer) { /* true, and of no use: ask again */
            core->fence_retry_at = chb_time_add(core->now, chb_ms(CHB_FENCE_AGAIN_MS));
        }
        return;
    case CHB_OUTCOME_FAILED:
    case CHB_OUTCOME_UNKNOWN:
        break;
    }
    if (answer) {
        core->fence_tries++;
        core->fence_retry_at = chb_time_add(core->now, chb_ms(CHB_FENCE_RETRY_MS));
        chb_note(actions, CHB_NOTE_FENCE_FAILED, peer->node, 0, core->fence_tries);
    }
}

/* ---- QEMU ---- */

/* The only place where a replica becomes dead: the kernel has said so (R3.3). */
static void qemu_exited(struct chb_core *core, struct chb_actions *actions)
{
    chb_sequence_abort(core, actions);
    core->qemu_alive = false;
    core->qemu = 0;
    core->pending.start = 0;
    core->exited = true;
    core->demote_wanted = false;
    core->powerdown_until = CHB_TIME_NEVER;
    core->powerdown_asked = false;
    core->powered_down = false;
    if (core->join == CHB_JOIN_WANTED || core->join == CHB_JOIN_RUNNING) {
        core->join = CHB_JOIN_NONE; /* a primary's; a secondary still has to say that it failed */
    }
    if (core->generation > core->dead_generation) {
        core->dead_generation = core->generation; /* P1 for the others */
    }
    chb_note(actions, CHB_NOTE_QEMU_DIED, core->self, (uint32_t)core->role, core->generation);
    core->generation = 0;
    core->role = CHB_ROLE_NONE;
    core->frozen = false;
    core->in_colo = false;
    core->eligible = false;
    core->proof = CHB_PROOF_NONE;
    core->was_secondary = false;
    core->copy_failed = false;
    core->link_stuck = false;
    core->broken_at = CHB_TIME_NEVER;
    core->broken_generation = 0;
    core->join_dirty = false;
}

/* R4: whatever the two hosts' health, the other side must not go on with what it has. That is so
 * from the moment on at which a join has added its disks; a primary without a copy can spoil none.
 */
static void copy_failed(struct chb_core *core)
{
    bool alone = core->phase == CHB_PHASE_SOLO && core->join != CHB_JOIN_RUNNING;
    if (core->role != CHB_ROLE_PRIMARY || alone) {
        return;
    }
    core->copy_failed = true;
    if (!chb_time_is_set(core->broken_at)) {
        core->broken_at = core->now;
    }
}

static void guest_off(struct chb_core *core, struct chb_actions *actions)
{
    chb_note(actions, CHB_NOTE_GUEST_OFF, core->self, 0, core->generation);
    if (core->stop_wanted || core->demote_wanted) {
        core->powered_down = true; /* as it was asked to: Pacemaker knows */
        return;
    }
    core->guest_off = true;
    if (core->settings.restart_guest) {
        core->off_until = core->now;
    } else {
        chb_act(actions, CHB_ACTION_RESOURCE_OFF);
    }
}

/* Pacemaker stops it now. Should it not, somebody has enabled the resource again at once. */
static void resource_is_off(struct chb_core *core)
{
    if (core->started && core->guest_off && !chb_time_is_set(core->off_until)) {
        core->off_until = chb_time_add(core->now, chb_ms(CHB_OFF_PATIENCE_MS));
    }
}

static void facts_qemu(struct chb_core *core, const struct chb_event *event,
                       struct chb_actions *actions)
{
    _Static_assert(offsetof(struct chb_event, u.link.qemu) ==
                       offsetof(struct chb_event, u.qemu.qemu),
                   "both name the QEMU in the same place");
    if (core->qemu == 0 || event->u.qemu.qemu != core->qemu) {
        return; /* of a QEMU that is gone */
    }
    if (event->kind == CHB_EVENT_QEMU_EXITED) {
        qemu_exited(core, actions);
    } else if (event->kind == CHB_EVENT_COLO_ENTERED) {
        /* Of a secondary only: one that went solo since is a primary, whose join says so itself. */
        core->in_colo = core->in_colo || core->role == CHB_ROLE_SECONDARY;
    } else if (event->kind == CHB_EVENT_COLO_EXIT) {
        if (!chb_time_is_set(core->broken_at)) {
            core->broken_at = core->now;
        }
    } else if (event->kind == CHB_EVENT_LINK) {
        core->link_stuck = event->u.link.stuck;
    } else if (event->kind == CHB_EVENT_GUEST_OFF) {
        guest_off(core, actions);
    } else if (event->kind == CHB_EVENT_DISK_ERROR) {
        core->health = 0;
    } else if (event->kind == CHB_EVENT_COPY_FAILED) {
        copy_failed(core);
    } else if (event->kind == CHB_EVENT_OVERLAYS_MERGED) {
        core->merged = core->record.overlays_pending ||
                       (core->pending.persist != 0 && core->record_next.overlays_pending);
    }
}

/* Nothing that was due while this agent slept may be held against anybody. */
static void stalled(struct chb_core *core, chb_span stall, struct chb_actions *actions)
{
    if (stall.ns <= 0) {
        return;
    }
    if (core->qemu_alive) {
        core->oob_pong_at = core->now;
        core->main_pong_at = core->now;
    }
    if (chb_time_is_set(core->broken_at)) {
        core->broken_at = core->now;
    }
    chb_note(actions, CHB_NOTE_STALLED, core->self, 0, (uint64_t)chb_span_ms(stall));
}

void chb_facts(struct chb_core *core, const struct chb_event *event, struct chb_actions *actions)
{
    switch (event->kind) {
    case CHB_EVENT_TICK:
    case CHB_EVENT_GUEST_PANIC:
    case CHB_EVENT_MAX:
        return;
    case CHB_EVENT_START:
    case CHB_EVENT_STOP:
    case CHB_EVENT_PROMOTE:
    case CHB_EVENT_DEMOTE:
    case CHB_EVENT_SWITCHOVER:
    case CHB_EVENT_PEER_IS_DOWN:
    case CHB_EVENT_SEED:
    case CHB_EVENT_RESYNC:
    case CHB_EVENT_PROBED:
        chb_facts_command(core, event, actions);
        return;
    case CHB_EVENT_LOADED:
    case CHB_EVENT_ADOPTED:
    case CHB_EVENT_QEMU_STARTED:
    case CHB_EVENT_SEQUENCE:
    case CHB_EVENT_PERSISTED:
        chb_facts_answer(core, event, actions);
        return;
    case CHB_EVENT_CLUSTER_UP:
        core->cluster_up = true;
        core->cluster_up_at = core->now;
        core->tell = true;
        return;
    case CHB_EVENT_CLUSTER_LOST:
        cluster_lost(core);
        return;
    case CHB_EVENT_NODE_UP:
    case CHB_EVENT_NODE_DOWN:
    case CHB_EVENT_AGENT_DOWN:
    case CHB_EVENT_SILENT:
    case CHB_EVENT_HEARD:
        facts_membership(core, event, actions);
        return;
    case CHB_EVENT_QUORUM:
        core->quorate = event->u.quorate;
        return;
    case CHB_EVENT_STATE:
        facts_state(core, event, actions);
        return;
    case CHB_EVENT_REQUEST:
        facts_request(core, event, actions);
        return;
    case CHB_EVENT_CIB:
        core->cib_known = event->u.cib.known;
        core->cib_generation = event->u.cib.generation;
        core->cib_node = event->u.cib.node;
        return;
    case CHB_EVENT_FENCING_SETUP:
        core->fencing_known = true;
        core->fencing_configured = event->u.fencing.configured;
        return;
    case CHB_EVENT_FENCE_RESULT:
    case CHB_EVENT_FENCE_NOTICE:
        facts_fence(core, event, actions);
        return;
    case CHB_EVENT_PONG:
        if (core->qemu_alive && event->u.pong.qemu == core->qemu) {
            *(event->u.pong.oob ? &core->oob_pong_at : &core->main_pong_at) = core->now;
        }
        return;
    case CHB_EVENT_QEMU_EXITED:
    case CHB_EVENT_COLO_ENTERED:
    case CHB_EVENT_COLO_EXIT:
    case CHB_EVENT_LINK:
    case CHB_EVENT_GUEST_OFF:
    case CHB_EVENT_OVERLAYS_MERGED:
    case CHB_EVENT_DISK_ERROR:
    case CHB_EVENT_COPY_FAILED:
        facts_qemu(core, event, actions);
        return;
    case CHB_EVENT_RESOURCE_IS_OFF:
        resource_is_off(core);
        return;
    case CHB_EVENT_STALLED:
        stalled(core, event->u.stall, actions);
        return;
    case CHB_EVENT_HEALTH:
        core->health = event->u.health;
        return;
    }
}
