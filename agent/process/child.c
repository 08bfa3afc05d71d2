/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/process/child.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct chb_child {
    struct chb_process_id id;
    int pidfd;
    sd_event_source *source;
    chb_child_fn *fn;
    void *userdata;
    bool own; /* we are its parent and must wait for it */
};

static chb_time now(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_BOOTTIME, &ts);
    return (chb_time){.ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec};
}

static int on_pidfd(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct chb_child *child = userdata;
    (void)source;
    (void)fd;
    (void)revents;
    struct chb_child_exit exit = {.at = now()};
    if (child->own) {
        siginfo_t info = {0};
        if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG) == 0 &&
            info.si_pid != 0) {
            exit.known = true;
            exit.code = info.si_code;
            exit.status = info.si_status;
        }
        child->own = false;
    }
    child->source = sd_event_source_disable_unref(child->source);
    child->fn(child->userdata, &exit);
    return 0;
}

/* In the child, between fork and exec: only what is safe there. */
static void prepare_child(int log_fd, int oom_score_adj)
{
    (void)setsid();
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(log_fd, STDOUT_FILENO);
    (void)dup2(log_fd, STDERR_FILENO);
    char text[16];
    int length = snprintf(text, sizeof(text), "%d", oom_score_adj);
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        /* without the right to lower it, the guest is as likely to be killed as anybody */
        if (write(fd, text, (size_t)length) < 0) {
            (void)close(fd);
        } else {
            (void)close(fd);
        }
    }
    /* The daemon's real-time scheduling is for the daemon alone. */
    struct sched_param param = {0};
    (void)sched_setscheduler(0, SCHED_OTHER, &param);
    (void)setpriority(PRIO_PROCESS, 0, 0);
    for (int signal_number = 1; signal_number < SIGRTMIN; signal_number++) {
        (void)signal(signal_number, SIG_DFL);
    }
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)umask(0077);
}

static _Noreturn void child_main(const struct chb_child_spec *spec, int log_fd, int error_fd)
{
    static const char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL=C",
        "HOME=/",
        NULL,
    };
    prepare_child(log_fd, spec->oom_score_adj);
    /* Everything of ours is close-on-exec; this is for what a library forgot. */
    (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    char *env[sizeof(environment) / sizeof(environment[0])];
    memcpy(env, environment, sizeof(environment));
    (void)execvpe(spec->argv[0], spec->argv, env);
    int error = errno;
    ssize_t written = write(error_fd, &error, sizeof(error));
    _exit(written == (ssize_t)sizeof(error) ? 127 : 126);
}

/* 0 when the pipe closed by a successful exec, else the negative errno that the child told. */
static int exec_result(int fd)
{
    int error = 0;
    ssize_t n;
    do {
        n = read(fd, &error, sizeof(error));
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(error) ? -error : 0;
}

static int open_log(const char *path)
{
    char old[4096];
    if (snprintf(old, sizeof(old), "%s.old", path) < (int)sizeof(old)) {
        (void)rename(path, old);
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    return fd < 0 ? -errno : fd;
}

static int fork_and_exec(const struct chb_child_spec *spec, pid_t *ret_pid)
{
    int log_fd = open_log(spec->log_path);
    if (log_fd < 0) {
        return log_fd;
    }
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
        int r = -errno;
        (void)close(log_fd);
        return r;
    }
    pid_t pid = fork();
    int r = pid < 0 ? -errno : 0;
    if (pid == 0) {
        child_main(spec, log_fd, pipe_fds[1]);
    }
    (void)close(log_fd);
    (void)close(pipe_fds[1]);
    if (r == 0) {
        r = exec_result(pipe_fds[0]);
        if (r < 0) {
            (void)waitpid(pid, NULL, 0);
        }
    }
    (void)close(pipe_fds[0]);
    if (r == 0) {
        *ret_pid = pid;
    }
    return r;
}

/* Opens the pidfd first and looks at the identity afterwards: what is seen then is what is held. */
static int hold(sd_event *event, pid_t pid, int64_t priority, struct chb_child *child)
{
    child->pidfd = pidfd_open(pid, 0);
    if (child->pidfd < 0) {
        return -errno;
    }
    int r = chb_process_id_read(pid, &child->id);
    if (r < 0) {
        return r;
    }
    r = sd_event_add_io(event, &child->source, child->pidfd, EPOLLIN, on_pidfd, child);
    if (r >= 0) {
        r = sd_event_source_set_priority(child->source, priority);
    }
    return r < 0 ? r : 0;
}

static struct chb_child *new_child(chb_child_fn *fn, void *userdata, bool own)
{
    struct chb_child *child = calloc(1, sizeof(*child));
    if (child != NULL) {
        *child = (struct chb_child){.pidfd = -1, .fn = fn, .userdata = userdata, .own = own};
    }
    return child;
}

int chb_child_spawn(sd_event *event, const struct chb_child_spec *spec, int64_t priority,
                    chb_child_fn *fn, void *userdata, struct chb_child **ret_child)
{
    struct chb_child *child = new_child(fn, userdata, true);
    if (child == NULL) {
        return -ENOMEM;
    }
    pid_t pid = 0;
    int r = fork_and_exec(spec, &pid);
    if (r < 0) {
        chb_child_free(child);
        return r;
    }
    r = hold(event, pid, priority, child);
    if (r < 0) {
        (void)kill(pid, SIGKILL); /* ours and not waited for: the number is still its own */
        (void)waitpid(pid, NULL, 0);
        chb_child_free(child);
        return r;
    }
    *ret_child = child;
    return 0;
}

int chb_child_adopt(sd_event *event, const struct chb_process_id *id, int64_t priority,
                    chb_child_fn *fn, void *userdata, struct chb_child **ret_child)
{
    struct chb_child *child = new_child(fn, userdata, false);
    if (child == NULL) {
        return -ENOMEM;
    }
    int r = hold(event, id->pid, priority, child);
    if (r == 0 &&
        (child->id.start_time != id->start_time || strcmp(child->id.boot_id, id->boot_id) != 0)) {
        r = -ESRCH;
    }
    if (r < 0) {
        chb_child_free(child);
        return r;
    }
    *ret_child = child;
    return 0;
}

struct chb_child *chb_child_free(struct chb_child *child)
{
    if (child != NULL) {
        child->source = sd_event_source_disable_unref(child->source);
        if (child->pidfd >= 0) {
            (void)close(child->pidfd);
        }
        free(child);
    }
    return NULL;
}

int chb_child_signal(struct chb_child *child, int signal)
{
    return pidfd_send_signal(child->pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

const struct chb_process_id *chb_child_id(const struct chb_child *child)
{
    return &child->id;
}

int chb_child_is_stopped(const struct chb_child *child)
{
    struct chb_process_stat stat;
    int r = chb_process_stat_read(child->id.pid, &stat);
    if (r < 0 || stat.start_time != child->id.start_time) {
        return -ESRCH;
    }
    return stat.state == 'T' || stat.state == 't' ? 1 : 0;
}
