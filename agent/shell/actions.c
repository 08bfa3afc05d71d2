/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries out what the core wants, one function per action. */
#include <agent/shell/vm.h>

#include <stdio.h>
#include <string.h>

#include <agent/shell/clock.h>
#include <agent/shell/log.h>
#include <agent/text/reason.h>

static void send_state(struct chb_vm *vm, const struct chb_action *action)
{
    vm->sent_digest = chb_wire_state_digest(&vm->key, &action->u.state);
    vm->state_sent = true;
    int r = chb_cluster_send_state(vm->daemon->cluster, &vm->key, &action->u.state);
    if (r < 0) {
        /* after UP everything is told again */
        chb_log(LOG_DEBUG, "%s: state not sent: %s", vm->name, strerror(-r));
    }
}

static void send_request(struct chb_vm *vm, const struct chb_action *action)
{
    int r = chb_cluster_send_request(vm->daemon->cluster, &vm->key, &action->u.request);
    if (r < 0) {
        chb_log(LOG_WARNING, "%s: request to %s not sent: %s; repeat the command", vm->name,
                chb_node_name(vm->daemon, action->u.request.node), strerror(-r));
    }
}

static void persisted(struct chb_vm *vm, uint32_t op, enum chb_outcome outcome)
{
    struct chb_event event = {.kind = CHB_EVENT_PERSISTED};
    event.u.result.op = op;
    event.u.result.outcome = outcome;
    chb_vm_event(vm, &event);
}

static void on_persisted(void *userdata, const struct chb_written *written)
{
    struct chb_vm *vm = userdata;
    if (written->outcome != CHB_OUTCOME_DONE) {
        chb_vm_set_error(vm, "the record could not be written to %s: %s",
                         vm->daemon->options.conf.state_dir, strerror(-written->error));
        vm->error_of_record = true;
        chb_log(LOG_ERR, "%s: %s", vm->name, vm->error);
    } else if (vm->error_of_record) {
        vm->error[0] = '\0';
        vm->error_of_record = false;
    }
    persisted(vm, (uint32_t)written->id, written->outcome);
}

static void persist(struct chb_vm *vm, const struct chb_action *action)
{
    uint32_t op = action->u.persist.op;
    int r = chb_writer_save(vm->daemon->records, vm->name, &action->u.persist.record, op,
                            on_persisted, vm);
    if (r < 0) {
        chb_log(LOG_ERR, "%s: the record cannot be written now: %s", vm->name, strerror(-r));
        persisted(vm, op, CHB_OUTCOME_FAILED); /* nothing was handed over */
    }
}

static void reply(struct chb_vm *vm, const struct chb_action *action)
{
    const struct chb_command *command = chb_command_take(vm->daemon, action->u.reply.id);
    if (command == NULL) {
        return;
    }
    struct json_object *answer = NULL;
    if (action->u.reply.ok) {
        answer = chb_control_ok(NULL);
    } else {
        char text[CHB_TEXT_SIZE];
        struct chb_text_about about = {
            .vm = vm->name,
            .self = vm->daemon->self,
            .node = action->u.reply.node,
            .fence_tries = vm->core.fence_tries,
            .detail = vm->error[0] != '\0' ? vm->error : NULL,
        };
        (void)chb_text_reason_and_remedy(action->u.reply.reason, &about, &vm->daemon->names, text,
                                         sizeof(text));
        answer =
            chb_control_error(CHB_CONTROL_REFUSED, chb_reason_id(action->u.reply.reason), text);
    }
    chb_control_reply(vm->daemon->control, command->client, answer);
}

static void note(struct chb_vm *vm, const struct chb_action *action)
{
    struct chb_ring_entry entry = {
        .at = vm->core.now,
        .wall_ns = chb_wall_ns(),
        .note = action->u.note.note,
        .node = action->u.note.node,
        .arg = action->u.note.arg,
        .value = action->u.note.value,
    };
    chb_vm_note(vm, &entry);
    if (entry.note == CHB_NOTE_PEER_LOST || entry.note == CHB_NOTE_AGENT_LOST) {
        chb_fences_lost(vm->daemon);
    } else if (entry.note == CHB_NOTE_PAIRED) {
        chb_fences_alive(vm->daemon, entry.node);
    }
}

void chb_vm_carry_out(struct chb_vm *vm, const struct chb_action *action)
{
    switch (action->kind) {
    case CHB_ACTION_SEND_STATE:
        send_state(vm, action);
        return;
    case CHB_ACTION_SEND_REQUEST:
        send_request(vm, action);
        return;
    case CHB_ACTION_PERSIST:
        persist(vm, action);
        return;
    case CHB_ACTION_CIB_RECORD:
        chb_vm_tell_record(vm, &action->u.persist.record);
        return;
    case CHB_ACTION_QEMU_START:
        chb_qemu_start(vm, action);
        return;
    case CHB_ACTION_QEMU_KILL:
        chb_qemu_kill(vm, action->u.qemu.qemu);
        return;
    case CHB_ACTION_QEMU_FREEZE:
        chb_qemu_freeze(vm, true);
        return;
    case CHB_ACTION_QEMU_THAW:
        chb_qemu_freeze(vm, false);
        return;
    case CHB_ACTION_SEQUENCE:
        chb_sequence_start(vm, action);
        return;
    case CHB_ACTION_SEQUENCE_ABORT:
        chb_sequence_abort_now(vm);
        return;
    case CHB_ACTION_FENCE:
        chb_fences_ask(vm, action->u.fence.op, action->u.fence.node);
        return;
    case CHB_ACTION_SCORE:
        chb_vm_tell_score(vm, action->u.score);
        return;
    case CHB_ACTION_REPLY:
        reply(vm, action);
        return;
    case CHB_ACTION_NOTE:
        note(vm, action);
        chb_recording_note(vm, action);
        return;
    case CHB_ACTION_RESOURCE_OFF:
        chb_cib_resource_off(vm);
        return;
    case CHB_ACTION_MAX:
        return;
    }
}
