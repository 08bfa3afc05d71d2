/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that must be the same at every start and on every host: taps, MACs, paths. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/qemu/cmdline.h"

/* FNV-1a, 64 bits (draft-eastlake-fnv). */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    return hash;
}

void chb_qemu_tap_name(const char *vm_name, unsigned index, char ret_name[static IFNAMSIZ])
{
    const uint64_t hash = hash_text(vm_name);
    (void)snprintf(ret_name, IFNAMSIZ, "chb%08" PRIx32 "n%u", (uint32_t)(hash ^ (hash >> 32)),
                   index % 10);
}

void chb_qemu_default_mac(const char *vm_name, unsigned index, char ret_mac[static 18])
{
    char text[512];
    (void)snprintf(text, sizeof(text), "%.500s#%u", vm_name, index % 10);
    const uint64_t hash = hash_text(text);
    const unsigned tail = (unsigned)((hash ^ (hash >> 24) ^ (hash >> 48)) & 0xffffff);
    (void)snprintf(ret_mac, 18, "52:54:00:%02x:%02x:%02x", tail >> 16, (tail >> 8) & 0xff,
                   tail & 0xff);
}

int chb_qemu_path(const struct chb_vm_spec *spec, enum chb_qemu_path which, unsigned index,
                  char ret_path[static CHB_QEMU_PATH_SIZE])
{
    const bool overlay = which == CHB_QEMU_PATH_ACTIVE || which == CHB_QEMU_PATH_HIDDEN;
    const char *folder = overlay ? spec->overlay_dir : spec->run_dir;
    size_t longest = CHB_QEMU_SOCKET_PATH_MAX;
    int length = -1;

    if (folder == NULL || folder[0] != '/') {
        return -EINVAL;
    }
    switch (which) {
    case CHB_QEMU_PATH_MONITOR:
        length = snprintf(ret_path, CHB_QEMU_PATH_SIZE, "%s/qmp0.sock", folder);
        break;
    case CHB_QEMU_PATH_MONITOR_OOB:
        length = snprintf(ret_path, CHB_QEMU_PATH_SIZE, "%s/qmp1.sock", folder);
        break;
    case CHB_QEMU_PATH_SOCKET_PREFIX:
        length = snprintf(ret_path, CHB_QEMU_PATH_SIZE, "%s/", folder);
        longest -= sizeof("nicN-compare_out.sock") - 1;
        break;
    case CHB_QEMU_PATH_PIDFILE:
        length = snprintf(ret_path, CHB_QEMU_PATH_SIZE, "%s/qemu.pid", folder);
        longest = CHB_QEMU_PATH_SIZE - 1;
        break;
    case CHB_QEMU_PATH_ACTIVE:
    case CHB_QEMU_PATH_HIDDEN:
        length = snprintf(ret_path, CHB_QEMU_PATH_SIZE, "%s/%s-disk%u-%s.qcow2", folder, spec->name,
                          index, which == CHB_QEMU_PATH_ACTIVE ? "active" : "hidden");
        longest = CHB_QEMU_PATH_SIZE - 1;
        break;
    }
    return length < 0 ? -EINVAL : (size_t)length > longest ? -ENAMETOOLONG : 0;
}
