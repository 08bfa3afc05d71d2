/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The runtime file: written whenever something in it has changed, before anything rests on it. */
#include <agent/shell/vm.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <agent/shell/log.h>

static void write_file(struct chb_vm *vm, const char *path)
{
    struct chb_runtime runtime = {
        .parameters = vm->parameters,
        .settings = vm->settings,
        .promoted = vm->core.promoted,
        .started_as = vm->qemu.role,
        .role = vm->core.role != CHB_ROLE_NONE ? vm->core.role : vm->qemu.role,
        .in_colo = vm->core.in_colo,
        .copy_failed = vm->core.copy_failed,
    };
    memcpy(runtime.resource, vm->resource, sizeof(runtime.resource));
    memcpy(runtime.clone, vm->clone, sizeof(runtime.clone));
    if (vm->qemu.child != NULL) {
        runtime.qemu = vm->qemu.identity;
        runtime.process = *chb_child_id(vm->qemu.child);
    }
    struct json_object *root = chb_runtime_to_json(&runtime);
    int r =
        root == NULL
            ? -ENOMEM
            : chb_file_replace(path, json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY));
    json_object_put(root);
    if (r < 0) {
        chb_log(LOG_ERR, "%s: %s cannot be written: %s; a restart of colo-hbd may lose this VM",
                vm->name, path, strerror(-r));
    }
}

void chb_vm_save(struct chb_vm *vm)
{
    bool started = vm->core.started && vm->parameters != NULL;
    uint64_t qemu = vm->qemu.child != NULL ? vm->qemu.identity : 0;
    /* Before the record is loaded the core knows less than the file does. */
    if (!vm->core.loaded ||
        (vm->saved.valid && vm->saved.started == started &&
         vm->saved.promoted == vm->core.promoted && vm->saved.in_colo == vm->core.in_colo &&
         vm->saved.copy_failed == vm->core.copy_failed && vm->saved.role == vm->core.role &&
         vm->saved.qemu == qemu)) {
        return;
    }
    char folder[CHB_VM_PATH_SIZE];
    char path[CHB_VM_PATH_SIZE + 32];
    (void)snprintf(path, sizeof(path), "%s/runtime.json", chb_vm_run_dir(vm, folder));
    if (started || qemu != 0) {
        if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
            chb_log(LOG_ERR, "%s: %s cannot be made: %s", vm->name, folder, strerror(errno));
        }
        write_file(vm, path);
    } else {
        if (unlink(path) < 0 && errno != ENOENT) {
            chb_log(LOG_WARNING, "%s: %s cannot be removed: %s", vm->name, path, strerror(errno));
        }
        chb_qemu_remove_taps(vm);
        chb_cib_score(vm, CHB_SCORE_NEVER); /* an old score must not have it promoted when it is
                                               started again */
    }
    vm->saved.valid = true;
    vm->saved.started = started;
    vm->saved.promoted = vm->core.promoted;
    vm->saved.in_colo = vm->core.in_colo;
    vm->saved.copy_failed = vm->core.copy_failed;
    vm->saved.role = vm->core.role;
    vm->saved.qemu = qemu;
}

/* ---- stopped without this daemon ---- */

static char *mark_path(const struct chb_vm *vm, char ret_path[static CHB_VM_PATH_SIZE + 32])
{
    char folder[CHB_VM_PATH_SIZE];
    (void)snprintf(ret_path, CHB_VM_PATH_SIZE + 32, "%s/stopped", chb_vm_run_dir(vm, folder));
    return ret_path;
}

void chb_vm_forget_mark(const struct chb_vm *vm)
{
    char path[CHB_VM_PATH_SIZE + 32];
    (void)unlink(mark_path(vm, path));
}

void chb_vm_look_for_mark(struct chb_vm *vm)
{
    char path[CHB_VM_PATH_SIZE + 32];
    if (vm->core.started && !vm->setup.running && unlink(mark_path(vm, path)) == 0) {
        chb_log(LOG_WARNING, "%s: coloctl has stopped it while this daemon did not answer",
                vm->name);
        chb_vm_signal(vm, CHB_EVENT_STOP);
    }
}
