/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include <agent/core/internal.h>

struct chb_action *chb_act(struct chb_actions *actions, enum chb_action_kind kind)
{
    /* The list is sized for the worst step with room to spare; more is an error of the core. */
    CHB_CORE_ASSERT(actions->count < CHB_ACTIONS_MAX);
    struct chb_action *action = &actions->list[actions->count++];
    memset(action, 0, sizeof(*action));
    action->kind = kind;
    return action;
}

void chb_note(struct chb_actions *actions, enum chb_note note, uint32_t node, uint32_t arg,
              uint64_t value)
{
    struct chb_action *action = chb_act(actions, CHB_ACTION_NOTE);
    action->u.note.note = note;
    action->u.note.node = node;
    action->u.note.arg = arg;
    action->u.note.value = value;
}

uint32_t chb_next_op(struct chb_core *core)
{
    core->next_op++;
    if (core->next_op == 0) {
        core->next_op = 1; /* 0 means "nothing pending" */
    }
    return core->next_op;
}

uint64_t chb_next_qemu(struct chb_core *core)
{
    core->next_qemu++;
    if (core->next_qemu == 0) {
        core->next_qemu = 1; /* 0 means "none"; what was adopted may have had the last number */
    }
    return core->next_qemu;
}

void chb_reply(struct chb_actions *actions, uint32_t *id, bool ok, enum chb_reason reason,
               uint32_t node)
{
    if (*id == 0) {
        return;
    }
    struct chb_action *action = chb_act(actions, CHB_ACTION_REPLY);
    action->u.reply.id = *id;
    action->u.reply.ok = ok;
    action->u.reply.reason = reason;
    action->u.reply.node = node;
    *id = 0;
}

void chb_persist(struct chb_core *core, struct chb_actions *actions, struct chb_record record)
{
    CHB_CORE_ASSERT(core->pending.persist == 0); /* one write at a time: its answer says which */
    core->record_next = record;
    core->record_next.overlays_pending = record.overlays_pending && !core->merged; /* R2 */
    core->pending.persist = chb_next_op(core);
    struct chb_action *action = chb_act(actions, CHB_ACTION_PERSIST);
    action->u.persist.op = core->pending.persist;
    action->u.persist.record = core->record_next;
}

void chb_sequence(struct chb_core *core, struct chb_actions *actions, enum chb_sequence sequence,
                  uint32_t peer, bool yank)
{
    core->pending.sequence = chb_next_op(core);
    core->pending.sequence_kind = sequence;
    struct chb_action *action = chb_act(actions, CHB_ACTION_SEQUENCE);
    action->u.sequence.op = core->pending.sequence;
    action->u.sequence.sequence = sequence;
    action->u.sequence.peer = peer;
    action->u.sequence.yank = yank;
    action->u.sequence.was_secondary = core->was_secondary;
    action->u.sequence.ports = core->ports;
}

void chb_sequence_abort(struct chb_core *core, struct chb_actions *actions)
{
    if (core->pending.sequence == 0) {
        return;
    }
    core->pending.sequence = 0;
    core->pending.sequence_kind = CHB_SEQUENCE_NONE;
    chb_act(actions, CHB_ACTION_SEQUENCE_ABORT);
}

/* Everything that was asked for on behalf of this QEMU is void from here on, but for a record that
 * is being written: that will be on the disk, whatever becomes of the QEMU. */
void chb_kill(struct chb_core *core, struct chb_actions *actions)
{
    if (core->phase == CHB_PHASE_DYING || core->qemu == 0) {
        return;
    }
    chb_sequence_abort(core, actions);
    core->pending.start = 0;
    struct chb_action *action = chb_act(actions, CHB_ACTION_QEMU_KILL);
    action->u.qemu.qemu = core->qemu;
    chb_enter(core, actions, CHB_PHASE_DYING);
}

void chb_freeze(struct chb_core *core, struct chb_actions *actions)
{
    if (!core->frozen) {
        core->frozen = true;
        chb_act(actions, CHB_ACTION_QEMU_FREEZE)->u.qemu.qemu = core->qemu;
    }
}

void chb_thaw(struct chb_core *core, struct chb_actions *actions)
{
    if (core->frozen) {
        core->frozen = false;
        chb_act(actions, CHB_ACTION_QEMU_THAW)->u.qemu.qemu = core->qemu;
    }
}
