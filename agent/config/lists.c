/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parameters that are lists of words: disks, nics, qemu_args. */
#include <agent/config/reader.h>

#include <errno.h>
#include <string.h>

#include <agent/config/words.h>
#include <agent/qemu/cmdline.h>

#define FIELDS_MAX 8
#define PATH_LENGTH_MAX 1023
#define DEVICE_LENGTH_MAX 63
#define SERIAL_LENGTH_MAX 20 /* what virtio-blk has room for */
#define BRIDGE_LENGTH_MAX 15 /* IFNAMSIZ without its NUL */

/* One field of an entry, as "key=value"; a disk's first field may be the bare path. */
struct entry_field {
    const char *key;
    const char *value;
};

bool chb_is_plain(const char *text, size_t length_max, const char *also)
{
    size_t length = strlen(text);
    if (length == 0 || length > length_max) {
        return false;
    }
    for (const char *p = text; *p != '\0'; p++) {
        bool alphanumeric =
            (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z');
        if (!alphanumeric && strchr(also, *p) == NULL) {
            return false;
        }
    }
    return true;
}

static int no_memory(struct chb_param_reader *reader, const char *key)
{
    return chb_config_fail(reader->error, -ENOMEM, key, 0, "%s: out of memory", key);
}

static int split(struct chb_param_reader *reader, const char *key, const char *value,
                 size_t words_max, struct chb_words *ret_words)
{
    size_t column = 0;
    int r = chb_words_split(reader->arena, value, words_max, ret_words, &column);
    if (r == -EINVAL) {
        return chb_config_fail(reader->error, r, key, 0,
                               "%s: the quote or backslash at character %zu is never finished: add "
                               "the closing one, or put \\ before it",
                               key, column);
    }
    if (r == -E2BIG) {
        return chb_config_fail(reader->error, r, key, 0, "%s: more than %zu entries: remove some",
                               key, words_max);
    }
    return r == -ENOMEM ? no_memory(reader, key) : r;
}

/* Cuts the fields of entry number @index (from 0) into key and value. */
static int split_entry(struct chb_param_reader *reader, const char *key, size_t index,
                       const char *entry, const char *bare_key,
                       struct entry_field ret_fields[static FIELDS_MAX], size_t *ret_count)
{
    struct chb_words fields;
    int r = chb_fields_split(reader->arena, entry, FIELDS_MAX, &fields);
    if (r == -E2BIG) {
        return chb_config_fail(reader->error, -EINVAL, key, 0,
                               "%s: entry %zu, \"%.80s\", has too many options: each may be given "
                               "once; a comma inside a path is written ,,",
                               key, index + 1, entry);
    }
    if (r < 0) {
        return no_memory(reader, key);
    }
    for (size_t i = 0; i < fields.count; i++) {
        const char *field = fields.list[i];
        const char *equals = strchr(field, '=');
        if (i == 0 && bare_key != NULL && field[0] == '/') {
            ret_fields[i] = (struct entry_field){bare_key, field};
            continue;
        }
        if (equals == NULL || equals == field || equals[1] == '\0') {
            return chb_config_fail(
                reader->error, -EINVAL, key, 0,
                "%s: entry %zu, option %zu, \"%.80s\": write KEY=VALUE%s", key, index + 1, i + 1,
                field, i == 0 && bare_key != NULL ? ", or a path that begins with /" : "");
        }
        ret_fields[i].key = chb_arena_text(reader->arena, field, (size_t)(equals - field));
        ret_fields[i].value = equals + 1;
        if (ret_fields[i].key == NULL) {
            return no_memory(reader, key);
        }
    }
    *ret_count = fields.count;
    return 0;
}

/* Puts a field's value into the place that belongs to its key, once. */
static int place_field(struct chb_param_reader *reader, const char *key, size_t index,
                       const struct entry_field *field, const char *const *names,
                       const char **const *places, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(field->key, names[i]) != 0) {
            continue;
        }
        if (*places[i] != NULL) {
            return chb_config_fail(reader->error, -EINVAL, key, 0,
                                   "%s: entry %zu has \"%s\" twice: remove one", key, index + 1,
                                   names[i]);
        }
        *places[i] = field->value;
        return 0;
    }
    const char *meant = chb_closest_name(field->key, names, n);
    const char *all =
        strcmp(key, "disks") == 0 ? "path, format, device or id" : "bridge, mac or model";
    return chb_config_fail(reader->error, -EINVAL, key, 0,
                           "%s: entry %zu: there is no option \"%.40s\": write %s", key, index + 1,
                           field->key, meant == NULL ? all : meant);
}

static bool is_good_path(const char *path)
{
    return path[0] == '/' && path[1] != '\0' && strlen(path) <= PATH_LENGTH_MAX;
}

static int check_disk(struct chb_param_reader *reader, size_t index)
{
    const struct chb_vm_disk *disks = reader->config->spec.disks;
    const struct chb_vm_disk *disk = &disks[index];
    if (disk->path == NULL || !is_good_path(disk->path)) {
        return chb_config_fail(reader->error, -EINVAL, "disks", 0,
                               "disks: entry %zu needs an absolute path of at most %d bytes, for "
                               "example /var/lib/colo/%s.qcow2",
                               index + 1, PATH_LENGTH_MAX, reader->identity->vm);
    }
    if (disk->format != NULL && strcmp(disk->format, "qcow2") != 0 &&
        strcmp(disk->format, "raw") != 0) {
        return chb_config_fail(reader->error, -EINVAL, "disks", 0,
                               "disks: entry %zu, format=%.40s cannot be replicated: write "
                               "format=qcow2 or format=raw",
                               index + 1, disk->format);
    }
    if (disk->device != NULL && !chb_is_plain(disk->device, DEVICE_LENGTH_MAX, "-_.")) {
        return chb_config_fail(reader->error, -EINVAL, "disks", 0,
                               "disks: entry %zu, device=%.40s is no device's name: write for "
                               "example device=virtio-blk-pci",
                               index + 1, disk->device);
    }
    if (disk->id != NULL && !chb_is_plain(disk->id, SERIAL_LENGTH_MAX, "-_.")) {
        return chb_config_fail(
            reader->error, -EINVAL, "disks", 0,
            "disks: entry %zu, id=%.40s: write 1 to %d letters, digits, '-', '_' "
            "or '.'",
            index + 1, disk->id, SERIAL_LENGTH_MAX);
    }
    for (size_t i = 0; i < index; i++) {
        bool same_id =
            disk->id != NULL && disks[i].id != NULL && strcmp(disk->id, disks[i].id) == 0;
        if (same_id || strcmp(disk->path, disks[i].path) == 0) {
            return chb_config_fail(reader->error, -EINVAL, "disks", 0,
                                   "disks: entries %zu and %zu have the same %s: give each its own",
                                   i + 1, index + 1, same_id ? "id" : "path");
        }
    }
    return 0;
}

int chb_param_read_disks(struct chb_param_reader *reader, const char *value)
{
    struct chb_words entries;
    int r = split(reader, "disks", value, CHB_DISKS_MAX, &entries);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < entries.count; i++) {
        struct chb_vm_disk *disk = &reader->config->spec.disks[i];
        static const char *const names[] = {"path", "format", "device", "id"};
        const char **const places[] = {&disk->path, &disk->format, &disk->device, &disk->id};
        struct entry_field fields[FIELDS_MAX];
        size_t n_fields;
        r = split_entry(reader, "disks", i, entries.list[i], "path", fields, &n_fields);
        for (size_t j = 0; r == 0 && j < n_fields; j++) {
            r = place_field(reader, "disks", i, &fields[j], names, places, 4);
        }
        if (r == 0) {
            r = check_disk(reader, i);
        }
        if (r < 0) {
            return r;
        }
    }
    reader->config->spec.n_disks = (unsigned)entries.count;
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    int lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Six pairs of digits, one address of one station, into lower case. */
static int normalise_mac(const char *text, char ret_mac[static 18])
{
    int any = 0;
    if (strlen(text) != 17) {
        return -EINVAL;
    }
    for (size_t i = 0; i < 17; i++) {
        int digit = hex_digit(text[i]);
        if (i % 3 == 2 ? (text[i] != ':' && text[i] != '-') : digit < 0) {
            return -EINVAL;
        }
        any |= digit > 0 ? digit : 0;
        ret_mac[i] = i % 3 == 2 ? ':' : "0123456789abcdef"[digit];
    }
    ret_mac[17] = '\0';
    bool group = (hex_digit(text[1]) & 1) != 0;
    return group || any == 0 ? -EINVAL : 0;
}

static int check_nic(struct chb_param_reader *reader, size_t index)
{
    struct chb_vm_nic *nics = reader->config->spec.nics;
    struct chb_vm_nic *nic = &nics[index];
    if (nic->bridge == NULL || !chb_is_plain(nic->bridge, BRIDGE_LENGTH_MAX, "-_.:@") ||
        strspn(nic->bridge, ".") == strlen(nic->bridge)) {
        return chb_config_fail(reader->error, -EINVAL, "nics", 0,
                               "nics: entry %zu needs the bridge of its network, for example "
                               "bridge=br0",
                               index + 1);
    }
    if (nic->model != NULL && !chb_is_plain(nic->model, DEVICE_LENGTH_MAX, "-_.")) {
        return chb_config_fail(
            reader->error, -EINVAL, "nics", 0,
            "nics: entry %zu, model=%.40s is no device's name: write for example "
            "model=virtio-net-pci",
            index + 1, nic->model);
    }
    if (nic->mac == NULL) {
        return 0;
    }
    char mac[18];
    if (normalise_mac(nic->mac, mac) < 0) {
        return chb_config_fail(reader->error, -EINVAL, "nics", 0,
                               "nics: entry %zu, mac=%.40s is no address of one station: write six "
                               "pairs like 52:54:00:12:34:56, the first one even, or leave it out",
                               index + 1, nic->mac);
    }
    nic->mac = chb_arena_text(reader->arena, mac, 17);
    return nic->mac == NULL ? no_memory(reader, "nics") : 0;
}

int chb_param_read_nics(struct chb_param_reader *reader, const char *value)
{
    struct chb_words entries;
    int r = split(reader, "nics", value, CHB_NICS_MAX, &entries);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < entries.count; i++) {
        struct chb_vm_nic *nic = &reader->config->spec.nics[i];
        static const char *const names[] = {"bridge", "mac", "model"};
        const char **const places[] = {&nic->bridge, &nic->mac, &nic->model};
        struct entry_field fields[FIELDS_MAX];
        size_t n_fields;
        r = split_entry(reader, "nics", i, entries.list[i], NULL, fields, &n_fields);
        for (size_t j = 0; r == 0 && j < n_fields; j++) {
            r = place_field(reader, "nics", i, &fields[j], names, places, 3);
        }
        if (r == 0) {
            r = check_nic(reader, i);
        }
        if (r < 0) {
            return r;
        }
    }
    reader->config->spec.n_nics = (unsigned)entries.count;
    return 0;
}

int chb_param_read_qemu_args(struct chb_param_reader *reader, const char *value)
{
    char reason[CHB_CONFIG_TEXT_SIZE / 2];
    struct chb_words words;
    int r = split(reader, "qemu_args", value, CHB_PARAM_WORDS_MAX, &words);
    if (r < 0) {
        return r;
    }
    r = chb_qemu_extra_check(words.list, words.count, reason, sizeof(reason));
    if (r < 0) {
        return chb_config_fail(reader->error, r, "qemu_args", 0, "qemu_args: %s", reason);
    }
    reader->config->spec.extra = words.list;
    reader->config->spec.n_extra = words.count;
    return 0;
}
