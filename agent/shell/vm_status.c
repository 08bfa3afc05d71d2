/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Pacemaker is told: the one-line status that crm_mon shows, the promotion score, the
 * cluster's copy of the record. Each is a program to be run and work for the whole cluster, and
 * none is part of a failover, so they wait until QEMU has had the processors for it.
 */
#include <agent/shell/vm.h>

#include <stdio.h>
#include <string.h>

#include <agent/core/gate.h>
#include <agent/shell/clock.h>
#include <agent/shell/log.h>

#define DELAY_MS 300           /* longer than going solo takes */
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
    status.peer_foreign = chb_members_is_foreign(vm->daemon, status.peer);
    if (status.lonely == CHB_LONELY_SILENT &&
        chb_members_is_foreign(vm->daemon, status.lonely_node)) {
        status.lonely = CHB_LONELY_FOREIGN;
    }
    (void)chb_text_status_line(&status, &vm->daemon->names, ret_line, CHB_TEXT_LINE_SIZE);
}

static int on_line_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_vm *vm = userdata;
    char line[CHB_TEXT_LINE_SIZE];
    (void)source;
    (void)usec;
    vm->line_due = false;
    if (vm->score_due) { /* first: it steers, the others only tell */
        vm->score_due = false;
        chb_cib_score(vm, vm->score_next);
    }
    if (vm->record_due) {
        vm->record_due = false;
        chb_cib_write(vm, &vm->record_next);
    }
    make_line(vm, line);
    if (strcmp(line, vm->line) != 0) {
        memcpy(vm->line, line, sizeof(vm->line));
        chb_log(LOG_INFO, "%s: %s", vm->name, line);
        chb_cib_line(vm, line);
    }
    return 0;
}

static void arm(struct chb_vm *vm, int64_t delay_ms)
{
    chb_time at = chb_time_add(chb_now(), chb_ms(delay_ms));
    if (vm->line_due && !chb_time_before(at, vm->line_at)) {
        return;
    }
    if (vm->line_timer == NULL &&
        chb_timer_new(vm->daemon, CHB_PRIORITY_SLOW, on_line_timer, vm, &vm->line_timer) < 0) {
        return;
    }
    vm->line_due = true;
    vm->line_at = at;
    chb_timer_set(vm->line_timer, at);
}

void chb_vm_line_update(struct chb_vm *vm)
{
    if (vm->core.loaded) {
        arm(vm, vm->qemu.progress.step != NULL ? DELAY_PROGRESS_MS : DELAY_MS);
    }
}

void chb_vm_tell_score(struct chb_vm *vm, enum chb_score score)
{
    vm->score_due = true;
    vm->score_next = score;
    arm(vm, DELAY_MS);
}

void chb_vm_tell_record(struct chb_vm *vm, const struct chb_record *record)
{
    vm->record_due = true;
    vm->record_next = *record;
    arm(vm, DELAY_MS);
}
