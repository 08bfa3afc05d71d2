/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one-line status: what crm_mon shows. Written when it changes, and not too often. */
#include <agent/shell/vm.h>

#include <stdio.h>
#include <string.h>

#include <agent/core/gate.h>
#include <agent/shell/clock.h>
#include <agent/shell/log.h>

#define DELAY_MS 10            /* several changes of one moment become one write */
#define DELAY_PROGRESS_MS 2000 /* while a number counts up */

int chb_vm_percent(const struct chb_vm *vm)
{
    const struct chb_seq_progress *progress = &vm->qemu.progress;
    if (progress->step == NULL || progress->total_bytes == 0 ||
        progress->phase == CHB_SEQ_PHASE_OTHER) {
        return -1;
    }
    uint64_t percent = progress->done_bytes >= progress->total_bytes
                           ? 100
                           : progress->done_bytes * 100 / progress->total_bytes;
    return (int)percent;
}

static void make_line(struct chb_vm *vm, char ret_line[static CHB_TEXT_LINE_SIZE])
{
    struct chb_text_status status;
    struct chb_verdict verdict = chb_gate(&vm->core);
    chb_text_status_of_core(&vm->core, &verdict, vm->name, chb_vm_percent(vm), &status);
    (void)chb_text_status_line(&status, &vm->daemon->names, ret_line, CHB_TEXT_LINE_SIZE);
}

static int on_line_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_vm *vm = userdata;
    char line[CHB_TEXT_LINE_SIZE];
    (void)source;
    (void)usec;
    vm->line_due = false;
    make_line(vm, line);
    if (strcmp(line, vm->line) != 0) {
        memcpy(vm->line, line, sizeof(vm->line));
        chb_log(LOG_INFO, "%s: %s", vm->name, line);
        chb_cib_line(vm, line);
    }
    return 0;
}

void chb_vm_line_update(struct chb_vm *vm)
{
    bool counts = vm->qemu.progress.step != NULL;
    if (!vm->core.loaded || (vm->line_due && counts)) {
        return;
    }
    if (vm->line_timer == NULL &&
        chb_timer_new(vm->daemon, CHB_PRIORITY_SLOW, on_line_timer, vm, &vm->line_timer) < 0) {
        return;
    }
    vm->line_due = true;
    chb_timer_set(vm->line_timer,
                  chb_time_add(chb_now(), chb_ms(counts ? DELAY_PROGRESS_MS : DELAY_MS)));
}
