/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/process/proc.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int read_small(const char *path, char *ret_text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? -ESRCH : -errno;
    }
    ssize_t n = read(fd, ret_text, size - 1);
    int r = n < 0 ? -errno : 0;
    (void)close(fd);
    if (r == 0) {
        ret_text[n] = '\0';
    }
    return r;
}

int chb_process_stat_parse(const char *text, struct chb_process_stat *ret_stat)
{
    /* The name is in parentheses and may hold parentheses itself: the last one ends it. */
    const char *at = strrchr(text, ')');
    if (at == NULL || at[1] != ' ' || at[2] == '\0') {
        return -EBADMSG;
    }
    struct chb_process_stat stat = {.state = at[2]};
    at += 3;
    for (int field = 4; field <= 22; field++) {
        at = strchr(at, ' ');
        if (at == NULL) {
            return -EBADMSG;
        }
        at++;
    }
    if (sscanf(at, "%" SCNu64, &stat.start_time) != 1) {
        return -EBADMSG;
    }
    *ret_stat = stat;
    return 0;
}

int chb_process_stat_read(pid_t pid, struct chb_process_stat *ret_stat)
{
    char path[64];
    char text[1024];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int r = read_small(path, text, sizeof(text));
    return r < 0 ? r : chb_process_stat_parse(text, ret_stat);
}

int chb_boot_id_read(char ret_id[static CHB_BOOT_ID_SIZE])
{
    char text[64];
    int r = read_small("/proc/sys/kernel/random/boot_id", text, sizeof(text));
    if (r < 0) {
        return r;
    }
    if (strlen(text) < CHB_BOOT_ID_SIZE - 1) {
        return -EBADMSG;
    }
    memcpy(ret_id, text, CHB_BOOT_ID_SIZE - 1);
    ret_id[CHB_BOOT_ID_SIZE - 1] = '\0';
    return 0;
}

int chb_process_id_read(pid_t pid, struct chb_process_id *ret_id)
{
    struct chb_process_id id = {.pid = pid};
    struct chb_process_stat stat;
    int r = chb_process_stat_read(pid, &stat);
    if (r == 0) {
        r = chb_boot_id_read(id.boot_id);
    }
    if (r < 0) {
        return r;
    }
    id.start_time = stat.start_time;
    *ret_id = id;
    return 0;
}
