/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/config/params.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agent/config/hash.h>
#include <agent/config/reader.h>
#include <agent/config/units.h>
#include <agent/qemu/cmdline.h>

#define MEMORY_MB_MIN 16
#define MEMORY_MB_MAX (16 * 1024 * 1024)
#define CPUS_MAX 255
#define LINK_MAX 7 /* corosync has eight */
#define OPTION_LENGTH_MAX 255

int chb_vm_name_check(const char *name, struct chb_config_error *ret_error)
{
    if (chb_is_plain(name, CHB_VM_NAME_MAX, "_.-") && strchr("_.-", name[0]) == NULL) {
        return 0;
    }
    return chb_config_fail(ret_error, -EINVAL, "name", 0,
                           "name: \"%.80s\" cannot name a VM: write 1 to %d letters, digits, '-', "
                           "'_' or '.', the first a letter or digit",
                           name, CHB_VM_NAME_MAX);
}

int chb_param_note(struct chb_param_reader *reader, const char *name, const char *value,
                   bool from_file)
{
    const char *where = from_file ? "config file, " : "";
    enum chb_param_key key = chb_param_key_find(name);
    if (key == CHB_PARAM_KEY_MAX) {
        const char *meant = chb_param_key_suggest(name);
        return chb_config_fail(
            reader->error, -EINVAL, name, 0, "%sthere is no parameter \"%.40s\": %s%s%s", where,
            name, meant == NULL ? "" : "write ", meant == NULL ? "" : meant,
            meant == NULL ? "remove it; ocf_colo_vm(7) has the list" : ", or remove it");
    }
    if (from_file && (key == CHB_PARAM_CONFIG || key == CHB_PARAM_NAME)) {
        return chb_config_fail(
            reader->error, -EINVAL, name, 0,
            "%s\"%s\" cannot stand in the file itself: write it as a parameter of "
            "the resource",
            where, name);
    }
    if (strlen(value) > CHB_PARAM_VALUE_MAX) {
        return chb_config_fail(reader->error, -E2BIG, name, 0,
                               "%s: longer than %d bytes: put it into a file and name that with "
                               "config=",
                               name, CHB_PARAM_VALUE_MAX);
    }
    for (const char *p = value; *p != '\0'; p++) {
        if (((unsigned char)*p < ' ' && strchr("\t\n\r", *p) == NULL) || *p == 0x7f) {
            return chb_config_fail(reader->error, -EINVAL, name, 0,
                                   "%s: byte %zu is a control character: remove it", name,
                                   (size_t)(p - value) + 1);
        }
    }
    if (*value == '\0') {
        return 0; /* as Pacemaker hands over a parameter that was emptied */
    }
    if (reader->values[key] != NULL) {
        bool both = reader->from_file[key] != from_file;
        return chb_config_fail(reader->error, -EINVAL, name, 0, "%s: given twice%s: remove one",
                               name, both ? ", as a parameter and in the config file" : "");
    }
    reader->values[key] = value;
    reader->from_file[key] = from_file;
    return 0;
}

/* ---- one value each ------------------------------------------------------------------------- */

static int wrong(struct chb_param_reader *reader, enum chb_param_key key, const char *remedy)
{
    const char *name = chb_param_key_name(key);
    return chb_config_fail(reader->error, -EINVAL, name, 0, "%s: \"%.80s\" is not right: write %s",
                           name, reader->values[key], remedy);
}

/* A span in milliseconds within bounds; *ret_ms stays when the parameter is absent. */
static int read_ms(struct chb_param_reader *reader, enum chb_param_key key, int64_t min_ms,
                   int64_t max_ms, const char *remedy, int64_t *ret_ms)
{
    chb_span span;
    if (reader->values[key] == NULL) {
        return 0;
    }
    int r = chb_parse_span(reader->values[key], &span);
    if (r < 0 || chb_span_ms(span) < min_ms || chb_span_ms(span) > max_ms) {
        return wrong(reader, key, remedy);
    }
    *ret_ms = chb_span_ms(span);
    return 0;
}

static int read_times(struct chb_param_reader *reader)
{
    struct chb_vm_config *config = reader->config;
    int64_t checkpoint_ms = 0;
    int64_t compare_ms = 0;
    int64_t hang_ms = 1000;
    int64_t shutdown_ms = 60000;
    int r = read_ms(reader, CHB_PARAM_CHECKPOINT_DELAY, 1, 3600000,
                    "a time with its unit from 1ms to 1h, for example 20s", &checkpoint_ms);
    if (r == 0) {
        r = read_ms(reader, CHB_PARAM_COMPARE_TIMEOUT, 1, 600000,
                    "a time with its unit from 1ms to 10min, for example 3s", &compare_ms);
    }
    if (r == 0) {
        r = read_ms(reader, CHB_PARAM_HANG_TIMEOUT, CHB_HANG_TIMEOUT_MIN_MS,
                    CHB_HANG_TIMEOUT_MAX_MS,
                    "a time with its unit from 100ms to 10min, for example 1s", &hang_ms);
    }
    if (r == 0) {
        r = read_ms(reader, CHB_PARAM_SHUTDOWN_TIMEOUT, 0, 3600000,
                    "a time with its unit up to 1h, for example 60s; 0s means at once",
                    &shutdown_ms);
    }
    config->checkpoint_delay_ms = (uint32_t)checkpoint_ms;
    config->compare_timeout_ms = (uint32_t)compare_ms;
    config->hang_timeout = chb_ms(hang_ms);
    config->shutdown_timeout = chb_ms(shutdown_ms);
    return r;
}

static int read_numbers(struct chb_param_reader *reader)
{
    struct chb_vm_config *config = reader->config;
    const uint64_t mb = 1024 * 1024;
    const char *memory = reader->values[CHB_PARAM_MEMORY];
    const char *cpus = reader->values[CHB_PARAM_CPUS];
    const char *link = reader->values[CHB_PARAM_REPLICATION_LINK];
    const char *speed = reader->values[CHB_PARAM_RESYNC_SPEED];
    uint64_t number = 1024 * mb;
    if (memory != NULL && (chb_parse_size(memory, mb, &number) < 0 || number % mb != 0 ||
                           number / mb < MEMORY_MB_MIN || number / mb > MEMORY_MB_MAX)) {
        return wrong(reader, CHB_PARAM_MEMORY,
                     "whole megabytes from 16M to 16T, for example 2G (without a unit: megabytes)");
    }
    config->spec.memory_mb = (uint32_t)(number / mb);
    number = 1;
    if (cpus != NULL && chb_parse_number(cpus, 1, CPUS_MAX, &number) < 0) {
        return wrong(reader, CHB_PARAM_CPUS, "a number from 1 to 255");
    }
    config->spec.cpus = (uint32_t)number;
    config->replication_link = -1;
    if (link != NULL) {
        if (chb_parse_number(link, 0, LINK_MAX, &number) < 0) {
            return wrong(reader, CHB_PARAM_REPLICATION_LINK,
                         "the number of a corosync link, 0 to 7");
        }
        config->replication_link = (int)number;
    }
    if (speed != NULL &&
        (chb_parse_size(speed, 0, &config->resync_bytes_per_s) < 0 ||
         (config->resync_bytes_per_s != 0 && config->resync_bytes_per_s < 64 * 1024))) {
        return wrong(reader, CHB_PARAM_RESYNC_SPEED,
                     "bytes per second with their unit, 64K or more, for example 100M; 0 means "
                     "unlimited");
    }
    return 0;
}

static int read_choices(struct chb_param_reader *reader)
{
    struct chb_vm_config *config = reader->config;
    const char *fencing = reader->values[CHB_PARAM_REQUIRE_FENCING];
    const char *ipv6 = reader->values[CHB_PARAM_IPV6];
    config->require_fencing = true;
    if (fencing != NULL && chb_parse_bool(fencing, &config->require_fencing) < 0) {
        return wrong(reader, CHB_PARAM_REQUIRE_FENCING, "true or false");
    }
    config->ipv6 = CHB_IPV6_DROP;
    if (ipv6 != NULL && strcmp(ipv6, "allow") == 0) {
        config->ipv6 = CHB_IPV6_ALLOW;
    } else if (ipv6 != NULL && strcmp(ipv6, "drop") != 0) {
        return wrong(reader, CHB_PARAM_IPV6, "drop or allow");
    }
    const char *poweroff = reader->values[CHB_PARAM_ON_POWEROFF];
    config->restart_guest = poweroff != NULL && strcmp(poweroff, "restart") == 0;
    if (poweroff != NULL && !config->restart_guest && strcmp(poweroff, "stop") != 0) {
        return wrong(reader, CHB_PARAM_ON_POWEROFF, "stop or restart");
    }
    return 0;
}

/* A value that goes to QEMU as it is: one option, so without blanks. */
static int read_option(struct chb_param_reader *reader, enum chb_param_key key, const char *example,
                       const char **ret_value)
{
    const char *value = reader->values[key];
    if (value == NULL) {
        return 0;
    }
    if (!chb_is_plain(value, OPTION_LENGTH_MAX, "_.,+=:-") || value[0] == '-') {
        return wrong(reader, key, example);
    }
    *ret_value = chb_arena_text(reader->arena, value, strlen(value));
    return *ret_value == NULL ? -ENOMEM : 0;
}

static int read_folder(struct chb_param_reader *reader, enum chb_param_key key, const char *example,
                       const char **ret_value)
{
    const char *value = reader->values[key];
    if (value == NULL) {
        return 0;
    }
    if (value[0] != '/' || strlen(value) > 1023 || strpbrk(value, "\t\r\n") != NULL) {
        return wrong(reader, key, example);
    }
    *ret_value = chb_arena_text(reader->arena, value, strlen(value));
    return *ret_value == NULL ? -ENOMEM : 0;
}

static bool is_uuid(const char *text)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : strchr("0123456789abcdefABCDEF", text[i]) == NULL) {
            return false;
        }
        if (text[i] == '\0') {
            return false;
        }
    }
    return text[36] == '\0';
}

static int read_machine(struct chb_param_reader *reader)
{
    struct chb_vm_spec *spec = &reader->config->spec;
    const char *accel = reader->values[CHB_PARAM_ACCEL];
    const char *uuid = reader->values[CHB_PARAM_UUID];
    int r = read_option(reader, CHB_PARAM_CPU, "a processor as QEMU calls it, for example host",
                        &spec->cpu);
    if (r == 0) {
        r = read_option(reader, CHB_PARAM_MACHINE, "a machine as QEMU calls it, for example pc",
                        &spec->machine);
    }
    if (r == 0) {
        r = read_option(reader, CHB_PARAM_ACCEL, "kvm or tcg", &spec->accel);
    }
    if (r == 0) {
        r = read_folder(reader, CHB_PARAM_QEMU,
                        "an absolute path, for example /usr/bin/qemu-system-x86_64", &spec->binary);
    }
    if (r == 0) {
        r = read_folder(reader, CHB_PARAM_OVERLAY_DIR, "an absolute path, for example /dev/shm",
                        &spec->overlay_dir);
    }
    if (r < 0) {
        return r;
    }
    if (accel != NULL && strncmp(accel, "kvm", 3) != 0 && strncmp(accel, "tcg", 3) != 0) {
        return wrong(reader, CHB_PARAM_ACCEL, "kvm or tcg");
    }
    if (accel != NULL && accel[3] != '\0' && accel[3] != ',') {
        return wrong(reader, CHB_PARAM_ACCEL,
                     "one of kvm and tcg, because both hosts must run the same");
    }
    if (uuid != NULL && !is_uuid(uuid)) {
        return wrong(reader, CHB_PARAM_UUID,
                     "32 hexadecimal digits like 550e8400-e29b-41d4-a716-446655440000, or leave it "
                     "out");
    }
    return 0;
}

static int read_lists(struct chb_param_reader *reader)
{
    const char *disks = reader->values[CHB_PARAM_DISKS];
    const char *nics = reader->values[CHB_PARAM_NICS];
    const char *words = reader->values[CHB_PARAM_QEMU_ARGS];
    int r = chb_param_read_disks(reader, disks == NULL ? "" : disks);
    if (r < 0) {
        return r;
    }
    if (reader->config->spec.n_disks == 0) {
        return chb_config_fail(reader->error, -EINVAL, "disks", 0,
                               "disks: required: write the image's path, for example "
                               "disks=/var/lib/colo/%s.qcow2",
                               reader->identity->vm);
    }
    r = chb_param_read_nics(reader, nics == NULL ? "" : nics);
    if (r < 0) {
        return r;
    }
    return chb_param_read_qemu_args(reader, words == NULL ? "" : words);
}

/* ---- what is derived ------------------------------------------------------------------------ */

/* "CLUSTER/VM": what MACs and the UUID are made from. */
static char *identity_text(struct chb_param_reader *reader)
{
    const struct chb_vm_identity *identity = reader->identity;
    const char *cluster = identity->cluster == NULL ? "" : identity->cluster;
    size_t size = strlen(cluster) + strlen(identity->vm) + 2;
    char *text = chb_arena_alloc(reader->arena, size);
    if (text != NULL) {
        (void)snprintf(text, size, "%s/%s", cluster, identity->vm);
    }
    return text;
}

/* A UUID of version 8 (made by a rule of our own, RFC 9562) from the identity. */
static char *derive_uuid(struct chb_param_reader *reader, const char *identity)
{
    struct chb_hash high;
    struct chb_hash low;
    char text[40];
    chb_hash_init(&high, "colo-hbd uuid high");
    chb_hash_text(&high, "identity", identity);
    chb_hash_init(&low, "colo-hbd uuid low");
    chb_hash_text(&low, "identity", identity);
    uint64_t h = (chb_hash_value(&high) & ~UINT64_C(0xf000)) | 0x8000;
    uint64_t l = (chb_hash_value(&low) & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63;
    (void)snprintf(text, sizeof(text), "%08x-%04x-%04x-%04x-%012llx", (unsigned)(h >> 32),
                   (unsigned)(h >> 16) & 0xffff, (unsigned)h & 0xffff, (unsigned)(l >> 48),
                   (unsigned long long)(l & UINT64_C(0xffffffffffff)));
    return chb_arena_text(reader->arena, text, 36);
}

static int derive_nics(struct chb_param_reader *reader, const char *identity)
{
    struct chb_vm_spec *spec = &reader->config->spec;
    for (unsigned i = 0; i < spec->n_nics; i++) {
        char mac[18];
        char tap[IFNAMSIZ];
        chb_qemu_tap_name(spec->name, i, tap);
        spec->nics[i].tap = chb_arena_text(reader->arena, tap, strlen(tap));
        if (spec->nics[i].mac == NULL) {
            chb_qemu_default_mac(identity, i, mac);
            spec->nics[i].mac = chb_arena_text(reader->arena, mac, strlen(mac));
        }
        if (spec->nics[i].tap == NULL || spec->nics[i].mac == NULL) {
            return -ENOMEM;
        }
        for (unsigned j = 0; j < i; j++) {
            if (strcmp(spec->nics[j].mac, spec->nics[i].mac) == 0) {
                return chb_config_fail(
                    reader->error, -EINVAL, "nics", 0,
                    "nics: entries %u and %u have the same MAC, %s: give each its "
                    "own with mac=",
                    j + 1, i + 1, spec->nics[i].mac);
            }
        }
    }
    return 0;
}

static int derive(struct chb_param_reader *reader)
{
    struct chb_vm_config *config = reader->config;
    const char *uuid = reader->values[CHB_PARAM_UUID];
    const char *identity = identity_text(reader);
    if (identity == NULL) {
        return -ENOMEM;
    }
    config->spec.name =
        chb_arena_text(reader->arena, reader->identity->vm, strlen(reader->identity->vm));
    config->spec.uuid =
        uuid != NULL ? chb_arena_text(reader->arena, uuid, 36) : derive_uuid(reader, identity);
    if (config->spec.name == NULL || config->spec.uuid == NULL) {
        return -ENOMEM;
    }
    int r = derive_nics(reader, identity);
    if (r == 0) {
        chb_vm_config_hash(config);
    }
    return r;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int read_all(struct chb_param_reader *reader, const struct chb_param *params,
                    size_t n_params, const char *config_text, size_t config_size)
{
    int r = chb_vm_name_check(reader->identity->vm, reader->error);
    if (r < 0) {
        return r;
    }
    if (n_params > CHB_PARAMS_MAX) {
        return chb_config_fail(reader->error, -E2BIG, "", 0, "more than %d parameters",
                               CHB_PARAMS_MAX);
    }
    for (size_t i = 0; r == 0 && i < n_params; i++) {
        r = chb_param_note(reader, params[i].key, params[i].value, false);
    }
    if (r == 0 && config_text != NULL) {
        r = chb_param_note_json(reader, config_text, config_size);
    }
    const char *name = reader->values[CHB_PARAM_NAME];
    if (r == 0 && name != NULL && strcmp(name, reader->identity->vm) != 0) {
        r = chb_config_fail(reader->error, -EINVAL, "name", 0,
                            "name: \"%.80s\" is not the VM that was asked for, \"%s\"", name,
                            reader->identity->vm);
    }
    int (*const steps[])(struct chb_param_reader *) = {read_lists, read_machine, read_numbers,
                                                       read_times, read_choices, derive};
    for (size_t i = 0; r == 0 && i < sizeof(steps) / sizeof(steps[0]); i++) {
        r = steps[i](reader);
    }
    return r;
}

int chb_params_parse(const struct chb_vm_identity *identity, const struct chb_param *params,
                     size_t n_params, const char *config_text, size_t config_size,
                     struct chb_vm_config **ret_config, struct chb_config_error *ret_error)
{
    struct chb_config_error error = {0};
    struct chb_vm_config *config = calloc(1, sizeof(*config));
    struct chb_param_reader *reader = calloc(1, sizeof(*reader));
    int r = -ENOMEM;
    if (config != NULL && reader != NULL) {
        config->arena = chb_arena_new();
        *reader = (struct chb_param_reader){
            .arena = config->arena, .error = &error, .identity = identity, .config = config};
    }
    if (config != NULL && reader != NULL && config->arena != NULL) {
        r = read_all(reader, params, n_params, config_text, config_size);
    }
    free(reader);
    if (r < 0) {
        chb_vm_config_free(config);
        if (error.text[0] == '\0') {
            (void)chb_config_fail(&error, r, "", 0, "out of memory");
        }
        if (ret_error != NULL) {
            *ret_error = error;
        }
        return r;
    }
    *ret_config = config;
    return 0;
}

struct chb_vm_config *chb_vm_config_free(struct chb_vm_config *config)
{
    if (config != NULL) {
        chb_arena_free(config->arena);
        free(config);
    }
    return NULL;
}
