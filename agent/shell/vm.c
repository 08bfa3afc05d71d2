/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of a VM in the daemon, and its steps: events in, actions out, in order. */
#include <agent/shell/vm.h>

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agent/recorder/ring.h>
#include <agent/shell/clock.h>
#include <agent/shell/log.h>
#include <agent/text/note.h>

struct chb_vm *chb_vm_find(struct chb_daemon *daemon, const char *name)
{
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        if (strcmp(daemon->vms[i]->name, name) == 0) {
            return daemon->vms[i];
        }
    }
    return NULL;
}

struct chb_vm *chb_vm_of_key(struct chb_daemon *daemon, const struct chb_vm_key *key)
{
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        if (chb_vm_key_equal(&daemon->vms[i]->key, key)) {
            return daemon->vms[i];
        }
    }
    return NULL;
}

char *chb_vm_run_dir(const struct chb_vm *vm, char ret_path[static CHB_VM_PATH_SIZE])
{
    (void)snprintf(ret_path, CHB_VM_PATH_SIZE, "%s/vm/%s", vm->daemon->options.conf.runtime_dir,
                   vm->name);
    return ret_path;
}

char *chb_vm_log_path(const struct chb_vm *vm, char ret_path[static CHB_VM_PATH_SIZE])
{
    (void)snprintf(ret_path, CHB_VM_PATH_SIZE, "%s/%s.qemu.log", vm->daemon->options.log_dir,
                   vm->name);
    return ret_path;
}

/* ---- steps ---- */

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    chb_vm_signal(userdata, CHB_EVENT_TICK);
    return 0;
}

/* Returns whether anything came of it. */
static bool step(struct chb_vm *vm, const struct chb_event *event)
{
    struct chb_actions actions;
    chb_recorder_event(vm->recorder, &vm->core, event);
    chb_core_step(&vm->core, event, &actions);
    if (vm->core.copy_failed && !vm->saved.copy_failed) {
        chb_vm_save(vm); /* QEMU says it once, and the next daemon has to know */
    }
    for (uint32_t i = 0; i < actions.count; i++) {
        chb_vm_carry_out(vm, &actions.list[i]);
    }
    /* Only now: nothing that was decided waits for it. */
    chb_recorder_result(vm->recorder, &vm->core, &actions);
    chb_recording_check(vm);
    return actions.count > 0 || (event->kind != CHB_EVENT_PONG && event->kind != CHB_EVENT_TICK);
}

void chb_vm_event(struct chb_vm *vm, const struct chb_event *event)
{
    assert(vm->queued < CHB_VM_QUEUE_MAX);
    vm->queue[vm->queued] = *event;
    if (!chb_time_is_set(event->at)) {
        vm->queue[vm->queued].at = chb_now();
    }
    vm->queued++;
    if (vm->stepping) {
        return;
    }
    bool news = false;
    vm->stepping = true;
    for (unsigned i = 0; i < vm->queued; i++) {
        news = step(vm, &vm->queue[i]) || news;
    }
    vm->queued = 0;
    vm->stepping = false;
    chb_timer_set(vm->tick, chb_core_deadline(&vm->core));
    if (news) {
        chb_vm_save(vm);
        chb_vm_line_update(vm);
    }
}

void chb_vm_signal(struct chb_vm *vm, enum chb_event_kind kind)
{
    struct chb_event event = {.kind = kind};
    chb_vm_event(vm, &event);
}

void chb_vm_qemu_event(struct chb_vm *vm, enum chb_event_kind kind)
{
    struct chb_event event = {.kind = kind};
    event.u.qemu.qemu = vm->qemu.identity;
    chb_vm_event(vm, &event);
}

void chb_vm_tell_again(struct chb_vm *vm)
{
    if (vm->state_sent) {
        (void)chb_cluster_send_state(vm->daemon->cluster, &vm->key, &vm->core.told);
    }
}

void chb_vm_note(struct chb_vm *vm, const struct chb_ring_entry *entry)
{
    char text[CHB_TEXT_SIZE];
    char line[CHB_TEXT_SIZE + 128];
    chb_ring_add(&vm->history, entry);
    const char *id = chb_moment_id(entry->moment);
    int level = LOG_INFO;
    if (entry->moment == CHB_MOMENT_NONE) {
        struct chb_text_about about = {.vm = vm->name, .self = vm->daemon->self};
        about.detail = vm->error;
        (void)chb_text_note(entry->note, entry->node, entry->arg, entry->value, &about,
                            &vm->daemon->names, text, sizeof(text));
        id = chb_note_id(entry->note);
        level = chb_note_level(entry->note);
    } else {
        (void)chb_moment_text(entry, text, sizeof(text));
    }
    chb_log(level, "%s: %s", vm->name, text);
    (void)snprintf(line, sizeof(line), "%lld.%09lld %lld %s %s",
                   (long long)entry->wall_ns / 1000000000, (long long)entry->wall_ns % 1000000000,
                   (long long)entry->at.ns, id, text);
    (void)chb_writer_append(vm->daemon->histories, vm->name, line);
}

void chb_vm_set_error(struct chb_vm *vm, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(vm->error, sizeof(vm->error), format, arguments);
    va_end(arguments);
    vm->error_of_record = false;
}

/* ---- life ---- */

static void on_loaded(void *userdata, const struct chb_written *written)
{
    struct chb_vm *vm = userdata;
    struct chb_record record = written->record;
    if (written->outcome != CHB_OUTCOME_DONE) {
        chb_log(LOG_ERR,
                "%s: the record in %s cannot be read: %s; this host does not know what its copy is "
                "worth",
                vm->name, vm->daemon->options.conf.state_dir, strerror(-written->error));
        record = (struct chb_record){.kind = CHB_RECORD_UNKNOWN};
    }
    chb_adopt_record(vm, &record);
}

static int make_timers(struct chb_vm *vm)
{
    struct chb_daemon *daemon = vm->daemon;
    int r = chb_timer_new(daemon, CHB_PRIORITY_DEADLINE, on_tick, vm, &vm->tick);
    return r;
}

int chb_vm_new(struct chb_daemon *daemon, const char *name, struct chb_vm **ret_vm)
{
    if (daemon->self == 0) {
        return -EAGAIN;
    }
    if (daemon->n_vms == CHB_VMS_MAX) {
        return -ENOSPC;
    }
    struct chb_vm *vm = calloc(1, sizeof(*vm));
    if (vm == NULL) {
        return -ENOMEM;
    }
    vm->daemon = daemon;
    vm->health = 100; /* as the core begins with */
    (void)snprintf(vm->name, sizeof(vm->name), "%s", name);
    chb_core_init(&vm->core, daemon->self, daemon->boot, daemon->nodes, daemon->n_nodes);
    chb_recording_start(vm);
    int r = chb_vm_key_make(name, &vm->key);
    if (r == 0) {
        r = make_timers(vm);
    }
    if (r < 0) {
        chb_vm_free(vm);
        return r;
    }
    daemon->vms[daemon->n_vms++] = vm;
    chb_strangers_remove(&daemon->strangers, &vm->key);
    chb_members_brief(daemon, vm);
    chb_fences_brief(daemon, vm);
    r = chb_writer_load(daemon->records, vm->name, 0, on_loaded, vm);
    if (r < 0) {
        struct chb_written failed = {.outcome = CHB_OUTCOME_UNKNOWN, .error = r};
        on_loaded(vm, &failed);
    }
    *ret_vm = vm;
    return 0;
}

struct chb_vm *chb_vm_free(struct chb_vm *vm)
{
    if (vm == NULL) {
        return NULL;
    }
    chb_vm_setup_cancel(vm);
    chb_qemu_release(vm);
    chb_recording_stop(vm);
    vm->tick = sd_event_source_disable_unref(vm->tick);
    vm->ping_timer = sd_event_source_disable_unref(vm->ping_timer);
    vm->retry_timer = sd_event_source_disable_unref(vm->retry_timer);
    vm->merge_timer = sd_event_source_disable_unref(vm->merge_timer);
    vm->off_timer = sd_event_source_disable_unref(vm->off_timer);
    vm->link.timer = sd_event_source_disable_unref(vm->link.timer);
    vm->line_timer = sd_event_source_disable_unref(vm->line_timer);
    vm->adopt_deadline = sd_event_source_disable_unref(vm->adopt_deadline);
    chb_vm_config_free(vm->config);
    json_object_put(vm->parameters);
    free(vm);
    return NULL;
}
