/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/ctl/run.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <agent/ctl/client.h>

/* A file with the input, at its beginning: unlike a pipe it can never make us wait. */
static int input_file(const char *input)
{
    if (input == NULL) {
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    char name[] = "/tmp/coloctl.XXXXXX";
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    (void)unlink(name);
    size_t length = strlen(input);
    if (write(fd, input, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int spawn(const char *const *argv, int in, int out, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    union {
        const char *const *in;
        char *const *out;
    } words = {.in = argv}; /* posix_spawn() does not write to them, its type is only old */
    int r = posix_spawn_file_actions_init(&actions);
    if (r != 0) {
        return -r;
    }
    (void)posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    r = posix_spawnp(ret_pid, argv[0], &actions, NULL, words.out, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return -r;
}

/* Reads to the end of the output. Returns 0 or -ETIMEDOUT. */
static int collect(int fd, chb_time deadline, char *ret_output, size_t size)
{
    size_t used = 0;
    char rest[4096];
    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        int64_t left = chb_span_ms(chb_time_since(deadline, chb_ctl_now()));
        if (left <= 0) {
            return -ETIMEDOUT;
        }
        if (poll(&poll_fd, 1, (int)left) <= 0) {
            continue;
        }
        bool room = used + 1 < size;
        ssize_t n =
            room ? read(fd, ret_output + used, size - 1 - used) : read(fd, rest, sizeof(rest));
        if (n <= 0) {
            return 0;
        }
        if (room) {
            used += (size_t)n;
            ret_output[used] = '\0';
        }
    }
}

int chb_ctl_run(const char *const *argv, const char *input, chb_span limit, char *ret_output,
                size_t size)
{
    chb_time deadline = chb_time_add(chb_ctl_now(), limit);
    int pipe_fds[2];
    int status = 0;
    pid_t pid = -1;
    ret_output[0] = '\0';
    int in = input_file(input);
    if (in < 0) {
        return -errno;
    }
    if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
        (void)close(in);
        return -errno;
    }
    int r = spawn(argv, in, pipe_fds[1], &pid);
    (void)close(in);
    (void)close(pipe_fds[1]);
    if (r == 0) {
        r = collect(pipe_fds[0], deadline, ret_output, size);
        if (r < 0) {
            (void)kill(pid, SIGKILL);
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
    }
    (void)close(pipe_fds[0]);
    if (r < 0) {
        return r;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
