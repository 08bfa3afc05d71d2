/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core's sequences, run over QMP. */
#include <agent/shell/vm.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <agent/qemu/cmdline.h>
#include <agent/shell/clock.h>
#include <agent/shell/log.h>

/* An estimate rests on this much time, or twice as much: an image's empty parts are over in no
 * time, and what comes behind them takes its time. */
#define ESTIMATE_MS 3000
#define READY_WAIT_MS 3000 /* for monitors that are being connected anew */

static const struct chb_seq_table *table_of(enum chb_sequence sequence)
{
    switch (sequence) {
    case CHB_SEQUENCE_SECONDARY_PREPARE:
        return &chb_seq_secondary_prepare;
    case CHB_SEQUENCE_JOIN:
        return &chb_seq_join;
    case CHB_SEQUENCE_JOIN_ABORT:
        return &chb_seq_join_abort;
    case CHB_SEQUENCE_SOLO_PRIMARY:
        return &chb_seq_solo_primary;
    case CHB_SEQUENCE_SOLO_SECONDARY:
        return &chb_seq_solo_secondary;
    case CHB_SEQUENCE_POWERDOWN:
        return &chb_seq_powerdown;
    case CHB_SEQUENCE_NONE:
    case CHB_SEQUENCE_MAX:
        break;
    }
    return NULL;
}

static void answer(struct chb_vm *vm, enum chb_outcome outcome, const struct chb_ports *ports)
{
    struct chb_event event = {.kind = CHB_EVENT_SEQUENCE};
    event.u.result.op = vm->qemu.seq_op;
    event.u.result.outcome = outcome;
    event.u.result.qemu = vm->qemu.identity;
    if (ports != NULL) {
        event.u.result.ports = *ports;
    }
    vm->qemu.seq_waiting = false;
    vm->qemu.progress = (struct chb_seq_progress){0};
    if (vm->qemu.seq_kind == CHB_SEQUENCE_JOIN) {
        chb_join_report_end(vm, outcome == CHB_OUTCOME_DONE);
    }
    chb_vm_event(vm, &event);
}

static void failed(struct chb_vm *vm, enum chb_outcome outcome, const char *text)
{
    chb_vm_set_error(vm, "%s: %s", chb_sequence_id(vm->qemu.seq_kind), text);
    chb_log(LOG_WARNING, "%s: sequence %s is %s: %s", vm->name, chb_sequence_id(vm->qemu.seq_kind),
            chb_outcome_id(outcome), text);
    answer(vm, outcome, NULL);
}

/* ---- callbacks ---- */

static void on_milestone(void *userdata, enum chb_seq_milestone milestone, chb_time at)
{
    struct chb_vm *vm = userdata;
    static const enum chb_moment moments[CHB_SEQ_MILESTONE_MAX] = {
        [CHB_SEQ_OUTPUT_OPEN] = CHB_MOMENT_OUTPUT_OPEN,
        [CHB_SEQ_LOST_HEARTBEAT_SENT] = CHB_MOMENT_LOST_HEARTBEAT_SENT,
        [CHB_SEQ_LOST_HEARTBEAT_ANSWERED] = CHB_MOMENT_LOST_HEARTBEAT_ANSWERED,
        [CHB_SEQ_SOLO_RUNNING] = CHB_MOMENT_RUNNING,
    };
    bool solo = vm->qemu.seq_kind == CHB_SEQUENCE_SOLO_PRIMARY ||
                vm->qemu.seq_kind == CHB_SEQUENCE_SOLO_SECONDARY;
    if (!solo || moments[milestone] == CHB_MOMENT_NONE) {
        chb_log(LOG_INFO, "%s: %s: %s", vm->name, chb_sequence_id(vm->qemu.seq_kind),
                chb_seq_milestone_name(milestone));
        return;
    }
    struct chb_ring_entry entry = {
        .at = at,
        .wall_ns = chb_wall_ns() - chb_time_since(chb_now(), at).ns,
        .moment = moments[milestone],
        .node = vm->daemon->self,
    };
    chb_vm_note(vm, &entry);
}

static void progress_restarts(struct chb_vm *vm, const struct chb_seq_progress *progress)
{
    vm->qemu.progress_since = chb_now();
    vm->qemu.progress_next = vm->qemu.progress_since;
    vm->qemu.progress_from = progress->done_bytes;
    vm->qemu.progress_further = progress->done_bytes;
}

static void on_progress(void *userdata, const struct chb_seq_progress *progress)
{
    struct chb_vm *vm = userdata;
    if (vm->qemu.progress.phase != progress->phase || vm->qemu.progress.step == NULL) {
        progress_restarts(vm, progress);
    }
    chb_time now = chb_now();
    if (chb_time_reached(now, chb_time_add(vm->qemu.progress_next, chb_ms(ESTIMATE_MS)))) {
        vm->qemu.progress_since = vm->qemu.progress_next;
        vm->qemu.progress_from = vm->qemu.progress_further;
        vm->qemu.progress_next = now;
        vm->qemu.progress_further = progress->done_bytes;
    }
    vm->qemu.progress = *progress;
    chb_vm_line_update(vm);
}

static void on_done(void *userdata, const struct chb_seq_result *result)
{
    struct chb_vm *vm = userdata;
    struct chb_ports ports = {.nbd = result->ports.nbd, .migration = result->ports.migrate};
    memcpy(ports.mirror, result->ports.mirror, sizeof(ports.mirror));
    memcpy(ports.compare, result->ports.compare, sizeof(ports.compare));
    chb_log(LOG_INFO, "%s: sequence %s took %lld ms", vm->name, chb_sequence_id(vm->qemu.seq_kind),
            (long long)chb_span_ms(chb_time_since(result->finished_at, result->started_at)));
    bool solo_runs = chb_time_is_set(result->milestones[CHB_SEQ_SOLO_RUNNING]);
    char text[CHB_VM_TEXT_SIZE];
    char leg[CHB_LEG_TEXT_SIZE];
    (void)chb_leg_text(vm, result->leg, result->index, leg, sizeof(leg));
    (void)snprintf(text, sizeof(text), "%s: %s%s%s", result->step, leg, leg[0] != '\0' ? ": " : "",
                   result->text[0] != '\0' ? result->text : strerror(-result->error));
    vm->qemu.seq = chb_seq_free(vm->qemu.seq);
    if (result->outcome == CHB_OUTCOME_DONE) {
        if (vm->qemu.seq_kind == CHB_SEQUENCE_JOIN) {
            vm->error[0] = '\0'; /* why there was no pair is history */
        }
        answer(vm, CHB_OUTCOME_DONE, &ports);
        chb_qemu_merging(vm);
        return;
    }
    if (solo_runs) {
        /* QEMU was seen running alone; what failed is tidying up, and no reason to kill a guest. */
        chb_log(LOG_WARNING, "%s: left over from the pair: %s", vm->name, text);
        answer(vm, CHB_OUTCOME_DONE, &ports);
        return;
    }
    failed(vm, result->outcome, text);
}

const struct chb_seq_callbacks chb_sequence_callbacks = {
    .on_milestone = on_milestone, .on_progress = on_progress, .on_done = on_done};

/* ---- starting ---- */

void chb_sequence_params(const struct chb_vm *vm, struct chb_seq_params *ret_params)
{
    const struct chb_vm_config *config = vm->config;
    struct chb_seq_params params = {
        .n_disks = config->spec.n_disks,
        .n_nics = config->spec.n_nics,
        .memory_mb = config->spec.memory_mb,
        .checkpoint_delay_ms = config->checkpoint_delay_ms,
        .compare_timeout_ms = config->compare_timeout_ms,
        .resync_bytes_per_s = config->resync_bytes_per_s,
        .peer_reachable = true,
    };
    for (unsigned i = 0; i < config->spec.n_nics; i++) {
        params.vnet_hdr[i] = chb_vm_nic_has_vnet_hdr(&config->spec.nics[i]);
    }
    (void)snprintf(params.listen_address, sizeof(params.listen_address), "%s",
                   vm->qemu.listen_address);
    char run_dir[CHB_VM_PATH_SIZE];
    char path[CHB_QEMU_PATH_SIZE];
    struct chb_vm_spec spec = {.name = vm->name, .run_dir = chb_vm_run_dir(vm, run_dir)};
    if (chb_qemu_path(&spec, CHB_QEMU_PATH_SOCKET_PREFIX, 0, path) == 0 &&
        strlen(path) < sizeof(params.socket_prefix)) {
        memcpy(params.socket_prefix, path, strlen(path) + 1);
    }
    *ret_params = params;
}

static int fill_in(struct chb_vm *vm, const struct chb_action *action)
{
    struct chb_seq_params *params = &vm->qemu.seq_params;
    if (vm->config == NULL) {
        return -ENODATA;
    }
    chb_sequence_params(vm, params);
    params->was_secondary = action->u.sequence.was_secondary;
    params->peer_reachable = !action->u.sequence.yank;
    const struct chb_ports *ports = &action->u.sequence.ports;
    if (action->u.sequence.sequence != CHB_SEQUENCE_JOIN) {
        return 0;
    }
    params->ports.nbd = ports->nbd;
    params->ports.migrate = ports->migration;
    memcpy(params->ports.mirror, ports->mirror, sizeof(params->ports.mirror));
    memcpy(params->ports.compare, ports->compare, sizeof(params->ports.compare));
    const char *address = chb_qemu_address(vm, action->u.sequence.peer);
    if (address == NULL || strlen(address) >= sizeof(params->peer_address)) {
        return -EADDRNOTAVAIL;
    }
    (void)snprintf(params->peer_address, sizeof(params->peer_address), "%s", address);
    return 0;
}

void chb_sequence_ready(struct chb_vm *vm)
{
    if (!vm->qemu.seq_waiting || !vm->qemu.ready) {
        return;
    }
    vm->qemu.seq_waiting = false;
    int r = chb_seq_start(vm->qemu.client, table_of(vm->qemu.seq_kind), &vm->qemu.seq_params,
                          &vm->qemu.caps, &chb_sequence_callbacks, vm, &vm->qemu.seq);
    if (r < 0) {
        failed(vm, CHB_OUTCOME_FAILED, strerror(-r));
    }
}

void chb_sequence_give_up(struct chb_vm *vm)
{
    if (!vm->qemu.seq_waiting || vm->qemu.ready) {
        return;
    }
    if (chb_time_reached(chb_now(), vm->qemu.seq_deadline)) {
        failed(vm, CHB_OUTCOME_FAILED, "QEMU's monitors do not answer");
    } else {
        chb_timer_set(vm->retry_timer, vm->qemu.seq_deadline);
    }
}

static void begin(struct chb_vm *vm)
{
    vm->qemu.seq_waiting = true;
    if (vm->qemu.ready) {
        chb_sequence_ready(vm);
    } else if (vm->retry_timer != NULL) {
        vm->qemu.seq_deadline = chb_time_add(chb_now(), chb_ms(READY_WAIT_MS));
        chb_timer_set(vm->retry_timer, vm->qemu.client == NULL ? chb_now() : vm->qemu.seq_deadline);
    } else {
        failed(vm, CHB_OUTCOME_FAILED, "QEMU's monitors were never connected");
    }
}

void chb_sequence_probed(struct chb_vm *vm, int error)
{
    if (error == 0) {
        begin(vm);
        return;
    }
    char text[CHB_VM_TEXT_SIZE];
    (void)snprintf(text, sizeof(text), "%s does not answer over the replication link: %s",
                   vm->qemu.seq_params.peer_address, strerror(-error));
    failed(vm, CHB_OUTCOME_FAILED, text);
}

void chb_sequence_start(struct chb_vm *vm, const struct chb_action *action)
{
    chb_join_probe_cancel(vm);
    vm->qemu.seq = chb_seq_free(vm->qemu.seq);
    vm->qemu.seq_op = action->u.sequence.op;
    vm->qemu.seq_kind = action->u.sequence.sequence;
    vm->qemu.progress = (struct chb_seq_progress){0};
    int r = fill_in(vm, action);
    if (r < 0) {
        failed(vm, CHB_OUTCOME_FAILED, strerror(-r));
        return;
    }
    if (vm->qemu.seq_kind != CHB_SEQUENCE_JOIN) {
        begin(vm);
        return;
    }
    vm->qemu.copied_since = chb_now();
    chb_join_report_begin(vm, action->u.sequence.peer);
    r = chb_join_probe(vm, vm->qemu.seq_params.peer_address, vm->qemu.seq_params.ports.nbd);
    if (r < 0) {
        chb_sequence_probed(vm, r);
    }
}

void chb_sequence_abort_now(struct chb_vm *vm)
{
    bool runs = vm->qemu.seq != NULL || vm->qemu.seq_waiting || vm->probe_io != NULL;
    if (runs && vm->qemu.seq_kind == CHB_SEQUENCE_JOIN) {
        chb_join_report_end(vm, false);
    }
    chb_join_probe_cancel(vm);
    vm->qemu.seq = chb_seq_free(vm->qemu.seq);
    vm->qemu.seq_waiting = false;
    vm->qemu.progress = (struct chb_seq_progress){0};
}
