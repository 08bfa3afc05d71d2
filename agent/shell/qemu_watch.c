/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A running QEMU: its death, what its monitors say, whether it answers. */
#include <agent/shell/vm.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agent/qemu/cmdline.h>
#include <agent/shell/clock.h>
#include <agent/shell/log.h>

#define PROBE_TIMEOUT_MS 10000
#define RECONNECT_MS 200
#define RECONNECT_TIMEOUT_MS 10000
#define MERGE_LOOK_MS 20
#define SURVEY_TIMEOUT_MS 2000
#define PING_INTERVAL_MIN_MS 25
#define LOG_BYTES_MAX (4 * 1024 * 1024)

/* ---- death ---- */

void chb_qemu_release(struct chb_vm *vm)
{
    chb_join_probe_cancel(vm); /* its join is over: the next QEMU knows of none */
    vm->qemu.chain = chb_chain_free(vm->qemu.chain);
    vm->qemu.seq = chb_seq_free(vm->qemu.seq);
    vm->qemu.client = chb_qmp_client_free(vm->qemu.client);
    vm->qemu.child = chb_child_free(vm->qemu.child);
    vm->qemu = (struct chb_qemu){0};
    if (vm->ping_timer != NULL) {
        chb_timer_set(vm->ping_timer, CHB_TIME_FOREVER);
    }
    if (vm->retry_timer != NULL) {
        chb_timer_set(vm->retry_timer, CHB_TIME_FOREVER);
    }
}

static void say_how(struct chb_vm *vm, const struct chb_child_exit *exit)
{
    char path[CHB_VM_PATH_SIZE];
    char tail[256];
    char how[64] = "ended";
    if (exit->known && exit->code == CLD_EXITED) {
        (void)snprintf(how, sizeof(how), "ended with status %d", exit->status);
    } else if (exit->known) {
        (void)snprintf(how, sizeof(how), "was killed by signal %d", exit->status);
    }
    (void)chb_log_tail(chb_vm_log_path(vm, path), tail, sizeof(tail));
    bool starting = vm->qemu.stage != CHB_QEMU_RUNNING;
    chb_log(LOG_NOTICE, "%s: QEMU (process %d) %s%s%s", vm->name,
            (int)chb_child_id(vm->qemu.child)->pid, how,
            tail[0] != '\0' ? "; its last words: " : "", tail);
    if (starting || (exit->known && exit->code == CLD_EXITED && exit->status != 0)) {
        chb_vm_set_error(vm, "QEMU %s: %s", how, tail[0] != '\0' ? tail : "it said nothing");
    }
}

void chb_qemu_on_exit(void *userdata, const struct chb_child_exit *exit)
{
    struct chb_vm *vm = userdata;
    struct chb_event event = {.kind = CHB_EVENT_QEMU_EXITED, .at = exit->at};
    event.u.qemu.qemu = vm->qemu.identity;
    say_how(vm, exit);
    bool adopting = vm->adopting;
    chb_qemu_release(vm);
    if (adopting) {
        chb_adopt_monitors(vm, false); /* it died before the core heard of it */
        return;
    }
    chb_vm_event(vm, &event);
}

/* ---- monitors ---- */

static bool is_local_disk(const char *id)
{
    /* a quorum reports its children by node name; the peer's is disk<i>-nbd */
    return strncmp(id, "disk", 4) == 0 && strstr(id, "-nbd") == NULL && strstr(id, "-sync") == NULL;
}

static bool is_of_peer(const char *id)
{
    return strncmp(id, "disk", 4) == 0 && strstr(id, "-nbd") != NULL;
}

/* For status: which disk it is that fails. Its nodes are called disk<i>-... */
static void say_disk(struct chb_vm *vm, const struct chb_qmp_event *event)
{
    char leg[CHB_LEG_TEXT_SIZE];
    unsigned index = (unsigned)strtoul(event->id + strlen("disk"), NULL, 10);
    chb_vm_set_error(vm, "%s%s: %s", is_of_peer(event->id) ? "the other host's " : "",
                     chb_leg_text(vm, CHB_SEQ_LEG_DISK, index, leg, sizeof(leg)),
                     event->error[0] != '\0' ? event->error : "it cannot be read or written");
}

/* The guest's writes go to both hosts, and it goes on if one of them takes them. A secondary that
 * did not is no true copy any more, and does not know it: the pair is broken, not the guest. What
 * QEMU says may be of the secondary before, which has died. */
static void on_disk_error(struct chb_vm *vm, const struct chb_qmp_event *event)
{
    bool full = strstr(event->error, strerror(ENOSPC)) != NULL;
    bool told = event->error[0] != '\0';
    chb_log(LOG_WARNING, "%s: %s on %s: %s", vm->name, chb_qmp_event_name(event->kind), event->id,
            event->error);
    if ((is_local_disk(event->id) && (told || !vm->disk_failed)) ||
        (is_of_peer(event->id) && full)) {
        say_disk(vm, event);
    }
    if (is_local_disk(event->id)) {
        vm->disk_full = told ? full && (vm->disk_full || !vm->disk_failed) : vm->disk_full;
        vm->disk_failed = true;
        vm->health = 0;
        chb_vm_qemu_event(vm, CHB_EVENT_DISK_ERROR);
    } else if (is_of_peer(event->id) &&
               chb_time_reached(event->happened_at, vm->qemu.copied_since)) {
        chb_vm_qemu_event(vm, CHB_EVENT_COPY_FAILED);
    }
}

static void on_colo_exit(struct chb_vm *vm, const struct chb_qmp_event *event)
{
    if (event->colo_reason == CHB_COLO_REASON_ERROR) {
        chb_vm_qemu_event(vm, CHB_EVENT_COLO_EXIT);
    }
}

static void on_checkpoint(struct chb_vm *vm, const struct chb_qmp_event *event)
{
    struct chb_qemu *qemu = &vm->qemu;
    bool joining = vm->core.phase == CHB_PHASE_SOLO &&
                   (vm->core.join == CHB_JOIN_RUNNING || vm->core.join_dirty);
    if (vm->core.phase != CHB_PHASE_PAIRED && !joining) {
        qemu->stopped_at = CHB_TIME_NEVER;
    } else if (event->kind == CHB_QMP_EVENT_STOP) {
        qemu->stopped_at = event->received_at;
    } else if (chb_time_is_set(qemu->stopped_at) && joining) {
        chb_join_report_stood(vm, qemu->stopped_at, event->received_at);
        qemu->stopped_at = CHB_TIME_NEVER;
    } else if (chb_time_is_set(qemu->stopped_at)) {
        qemu->checkpoint_last = chb_time_since(event->received_at, qemu->stopped_at);
        qemu->checkpoint_sum.ns += qemu->checkpoint_last.ns;
        qemu->checkpoints++;
        qemu->stopped_at = CHB_TIME_NEVER;
    }
}

/* A secondary is in COLO for good once its first checkpoint is loaded. */
static void tell_colo_entered(struct chb_vm *vm)
{
    const struct chb_qmp_colo_facts *colo = chb_qmp_client_colo(vm->qemu.client);
    if (!vm->qemu.entered_told && vm->qemu.role == CHB_ROLE_SECONDARY &&
        chb_time_is_set(colo->entered_at) && chb_time_is_set(colo->settled_at) &&
        !chb_time_is_set(colo->exited_at)) {
        vm->qemu.entered_told = true;
        chb_vm_qemu_event(vm, CHB_EVENT_COLO_ENTERED);
    }
}

static void on_qmp_event(void *userdata, const struct chb_qmp_event *event)
{
    struct chb_vm *vm = userdata;
    switch (event->kind) {
    case CHB_QMP_EVENT_COLO_EXIT:
        on_colo_exit(vm, event);
        return;
    case CHB_QMP_EVENT_SHUTDOWN:
        if (event->guest) {
            chb_vm_qemu_event(vm, CHB_EVENT_GUEST_OFF);
        }
        return;
    case CHB_QMP_EVENT_STOP:
    case CHB_QMP_EVENT_RESUME:
        on_checkpoint(vm, event);
        tell_colo_entered(vm);
        return;
    case CHB_QMP_EVENT_MIGRATION:
        tell_colo_entered(vm);
        return;
    case CHB_QMP_EVENT_GUEST_PANICKED:
        chb_log(LOG_WARNING, "%s: the guest has panicked (%s)", vm->name, event->reason);
        chb_vm_qemu_event(vm, CHB_EVENT_GUEST_PANIC);
        return;
    case CHB_QMP_EVENT_BLOCK_IO_ERROR:
    case CHB_QMP_EVENT_QUORUM_REPORT_BAD:
    case CHB_QMP_EVENT_QUORUM_FAILURE:
        on_disk_error(vm, event);
        return;
    case CHB_QMP_EVENT_RESET:
    case CHB_QMP_EVENT_BLOCK_JOB_READY:
    case CHB_QMP_EVENT_BLOCK_JOB_COMPLETED:
    case CHB_QMP_EVENT_BLOCK_JOB_CANCELLED:
    case CHB_QMP_EVENT_BLOCK_JOB_ERROR:
    case CHB_QMP_EVENT_JOB_STATUS_CHANGE:
    case CHB_QMP_EVENT_MAX:
        return;
    }
}

static void on_caps(void *userdata, enum chb_outcome outcome, const struct chb_qmp_caps *caps,
                    const char *error_text)
{
    struct chb_vm *vm = userdata;
    if (outcome != CHB_OUTCOME_DONE) {
        chb_log(LOG_WARNING, "%s: QEMU does not say what it can do: %s", vm->name, error_text);
        if (vm->adopting) {
            chb_adopt_monitors(vm, false);
        } else if (vm->qemu.stage == CHB_QEMU_CONNECTING) {
            chb_qemu_start_failed(vm, error_text);
        }
        return;
    }
    vm->qemu.caps = *caps;
    vm->qemu.ready = true;
    vm->qemu.trim_due = true;
    vm->qemu.version = caps->version.major << 16 | caps->version.minor << 8 | caps->version.micro;
    (void)snprintf(vm->qemu.version_text, sizeof(vm->qemu.version_text), "%u.%u.%u",
                   caps->version.major, caps->version.minor, caps->version.micro);
    chb_qemu_pings(vm);
    if (vm->adopting) {
        chb_adopt_monitors(vm, true);
    } else if (vm->qemu.stage == CHB_QEMU_CONNECTING) {
        chb_qemu_start_ready(vm);
    } else {
        chb_sequence_ready(vm);
        chb_checkpoint_again(vm);
    }
}

static void on_ready(void *userdata, const struct chb_qmp_version *version)
{
    struct chb_vm *vm = userdata;
    (void)version;
    int r = chb_qmp_caps_probe(vm->qemu.client, chb_ms(PROBE_TIMEOUT_MS), on_caps, vm);
    if (r < 0) {
        on_caps(vm, CHB_OUTCOME_FAILED, NULL, strerror(-r));
    }
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_vm *vm = userdata;
    (void)source;
    (void)usec;
    if (vm->qemu.child == NULL) {
        return 0;
    }
    if (vm->qemu.client == NULL && !vm->qemu.frozen) {
        (void)chb_qemu_connect(vm, chb_ms(RECONNECT_TIMEOUT_MS));
    }
    chb_sequence_give_up(vm);
    return 0;
}

static void on_closed(void *userdata, int error)
{
    struct chb_vm *vm = userdata;
    if (vm->qemu.seq != NULL) {
        chb_seq_abort(vm->qemu.seq); /* says UNKNOWN */
    }
    vm->qemu.client = chb_qmp_client_free(vm->qemu.client);
    vm->qemu.ready = false;
    for (unsigned i = 0; i < CHB_QMP_MONITOR_MAX; i++) {
        vm->qemu.pings[i].outstanding = false;
    }
    if (vm->qemu.stage == CHB_QEMU_CONNECTING && error == -ETIMEDOUT) {
        chb_qemu_start_failed(vm, "its monitors do not answer");
        return;
    }
    /* Mostly it is dying, and the kernel will say so. If not, it is asked again, during a takeover,
     * too, which has a deadline of its own: after the death of two daemons, one right behind the
     * other, QEMU may throw out the third one's connection with the second one's. */
    chb_timer_set(vm->retry_timer, chb_time_add(chb_now(), chb_ms(RECONNECT_MS)));
}

int chb_qemu_connect(struct chb_vm *vm, chb_span timeout)
{
    static const struct chb_qmp_client_callbacks callbacks = {
        .on_ready = on_ready, .on_event = on_qmp_event, .on_closed = on_closed};
    char run_dir[CHB_VM_PATH_SIZE];
    char main_path[CHB_QEMU_PATH_SIZE];
    char oob_path[CHB_QEMU_PATH_SIZE];
    struct chb_vm_spec spec = {.name = vm->name, .run_dir = chb_vm_run_dir(vm, run_dir)};
    int r = chb_qemu_path(&spec, CHB_QEMU_PATH_MONITOR, 0, main_path);
    if (r == 0) {
        r = chb_qemu_path(&spec, CHB_QEMU_PATH_MONITOR_OOB, 0, oob_path);
    }
    if (r == 0 && vm->retry_timer == NULL) {
        r = chb_timer_new(vm->daemon, CHB_PRIORITY_TIMERS, on_retry, vm, &vm->retry_timer);
    }
    if (r < 0) {
        return r;
    }
    return chb_qmp_client_open(vm->daemon->event, main_path, oob_path, CHB_PRIORITY_QMP, timeout,
                               &callbacks, vm, &vm->qemu.client);
}

/* ---- silence and sound ---- */

void chb_qemu_freeze(struct chb_vm *vm, bool freeze)
{
    if (vm->qemu.child == NULL) {
        return;
    }
    int r = chb_child_signal(vm->qemu.child, freeze ? SIGSTOP : SIGCONT);
    if (r < 0 && r != -ESRCH) {
        chb_log(LOG_ERR, "%s: QEMU cannot be %s: %s", vm->name, freeze ? "stopped" : "continued",
                strerror(-r));
    }
    vm->qemu.frozen = freeze;
    if (!freeze && vm->qemu.client == NULL) {
        (void)chb_qemu_connect(vm, chb_ms(RECONNECT_TIMEOUT_MS));
    }
    chb_qemu_pings(vm);
}

/* ---- does it answer? ---- */

static void on_pong(void *userdata, const struct chb_qmp_pong *pong)
{
    struct chb_ping_state *ping = userdata;
    struct chb_vm *vm = ping->vm;
    ping->outstanding = false;
    ping->round_trip = pong->round_trip;
    if (pong->outcome != CHB_OUTCOME_DONE) {
        return;
    }
    struct chb_event event = {.kind = CHB_EVENT_PONG};
    event.u.pong.qemu = vm->qemu.identity;
    event.u.pong.oob = pong->monitor == CHB_QMP_OOB;
    chb_vm_event(vm, &event);
}

static chb_span ping_interval(const struct chb_vm *vm)
{
    chb_span interval = {.ns = vm->core.settings.hang_timeout.ns / 4};
    return interval.ns < chb_ms(PING_INTERVAL_MIN_MS).ns ? chb_ms(PING_INTERVAL_MIN_MS) : interval;
}

static int on_ping_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    chb_qemu_pings(userdata);
    return 0;
}

void chb_qemu_pings(struct chb_vm *vm)
{
    if (vm->ping_timer == NULL &&
        chb_timer_new(vm->daemon, CHB_PRIORITY_HEARTBEAT, on_ping_timer, vm, &vm->ping_timer) < 0) {
        return;
    }
    chb_link_watch(vm);
    if (!vm->qemu.ready || vm->qemu.frozen) {
        chb_timer_set(vm->ping_timer, CHB_TIME_FOREVER);
        return;
    }
    /* An answer that is late is still a sign of life: it is waited for longer than it may matter.
     */
    vm->ping_turns++;
    chb_span patience = {.ns = 4 * vm->core.settings.hang_timeout.ns};
    for (int i = 0; i < CHB_QMP_MONITOR_MAX; i++) {
        struct chb_ping_state *ping = &vm->qemu.pings[i];
        ping->vm = vm;
        ping->monitor = (enum chb_qmp_monitor)i;
        /* The core gives the main loop three times as long, so half as many questions do. */
        bool skip = ping->monitor == CHB_QMP_MAIN && (vm->ping_turns & 1U) != 0;
        if (!ping->outstanding && !skip) {
            ping->outstanding =
                chb_qmp_ping(vm->qemu.client, ping->monitor, patience, on_pong, ping) == 0;
        }
    }
    chb_timer_set(vm->ping_timer, chb_time_add(chb_now(), ping_interval(vm)));
}

/* ---- are the overlays merged? ---- */

/* In a pair, too: a merge that takes longer than the core waits for it ends after the join. */
static bool has_overlays(const struct chb_vm *vm)
{
    return vm->core.record.overlays_pending && vm->qemu.role == CHB_ROLE_SECONDARY &&
           (vm->core.phase == CHB_PHASE_SOLO ||
            (vm->core.phase == CHB_PHASE_PAIRED && vm->core.role == CHB_ROLE_PRIMARY));
}

static void on_survey(void *userdata, enum chb_outcome outcome, const struct chb_qmp_survey *survey,
                      const char *error_text)
{
    struct chb_vm *vm = userdata;
    (void)error_text;
    vm->qemu.surveying = false;
    if (outcome == CHB_OUTCOME_DONE && survey->replication && !survey->overlays &&
        survey->n_jobs == 0 && !vm->qemu.merged_told && has_overlays(vm)) {
        vm->qemu.merged_told = true;
        chb_vm_qemu_event(vm, CHB_EVENT_OVERLAYS_MERGED);
    }
    if (!vm->qemu.merged_told && vm->merge_timer != NULL) {
        chb_timer_set(vm->merge_timer, chb_time_add(chb_now(), chb_ms(MERGE_LOOK_MS)));
    }
}

static void look_for_merge(struct chb_vm *vm)
{
    if (!vm->core.record.overlays_pending) {
        vm->qemu.merged_told = false;
    } else if (has_overlays(vm) && vm->qemu.ready && !vm->qemu.frozen && !vm->qemu.surveying) {
        vm->qemu.surveying =
            chb_qmp_survey(vm->qemu.client, chb_ms(SURVEY_TIMEOUT_MS), on_survey, vm) == 0;
    }
}

static int on_merge_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    look_for_merge(userdata);
    return 0;
}

/* QEMU merges by itself and says nothing. What the guest writes after that is below the overlays:
 * until the record says so, a cold start would merge them once more and take it back. */
void chb_qemu_merging(struct chb_vm *vm)
{
    if (vm->merge_timer == NULL &&
        chb_timer_new(vm->daemon, CHB_PRIORITY_TIMERS, on_merge_timer, vm, &vm->merge_timer) < 0) {
        return; /* chb_qemu_look() is slower */
    }
    chb_timer_set(vm->merge_timer, chb_time_add(chb_now(), chb_ms(1)));
}

void chb_qemu_look(struct chb_vm *vm)
{
    char path[CHB_VM_PATH_SIZE];
    if (vm->qemu.trim_due) {
        vm->qemu.trim_due = false;
        chb_protect_trim(); /* QEMU's schema is megabytes of JSON, read once */
    }
    if (vm->qemu.child != NULL) {
        chb_log_bound(chb_vm_log_path(vm, path), LOG_BYTES_MAX);
    }
    chb_vm_health(vm, false);
    look_for_merge(vm);
    chb_checkpoint_again(vm); /* no answer came, and yet no monitor was lost */
}
