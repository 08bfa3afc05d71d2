/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/colo-hbd/colo-hbd.conf: what holds for one host, not for one VM. Lines of `key = value`;
 * '#' begins a comment; an absent file means all defaults; an unknown or repeated key is an error.
 * Documented in colo-hbd.conf(5).
 */
#ifndef CHB_CONFIG_CONF_FILE_H
#define CHB_CONFIG_CONF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <agent/config/error.h>
#include <agent/core/time.h>

#define CHB_CONF_PATH "/etc/colo-hbd/colo-hbd.conf"
#define CHB_CONF_FILE_MAX (64 * 1024) /* bytes */
#define CHB_CONF_PATH_SIZE 256        /* of each path below, with the final NUL */

enum chb_log_level {
    CHB_LOG_LEVEL_ERROR,
    CHB_LOG_LEVEL_WARNING,
    CHB_LOG_LEVEL_NOTICE,
    CHB_LOG_LEVEL_INFO,
    CHB_LOG_LEVEL_DEBUG,
};

enum chb_log_target {
    CHB_LOG_TARGET_JOURNAL, /* syslog when there is no journal */
    CHB_LOG_TARGET_SYSLOG,
    CHB_LOG_TARGET_STDERR,
};

struct chb_conf {
    enum chb_log_level log_level;         /* log_level, default notice */
    enum chb_log_target log_target;       /* log_target, default journal */
    char state_dir[CHB_CONF_PATH_SIZE];   /* state_dir, default /var/lib/colo-hbd */
    char runtime_dir[CHB_CONF_PATH_SIZE]; /* runtime_dir, default /run/colo-hbd */
    char overlay_dir[CHB_CONF_PATH_SIZE]; /* overlay_dir, default STATE_DIR/overlays */
    char qemu[CHB_CONF_PATH_SIZE];        /* qemu, default qemu-system-x86_64 (looked up in PATH) */
    char qemu_img[CHB_CONF_PATH_SIZE];    /* qemu_img, default qemu-img */
    char control_group[64];               /* control_group, may use the socket, default haclient */
    chb_span heartbeat_interval;          /* heartbeat_interval, 10 ms to 10 s, default 200 ms */
    chb_span silence_timeout; /* silence_timeout, 3 intervals and 100 ms to 60 s, default 1 s */
    bool realtime;            /* realtime, default yes: round-robin priority, memory locked */
    bool recorder;            /* recorder, default yes: events kept for replay */
    uint64_t recorder_bytes;  /* recorder_size, of each VM, 64K to 1G, default 4M */
};

/* All defaults. Pure. */
void chb_conf_init(struct chb_conf *ret_conf);

/*
 * Reads the text of a configuration file on top of the defaults. Pure.
 * Returns 0; -EINVAL with ret_error (may be NULL), then ret_conf is untouched.
 */
int chb_conf_parse(const char *text, size_t size, struct chb_conf *ret_conf,
                   struct chb_config_error *ret_error);

/* Reads the file. path: NULL means CHB_CONF_PATH. A missing file gives the defaults and 0; other
 * errors of reading, and of chb_conf_parse(), are returned with ret_error. */
int chb_conf_load(const char *path, struct chb_conf *ret_conf, struct chb_config_error *ret_error);

/* Every key, NULL at the end, for the manual's test. Static. */
const char *const *chb_conf_keys(void);

#endif
