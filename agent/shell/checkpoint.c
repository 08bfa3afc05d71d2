/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * COLO that ended while no daemon listened looks as if it went on: QEMU says "colo" for good, and
 * holds the guest's IPv4 (R7.3). So a primary that was taken over is asked for a checkpoint, and
 * one that makes none has left COLO.
 */
#include <agent/shell/vm.h>

#include <string.h>

#include <agent/shell/log.h>

static void on_done(void *userdata, const struct chb_seq_result *result)
{
    struct chb_vm *vm = userdata;
    bool done = result->outcome == CHB_OUTCOME_DONE;
    char text[CHB_SEQ_ERROR_SIZE];
    (void)memcpy(text, result->text, sizeof(text));
    vm->qemu.seq = chb_seq_free(vm->qemu.seq);
    if (done) {
        chb_log(LOG_INFO, "%s: replication goes on: QEMU has made a checkpoint", vm->name);
        return;
    }
    chb_log(LOG_WARNING,
            "%s: replication has ended while no daemon ran: QEMU makes no checkpoint%s%s", vm->name,
            text[0] != '\0' ? ": " : "", text);
    chb_vm_qemu_event(vm, CHB_EVENT_COLO_EXIT);
}

void chb_checkpoint_ask(struct chb_vm *vm)
{
    static const struct chb_seq_callbacks callbacks = {.on_done = on_done};
    struct chb_seq_params params;
    bool primary = vm->core.phase == CHB_PHASE_PAIRED && vm->core.role == CHB_ROLE_PRIMARY;
    if (!primary || !vm->qemu.ready || vm->qemu.seq != NULL || vm->config == NULL) {
        return;
    }
    chb_sequence_params(vm, &params);
    /* A sequence of the core's takes its place (chb_sequence_start()), and then nobody needs it. */
    int r = chb_seq_start(vm->qemu.client, &chb_seq_checkpoint, &params, &vm->qemu.caps, &callbacks,
                          vm, &vm->qemu.seq);
    if (r < 0) {
        chb_log(LOG_WARNING, "%s: cannot ask QEMU for a checkpoint: %s", vm->name, strerror(-r));
    }
}
