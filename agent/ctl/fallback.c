/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/ctl/fallback.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum chb_ocf chb_fallback_monitor(const char *socket_path, const char *vm, bool probe,
                                  char *ret_text, size_t size)
{
    struct chb_left_behind left;
    int r = chb_left_behind_read(socket_path, vm, &left);
    ret_text[0] = '\0';
    if (r == -ENOENT) {
        return CHB_OCF_NOT_RUNNING;
    }
    if (r < 0) {
        (void)snprintf(ret_text, size,
                       "colo-hbd does not answer, and its note about %s cannot be read (%s): "
                       "systemctl restart colo-hbd",
                       vm, strerror(-r));
        return CHB_OCF_ERR_GENERIC;
    }
    if (left.has_qemu && !chb_left_behind_alive(&left)) {
        if (probe) {
            return CHB_OCF_NOT_RUNNING;
        }
        (void)snprintf(
            ret_text, size,
            "colo-hbd does not answer, and the QEMU of %s (pid %ld) has ended: systemctl "
            "restart colo-hbd",
            vm, (long)left.qemu.pid);
        return left.promoted ? CHB_OCF_FAILED_PROMOTED : CHB_OCF_ERR_GENERIC;
    }
    return left.promoted ? CHB_OCF_RUNNING_PROMOTED : CHB_OCF_SUCCESS;
}

/* Waits until the process behind a pidfd is dead. */
static bool wait_dead(int pidfd, chb_span limit)
{
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
    int n;
    do {
        n = poll(&poll_fd, 1, (int)chb_span_ms(limit));
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

/* An empty file "stopped" beside the runtime file; nobody else writes there. */
static void leave_mark(const struct chb_left_behind *left)
{
    char path[sizeof(left->path) + 16];
    const char *slash = strrchr(left->path, '/');
    if (slash == NULL) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%.*s/stopped", (int)(slash - left->path), left->path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        (void)close(fd);
    }
}

enum chb_ocf chb_fallback_stop(const char *socket_path, const char *vm, chb_span limit,
                               char *ret_text, size_t size)
{
    struct chb_left_behind left;
    int r = chb_left_behind_read(socket_path, vm, &left);
    if (r == -ENOENT) {
        return CHB_OCF_SUCCESS;
    }
    if (r < 0) {
        (void)snprintf(ret_text, size,
                       "colo-hbd does not answer, and its note about %s cannot be read (%s), so "
                       "nobody knows whether its QEMU runs: systemctl restart colo-hbd",
                       vm, strerror(-r));
        return CHB_OCF_ERR_GENERIC;
    }
    if (left.has_qemu) {
        /* First the descriptor, then the look at who it is: so it is the same process. */
        int pidfd = (int)syscall(SYS_pidfd_open, left.qemu.pid, 0);
        bool dead = !chb_left_behind_alive(&left);
        if (!dead && pidfd >= 0 && syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0) {
            dead = wait_dead(pidfd, limit);
        }
        if (pidfd >= 0) {
            (void)close(pidfd);
        }
        if (!dead) {
            (void)snprintf(ret_text, size,
                           "colo-hbd does not answer, and the QEMU of %s (pid %ld) could not be "
                           "ended: systemctl restart colo-hbd",
                           vm, (long)left.qemu.pid);
            return CHB_OCF_ERR_GENERIC;
        }
    }
    /* Neither the next daemon nor this one, if it wakes up, must think that the VM is started. */
    leave_mark(&left);
    (void)unlink(left.path);
    return CHB_OCF_SUCCESS;
}
