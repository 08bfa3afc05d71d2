/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pacemaker is steered by scores and answered with its own last command. */
#include <agent/core/internal.h>

/* Two lines of the same generation are possible only where somebody has signed for it
 * (require_fencing=false, P3). One of them must end at once, and both hosts must find the same. */
static const struct chb_peer *find_twin(const struct chb_core *core)
{
    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_peer *peer = &core->peers[i];
        const struct chb_record *theirs = &peer->msg.record;
        if (peer->node != 0 && chb_peer_talks(peer) && chb_peer_has_replica(peer) &&
            core->record.kind == CHB_RECORD_SOLO && theirs->kind == CHB_RECORD_SOLO &&
            theirs->generation == core->record.generation && theirs->author < core->record.author) {
            return peer;
        }
    }
    return NULL;
}

/* R6.1: somebody has a newer line of history, so this one is over. */
static bool line_is_lost(const struct chb_core *core, uint32_t *ret_node)
{
    uint64_t own = core->generation;
    if (chb_record_is_history(&core->record)) {
        own = core->record.generation > own ? core->record.generation : own;
    }
    if (core->phase == CHB_PHASE_FILLING) {
        return false; /* it follows a line and has none of its own */
    }
    const struct chb_peer *newer = chb_find_newer(core, own);
    if (newer == NULL) {
        newer = find_twin(core);
    }
    if (newer != NULL) {
        *ret_node = newer->node;
        return true;
    }
    if (core->cib_known && core->cib_generation > own && core->cib_node != core->self) {
        *ret_node = core->cib_node;
        return true;
    }
    return false;
}

/* Its guest is off, and its image needs nothing more from it. With overlays the record must say
 * first that they are merged: a cold start would merge them again, over what was written since. */
static bool is_done(const struct chb_core *core)
{
    return (core->powered_down || core->guest_off) && !core->record.overlays_pending &&
           core->pending.persist == 0;
}

/* The VM's last replica is to go, and its guest still has time to switch itself off. */
static bool has_patience(const struct chb_core *core)
{
    return core->qemu_alive && !is_done(core) && chb_time_is_set(core->powerdown_until) &&
           !chb_time_reached(core->now, core->powerdown_until);
}

/* It first has to become a replica that serves alone, or is about to be one of a pair. */
static bool is_on_its_way(const struct chb_core *core)
{
    return chb_join_is_committed(core) || core->phase == CHB_PHASE_GOING_SOLO;
}

/* The guest is asked to switch itself off, as on a host of its own. */
static void power_down(struct chb_core *core, struct chb_actions *actions)
{
    if (core->join == CHB_JOIN_RUNNING || core->join == CHB_JOIN_WANTED) {
        chb_join_failed(core, actions);
    }
    bool ask = !core->powerdown_asked && !core->powered_down && !core->guest_off;
    if (chb_join_cleared(core, actions) && core->pending.sequence == 0 && ask) {
        core->powerdown_asked = true;
        chb_sequence(core, actions, CHB_SEQUENCE_POWERDOWN, 0, false);
    }
}

bool chb_wishes(struct chb_core *core, struct chb_actions *actions)
{
    uint32_t node = 0;

    if (line_is_lost(core, &node)) {
        chb_note(actions, CHB_NOTE_LOST_LINE, node, 1, core->generation);
        chb_kill(core, actions);
        return true;
    }
    if (core->stop_wanted || core->demote_wanted) {
        if (has_patience(core) && is_on_its_way(core)) {
            return false;
        }
        if (has_patience(core) && core->phase == CHB_PHASE_SOLO) {
            power_down(core, actions);
        } else if (core->qemu_alive) {
            chb_kill(core, actions);
        } else {
            chb_enter(core, actions, CHB_PHASE_SPARE);
        }
        return true;
    }
    return false;
}

static enum chb_score score(const struct chb_core *core)
{
    switch (core->phase) {
    case CHB_PHASE_BOOTING:
    case CHB_PHASE_SOLO:
    case CHB_PHASE_GOING_SOLO:
        return CHB_SCORE_BEST;
    case CHB_PHASE_PAIRED:
    case CHB_PHASE_HOLDING:
        if (!core->eligible) {
            return CHB_SCORE_NEVER;
        }
        return core->role == CHB_ROLE_PRIMARY ? CHB_SCORE_BEST : CHB_SCORE_SECONDARY;
    case CHB_PHASE_SPARE:
        return chb_gate(core).allowed ? CHB_SCORE_BEST : CHB_SCORE_NEVER;
    case CHB_PHASE_STOPPED:
    case CHB_PHASE_FILLING:
    case CHB_PHASE_DYING:
    case CHB_PHASE_MAX:
        return CHB_SCORE_NEVER;
    }
    return CHB_SCORE_NEVER;
}

void chb_score(struct chb_core *core, struct chb_actions *actions)
{
    enum chb_score now = score(core);

    /* A boot that is waiting for its record keeps the score that brought it here. */
    if (!core->started || (core->score_sent && core->score == now) ||
        (core->phase == CHB_PHASE_SPARE && core->pending.persist != 0)) {
        return;
    }
    core->score = now;
    core->score_sent = true;
    chb_act(actions, CHB_ACTION_SCORE)->u.score = now;
}

/* The pair has a good copy somewhere, as last heard. */
static bool good_copy(const struct chb_core *core)
{
    if (chb_phase_has_replica(core->phase)) {
        return true;
    }
    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        if (core->peers[i].node != 0 && core->peers[i].member && core->peers[i].heard &&
            chb_peer_has_replica(&core->peers[i])) {
            return true;
        }
    }
    return false;
}

/* Failed on either side, as both have to be started anew. Pacemaker starts nothing whose
 * target-role is Stopped, so that a guest that is to stay off does. */
static bool is_off_for_long(const struct chb_core *core)
{
    return core->guest_off && chb_time_is_set(core->off_until) &&
           chb_time_reached(core->now, core->off_until);
}

enum chb_monitor chb_core_monitor(const struct chb_core *core)
{
    if (!core->started) {
        return CHB_MONITOR_NOT_RUNNING;
    }
    bool off = is_off_for_long(core);
    if (!core->promoted) {
        return off ? CHB_MONITOR_USELESS : CHB_MONITOR_UNPROMOTED;
    }
    if (off) {
        return CHB_MONITOR_FAILED;
    }
    return good_copy(core) || core->guest_off ? CHB_MONITOR_PROMOTED : CHB_MONITOR_FAILED;
}

enum chb_monitor chb_core_probe(const struct chb_core *core)
{
    if (!core->started) {
        return CHB_MONITOR_NOT_RUNNING;
    }
    return chb_core_serves(core) ? CHB_MONITOR_PROMOTED : CHB_MONITOR_UNPROMOTED;
}
