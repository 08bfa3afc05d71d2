/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How fit this host is to hold the VM: what decides when both replicas live and cannot go on
 * together. */
#include <agent/shell/vm.h>

#include <stdio.h>
#include <sys/statvfs.h>

#include <agent/process/bridge.h>
#include <agent/shell/log.h>

#define TAP_PREFIX "chb" /* chb_qemu_tap_name() */
#define HEALTH_WELL 100
#define HEALTH_NO_MEMORY 75
#define HEALTH_NO_UPLINK 50
#define HEALTH_DISK_FAILED 0
#define ROOM_PERCENT 5 /* of a file system: that much must be free after it was full */
/* Of the last ten seconds: for so long nothing on this host ran for want of memory. */
#define STALLED_PERCENT 10
#define RELIEVED_PERCENT 1
#define PRESSURE "/proc/pressure/memory"

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

void chb_health_look(struct chb_daemon *daemon)
{
    double percent = 0;
    FILE *file = fopen(PRESSURE, "re");
    if (file == NULL) {
        return; /* a kernel that does not say */
    }
    char line[128];
    while (fgets(line, sizeof(line), file) != NULL) {
        (void)sscanf(line, "full avg10=%lf", &percent);
    }
    (void)fclose(file);
    bool was_short = daemon->short_of_memory;
    daemon->short_of_memory = percent >= (was_short ? RELIEVED_PERCENT : STALLED_PERCENT);
    if (daemon->short_of_memory != was_short) {
        chb_log(was_short ? LOG_NOTICE : LOG_WARNING,
                "this host %s: it stood still for %.0f %% of the last ten seconds",
                was_short ? "has memory again" : "is short of memory", percent);
    }
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
    return vm->daemon->short_of_memory ? HEALTH_NO_MEMORY : HEALTH_WELL;
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
            health == HEALTH_NO_UPLINK   ? ", a bridge has no port with a carrier"
            : health == HEALTH_NO_MEMORY ? ", it is short of memory"
                                         : "");
    struct chb_event event = {.kind = CHB_EVENT_HEALTH};
    event.u.health = health;
    chb_vm_event(vm, &event);
}
