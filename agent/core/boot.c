/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The phases without a serving replica, cold start, and what an earlier daemon left running. */
#include <agent/core/internal.h>

/* ---- taking over what an earlier daemon left (R9.1) ---- */

static void adopt_primary(struct chb_core *core, struct chb_actions *actions)
{
    const struct chb_record *record = &core->record;

    core->generation = record->generation;
    core->peer = record->peer;
    if (record->kind == CHB_RECORD_PAIRED) {
        core->eligible = true;
        if (!core->in_colo || core->copy_failed) {
            core->broken_at = core->now; /* COLO ended while no daemon looked (R7.3), or R4.3 */
            core->in_colo = true;
        }
        /* Frozen: the earlier daemon held, and what it waited for is still to be waited for. */
        core->lost_at = core->now;
        chb_enter(core, actions, core->frozen ? CHB_PHASE_HOLDING : CHB_PHASE_PAIRED);
        return;
    }
    /* "Solo" is on disk, so the decision was taken. In COLO, its sequence was cut short, or a join
     * was not yet committed: the same sequence puts both right. */
    core->proof = CHB_PROOF_RECORD;
    if (core->in_colo) {
        chb_enter(core, actions, CHB_PHASE_GOING_SOLO);
        return;
    }
    chb_thaw(core, actions);
    core->join_dirty = true;
    core->solo_at = core->now;
    chb_enter(core, actions, CHB_PHASE_SOLO);
}

static void adopt(struct chb_core *core, struct chb_actions *actions)
{
    enum chb_record_kind kind = core->record.kind;
    bool has_history = chb_record_is_history(&core->record);

    if (has_history && core->role == CHB_ROLE_PRIMARY) {
        adopt_primary(core, actions);
        return;
    }
    if (has_history && core->role == CHB_ROLE_SECONDARY && core->in_colo) {
        core->generation = core->record.generation;
        core->peer = core->record.peer;
        core->eligible = kind == CHB_RECORD_PAIRED;
        chb_enter(core, actions,
                  kind == CHB_RECORD_PAIRED ? CHB_PHASE_PAIRED : CHB_PHASE_GOING_SOLO);
        return;
    }
    chb_kill(core, actions); /* half filled, or of a history that nobody knows: never a true copy */
}

void chb_boot_loaded(struct chb_core *core, struct chb_actions *actions)
{
    core->peer = core->record.peer;
    if (core->qemu_alive) {
        adopt(core, actions);
        return;
    }
    if (core->record.kind != CHB_RECORD_UNKNOWN) {
        core->dead_generation = core->record.generation; /* no process is left of it */
    }
}

/* ---- the phases ---- */

static void stopped(struct chb_core *core, struct chb_actions *actions)
{
    core->started = false;
    core->stop_wanted = false;
    core->seeded = false;
    chb_reply(actions, &core->pending.promote_reply, false, CHB_REASON_NOT_STARTED, core->self);
    chb_reply(actions, &core->pending.demote_reply, true, CHB_REASON_OK, 0);
    chb_reply(actions, &core->pending.stop_reply, true, CHB_REASON_OK, 0);
    chb_enter(core, actions, CHB_PHASE_STOPPED);
}

void chb_phase_stopped(struct chb_core *core, struct chb_actions *actions)
{
    if (core->stop_wanted) {
        stopped(core, actions);
    } else if (core->started && core->loaded) {
        chb_enter(core, actions, CHB_PHASE_SPARE);
    }
}

/* R5.3. A write whose end is unknown left either record on the disk; writing the one that is true
 * makes it certain again. */
static void make_record_sure(struct chb_core *core, struct chb_actions *actions)
{
    if (chb_time_reached(core->now, core->record_retry_at)) {
        chb_persist(core, actions, core->record);
    }
}

/* R3.1: the only way to a cold start. */
static void begin_boot(struct chb_core *core, struct chb_actions *actions,
                       struct chb_verdict verdict)
{
    struct chb_record record = {
        .kind = CHB_RECORD_SOLO,
        .generation = chb_newest_generation(core) + 1, /* newer than all, whoever is asked later */
        .author = core->self,
        .peer = core->record.peer,
        .role = CHB_ROLE_PRIMARY,
        /* A torn record may have said so; merging what is not there does no harm. */
        .overlays_pending =
            core->record.overlays_pending || core->record.kind == CHB_RECORD_UNKNOWN,
    };
    core->proof = verdict.proof;
    core->last_failure = CHB_REASON_OK;
    chb_note(actions, CHB_NOTE_DECIDED, core->self, (uint32_t)verdict.proof, record.generation);
    chb_persist(core, actions, record);
    chb_enter(core, actions, CHB_PHASE_BOOTING);
}

static void begin_filling(struct chb_core *core, struct chb_actions *actions,
                          const struct chb_peer *primary)
{
    struct chb_record record = {
        .kind = CHB_RECORD_FILLING,
        .generation = primary->msg.generation,
        .author = primary->msg.record.author,
        .peer = primary->node,
        .role = CHB_ROLE_SECONDARY,
    };
    core->peer = primary->node;
    core->join = CHB_JOIN_NONE;
    core->join_node = primary->node;
    core->join_id = primary->msg.join_id;
    core->join_started_at = core->now;
    core->last_failure = CHB_REASON_OK;
    chb_note(actions, CHB_NOTE_JOIN_STARTED, core->self, 0, primary->msg.generation);
    chb_persist(core, actions, record); /* before the first byte of the image is touched (R4.1) */
    chb_enter(core, actions, CHB_PHASE_FILLING);
}

void chb_phase_spare(struct chb_core *core, struct chb_actions *actions)
{
    const struct chb_peer *primary = NULL;

    if (core->stop_wanted) {
        stopped(core, actions);
        return;
    }
    if (core->pending.persist != 0) {
        return;
    }
    if (core->record_unsure) {
        make_record_sure(core, actions);
        return;
    }
    if (core->pending.promote_reply != 0) {
        struct chb_verdict verdict = chb_gate(core);
        if (verdict.allowed) {
            begin_boot(core, actions, verdict);
            return;
        }
        core->promoted = false;
        chb_reply(actions, &core->pending.promote_reply, false, verdict.reason, verdict.node);
    }
    if (chb_filling_wanted(core, &primary)) {
        begin_filling(core, actions, primary);
    }
}

static void boot_over(struct chb_core *core, struct chb_actions *actions, enum chb_reason reason)
{
    core->last_failure = reason;
    core->promoted = false;
    chb_reply(actions, &core->pending.promote_reply, false, reason, core->self);
    if (core->qemu_alive) {
        chb_kill(core, actions);
    } else {
        chb_enter(core, actions, CHB_PHASE_SPARE);
    }
}

/* R5.1: the record of its generation is on the disk. */
static void boot_qemu(struct chb_core *core, struct chb_actions *actions)
{
    core->seeded = false; /* the operator's word was for this start, and is on disk now */
    core->qemu = chb_next_qemu(core);
    core->qemu_alive = true; /* from here on only the kernel can say otherwise */
    core->role = CHB_ROLE_PRIMARY;
    core->generation = core->record.generation;
    core->was_secondary = false;
    core->pending.start = chb_next_op(core);
    struct chb_action *action = chb_act(actions, CHB_ACTION_QEMU_START);
    action->u.qemu.op = core->pending.start;
    action->u.qemu.role = CHB_ROLE_PRIMARY;
    action->u.qemu.qemu = core->qemu;
    action->u.qemu.merge_overlays = core->record.overlays_pending;
}

void chb_phase_booting(struct chb_core *core, struct chb_actions *actions)
{
    const struct chb_peer *newer = chb_find_newer(core, core->record_next.generation);

    if (core->stop_wanted || !core->promoted) {
        boot_over(core, actions, CHB_REASON_NOT_STARTED);
        return;
    }
    if (newer != NULL) { /* R6.1 */
        boot_over(core, actions, CHB_REASON_NEWER_ELSEWHERE);
        return;
    }
    if (core->pending.persist != 0 || core->pending.start != 0) {
        return;
    }
    if (core->record_unsure) {
        boot_over(core, actions, CHB_REASON_RECORD_FAILED);
        return;
    }
    if (core->qemu == 0) {
        boot_qemu(core, actions);
        return;
    }
    core->solo_at = core->now;
    core->join_retry_at = CHB_TIME_NEVER;
    core->join_failures = 0;
    chb_enter(core, actions, CHB_PHASE_SOLO);
    chb_note(actions, CHB_NOTE_SOLO, core->self, (uint32_t)core->proof, core->generation);
    core->merged = core->record.overlays_pending; /* before this QEMU was started */
    chb_reply(actions, &core->pending.promote_reply, true, CHB_REASON_OK, 0);
}

void chb_phase_dying(struct chb_core *core, struct chb_actions *actions)
{
    if (core->qemu_alive) {
        return; /* R6.1: nothing is said or done before the kernel has seen it dead */
    }
    if (core->pending.promote_reply != 0) {
        core->promoted = false;
        chb_reply(actions, &core->pending.promote_reply, false,
                  core->last_failure != CHB_REASON_OK ? core->last_failure : CHB_REASON_DYING,
                  core->self);
    }
    chb_reply(actions, &core->pending.demote_reply, true, CHB_REASON_OK, 0);
    if (core->stop_wanted) {
        stopped(core, actions);
    } else {
        chb_enter(core, actions, CHB_PHASE_SPARE);
    }
}
