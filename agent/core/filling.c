/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The secondary's side of a join. */
#include <string.h>

#include <agent/core/internal.h>

/* A copy that is newer than what it would be filled with must never be overwritten, and one of
 * another line of the same generation only at an operator's word. */
static bool may_be_overwritten(const struct chb_core *core, const struct chb_peer *primary)
{
    if (!chb_record_is_history(&core->record)) {
        return true;
    }
    if (core->record.generation > primary->msg.generation) {
        return false;
    }
    return core->record.generation < primary->msg.generation ||
           core->record.author == primary->msg.record.author;
}

bool chb_filling_wanted(const struct chb_core *core, const struct chb_peer **ret_primary)
{
    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_peer *peer = &core->peers[i];
        if (peer->node == 0 || !chb_peer_talks(peer) || peer->msg.phase != CHB_PHASE_SOLO ||
            peer->msg.join != CHB_JOIN_WANTED || peer->msg.join_node != core->self ||
            peer->msg.join_id == core->join_id || peer->msg.generation == 0) {
            continue;
        }
        enum chb_misfit misfit = chb_core_misfit(core, peer);
        bool fits = misfit == CHB_MISFIT_NONE ||
                    misfit == CHB_MISFIT_UNHEALTHY; /* it is the one that needs us */
        if (fits && may_be_overwritten(core, peer)) {
            *ret_primary = peer;
            return true;
        }
    }
    return false;
}

/* The primary has committed the pair: its record says so, and names this host. */
static bool committed(const struct chb_core *core, const struct chb_peer *primary)
{
    return primary->msg.record.kind == CHB_RECORD_PAIRED &&
           primary->msg.record.peer == core->self &&
           primary->msg.record.generation > core->record.generation &&
           primary->msg.generation == primary->msg.record.generation;
}

static void give_up(struct chb_core *core, struct chb_actions *actions)
{
    chb_note(actions, CHB_NOTE_JOIN_FAILED, core->self, (uint32_t)core->last_failure, 0);
    core->join = CHB_JOIN_FAILED;
    if (core->qemu_alive) {
        chb_kill(core, actions);
    } else {
        chb_enter(core, actions, CHB_PHASE_SPARE);
    }
}

static void start_secondary(struct chb_core *core, struct chb_actions *actions,
                            const struct chb_peer *primary)
{
    core->qemu = chb_next_qemu(core);
    core->qemu_alive = true;
    core->role = CHB_ROLE_SECONDARY;
    core->generation = 0; /* of no generation until it is a true copy */
    core->was_secondary = true;
    core->in_colo = false;
    core->pending.start = chb_next_op(core);
    struct chb_action *action = chb_act(actions, CHB_ACTION_QEMU_START);
    action->u.qemu.op = core->pending.start;
    action->u.qemu.role = CHB_ROLE_SECONDARY;
    action->u.qemu.qemu = core->qemu;
    memcpy(action->u.qemu.disk_bytes, primary->msg.disk_bytes, sizeof(primary->msg.disk_bytes));
}

/* The images that were made for the filling have the primary's sizes, and others can be filled from
 * them one day. */
static void know_images(struct chb_core *core)
{
    const struct chb_peer *primary = chb_core_peer(core, core->peer);

    core->settings.image_present = true;
    for (uint32_t i = 0; primary != NULL && i < CHB_DISKS_MAX; i++) {
        if (core->settings.disk_bytes[i] == 0) {
            core->settings.disk_bytes[i] = primary->msg.disk_bytes[i];
        }
    }
}

static void prepare(struct chb_core *core, struct chb_actions *actions,
                    const struct chb_peer *primary)
{
    if (core->qemu == 0) {
        start_secondary(core, actions, primary);
    } else if (core->pending.start == 0 && core->join == CHB_JOIN_NONE &&
               core->pending.sequence == 0) {
        chb_sequence(core, actions, CHB_SEQUENCE_SECONDARY_PREPARE, primary->node, false);
    }
}

void chb_phase_filling(struct chb_core *core, struct chb_actions *actions)
{
    const struct chb_peer *primary = chb_core_peer(core, core->join_node);
    CHB_CORE_ASSERT(primary != NULL);

    if (chb_wishes(core, actions)) {
        return;
    }
    if (core->pending.persist != 0) {
        return;
    }
    if (core->record.kind == CHB_RECORD_PAIRED && core->record.peer == core->join_node &&
        core->qemu_alive) {
        know_images(core);
        chb_pair_begins(core, actions); /* R4.1: the record is on disk first */
        return;
    }
    bool joining = primary->msg.phase == CHB_PHASE_SOLO && primary->msg.join_id == core->join_id &&
                   (primary->msg.join == CHB_JOIN_WANTED || primary->msg.join == CHB_JOIN_RUNNING);
    if (!chb_peer_talks(primary) || core->record_unsure || core->join == CHB_JOIN_FAILED ||
        !(joining || committed(core, primary))) {
        give_up(core, actions);
        return;
    }
    if (committed(core, primary)) {
        if (core->in_colo) {
            struct chb_record record = primary->msg.record;
            record.peer = primary->node;
            record.role = CHB_ROLE_SECONDARY;
            record.overlays_pending = false;
            chb_persist(core, actions, record);
        }
        return;
    }
    prepare(core, actions, primary);
}
