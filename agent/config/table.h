/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of parameters. Private to agent/config. Pure. */
#ifndef CHB_CONFIG_TABLE_H
#define CHB_CONFIG_TABLE_H

#include <stddef.h>

/* The order of the manual. */
enum chb_param_key {
    CHB_PARAM_NAME,
    CHB_PARAM_DISKS,
    CHB_PARAM_NICS,
    CHB_PARAM_MEMORY,
    CHB_PARAM_CPUS,
    CHB_PARAM_CPU,
    CHB_PARAM_MACHINE,
    CHB_PARAM_ACCEL,
    CHB_PARAM_UUID,
    CHB_PARAM_QEMU,
    CHB_PARAM_QEMU_ARGS,
    CHB_PARAM_CONFIG,
    CHB_PARAM_OVERLAY_DIR,
    CHB_PARAM_REPLICATION_LINK,
    CHB_PARAM_CHECKPOINT_DELAY,
    CHB_PARAM_COMPARE_TIMEOUT,
    CHB_PARAM_HANG_TIMEOUT,
    CHB_PARAM_SHUTDOWN_TIMEOUT,
    CHB_PARAM_RESYNC_SPEED,
    CHB_PARAM_REQUIRE_FENCING,
    CHB_PARAM_IPV6,
    CHB_PARAM_ON_POWEROFF,
    CHB_PARAM_KEY_MAX,
};

/* Its name in the configuration. Static. */
const char *chb_param_key_name(enum chb_param_key key);

/* CHB_PARAM_KEY_MAX when there is no such parameter. */
enum chb_param_key chb_param_key_find(const char *name);

/* The one of n names (the last may be NULL) that was probably meant, or NULL: at most two letters
 * are wrong, missing or too many. */
const char *chb_closest_name(const char *name, const char *const *names, size_t n);

/* The same among the parameters. */
const char *chb_param_key_suggest(const char *name);

#endif
