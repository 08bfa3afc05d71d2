/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/pacemaker/tool_process.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OUT_MAX_BYTES ((size_t)1024 * 1024)
#define READ_BYTES 16384
#define DRAIN_READS 128 /* enough for what a pipe can hold */
#define ENV_MAX 64
#define ACCURACY_USEC 1000

static chb_time now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (chb_time){.ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec};
}

int chb_tool_process_new(const char *const argv[], chb_span timeout, size_t out_max,
                         struct chb_tool_process **ret)
{
    struct chb_tool_process *process;
    size_t count = 0;
    size_t bytes = 0;
    char *to;

    while (argv[count] != NULL) {
        bytes += strnlen(argv[count], CHB_TOOL_ARGS_BYTES) + 1;
        count++;
        if (count > CHB_TOOL_ARGS_MAX || bytes > CHB_TOOL_ARGS_BYTES) {
            return -E2BIG;
        }
    }
    if (count == 0 || argv[0][0] == '\0' || strchr(argv[0], '/') != NULL ||
        timeout.ns < chb_ms(1).ns || out_max > OUT_MAX_BYTES) {
        return -EINVAL;
    }
    process = calloc(1, sizeof(*process));
    to = malloc(bytes);
    if (process == NULL || to == NULL) {
        free(process);
        free(to);
        return -ENOMEM;
    }
    process->arguments = to;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(argv[i]) + 1;
        memcpy(to, argv[i], size);
        process->argv[i] = to;
        to += size;
    }
    process->timeout = timeout;
    process->out.max = out_max;
    process->out.fd = -1;
    process->err.max = CHB_TOOL_ERR_MAX;
    process->err.fd = -1;
    *ret = process;
    return 0;
}

static void end_pipe(struct chb_tool_pipe *from)
{
    from->source = sd_event_source_disable_unref(from->source);
    if (from->fd >= 0) {
        close(from->fd);
        from->fd = -1;
    }
}

/* Room for `more` bytes and a final NUL; doubles, so that the work stays linear. */
static int grow(struct chb_tool_pipe *to, size_t more)
{
    size_t wanted = to->size + more + 1;
    char *data;

    if (wanted <= to->allocated) {
        return 0;
    }
    wanted = wanted < 2 * to->allocated ? 2 * to->allocated : wanted;
    data = realloc(to->data, wanted);
    if (data == NULL) {
        return -ENOMEM;
    }
    to->data = data;
    to->allocated = wanted;
    return 0;
}

/* Reads once. Returns false when there is nothing more yet, or at all. */
static bool read_some(struct chb_tool_pipe *from)
{
    char buffer[READ_BYTES];
    ssize_t got;
    size_t keep;

    if (from->fd < 0) {
        return false;
    }
    got = read(from->fd, buffer, sizeof(buffer));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (got <= 0) {
        end_pipe(from);
        return false;
    }
    keep = (size_t)got < from->max - from->size ? (size_t)got : from->max - from->size;
    if (keep < (size_t)got) {
        from->truncated = true;
    }
    if (keep > 0 && grow(from, keep) == 0) {
        memcpy(from->data + from->size, buffer, keep);
        from->size += keep;
    } else if (keep > 0) {
        from->truncated = true;
    }
    return true;
}

static int on_pipe(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    (void)source;
    (void)fd;
    (void)revents;
    (void)read_some(userdata);
    return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_tool_process *process = userdata;

    (void)source;
    (void)usec;
    process->timed_out = true;
    (void)kill(-process->pid, SIGKILL);
    return 0;
}

static const char *text_of(struct chb_tool_pipe *from)
{
    if (from->data == NULL) {
        return "";
    }
    from->data[from->size] = '\0';
    return from->data;
}

static void drain(struct chb_tool_pipe *from)
{
    for (int i = 0; i < DRAIN_READS && read_some(from); i++) {
    }
    end_pipe(from);
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
    struct chb_tool_process *process = userdata;
    struct chb_tool_result result = {
        .id = process->id,
        .outcome = CHB_OUTCOME_UNKNOWN,
        .exit_status = -1,
        .took = chb_time_since(now(), process->started),
    };

    (void)source;
    /* Its children too. It is not reaped yet, so the number is still its group's. */
    (void)kill(-process->pid, SIGKILL);
    drain(&process->out);
    drain(&process->err);
    process->timer = sd_event_source_disable_unref(process->timer);
    process->child = sd_event_source_unref(process->child);
    process->pid = 0;
    if (info->si_code == CLD_EXITED) {
        result.exit_status = info->si_status;
        result.outcome = info->si_status == 0 ? CHB_OUTCOME_DONE : CHB_OUTCOME_FAILED;
    } else {
        result.error = process->timed_out ? -ETIME : -EINTR;
    }
    result.out = text_of(&process->out);
    result.out_size = process->out.size;
    result.out_truncated = process->out.truncated;
    result.err = text_of(&process->err);
    process->ended(process, &result);
    return 0;
}

/* The caller's variables that steer Pacemaker's tools, and nothing else. */
static void make_environment(char **envp)
{
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    static char locale[] = "LC_ALL=C";
    size_t count = 0;

    envp[count++] = path;
    envp[count++] = locale;
    for (char **from = environ; *from != NULL && count < ENV_MAX; from++) {
        if (strncmp(*from, "PCMK_", 5) == 0 || strncmp(*from, "CIB_", 4) == 0) {
            envp[count++] = *from;
        }
    }
    envp[count] = NULL;
}

static int spawn(struct chb_tool_process *process, const char *folder, int out, int err)
{
    char path[512];
    char *envp[ENV_MAX + 1];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int size = snprintf(path, sizeof(path), "%s/%s", folder, process->argv[0]);
    int r;

    if (size < 0 || (size_t)size >= sizeof(path)) {
        return -ENAMETOOLONG;
    }
    make_environment(envp);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    r = r ?: posix_spawn_file_actions_adddup2(&actions, out, 1);
    r = r ?: posix_spawn_file_actions_adddup2(&actions, err, 2);
    r = r ?: posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    r = r ?: posix_spawnattr_setsigmask(&attr, &none);
    r = r ?: posix_spawnattr_setsigdefault(&attr, &all);
    r = r ?: posix_spawnattr_setpgroup(&attr, 0);
    r = r
            ?: posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                   POSIX_SPAWN_SETPGROUP);
    r = r ?: posix_spawn(&process->pid, path, &actions, &attr, process->argv, envp);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    if (r != 0) {
        process->pid = 0;
    }
    return -r;
}

/* A pipe whose reading end is ours. The writing end is above 2, so dup2() never meets itself. */
static int open_pipe(struct chb_tool_pipe *to, int *ret_write)
{
    int fds[2];
    int moved;

    if (pipe2(fds, O_CLOEXEC) < 0) {
        return -errno;
    }
    to->fd = fds[0];
    moved = fcntl(fds[1], F_DUPFD_CLOEXEC, 3);
    close(fds[1]);
    if (moved < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0) {
        return -errno;
    }
    *ret_write = moved;
    return 0;
}

static int watch(struct chb_tool_process *process, sd_event *event, int64_t priority)
{
    uint64_t usec = (uint64_t)chb_time_add(process->started, process->timeout).ns / 1000;
    int r = sd_event_add_child(event, &process->child, process->pid, WEXITED, on_child, process);

    if (r < 0) {
        return r;
    }
    /* Unreferencing this source from now on kills and reaps. */
    r = sd_event_source_set_child_process_own(process->child, 1);
    if (r >= 0) {
        r = sd_event_source_set_priority(process->child, priority);
    }
    if (r >= 0) {
        r = sd_event_add_io(event, &process->out.source, process->out.fd, EPOLLIN, on_pipe,
                            &process->out);
    }
    if (r >= 0) {
        r = sd_event_source_set_priority(process->out.source, priority);
    }
    if (r >= 0) {
        r = sd_event_add_io(event, &process->err.source, process->err.fd, EPOLLIN, on_pipe,
                            &process->err);
    }
    if (r >= 0) {
        r = sd_event_source_set_priority(process->err.source, priority);
    }
    if (r >= 0) {
        r = sd_event_add_time(event, &process->timer, CLOCK_BOOTTIME, usec, ACCURACY_USEC,
                              on_deadline, process);
    }
    return r < 0 ? r : sd_event_source_set_priority(process->timer, priority);
}

int chb_tool_process_start(struct chb_tool_process *process, sd_event *event, const char *folder,
                           int64_t priority)
{
    int out = -1;
    int err = -1;
    int r = open_pipe(&process->out, &out);

    if (r == 0) {
        r = open_pipe(&process->err, &err);
    }
    process->started = now();
    if (r == 0) {
        r = spawn(process, folder, out, err);
    }
    if (out >= 0) {
        close(out);
    }
    if (err >= 0) {
        close(err);
    }
    return r < 0 ? r : watch(process, event, priority);
}

struct chb_tool_process *chb_tool_process_free(struct chb_tool_process *process)
{
    if (process == NULL) {
        return NULL;
    }
    end_pipe(&process->out);
    end_pipe(&process->err);
    sd_event_source_disable_unref(process->timer);
    if (process->pid > 0) {
        (void)kill(-process->pid, SIGKILL);
        if (process->child == NULL) {
            (void)waitpid(process->pid, NULL, 0);
        }
    }
    sd_event_source_disable_unref(process->child);
    free(process->out.data);
    free(process->err.data);
    free(process->arguments);
    free(process);
    return NULL;
}
