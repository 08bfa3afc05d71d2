/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/shell/runtime.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 1

static void add_number(struct json_object *object, const char *key, uint64_t value)
{
    json_object_object_add(object, key, json_object_new_uint64(value));
}

static void add_text(struct json_object *object, const char *key, const char *value)
{
    json_object_object_add(object, key, json_object_new_string(value));
}

static void add_bool(struct json_object *object, const char *key, bool value)
{
    json_object_object_add(object, key, json_object_new_boolean(value));
}

static bool take(struct json_object *object, const char *key, enum json_type type,
                 struct json_object **ret_value)
{
    return json_object_object_get_ex(object, key, ret_value) &&
           json_object_is_type(*ret_value, type);
}

static bool take_number(struct json_object *object, const char *key, uint64_t *ret_number)
{
    struct json_object *value = NULL;
    if (!take(object, key, json_type_int, &value)) {
        return false;
    }
    *ret_number = json_object_get_uint64(value);
    return true;
}

static bool take_bool(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return take(object, key, json_type_boolean, &value) && json_object_get_boolean(value);
}

static bool take_text(struct json_object *object, const char *key, char *ret_text, size_t size)
{
    struct json_object *value = NULL;
    if (!take(object, key, json_type_string, &value)) {
        return false;
    }
    const char *text = json_object_get_string(value);
    size_t length = (size_t)json_object_get_string_len(value);
    if (length >= size || strlen(text) != length) { /* too long, or with a NUL in it */
        return false;
    }
    memcpy(ret_text, text, length + 1);
    return true;
}

static struct json_object *settings_to_json(const struct chb_settings *settings)
{
    struct json_object *object = json_object_new_object();
    add_number(object, "spec_hash", settings->spec_hash);
    add_number(object, "hang_timeout_ns", (uint64_t)settings->hang_timeout.ns);
    add_number(object, "qemu_version", settings->qemu_version);
    add_bool(object, "require_fencing", settings->require_fencing);
    add_bool(object, "image_present", settings->image_present);
    add_bool(object, "restart_guest", settings->restart_guest);
    struct json_object *disks = json_object_new_array();
    for (unsigned i = 0; i < CHB_DISKS_MAX; i++) {
        json_object_array_add(disks, json_object_new_uint64(settings->disk_bytes[i]));
    }
    json_object_object_add(object, "disk_bytes", disks);
    struct json_object *parts = json_object_new_array();
    for (unsigned i = 0; i < CHB_SPEC_PARTS; i++) {
        json_object_array_add(parts, json_object_new_int(settings->spec_parts[i]));
    }
    json_object_object_add(object, "spec_parts", parts);
    return object;
}

static bool settings_from_json(struct json_object *object, struct chb_settings *ret_settings)
{
    uint64_t hang = 0;
    uint64_t version = 0;
    struct json_object *disks = NULL;
    struct json_object *parts = NULL;
    if (!take_number(object, "spec_hash", &ret_settings->spec_hash) ||
        !take_number(object, "hang_timeout_ns", &hang) || hang > INT64_MAX ||
        !take_number(object, "qemu_version", &version) || version > UINT32_MAX ||
        !take(object, "disk_bytes", json_type_array, &disks)) {
        return false;
    }
    ret_settings->hang_timeout = (chb_span){.ns = (int64_t)hang};
    ret_settings->qemu_version = (uint32_t)version;
    ret_settings->require_fencing = take_bool(object, "require_fencing");
    ret_settings->image_present = take_bool(object, "image_present");
    ret_settings->restart_guest = take_bool(object, "restart_guest");
    for (size_t i = 0; i < CHB_DISKS_MAX && i < json_object_array_length(disks); i++) {
        ret_settings->disk_bytes[i] = json_object_get_uint64(json_object_array_get_idx(disks, i));
    }
    if (take(object, "spec_parts", json_type_array, &parts)) {
        for (size_t i = 0; i < CHB_SPEC_PARTS && i < json_object_array_length(parts); i++) {
            ret_settings->spec_parts[i] =
                (uint16_t)json_object_get_int(json_object_array_get_idx(parts, i));
        }
    }
    return true;
}

struct json_object *chb_runtime_to_json(const struct chb_runtime *runtime)
{
    struct json_object *root = json_object_new_object();
    add_number(root, "version", VERSION);
    add_text(root, "resource", runtime->resource);
    add_text(root, "clone", runtime->clone);
    json_object_object_add(root, "parameters", json_object_get(runtime->parameters));
    json_object_object_add(root, "settings", settings_to_json(&runtime->settings));
    add_bool(root, "promoted", runtime->promoted);
    if (runtime->qemu != 0) {
        struct json_object *qemu = json_object_new_object();
        add_number(qemu, "identity", runtime->qemu);
        add_number(qemu, "pid", (uint64_t)runtime->process.pid);
        add_number(qemu, "start_time", runtime->process.start_time);
        add_text(qemu, "boot_id", runtime->process.boot_id);
        add_number(qemu, "started_as", (uint64_t)runtime->started_as);
        add_number(qemu, "role", (uint64_t)runtime->role);
        add_bool(qemu, "in_colo", runtime->in_colo);
        add_bool(qemu, "copy_failed", runtime->copy_failed);
        json_object_object_add(root, "qemu", qemu);
    }
    return root;
}

static bool is_role(uint64_t role)
{
    return role == CHB_ROLE_PRIMARY || role == CHB_ROLE_SECONDARY;
}

static bool qemu_from_json(struct json_object *object, struct chb_runtime *runtime)
{
    uint64_t pid = 0;
    uint64_t started_as = 0;
    uint64_t role = 0;
    if (!take_number(object, "identity", &runtime->qemu) || runtime->qemu == 0 ||
        !take_number(object, "pid", &pid) || pid == 0 || pid > INT32_MAX ||
        !take_number(object, "start_time", &runtime->process.start_time) ||
        !take_text(object, "boot_id", runtime->process.boot_id, sizeof(runtime->process.boot_id)) ||
        !take_number(object, "started_as", &started_as) || !is_role(started_as) ||
        !take_number(object, "role", &role) || !is_role(role)) {
        return false;
    }
    runtime->process.pid = (pid_t)pid;
    runtime->started_as = (enum chb_role)started_as;
    runtime->role = (enum chb_role)role;
    runtime->in_colo = take_bool(object, "in_colo");
    runtime->copy_failed = take_bool(object, "copy_failed");
    return true;
}

int chb_runtime_from_json(struct json_object *root, struct chb_runtime *ret_runtime)
{
    struct chb_runtime runtime = {0};
    struct json_object *parameters = NULL;
    struct json_object *settings = NULL;
    struct json_object *qemu = NULL;
    uint64_t version = 0;
    if (!json_object_is_type(root, json_type_object) || !take_number(root, "version", &version) ||
        version != VERSION ||
        !take_text(root, "resource", runtime.resource, sizeof(runtime.resource)) ||
        !take_text(root, "clone", runtime.clone, sizeof(runtime.clone)) ||
        !take(root, "parameters", json_type_object, &parameters) ||
        !take(root, "settings", json_type_object, &settings) ||
        !settings_from_json(settings, &runtime.settings)) {
        return -EBADMSG;
    }
    runtime.promoted = take_bool(root, "promoted");
    if (json_object_object_get_ex(root, "qemu", &qemu) && !qemu_from_json(qemu, &runtime)) {
        return -EBADMSG;
    }
    runtime.parameters = json_object_get(parameters);
    *ret_runtime = runtime;
    return 0;
}

int chb_file_replace(const char *path, const char *text)
{
    char new_path[4096];
    if (snprintf(new_path, sizeof(new_path), "%s.new", path) >= (int)sizeof(new_path)) {
        return -ENAMETOOLONG;
    }
    int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return -errno;
    }
    size_t length = strlen(text);
    ssize_t n = write(fd, text, length);
    int r = n < 0 ? -errno : (size_t)n == length ? 0 : -ENOSPC;
    (void)close(fd);
    if (r == 0 && rename(new_path, path) < 0) {
        r = -errno;
    }
    if (r < 0) {
        (void)unlink(new_path);
    }
    return r;
}

int chb_file_read(const char *path, size_t size_max, char **ret_text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return -errno;
    }
    char *text = malloc(size_max + 1);
    if (text == NULL) {
        (void)close(fd);
        return -ENOMEM;
    }
    size_t used = 0;
    int r = 0;
    while (used <= size_max) {
        ssize_t n = read(fd, text + used, size_max + 1 - used);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            r = n < 0 ? -errno : 0;
            break;
        }
        used += (size_t)n;
    }
    (void)close(fd);
    r = r == 0 && used > size_max ? -EFBIG : r;
    if (r < 0) {
        free(text);
        return r;
    }
    text[used] = '\0';
    *ret_text = text;
    return 0;
}
