/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How fit this host is to hold the VM: what decides when both replicas live and cannot go on
 * together. */
#include <agent/shell/vm.h>

#include <sys/statvfs.h>

#include <agent/process/bridge.h>
#include <agent/shell/log.h>

#define TAP_PREFIX "chb" /* chb_qemu_tap_name() */
#define HEALTH_WELL 100
#define HEALTH_NO_UPLINK 50
#define HEALTH_DISK_FAILED 0
#define ROOM_PERCENT 5 /* of a file system: that much must be free after it was full */

static bool has_room(const char *path)
{
    struct statvfs found;
    return statvfs(path, &found) < 0 ||
           (uint64_t)found.f_bavail * 100 >= (uint64_t)found.f_blocks * ROOM_PERCENT;
}

/* A disk for which there was no space has not failed for good. Not while its QEMU lives: what that
 * could not write is lost to it. */
static bool has_room_again(const struct chb_vm *vm)
{
    const struct chb_vm_spec *spec = &vm->config->spec;
    bool room = vm->qemu.child == NULL &&
                has_room(spec->overlay_dir != NULL ? spec->overlay_dir
                                                   : vm->daemon->options.conf.overlay_dir);
    for (unsigned i = 0; room && i < spec->n_disks; i++) {
        room = has_room(spec->disks[i].path);
    }
    return room;
}

static uint8_t health_of(const struct chb_vm *vm)
{
    if (vm->disk_failed) {
        return HEALTH_DISK_FAILED;
    }
    for (unsigned i = 0; i < vm->config->spec.n_nics; i++) {
        if (chb_bridge_has_uplink(vm->config->spec.nics[i].bridge, TAP_PREFIX) == 0) {
            return HEALTH_NO_UPLINK;
        }
    }
    return HEALTH_WELL;
}

void chb_vm_health(struct chb_vm *vm, bool fresh)
{
    if (vm->config == NULL || !vm->core.started) {
        return;
    }
    bool over = fresh || (vm->disk_full && has_room_again(vm));
    vm->disk_failed = vm->disk_failed && !over;
    vm->disk_full = vm->disk_failed && vm->disk_full;
    uint8_t health = health_of(vm);
    if (health == vm->health && health == vm->core.health) {
        return;
    }
    vm->health = health;
    chb_log(health == HEALTH_WELL ? LOG_NOTICE : LOG_WARNING, "%s: health of this host: %u%s",
            vm->name, health,
            health == HEALTH_NO_UPLINK ? ", a bridge has no port with a carrier" : "");
    struct chb_event event = {.kind = CHB_EVENT_HEALTH};
    event.u.health = health;
    chb_vm_event(vm, &event);
}
