/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's runtime file of one VM, RUNTIME_DIR/NAME/runtime.json, as a reader of last resort.
 */
#include <agent/ctl/fallback.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agent/config/file.h>
#include <agent/config/params.h>
#include <agent/ctl/ctl.h>

#define FILE_MAX (1024 * 1024)
#define FILE_VERSION 1
#define DEPTH_MAX 8

static int read_qemu(struct json_object *qemu, struct chb_left_behind *left)
{
    int64_t pid = chb_ctl_number(qemu, "pid", 0);
    int64_t start_time = chb_ctl_number(qemu, "start_time", -1);
    if (pid == 0) {
        return 0;
    }
    if (pid < 2 || pid > INT32_MAX || start_time < 0) {
        return -EBADMSG;
    }
    left->has_qemu = true;
    left->qemu.pid = (pid_t)pid;
    left->qemu.start_time = (uint64_t)start_time;
    (void)snprintf(left->qemu.boot_id, sizeof(left->qemu.boot_id), "%s",
                   chb_ctl_text(qemu, "boot_id", ""));
    return 0;
}

static int read_object(const char *text, size_t size, struct chb_left_behind *left)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    if (tokener == NULL) {
        return -ENOMEM;
    }
    struct json_object *object = json_tokener_parse_ex(tokener, text, (int)size);
    json_tokener_free(tokener);
    int r = -EBADMSG;
    if (chb_ctl_number(object, "version", 0) == FILE_VERSION) {
        left->promoted = chb_ctl_bool(object, "promoted", false);
        r = read_qemu(chb_ctl_member(object, "qemu"), left);
    }
    json_object_put(object);
    return r;
}

int chb_left_behind_read(const char *socket_path, const char *vm, struct chb_left_behind *ret_left)
{
    struct chb_left_behind left = {0};
    const char *slash = strrchr(socket_path, '/');
    int folder = slash == NULL ? 1 : (int)(slash - socket_path);
    char *text;
    size_t size;
    if (chb_vm_name_check(vm, NULL) < 0) {
        return -ENOENT; /* no VM can have that name, so none is started */
    }
    int n = snprintf(left.path, sizeof(left.path), "%.*s/vm/%s/runtime.json", folder,
                     slash == NULL ? "." : socket_path, vm);
    if (n < 0 || (size_t)n >= sizeof(left.path)) {
        return -ENAMETOOLONG;
    }
    int r = chb_read_file(left.path, FILE_MAX, &text, &size);
    if (r == 0) {
        r = read_object(text, size, &left);
        free(text);
    }
    if (r == 0) {
        *ret_left = left;
    }
    return r;
}

bool chb_left_behind_alive(const struct chb_left_behind *left)
{
    struct chb_process_stat stat;
    char boot_id[CHB_BOOT_ID_SIZE];
    if (!left->has_qemu) {
        return false;
    }
    if (left->qemu.boot_id[0] != '\0' && chb_boot_id_read(boot_id) == 0 &&
        strcmp(boot_id, left->qemu.boot_id) != 0) {
        return false;
    }
    return chb_process_stat_read(left->qemu.pid, &stat) == 0 &&
           stat.start_time == left->qemu.start_time && stat.state != 'Z' && stat.state != 'X';
}
