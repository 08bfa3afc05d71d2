/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of the user's own words for QEMU a COLO pair can bear.
 *
 * The test is not whether QEMU starts with them but whether the pair is still right when it is
 * needed: state that is not replicated, a way out for frames that is not compared, and a second
 * owner of what the daemon owns are refused. Options as of QEMU 7.2's qemu-options.hx.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/qemu/cmdline.h"

#define WORDS_MAX 200
#define WORD_BYTES_MAX 4096

struct refusal {
    const char *option;
    const char *why;
};

/* Refused whatever their value. */
static const struct refusal refusals[] = {
    {"incoming", "the daemon decides which side waits for a migration"},
    {"S", "the daemon decides when the guest runs"},
    {"preconfig", "the daemon decides when the guest runs"},
    {"daemonize", "the daemon must be QEMU's parent to see its death"},
    {"snapshot", "writes would go to a temporary file instead of the replicated disk"},
    {"loadvm", "the guest's state comes from the other side"},
    {"pidfile", "the daemon has its own"},
    {"name", "the name is the resource's"},
    {"nodefaults", "it is always given"},
    {"no-user-config", "it is always given"},
    {"no-shutdown", "it is always given"},
    {"m", "use the parameter memory"},
    {"smp", "use the parameter cpus"},
    {"cpu", "use the parameter cpu"},
    {"machine", "use the parameter machine"},
    {"M", "use the parameter machine"},
    {"accel", "use the parameter accel"},
    {"enable-kvm", "use the parameter accel"},
    {"netdev", "a NIC outside COLO answers twice; use the parameter nics"},
    {"nic", "a NIC outside COLO answers twice; use the parameter nics"},
    {"net", "a NIC outside COLO answers twice; use the parameter nics"},
    {"hda", "a disk outside COLO differs between the sides; use the parameter disks"},
    {"hdb", "a disk outside COLO differs between the sides; use the parameter disks"},
    {"hdc", "a disk outside COLO differs between the sides; use the parameter disks"},
    {"hdd", "a disk outside COLO differs between the sides; use the parameter disks"},
    {"fda", "a disk outside COLO differs between the sides; use the parameter disks"},
    {"fdb", "a disk outside COLO differs between the sides; use the parameter disks"},
    {"sd", "a disk outside COLO differs between the sides; use the parameter disks"},
    {"pflash", "use -drive if=pflash with readonly=on"},
    {"mtdblock", "a disk outside COLO differs between the sides; use the parameter disks"},
    {"virtfs", "a shared folder cannot be migrated"},
    {"fsdev", "a shared folder cannot be migrated"},
    {"readconfig", "options in a file cannot be checked"},
    {"set", "it changes what the daemon has set"},
    {"runas", "QEMU makes sockets in the daemon's folder later"},
    {"chroot", "QEMU makes sockets in the daemon's folder later"},
    {"h", "QEMU would print its help and end"},
    {"help", "QEMU would print its help and end"},
    {"version", "QEMU would print its version and end"},
};

/* Options without a value: the word after them is an option again. */
static const char *const flags[] = {
    "nographic",
    "s",
    "no-reboot",
    "usb",
    "full-screen",
    "only-migratable",
    "mem-prealloc",
    "no-hpet",
    "no-acpi",
    "no-fd-bootchk",
    "win2k-hack",
    "singlestep",
    "xen-attach",
    "xen-domid-restrict",
    "enable-sync-profile",
    "semihosting",
    "portrait",
};

/* Devices that hold state which cannot be migrated, or that pass by the filters. */
static const char *const unmovable_devices[] = {
    "vfio-", "vhost-", "ivshmem", "usb-host", "virtio-9p", "virtio-fs", "vdpa", "x-pci-proxy",
};

__attribute__((format(printf, 3, 4))) static int refuse(char *ret_reason, size_t size,
                                                        const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(ret_reason, size, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_flag(const char *option)
{
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(flags[i], option) == 0) {
            return true;
        }
    }
    return false;
}

static const char *why_refused(const char *option)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (strcmp(refusals[i].option, option) == 0) {
            return refusals[i].why;
        }
    }
    return NULL;
}

/* disk<digit>, nic<digit> and qmp<digit> are ours, whatever follows: see qmp/names.h. */
static bool is_our_id(const char *text)
{
    static const char *const prefixes[] = {"disk", "nic", "qmp"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        const size_t length = strlen(prefixes[i]);
        if (strncmp(text, prefixes[i], length) == 0 && text[length] >= '0' && text[length] <= '9') {
            return true;
        }
    }
    return false;
}

/* Any place in a value where an id could stand: after "=", ":", a quote or a bracket. */
static bool names_our_id(const char *value)
{
    for (const char *p = value; *p != '\0'; p++) {
        if (strchr("=:\"'[/ ", *p) != NULL && is_our_id(p + 1)) {
            return true;
        }
    }
    return is_our_id(value);
}

static bool is_read_only(const char *value)
{
    static const char *const signs[] = {
        "readonly=on",         "read-only=on", "\"read-only\":true",
        "\"read-only\": true", "media=cdrom",  "readonly=true",
    };
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (strstr(value, signs[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* The driver's or type's name at the start of a value: up to a comma, or the first quoted value of
 * the JSON member @key. */
static void kind_of(const char *value, const char *key, char *ret_kind, size_t size)
{
    const char *start = value;
    if (*value == '{') {
        char quoted[32];
        (void)snprintf(quoted, sizeof(quoted), "\"%s\"", key);
        start = strstr(value, quoted);
        start = start == NULL ? NULL : strchr(start + strlen(quoted), '"');
        start = start == NULL ? "" : start + 1;
    }
    if (starts_with(start, key) && start[strlen(key)] == '=') {
        start += strlen(key) + 1;
    }
    (void)snprintf(ret_kind, size, "%.*s", (int)strcspn(start, ",\""), start);
}

static int check_device(const char *value, char *ret_reason, size_t size)
{
    char kind[64];
    kind_of(value, "driver", kind, sizeof(kind));
    for (size_t i = 0; i < sizeof(unmovable_devices) / sizeof(unmovable_devices[0]); i++) {
        if (starts_with(kind, unmovable_devices[i])) {
            return refuse(ret_reason, size,
                          "-device %s: its state cannot be copied to the other side", kind);
        }
    }
    if (strstr(value, "netdev=") != NULL || strstr(value, "\"netdev\"") != NULL) {
        return refuse(ret_reason, size,
                      "-device %s: a NIC outside COLO answers twice; use the parameter nics", kind);
    }
    return 0;
}

static int check_object(const char *value, char *ret_reason, size_t size)
{
    char kind[64];
    kind_of(value, "qom-type", kind, sizeof(kind));
    if (starts_with(kind, "filter-") || starts_with(kind, "colo-")) {
        return refuse(ret_reason, size, "-object %s: the daemon places the filters itself", kind);
    }
    return 0;
}

static int check_value(const char *option, const char *value, char *ret_reason, size_t size)
{
    if (names_our_id(value) && strcmp(option, "append") != 0) {
        return refuse(
            ret_reason, size,
            "-%s %.80s: ids that begin with disk, nic or qmp and a digit are the daemon's", option,
            value);
    }
    if (strstr(value, "vhost=on") != NULL || strstr(value, "vhostforce") != NULL) {
        return refuse(ret_reason, size,
                      "-%s %.80s: vhost passes the guest's frames by COLO's filters", option,
                      value);
    }
    if (strstr(value, "multifd") != NULL) {
        return refuse(ret_reason, size, "-%s %.80s: COLO does not work with multifd", option,
                      value);
    }
    if (strcmp(option, "global") == 0 && starts_with(value, "migration.")) {
        return refuse(ret_reason, size, "-global %.80s: the daemon sets the migration's limits",
                      value);
    }
    if (strcmp(option, "action") == 0 && strstr(value, "shutdown=") != NULL) {
        return refuse(ret_reason, size,
                      "-action %.80s: a guest's power-off must not end QEMU, or the "
                      "other side sees a dead peer",
                      value);
    }
    if ((strcmp(option, "drive") == 0 || strcmp(option, "blockdev") == 0) && !is_read_only(value)) {
        return refuse(ret_reason, size,
                      "-%s %.80s: a disk outside COLO must be read-only; for others "
                      "use the parameter disks",
                      option, value);
    }
    if (strcmp(option, "device") == 0) {
        return check_device(value, ret_reason, size);
    }
    return strcmp(option, "object") == 0 ? check_object(value, ret_reason, size) : 0;
}

/* One option, and its value if it has one. @i is moved to the last word that was used. */
static int check_option(const char *const *words, size_t n_words, size_t *i, char *ret_reason,
                        size_t size)
{
    const char *word = words[*i];
    if (word[0] != '-' || word[1] == '\0') {
        return refuse(ret_reason, size,
                      "%.80s: QEMU would take it for a disk; use the parameter disks", word);
    }
    const char *option = word + (word[1] == '-' ? 2 : 1);
    const char *why = why_refused(option);
    if (why != NULL) {
        return refuse(ret_reason, size, "-%s: %s", option, why);
    }
    if (is_flag(option)) {
        return 0;
    }
    if (++*i == n_words) {
        return refuse(ret_reason, size, "-%.80s: its value is missing, or it is unknown", option);
    }
    return check_value(option, words[*i], ret_reason, size);
}

int chb_qemu_extra_check(const char *const *words, size_t n_words, char *ret_reason, size_t size)
{
    ret_reason[0] = '\0';
    if (n_words > WORDS_MAX) {
        (void)refuse(ret_reason, size, "more than %d words", WORDS_MAX);
        return -E2BIG;
    }
    for (size_t i = 0; i < n_words; i++) {
        if (strnlen(words[i], WORD_BYTES_MAX) == WORD_BYTES_MAX) {
            (void)refuse(ret_reason, size, "word %zu is longer than %d bytes", i + 1,
                         WORD_BYTES_MAX - 1);
            return -E2BIG;
        }
    }
    for (size_t i = 0; i < n_words; i++) {
        const int r = check_option(words, n_words, &i, ret_reason, size);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}
