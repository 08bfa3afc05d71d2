/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes over what an earlier daemon left (R9). For each VM: START with what it was started with,
 * ADOPTED with what is left of it, LOADED with its record; only then does the core act.
 *
 * A host says "no QEMU of this VM runs here" (P1) only after it has looked: the runtime file names
 * the process, and if it does not, the process table is searched, because a daemon may have died
 * between starting QEMU and writing its name down, and files can be lost.
 */
#include <agent/shell/vm.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <agent/qemu/cmdline.h>
#include <agent/shell/clock.h>
#include <agent/shell/log.h>
#include <qmp/survey.h>

#define SURVEY_TIMEOUT_MS 800
#define MONITORS_TIMEOUT_MS 1000 /* the whole takeover has two seconds */
#define CONNECT_TIMEOUT_MS 10000
#define RETRY_MS 1000
#define COMMAND_LINE_MAX (128 * 1024)

/* ---- both are known: the core may act ---- */

/* Which side of the pair it is now. QEMU knows that while it is in COLO. Out of COLO, a replica
 * with a history of its own on disk is a primary, whatever it was started as: the last daemon may
 * have died between "lost heartbeat" and writing that down. */
static enum chb_role role_now(const struct chb_vm *vm)
{
    enum chb_role role = vm->adopted.u.adopted.role;
    if (!vm->surveyed || role == CHB_ROLE_NONE) {
        return role;
    }
    switch (vm->colo_mode) {
    case CHB_COLO_MODE_PRIMARY:
        return CHB_ROLE_PRIMARY;
    case CHB_COLO_MODE_SECONDARY:
        return CHB_ROLE_SECONDARY;
    case CHB_COLO_MODE_NONE:
        break;
    }
    return vm->record_found.kind == CHB_RECORD_SOLO ? CHB_ROLE_PRIMARY : role;
}

static void finish(struct chb_vm *vm)
{
    if (vm->adopting || !vm->record_read || vm->core.loaded) {
        return;
    }
    if (vm->adopted.kind == CHB_EVENT_ADOPTED) {
        if (vm->qemu.child == NULL) { /* none was left, or it has died since it was found */
            vm->adopted.u.adopted.role = CHB_ROLE_NONE;
            vm->adopted.u.adopted.qemu = 0;
        }
        vm->adopted.u.adopted.role = role_now(vm);
        chb_vm_event(vm, &vm->adopted);
    }
    struct chb_event event = {.kind = CHB_EVENT_LOADED};
    event.u.record = vm->record_found;
    chb_log(LOG_INFO, "%s: record: %s, generation %llu", vm->name,
            chb_record_kind_id(event.u.record.kind), (unsigned long long)event.u.record.generation);
    chb_vm_event(vm, &event);
    if (vm->record_found.kind == CHB_RECORD_SOLO || vm->record_found.kind == CHB_RECORD_PAIRED) {
        chb_vm_tell_record(vm, &vm->core.record); /* the last daemon may not have come to it */
    }
    if (vm->qemu.guest_off) {
        chb_vm_qemu_event(vm, CHB_EVENT_GUEST_OFF); /* and no daemon heard of it */
    }
    if (vm->adopted.u.adopted.in_colo) {
        chb_checkpoint_ask(vm);
    }
    chb_command_loaded(vm);
    chb_cib_read(vm);
}

void chb_adopt_record(struct chb_vm *vm, const struct chb_record *record)
{
    vm->record_found = *record;
    vm->record_read = true;
    vm->overlays_unsure = record->kind == CHB_RECORD_UNKNOWN;
    finish(vm);
}

static void adopted(struct chb_vm *vm, const char *what)
{
    vm->adopting = false;
    vm->adopt_deadline = sd_event_source_disable_unref(vm->adopt_deadline);
    if (vm->qemu.child != NULL) {
        chb_log(LOG_NOTICE, "%s: taken over QEMU, process %d: %s", vm->name,
                (int)chb_child_id(vm->qemu.child)->pid, what);
    }
    finish(vm);
}

static void on_survey(void *userdata, enum chb_outcome outcome, const struct chb_qmp_survey *survey,
                      const char *error_text)
{
    struct chb_vm *vm = userdata;
    if (!vm->adopting) {
        return;
    }
    if (outcome != CHB_OUTCOME_DONE) {
        chb_log(LOG_WARNING, "%s: QEMU does not say what it is doing: %s", vm->name, error_text);
        adopted(vm, "as the earlier daemon knew it");
        return;
    }
    vm->surveyed = true;
    vm->colo_mode = survey->colo_mode;
    vm->adopted.u.adopted.in_colo = survey->colo_mode != CHB_COLO_MODE_NONE;
    vm->qemu.entered_told = vm->adopted.u.adopted.in_colo;
    vm->qemu.guest_off = survey->run_state == CHB_RUN_STATE_SHUTDOWN;
    adopted(vm, vm->adopted.u.adopted.in_colo ? "in COLO" : "not in COLO");
}

void chb_adopt_monitors(struct chb_vm *vm, bool ready)
{
    if (!vm->adopting) {
        return;
    }
    if (!ready || chb_qmp_survey(vm->qemu.client, chb_ms(SURVEY_TIMEOUT_MS), on_survey, vm) < 0) {
        adopted(vm, "as the earlier daemon knew it; its monitors do not answer");
    }
}

static void take_over(struct chb_vm *vm);

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_vm *vm = userdata;
    (void)source;
    (void)usec;
    if (vm->adopting && vm->qemu.child == NULL) {
        vm->adopting = false;
        take_over(vm);
        finish(vm);
    } else if (vm->adopting) {
        adopted(vm, "as the earlier daemon knew it; it does not answer in time");
    }
    return 0;
}

/* ---- looking for the process ---- */

/* Is `word` one of the NUL-separated words of the command line? */
static bool has_word(const char *words, size_t size, const char *word, bool as_part)
{
    for (size_t at = 0; at < size; at += strlen(words + at) + 1) {
        if (as_part ? strstr(words + at, word) != NULL : strcmp(words + at, word) == 0) {
            return true;
        }
    }
    return false;
}

static ssize_t read_command_line(const char *pid, char *words)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%.20s/cmdline", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t n = read(fd, words, COMMAND_LINE_MAX - 1);
    (void)close(fd);
    if (n >= 0) {
        words[n] = '\0';
    }
    return n;
}

/* A process whose command line names our monitor socket: that is how we start them. */
static int search(const struct chb_vm *vm, struct chb_process_id *ret_id, enum chb_role *ret_role)
{
    char run_dir[CHB_VM_PATH_SIZE];
    char socket[CHB_QEMU_PATH_SIZE];
    struct chb_vm_spec spec = {.name = vm->name, .run_dir = chb_vm_run_dir(vm, run_dir)};
    if (chb_qemu_path(&spec, CHB_QEMU_PATH_MONITOR, 0, socket) < 0) {
        return -ESRCH; /* such a path could not have been used */
    }
    char *words = malloc(COMMAND_LINE_MAX);
    DIR *proc = opendir("/proc");
    int r = words == NULL || proc == NULL ? -EIO : -ESRCH;
    while (r == -ESRCH) {
        struct dirent *entry = readdir(proc);
        if (entry == NULL) {
            break;
        }
        ssize_t size =
            isdigit((unsigned char)entry->d_name[0]) ? read_command_line(entry->d_name, words) : 0;
        if (size > 0 && has_word(words, (size_t)size, socket, true) &&
            has_word(words, (size_t)size, "-chardev", false) &&
            chb_process_id_read((pid_t)atoi(entry->d_name), ret_id) == 0) {
            *ret_role = has_word(words, (size_t)size, "-incoming", false) ? CHB_ROLE_SECONDARY
                                                                          : CHB_ROLE_PRIMARY;
            r = 0;
        }
    }
    if (proc != NULL) {
        (void)closedir(proc);
    }
    free(words);
    return r;
}

/* ---- one VM ---- */

/* The timer of an adoption: until the monitors have answered, or until the next try. */
static int set_deadline(struct chb_vm *vm, int64_t ms)
{
    int r = vm->adopt_deadline != NULL ? 0
                                       : chb_timer_new(vm->daemon, CHB_PRIORITY_TIMERS, on_deadline,
                                                       vm, &vm->adopt_deadline);
    if (r == 0) {
        chb_timer_set(vm->adopt_deadline, chb_time_add(chb_now(), chb_ms(ms)));
    }
    return r;
}

static void take_over(struct chb_vm *vm)
{
    const struct chb_process_id *id = &vm->adopted_id;
    int r = chb_child_adopt(vm->daemon->event, id, CHB_PRIORITY_DEATH, chb_qemu_on_exit, vm,
                            &vm->qemu.child);
    if (r == -ESRCH) {
        chb_log(LOG_NOTICE, "%s: its QEMU (process %d) has died in the meantime", vm->name,
                (int)id->pid);
        vm->qemu = (struct chb_qemu){0};
        return;
    }
    if (r < 0) {
        /* It may live and cannot be held: nothing may be said about it, least of all that it is
         * dead. So the core is not told to begin. */
        chb_log(LOG_ERR, "%s: its QEMU (process %d) cannot be taken over: %s; trying again",
                vm->name, (int)id->pid, strerror(-r));
        vm->adopting = true;
        (void)set_deadline(vm, RETRY_MS);
        return;
    }
    vm->qemu.stage = CHB_QEMU_RUNNING;
    vm->qemu.frozen = chb_child_is_stopped(vm->qemu.child) == 1;
    vm->adopted.u.adopted.frozen = vm->qemu.frozen;
    if (vm->qemu.frozen) {
        return; /* it answers nobody until it is thawed; the file says what it is */
    }
    vm->adopting = true;
    r = set_deadline(vm, MONITORS_TIMEOUT_MS + SURVEY_TIMEOUT_MS);
    if (r == 0) {
        r = chb_qemu_connect(vm, chb_ms(CONNECT_TIMEOUT_MS));
    }
    if (r < 0) {
        chb_log(LOG_ERR, "%s: its monitors cannot be opened: %s", vm->name, strerror(-r));
        vm->adopting = false;
    }
}

static void adopt_vm(struct chb_vm *vm, const struct chb_runtime *runtime)
{
    enum chb_role role = CHB_ROLE_NONE;
    vm->adopted = (struct chb_event){.kind = CHB_EVENT_ADOPTED};
    vm->adopted.u.adopted.promoted = runtime->promoted;
    if (runtime->qemu != 0) {
        vm->qemu.identity = runtime->qemu;
        vm->qemu.role = runtime->started_as;
        vm->adopted.u.adopted.role = runtime->role;
        vm->adopted_id = runtime->process;
    } else if (search(vm, &vm->adopted_id, &role) == 0) {
        chb_log(LOG_WARNING, "%s: found its QEMU, process %d, by its command line", vm->name,
                (int)vm->adopted_id.pid);
        vm->qemu.identity = vm->daemon->boot << 16;
        vm->qemu.role = role;
        vm->adopted.u.adopted.role = role;
    } else {
        return;
    }
    vm->adopted.u.adopted.qemu = vm->qemu.identity;
    vm->adopted.u.adopted.was_secondary = vm->qemu.role == CHB_ROLE_SECONDARY;
    vm->adopted.u.adopted.in_colo = runtime->in_colo;
    vm->adopted.u.adopted.copy_failed = runtime->copy_failed;
    take_over(vm);
}

static int read_runtime(struct chb_daemon *daemon, const char *name,
                        struct chb_runtime *ret_runtime)
{
    char path[CHB_VM_PATH_SIZE];
    char *text = NULL;
    (void)snprintf(path, sizeof(path), "%s/vm/%s/runtime.json", daemon->options.conf.runtime_dir,
                   name);
    int r = chb_file_read(path, CHB_RUNTIME_FILE_MAX, &text);
    if (r < 0) {
        return r;
    }
    struct json_object *root = json_tokener_parse(text);
    r = root == NULL ? -EBADMSG : chb_runtime_from_json(root, ret_runtime);
    json_object_put(root);
    free(text);
    if (r < 0) {
        chb_log(LOG_ERR, "%s: %s is damaged; looking for its QEMU by other means", name, path);
    }
    return r;
}

/* @name: of a folder or of a record. */
static void adopt_named(struct chb_daemon *daemon, const char *name)
{
    struct chb_vm *vm = NULL;
    struct chb_runtime runtime = {0};
    if (chb_vm_name_check(name, NULL) < 0 || chb_vm_find(daemon, name) != NULL) {
        return;
    }
    bool found = read_runtime(daemon, name, &runtime) == 0;
    int r = chb_vm_new(daemon, name, &vm);
    if (r < 0) {
        chb_log(LOG_ERR, "%s: cannot be taken over: %s", name, strerror(-r));
    } else {
        if (found) {
            (void)chb_vm_configure(vm, &runtime);
        }
        adopt_vm(vm, &runtime);
        finish(vm);
    }
    json_object_put(runtime.parameters);
}

void chb_adopt_all(struct chb_daemon *daemon)
{
    char path[CHB_VM_PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/vm", daemon->options.conf.runtime_dir);
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        adopt_named(daemon, entry->d_name);
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    /* A copy that is only on the disk counts too: the others may wait for what its record says. */
    folder = opendir(daemon->options.conf.state_dir);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char name[CHB_VM_NAME_MAX + 1];
        size_t length = strlen(entry->d_name);
        size_t suffix = strlen(".record");
        if (length > suffix && length - suffix <= CHB_VM_NAME_MAX &&
            strcmp(entry->d_name + length - suffix, ".record") == 0) {
            (void)snprintf(name, sizeof(name), "%.*s", (int)(length - suffix), entry->d_name);
            adopt_named(daemon, name);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}
