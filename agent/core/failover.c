/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A replica in COLO loses its peer: doubt, silence, proof, going solo. */
#include <agent/core/internal.h>

/* ---- doubt ---- */

/* Replication has ended and nobody on the other side explains it. */
static bool broken_unexplained(const struct chb_core *core, const struct chb_peer *peer)
{
    return chb_time_is_set(core->broken_at) && !chb_peer_talks(peer) &&
           chb_time_reached(core->now, chb_time_add(core->broken_at, chb_ms(CHB_BROKEN_GRACE_MS)));
}

/* No connection to corosync, and not just because this agent has only begun. */
bool chb_cut_off(const struct chb_core *core)
{
    chb_time late = chb_time_add(core->loaded_at, chb_ms(CHB_CLUSTER_GRACE_MS));
    return !core->cluster_up &&
           (chb_time_is_set(core->cluster_up_at) || chb_time_reached(core->now, late));
}

/* R7.1: from here on no frame leaves. A secondary lets none out anyway (R1.2). */
static void hold(struct chb_core *core, struct chb_actions *actions)
{
    struct chb_verdict verdict = chb_gate(core);

    core->lost_at = core->now;
    core->unfit_since = CHB_TIME_NEVER;
    if (core->role == CHB_ROLE_PRIMARY) {
        chb_freeze(core, actions);
    }
    chb_enter(core, actions, CHB_PHASE_HOLDING);
    chb_note(actions, CHB_NOTE_HOLDING, core->peer, (uint32_t)verdict.reason, core->generation);
}

/* R3.1: the only way to go solo. True if the gate opened. */
static bool try_solo(struct chb_core *core, struct chb_actions *actions)
{
    struct chb_verdict verdict = chb_gate(core);

    if (!verdict.allowed) {
        return false;
    }
    core->proof = verdict.proof;
    chb_note(actions, CHB_NOTE_PROVEN, verdict.node, (uint32_t)verdict.proof, core->generation);
    chb_note(actions, CHB_NOTE_DECIDED, core->self, (uint32_t)verdict.proof, core->generation + 1);
    chb_enter(core, actions, CHB_PHASE_GOING_SOLO);
    return true;
}

/* R2.4: the guest's answers must not run ahead of what the secondary can still get. COLO's compare
 * lets a bare acknowledgement go without asking whether the secondary has what it acknowledges. */
static bool runs_ahead(const struct chb_core *core)
{
    return core->link_stuck && core->role == CHB_ROLE_PRIMARY;
}

void chb_phase_paired(struct chb_core *core, struct chb_actions *actions)
{
    const struct chb_peer *peer = chb_core_peer(core, core->peer);

    if (chb_wishes(core, actions) || try_solo(core, actions) || chb_settle(core, actions) ||
        chb_hang(core, actions) || chb_health(core, actions)) {
        return;
    }
    if (chb_cut_off(core) || peer == NULL || peer->lost || core->broken_generation != 0 ||
        broken_unexplained(core, peer) || runs_ahead(core)) {
        hold(core, actions);
    }
}

/* ---- holding ---- */

/* Pacemaker fences a lost node by itself, but sometimes a second later, and not at all if only the
 * agent is gone; the fencer makes one fence of two requests. */
static void ask_for_fence(struct chb_core *core, struct chb_actions *actions,
                          const struct chb_peer *peer)
{
    /* An agent that has just come back has not had the time to say anything. */
    chb_time since = chb_time_before(core->lost_at, peer->up_at) ? peer->up_at : core->lost_at;
    chb_time grace = chb_time_add(since, chb_ms(CHB_AGENT_GRACE_MS));
    /* Nor have the others, after this agent itself was away: that is no loss of theirs. */
    chb_time settled = chb_time_add(core->cluster_up_at, chb_ms(CHB_AGENT_GRACE_MS));
    bool due = peer->lost || (!chb_peer_talks(peer) && chb_time_reached(core->now, grace));

    if (!due || !chb_time_reached(core->now, settled) || !core->cluster_up || !core->quorate ||
        core->pending.fence != 0 || chb_time_is_set(peer->fenced_at) ||
        (core->fencing_known && !core->fencing_configured) ||
        !chb_time_reached(core->now, core->fence_retry_at)) {
        return;
    }
    core->pending.fence = chb_next_op(core);
    core->fence_asked_at = core->now;
    if (core->broken_generation != 0 && core->broken_fitness < chb_fitness(core)) {
        core->broken_fitness = chb_fitness(core);
    }
    struct chb_action *action = chb_act(actions, CHB_ACTION_FENCE);
    action->u.fence.op = core->pending.fence;
    action->u.fence.node = peer->node;
    chb_note(actions, CHB_NOTE_FENCE_ASKED, peer->node, 0, core->fence_tries + 1);
}

/* R7.2: both replicas have waited and neither went on: the pair goes on as it was. */
static bool peer_is_back(const struct chb_core *core, const struct chb_peer *peer)
{
    return core->cluster_up && !core->link_stuck && chb_peer_talks(peer) &&
           peer->msg.generation == core->generation &&
           (peer->msg.phase == CHB_PHASE_PAIRED || peer->msg.phase == CHB_PHASE_HOLDING) &&
           peer->msg.broken_generation == 0 && core->broken_generation == 0 &&
           !chb_time_is_set(core->broken_at);
}

void chb_phase_holding(struct chb_core *core, struct chb_actions *actions)
{
    const struct chb_peer *peer = chb_core_peer(core, core->peer);

    if (chb_wishes(core, actions) || try_solo(core, actions) || peer == NULL) {
        return;
    }
    if (peer_is_back(core, peer)) {
        chb_thaw(core, actions);
        core->oob_pong_at = core->now;
        core->main_pong_at = core->now;
        chb_note(actions, CHB_NOTE_RELEASED, peer->node, 0, core->generation);
        chb_enter(core, actions, CHB_PHASE_PAIRED);
        return;
    }
    if (chb_settle(core, actions)) {
        return;
    }
    ask_for_fence(core, actions, peer);
}

/* ---- going solo ---- */

static void run_solo_sequence(struct chb_core *core, struct chb_actions *actions)
{
    const struct chb_peer *peer = chb_core_peer(core, core->peer);
    /* Its kernel has closed the sockets of a dead QEMU; from a lost host nothing closes them. A
     * primary does not rely on it: a disk that waits for a host that was lost a moment later stops
     * the guest for good, while a secondary sees for itself that COLO does not end. */
    bool reachable = core->role == CHB_ROLE_SECONDARY && core->proof == CHB_PROOF_P1_DEATH_SEEN &&
                     chb_peer_talks(peer) && core->broken_generation == 0;

    chb_thaw(core, actions);
    core->generation = core->record.generation;
    chb_sequence(core, actions,
                 core->role == CHB_ROLE_SECONDARY ? CHB_SEQUENCE_SOLO_SECONDARY
                                                  : CHB_SEQUENCE_SOLO_PRIMARY,
                 core->peer, !reachable);
}

static void solo(struct chb_core *core, struct chb_actions *actions)
{
    core->role = CHB_ROLE_PRIMARY;
    core->eligible = false;
    core->broken_at = CHB_TIME_NEVER;
    core->broken_generation = 0;
    core->solo_at = core->now;
    core->join = CHB_JOIN_NONE;
    core->join_dirty = false;
    core->join_retry_at = CHB_TIME_NEVER;
    core->join_failures = 0;
    core->join_failed_node = 0;
    chb_enter(core, actions, CHB_PHASE_SOLO);
    chb_note(actions, CHB_NOTE_SOLO, core->self, (uint32_t)core->proof, core->generation);
}

void chb_phase_going_solo(struct chb_core *core, struct chb_actions *actions)
{
    if (chb_wishes(core, actions) || core->pending.persist != 0 || core->pending.sequence != 0) {
        return;
    }
    /* R5.1 */
    bool recorded = core->record.kind == CHB_RECORD_SOLO && !core->record_unsure &&
                    core->record.author == core->self &&
                    core->record.generation >= core->generation;
    if (recorded && !core->in_colo) {
        solo(core, actions);
    } else if (recorded) {
        run_solo_sequence(core, actions);
    } else if (!chb_gate(core).allowed) {
        hold(core, actions); /* the proof is gone, and with it the right to speak */
    } else if (chb_time_reached(core->now, core->record_retry_at)) {
        core->merged = core->merged && core->role == CHB_ROLE_PRIMARY; /* these overlays are new */
        struct chb_record record = {
            .kind = CHB_RECORD_SOLO,
            .generation = core->generation + 1,
            .author = core->self,
            .peer = core->peer,
            .role = CHB_ROLE_PRIMARY,
            .overlays_pending = core->role == CHB_ROLE_SECONDARY || core->record.overlays_pending,
        };
        chb_persist(core, actions, record);
    }
}
