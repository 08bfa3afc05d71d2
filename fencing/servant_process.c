/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fencing/servant_process.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Reads what a servant that is gone left behind: its socket buffer holds fewer than this. */
#define DRAIN_MAX 4096

static void close_socket(struct chb_servant_process *process)
{
    process->io = sd_event_source_disable_unref(process->io);
    if (process->fd >= 0) {
        close(process->fd);
        process->fd = -1;
    }
}

static void break_off(struct chb_servant_process *process, const char *text)
{
    close_socket(process);
    process->broken(process->userdata, text);
}

/*
 * Reads up to `max` messages. Returns 0 if the socket is empty or max was reached, or a negative
 * errno after which the socket is of no more use: -EPIPE at its end, -EBADMSG for nonsense.
 */
static int receive(struct chb_servant_process *process, size_t max)
{
    uint8_t buffer[CHB_FENCING_MESSAGE_SIZE + 1]; /* one more, so that too much is seen */
    struct chb_fencing_message message;

    for (size_t i = 0; i < max && process->fd >= 0; i++) {
        ssize_t size = recv(process->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            return 0;
        }
        if (size <= 0) {
            return -EPIPE;
        }
        if (chb_fencing_decode(buffer, (size_t)size, true, &message) < 0) {
            return -EBADMSG;
        }
        process->message(process->userdata, &message);
    }
    return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct chb_servant_process *process = userdata;
    int r = receive(process, CHB_SERVANT_BATCH_MAX);

    (void)source;
    (void)fd;
    (void)revents;
    if (r < 0 && process->fd >= 0) {
        break_off(process, r == -EBADMSG ? "the fencing servant sent an invalid message"
                                         : "the fencing servant ended");
    }
    return 0;
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
    struct chb_servant_process *process = userdata;
    char text[96];

    (void)source;
    /* Its last words may be the ones that matter: a fence that was complete. */
    (void)receive(process, DRAIN_MAX);
    close_socket(process);
    process->child = sd_event_source_unref(process->child);
    if (info->si_code == CLD_EXITED) {
        snprintf(text, sizeof(text), "the fencing servant ended with status %d", info->si_status);
    } else {
        snprintf(text, sizeof(text), "the fencing servant was killed by signal %d",
                 info->si_status);
    }
    process->pid = 0;
    process->gone(process->userdata, text);
    return 0;
}

/* posix_spawn() with the socket as fd 3 and nothing else of ours: no signal mask, no other fd. */
static int spawn(const struct chb_servant_spec *spec, int fd, pid_t *ret_pid)
{
    char limit[24];
    char *argv[] = {NULL, NULL, limit, NULL};
    char *envp[] = {NULL, NULL};
    char path_env[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int r;

    snprintf(limit, sizeof(limit), "%" PRId64, chb_span_ms(spec->call_limit));
    argv[0] = strdup(spec->path);
    argv[1] = strdup(spec->client_name);
    envp[0] = path_env;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    r = argv[0] == NULL || argv[1] == NULL ? ENOMEM : 0;
    r = r ?: posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
    r = r ?: posix_spawn_file_actions_adddup2(&actions, fd, CHB_FENCING_SERVANT_FD);
    r = r ?: posix_spawn_file_actions_addclosefrom_np(&actions, CHB_FENCING_SERVANT_FD + 1);
    r = r ?: posix_spawnattr_setsigmask(&attr, &none);
    r = r ?: posix_spawnattr_setsigdefault(&attr, &all);
    r = r ?: posix_spawnattr_setpgroup(&attr, 0);
    r = r
            ?: posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                   POSIX_SPAWN_SETPGROUP);
    r = r ?: posix_spawn(ret_pid, spec->path, &actions, &attr, argv, envp);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    free(argv[0]);
    free(argv[1]);
    return -r;
}

static int watch(struct chb_servant_process *process, int64_t priority)
{
    int r = sd_event_add_child(process->event, &process->child, process->pid, WEXITED, on_child,
                               process);

    if (r < 0) {
        return r;
    }
    /* From here on the source owns the process: unreferencing it kills and reaps. */
    r = sd_event_source_set_child_process_own(process->child, 1);
    if (r < 0) {
        return r;
    }
    r = sd_event_source_set_priority(process->child, priority);
    if (r < 0) {
        return r;
    }
    r = sd_event_add_io(process->event, &process->io, process->fd, EPOLLIN, on_io, process);
    return r < 0 ? r : sd_event_source_set_priority(process->io, priority);
}

int chb_servant_start(struct chb_servant_process *process, const struct chb_servant_spec *spec)
{
    int fds[2];
    int r;

    process->child = NULL;
    process->io = NULL;
    process->pid = 0;
    process->fd = -1;
    process->killed = false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
        return -errno;
    }
    r = spawn(spec, fds[1], &process->pid);
    close(fds[1]);
    if (r < 0) {
        close(fds[0]);
        process->pid = 0;
        return r;
    }
    process->fd = fds[0];
    r = watch(process, spec->priority);
    if (r < 0) {
        chb_servant_destroy(process);
    }
    return r;
}

bool chb_servant_runs(const struct chb_servant_process *process)
{
    return process->pid > 0;
}

int chb_servant_send(struct chb_servant_process *process, const struct chb_fencing_message *message)
{
    uint8_t buffer[CHB_FENCING_MESSAGE_SIZE];
    int r = chb_fencing_encode(message, buffer);

    if (r < 0) {
        return r;
    }
    if (process->fd < 0) {
        return -EPIPE;
    }
    if (send(process->fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        return -errno;
    }
    return 0;
}

void chb_servant_kill(struct chb_servant_process *process)
{
    if (process->pid > 0 && !process->killed) {
        process->killed = true;
        (void)kill(process->pid, SIGKILL);
    }
}

void chb_servant_destroy(struct chb_servant_process *process)
{
    close_socket(process);
    if (process->pid > 0) {
        (void)kill(process->pid, SIGKILL);
        if (process->child != NULL) {
            process->child = sd_event_source_disable_unref(process->child);
        } else {
            (void)waitpid(process->pid, NULL, 0);
        }
        process->pid = 0;
    }
}
