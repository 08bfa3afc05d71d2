/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers to what the core asked for. An answer with another id than the pending one is of a past
 * that is over, and is ignored; one that is neither done nor failed counts as not done (R8.1). */
#include <agent/core/internal.h>

static void started(struct chb_core *core, const struct chb_event *event,
                    struct chb_actions *actions)
{
    if (core->pending.start == 0 || event->u.result.op != core->pending.start) {
        return;
    }
    core->pending.start = 0;
    if (event->u.result.outcome == CHB_OUTCOME_DONE) {
        core->oob_pong_at = core->now;
        core->main_pong_at = core->now;
        return;
    }
    /* It may half run. Only the kernel's word that it is dead makes it dead. */
    core->last_failure = CHB_REASON_QEMU_FAILED;
    chb_kill(core, actions);
}

static void persisted(struct chb_core *core, const struct chb_event *event,
                      struct chb_actions *actions)
{
    if (core->pending.persist == 0 || event->u.result.op != core->pending.persist) {
        return;
    }
    core->pending.persist = 0;
    if (event->u.result.outcome != CHB_OUTCOME_DONE) {
        core->record_unsure = true;
        core->record_retry_at = chb_time_add(core->now, chb_ms(CHB_RECORD_RETRY_MS));
        return;
    }
    core->record = core->record_next;
    core->record_unsure = false;
    core->record_retry_at = CHB_TIME_NEVER;
    core->merged = core->merged && core->record.overlays_pending; /* a write from before */
    chb_note(actions, CHB_NOTE_RECORDED, core->self, (uint32_t)core->record.kind,
             core->record.generation);
    chb_act(actions, CHB_ACTION_CIB_RECORD)->u.persist.record = core->record;
}

static void sequence_answered(struct chb_core *core, const struct chb_event *event,
                              struct chb_actions *actions)
{
    if (core->pending.sequence == 0 || event->u.result.op != core->pending.sequence) {
        return;
    }
    enum chb_sequence kind = core->pending.sequence_kind;
    bool done = event->u.result.outcome == CHB_OUTCOME_DONE;
    core->pending.sequence = 0;
    core->pending.sequence_kind = CHB_SEQUENCE_NONE;

    switch (kind) {
    case CHB_SEQUENCE_SECONDARY_PREPARE:
        if (done) {
            core->ports = event->u.result.ports;
            core->join = CHB_JOIN_READY;
        } else {
            core->last_failure = CHB_REASON_QEMU_FAILED;
            core->join = CHB_JOIN_FAILED;
        }
        return;
    case CHB_SEQUENCE_JOIN:
        core->in_colo = done;
        if (!done) {
            chb_join_failed(core, actions);
        }
        return;
    case CHB_SEQUENCE_JOIN_ABORT:
        core->join_dirty = !done;
        if (!done) {
            core->abort_retry_at = chb_time_add(core->now, chb_ms(CHB_JOIN_RETRY_MS));
        }
        return;
    case CHB_SEQUENCE_SOLO_PRIMARY:
    case CHB_SEQUENCE_SOLO_SECONDARY:
        if (done) {
            core->in_colo = false;
        } else {
            core->last_failure = CHB_REASON_QEMU_FAILED;
            chb_kill(core, actions); /* it may serve or not: it must not stay so (R8.2) */
        }
        return;
    case CHB_SEQUENCE_POWERDOWN:
        if (!done) {
            core->powerdown_until = CHB_TIME_NEVER; /* it will not come */
        }
        return;
    case CHB_SEQUENCE_NONE:
    case CHB_SEQUENCE_MAX:
        return;
    }
}

static void adopted(struct chb_core *core, const struct chb_event *event)
{
    core->promoted = event->u.adopted.promoted;
    if (event->u.adopted.role == CHB_ROLE_NONE || event->u.adopted.qemu == 0) {
        return;
    }
    core->qemu = event->u.adopted.qemu;
    core->qemu_alive = true;
    core->role = event->u.adopted.role;
    core->in_colo = event->u.adopted.in_colo;
    core->frozen = event->u.adopted.frozen;
    core->was_secondary = event->u.adopted.was_secondary;
    core->copy_failed = event->u.adopted.copy_failed;
    if (core->next_qemu < core->qemu) {
        core->next_qemu = core->qemu;
    }
    core->oob_pong_at = core->now;
    core->main_pong_at = core->now;
}

/* What cannot have been written by this program is not known (R5). */
static struct chb_record plausible(struct chb_record record)
{
    bool numbered = record.kind == CHB_RECORD_SOLO || record.kind == CHB_RECORD_PAIRED ||
                    record.kind == CHB_RECORD_FILLING;

    if (record.kind >= CHB_RECORD_KIND_MAX || record.role >= CHB_ROLE_MAX ||
        numbered != (record.generation != 0)) {
        return (struct chb_record){.kind = CHB_RECORD_UNKNOWN};
    }
    return record;
}

void chb_facts_answer(struct chb_core *core, const struct chb_event *event,
                      struct chb_actions *actions)
{
    if (event->kind == CHB_EVENT_LOADED) {
        if (!core->loaded) {
            core->record = plausible(event->u.record);
            core->loaded = true;
            core->loaded_at = core->now;
            chb_boot_loaded(core, actions);
        }
    } else if (event->kind == CHB_EVENT_ADOPTED) {
        if (!core->loaded) {
            adopted(core, event);
        }
    } else if (event->kind == CHB_EVENT_QEMU_STARTED) {
        started(core, event, actions);
    } else if (event->kind == CHB_EVENT_PERSISTED) {
        persisted(core, event, actions);
    } else if (event->kind == CHB_EVENT_SEQUENCE) {
        sequence_answered(core, event, actions);
    }
}
