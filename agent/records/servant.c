/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/records/servant.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <agent/records/keep.h>
#include <agent/records/store.h>

#define IDLE_MS 200 /* quiet for so long: time to bring the other slot up to date */
#define NAME_SIZE (CHB_VM_NAME_MAX + 32)

static int append(int dir_fd, const char *name, const char *text)
{
    char path[NAME_SIZE];
    char old[NAME_SIZE];
    (void)snprintf(path, sizeof(path), "%s.history", name);
    (void)snprintf(old, sizeof(old), "%s.history.old", name);
    int fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return -errno;
    }
    int r = 0;
    if (write(fd, text, strlen(text)) < 0) {
        r = -errno;
    }
    struct stat status;
    bool full = fstat(fd, &status) == 0 && status.st_size > CHB_HISTORY_BYTES_MAX;
    (void)close(fd);
    if (full && renameat(dir_fd, path, dir_fd, old) < 0 && r == 0) {
        r = -errno;
    }
    return r;
}

/* A servant that outlives its daemon may still be in the middle of a write. The next daemon's must
 * not read before that is over (R5.3): the record that it finds would not be the last. */
static int lock(int dir_fd)
{
    while (flock(dir_fd, LOCK_EX) < 0) {
        if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

static int load_or_save(int dir_fd, const struct chb_servant_request *request,
                        struct chb_record *ret_record)
{
    int r = lock(dir_fd);
    if (r < 0) {
        return r;
    }
    r = request->what == CHB_SERVANT_LOAD ? chb_store_load(dir_fd, request->name, ret_record)
                                          : chb_store_save(dir_fd, request->name, &request->record);
    (void)flock(dir_fd, LOCK_UN);
    return r;
}

static void carry_out(int dir_fd, const struct chb_servant_request *request,
                      struct chb_servant_answer *answer)
{
    switch (request->what) {
    case CHB_SERVANT_LOAD:
    case CHB_SERVANT_SAVE:
        answer->error = load_or_save(dir_fd, request, &answer->record);
        return;
    case CHB_SERVANT_APPEND:
        answer->error = append(dir_fd, request->name, request->text);
        return;
    case CHB_SERVANT_COPY:
        answer->error = chb_keep_copy(dir_fd, request->name, request->text,
                                      request->text + strlen(request->text) + 1);
        return;
    }
    answer->error = -EINVAL;
}

int chb_servant_run(int socket_fd, int dir_fd)
{
    char stale[CHB_VM_NAME_MAX + 1] = ""; /* VM whose second slot is behind */
    for (;;) {
        struct pollfd wait = {.fd = socket_fd, .events = POLLIN};
        int ready = poll(&wait, 1, stale[0] != '\0' ? IDLE_MS : -1);
        if (ready < 0 && errno != EINTR) {
            return 1;
        }
        if (ready == 0) {
            /* A failure loses only the spare copy, and the next write tells of a bad disk. */
            if (lock(dir_fd) == 0) {
                (void)chb_store_mirror(dir_fd, stale);
                (void)flock(dir_fd, LOCK_UN);
            }
            stale[0] = '\0';
        }
        if (ready <= 0) {
            continue;
        }
        struct chb_servant_request request;
        ssize_t size = recv(socket_fd, &request, sizeof(request), 0);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size != (ssize_t)sizeof(request)) {
            return size == 0 ? 0 : 1;
        }
        struct chb_servant_answer answer = {.id = request.id};
        carry_out(dir_fd, &request, &answer);
        if (request.what == CHB_SERVANT_SAVE && answer.error == 0) {
            memcpy(stale, request.name, sizeof(stale));
        }
        if (send(socket_fd, &answer, sizeof(answer), MSG_NOSIGNAL) < 0) {
            return 1;
        }
    }
}
