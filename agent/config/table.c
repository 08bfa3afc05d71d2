/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/config/table.h>

#include <assert.h>
#include <string.h>

#include <agent/config/params.h>

static const struct chb_param_info infos[] = {
    [CHB_PARAM_NAME] = {"name", "the resource's name", "name of the VM in the status and in files"},
    [CHB_PARAM_DISKS] = {"disks", "required",
                         "images: PATH[,format=qcow2|raw][,device=DEVICE][,id=SERIAL] ..."},
    [CHB_PARAM_NICS] = {"nics", "none", "NICs: bridge=BRIDGE[,mac=MAC][,model=DEVICE] ..."},
    [CHB_PARAM_MEMORY] = {"memory", "1G", "memory of the guest"},
    [CHB_PARAM_CPUS] = {"cpus", "1", "number of virtual processors"},
    [CHB_PARAM_CPU] = {"cpu", "host with KVM, qemu64 without", "processor model"},
    [CHB_PARAM_MACHINE] = {"machine", "pc", "machine type"},
    [CHB_PARAM_ACCEL] = {"accel", "kvm", "accelerator, kvm or tcg"},
    [CHB_PARAM_UUID] = {"uuid", "made from the VM's name", "UUID that the guest sees"},
    [CHB_PARAM_QEMU] = {"qemu", "as in colo-hbd.conf", "QEMU's binary"},
    [CHB_PARAM_QEMU_ARGS] = {"qemu_args", "none", "further arguments for QEMU"},
    [CHB_PARAM_CONFIG] = {"config", "none", "JSON file with more of these parameters"},
    [CHB_PARAM_OVERLAY_DIR] = {"overlay_dir", "as in colo-hbd.conf",
                               "folder of the secondary's overlays"},
    [CHB_PARAM_REPLICATION_LINK] = {"replication_link", "the last link",
                                    "corosync link that carries the replication"},
    [CHB_PARAM_CHECKPOINT_DELAY] = {"checkpoint_delay", "QEMU's, 20s",
                                    "longest time between two checkpoints"},
    [CHB_PARAM_COMPARE_TIMEOUT] = {"compare_timeout", "QEMU's, 3s",
                                   "longest time that a packet waits for its twin"},
    [CHB_PARAM_HANG_TIMEOUT] = {"hang_timeout", "1s", "silence after which a QEMU hangs"},
    [CHB_PARAM_SHUTDOWN_TIMEOUT] = {"shutdown_timeout", "60s",
                                    "time for the guest to switch itself off"},
    [CHB_PARAM_RESYNC_SPEED] = {"resync_speed", "unlimited", "bytes per second of a resync"},
    [CHB_PARAM_REQUIRE_FENCING] = {"require_fencing", "true",
                                   "a lost host must be fenced before its VM goes on elsewhere"},
    [CHB_PARAM_IPV6] = {"ipv6", "drop", "what happens to the guest's IPv6: drop or allow"},
    [CHB_PARAM_ON_POWEROFF] = {"on_poweroff", "stop",
                               "a guest that switches itself off stays off or starts again: stop "
                               "or restart"},
};
static_assert(sizeof(infos) / sizeof(infos[0]) == CHB_PARAM_KEY_MAX, "one line for each parameter");

const struct chb_param_info *chb_param_infos(size_t *ret_count)
{
    *ret_count = CHB_PARAM_KEY_MAX;
    return infos;
}

const char *chb_param_key_name(enum chb_param_key key)
{
    return infos[key].key;
}

enum chb_param_key chb_param_key_find(const char *name)
{
    enum chb_param_key key = 0;
    while (key < CHB_PARAM_KEY_MAX && strcmp(infos[key].key, name) != 0) {
        key++;
    }
    return key;
}

#define SUGGEST_LENGTH_MAX 31

/* Levenshtein's distance of two short names. */
static size_t distance(const char *a, const char *b)
{
    size_t row[SUGGEST_LENGTH_MAX + 2];
    size_t b_length = strlen(b);
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U);
            diagonal = row[j];
            if (row[j] + 1 < best) {
                best = row[j] + 1;
            }
            if (row[j - 1] + 1 < best) {
                best = row[j - 1] + 1;
            }
            row[j] = best;
        }
    }
    return row[b_length];
}

const char *chb_closest_name(const char *name, const char *const *names, size_t n)
{
    const char *closest = NULL;
    size_t closest_distance = 3;

    if (strlen(name) > SUGGEST_LENGTH_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < n && names[i] != NULL; i++) {
        size_t d =
            strlen(names[i]) > SUGGEST_LENGTH_MAX ? closest_distance : distance(name, names[i]);
        if (d < closest_distance && d < strlen(names[i])) {
            closest = names[i];
            closest_distance = d;
        }
    }
    return closest;
}

const char *chb_param_key_suggest(const char *name)
{
    const char *names[CHB_PARAM_KEY_MAX];
    for (enum chb_param_key key = 0; key < CHB_PARAM_KEY_MAX; key++) {
        names[key] = infos[key].key;
    }
    return chb_closest_name(name, names, CHB_PARAM_KEY_MAX);
}
