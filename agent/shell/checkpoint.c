/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * COLO that ended while no daemon listened looks as if it went on: QEMU says "colo" for good, and
 * holds the guest's IPv4 (R7.3). So a primary that was taken over is asked for a checkpoint, and
 * one that makes none has left COLO. Where the monitors were lost before the answer, nothing is
 * known: it is asked once more, as soon as they are back.
 */
#include <agent/shell/vm.h>

#include <errno.h>
#include <string.h>

#include <agent/shell/log.h>

#define TRIES_MAX 2

static void on_done(void *userdata, const struct chb_seq_result *result)
{
    struct chb_vm *vm = userdata;
    enum chb_outcome outcome = result->outcome;
    char text[CHB_SEQ_ERROR_SIZE];
    (void)memcpy(text, result->text, sizeof(text));
    vm->qemu.seq = chb_seq_free(vm->qemu.seq);
    if (outcome == CHB_OUTCOME_DONE) {
        chb_log(LOG_INFO, "%s: replication goes on: QEMU has made a checkpoint", vm->name);
        return;
    }
    if (outcome == CHB_OUTCOME_UNKNOWN && vm->qemu.checkpoint_tries < TRIES_MAX) {
        chb_log(LOG_WARNING, "%s: QEMU does not say whether replication goes on: asked again: %s",
                vm->name, text);
        vm->qemu.checkpoint_due = true;
        return;
    }
    chb_log(LOG_WARNING, "%s: replication has ended while no daemon ran: QEMU %s%s%s", vm->name,
            outcome == CHB_OUTCOME_UNKNOWN ? "does not say that it makes a checkpoint"
                                           : "makes no checkpoint",
            text[0] != '\0' ? ": " : "", text);
    chb_vm_qemu_event(vm, CHB_EVENT_COLO_EXIT);
}

void chb_checkpoint_ask(struct chb_vm *vm)
{
    static const struct chb_seq_callbacks callbacks = {.on_done = on_done};
    struct chb_seq_params params;
    bool primary = vm->core.phase == CHB_PHASE_PAIRED && vm->core.role == CHB_ROLE_PRIMARY;
    /* A sequence of the core's takes its place (chb_sequence_start()), and then nobody needs it. */
    bool taken = vm->qemu.seq != NULL || vm->qemu.seq_waiting;
    vm->qemu.checkpoint_due = primary && !taken && !vm->qemu.ready;
    if (!primary || taken || !vm->qemu.ready || vm->config == NULL) {
        return;
    }
    chb_sequence_params(vm, &params);
    int r = chb_seq_start(vm->qemu.client, &chb_seq_checkpoint, &params, &vm->qemu.caps, &callbacks,
                          vm, &vm->qemu.seq);
    vm->qemu.checkpoint_tries += r == 0 ? 1 : 0;
    vm->qemu.checkpoint_due = r == -ENOTCONN; /* they are being lost at this moment */
    if (r < 0) {
        chb_log(LOG_WARNING, "%s: cannot ask QEMU for a checkpoint: %s", vm->name, strerror(-r));
    }
}

void chb_checkpoint_again(struct chb_vm *vm)
{
    if (vm->qemu.checkpoint_due && vm->qemu.ready) {
        chb_checkpoint_ask(vm);
    }
}
