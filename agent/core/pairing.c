/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The primary's side of a join: a replica that serves alone looks for a second host (R10). */
#include <agent/core/internal.h>

/* ---- choosing a host ---- */

static bool may_be_secondary(const struct chb_core *core, const struct chb_peer *peer)
{
    bool has_history = chb_record_is_history(&peer->msg.record);

    return chb_peer_talks(peer) && peer->msg.phase == CHB_PHASE_SPARE &&
           chb_core_misfit(core, peer) == CHB_MISFIT_NONE &&
           !(has_history && peer->msg.record.generation > core->generation) &&
           !(has_history && peer->msg.record.generation == core->generation &&
             peer->msg.record.author != core->record.author);
}

/* The fittest first; of those the last peer, for its image needs the least; then the lowest node
 * id. */
static bool is_better(const struct chb_core *core, const struct chb_peer *peer,
                      const struct chb_peer *than)
{
    if (peer->msg.health != than->msg.health) {
        return peer->msg.health > than->msg.health;
    }
    if ((peer->node == core->peer) != (than->node == core->peer)) {
        return peer->node == core->peer;
    }
    return peer->node < than->node;
}

/* A host that has just failed only if there is no other. */
static const struct chb_peer *choose(const struct chb_core *core)
{
    const struct chb_peer *best = NULL;
    const struct chb_peer *failed = NULL;

    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_peer *peer = &core->peers[i];
        if (peer->node == 0 || !may_be_secondary(core, peer)) {
            continue;
        }
        if (peer->node == core->join_failed_node) {
            failed = peer;
        } else if (best == NULL || is_better(core, peer, best)) {
            best = peer;
        }
    }
    return best != NULL ? best : failed;
}

/* ---- the join ---- */

void chb_join_failed(struct chb_core *core, struct chb_actions *actions)
{
    int64_t delay_ms = CHB_JOIN_RETRY_MS;

    chb_note(actions, CHB_NOTE_JOIN_FAILED, core->join_node, (uint32_t)core->last_failure, 0);
    if (core->join == CHB_JOIN_RUNNING) {
        core->join_dirty = true;
        core->abort_retry_at = CHB_TIME_NEVER;
    }
    chb_sequence_abort(core, actions);
    for (uint32_t i = 0; i < core->join_failures && delay_ms < CHB_JOIN_RETRY_MAX_MS; i++) {
        delay_ms *= 2;
    }
    core->join_failures++;
    core->join_retry_at = chb_time_add(core->now, chb_ms(delay_ms));
    core->join_failed_node = core->join_node;
    core->join = CHB_JOIN_NONE;
    core->in_colo = false;
}

bool chb_join_cleared(struct chb_core *core, struct chb_actions *actions)
{
    if (core->join_dirty && core->pending.sequence == 0 &&
        chb_time_reached(core->now, core->abort_retry_at)) {
        chb_sequence(core, actions, CHB_SEQUENCE_JOIN_ABORT, core->join_failed_node, true);
    }
    return !core->join_dirty;
}

static void want(struct chb_core *core, struct chb_actions *actions)
{
    const struct chb_peer *peer = NULL;

    if (!chb_join_cleared(core, actions)) {
        return;
    }
    chb_time late = chb_time_add(core->solo_at, chb_ms(CHB_MERGE_PATIENCE_MS));
    bool merging = core->record.overlays_pending && !chb_time_reached(core->now, late);
    if (core->guest_off || merging || !chb_time_reached(core->now, core->join_retry_at)) {
        return;
    }
    peer = choose(core);
    if (peer == NULL) {
        return;
    }
    core->join = CHB_JOIN_WANTED;
    core->join_node = peer->node;
    core->join_id = core->boot + chb_next_op(core); /* never that of an earlier try or daemon */
    core->join_started_at = core->now;
    core->in_colo = false;
    core->copy_failed = false;
    chb_note(actions, CHB_NOTE_JOIN_STARTED, peer->node, 0, core->generation);
}

static void wait_ready(struct chb_core *core, struct chb_actions *actions)
{
    const struct chb_peer *peer = chb_core_peer(core, core->join_node);
    bool same = peer != NULL && peer->msg.join_id == core->join_id;
    chb_time late = chb_time_add(core->join_started_at, chb_ms(CHB_JOIN_READY_TIMEOUT_MS));

    /* It was a spare when it was asked, and fills itself when it has heard. */
    bool willing =
        chb_peer_talks(peer) && peer->msg.phase == (same ? CHB_PHASE_FILLING : CHB_PHASE_SPARE);
    if (!willing || chb_time_reached(core->now, late) ||
        (same && peer->msg.join == CHB_JOIN_FAILED)) {
        chb_join_failed(core, actions);
        return;
    }
    if (same && peer->msg.join == CHB_JOIN_READY) {
        core->ports = peer->msg.ports;
        core->join = CHB_JOIN_RUNNING;
        chb_sequence(core, actions, CHB_SEQUENCE_JOIN, core->join_node, false);
    }
}

void chb_pair_begins(struct chb_core *core, struct chb_actions *actions)
{
    core->generation = core->record.generation;
    core->peer = core->join_node;
    core->eligible = true;
    core->link_stuck = false;
    core->unfit_since = CHB_TIME_NEVER;
    core->join = CHB_JOIN_NONE;
    core->fence_tries = 0;
    core->fence_asked_at = CHB_TIME_NEVER;
    core->proof = CHB_PROOF_NONE; /* what an earlier solo rested on */
    core->oob_pong_at = core->now;
    core->main_pong_at = core->now;
    chb_enter(core, actions, CHB_PHASE_PAIRED);
    chb_note(actions, CHB_NOTE_PAIRED, core->peer, (uint32_t)core->role, core->generation);
}

/* R5.2: "paired" is on this host's disk before the secondary hears that it may go solo. */
static void commit(struct chb_core *core, struct chb_actions *actions)
{
    bool recorded = core->record.kind == CHB_RECORD_PAIRED &&
                    core->record.generation == core->generation + 1 &&
                    core->record.peer == core->join_node;
    if (!recorded) {
        if (!chb_time_reached(core->now, core->record_retry_at)) {
            return;
        }
        struct chb_record record = {
            .kind = CHB_RECORD_PAIRED,
            .generation = core->generation + 1,
            .author = core->self,
            .peer = core->join_node,
            .role = CHB_ROLE_PRIMARY,
            .overlays_pending = core->record.overlays_pending,
        };
        chb_persist(core, actions, record);
        return;
    }
    core->join_failures = 0;
    core->join_failed_node = 0;
    chb_pair_begins(core, actions);
}

bool chb_join_is_committed(const struct chb_core *core)
{
    return core->join == CHB_JOIN_RUNNING &&
           (core->record.kind == CHB_RECORD_PAIRED ||
            ((core->pending.persist != 0 || core->record_unsure) &&
             core->record_next.kind == CHB_RECORD_PAIRED));
}

static void run(struct chb_core *core, struct chb_actions *actions)
{
    const struct chb_peer *peer = chb_core_peer(core, core->join_node);

    if (core->pending.persist != 0) {
        return;
    }
    if (!chb_join_is_committed(core) &&
        (!chb_peer_talks(peer) || peer->msg.phase != CHB_PHASE_FILLING ||
         peer->msg.join_id != core->join_id || chb_time_is_set(core->broken_at))) {
        core->broken_at = CHB_TIME_NEVER;
        chb_join_failed(core, actions);
        return;
    }
    if (core->in_colo) {
        commit(core, actions);
    }
}

/* In a join the record of the pair comes in its place. */
static void repeat_record(struct chb_core *core, struct chb_actions *actions)
{
    if (core->record_unsure && core->pending.persist == 0 && core->join != CHB_JOIN_RUNNING &&
        chb_time_reached(core->now, core->record_retry_at)) {
        chb_persist(core, actions, core->record);
    }
}

void chb_record_merge(struct chb_core *core, struct chb_actions *actions)
{
    bool other = core->record_unsure && (core->record_next.kind != core->record.kind ||
                                         core->record_next.generation != core->record.generation);
    if (core->merged && core->record.overlays_pending && core->pending.persist == 0 && !other &&
        chb_time_reached(core->now, core->record_retry_at)) {
        chb_persist(core, actions, core->record);
    }
}

void chb_phase_solo(struct chb_core *core, struct chb_actions *actions)
{
    if (chb_wishes(core, actions)) {
        return;
    }
    repeat_record(core, actions);
    switch (core->join) {
    case CHB_JOIN_NONE:
    case CHB_JOIN_READY:
    case CHB_JOIN_FAILED:
    case CHB_JOIN_MAX:
        core->join = CHB_JOIN_NONE;
        core->broken_at = CHB_TIME_NEVER; /* it has no peer that could be lost */
        want(core, actions);
        return;
    case CHB_JOIN_WANTED:
        wait_ready(core, actions);
        return;
    case CHB_JOIN_RUNNING:
        run(core, actions);
        return;
    }
}
