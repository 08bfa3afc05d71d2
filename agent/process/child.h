/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One QEMU process, held by its pidfd, so that a signal never meets another process of the same
 * number and its death is seen by the kernel at once (P1).
 *
 * The process has its own session and none of our descriptors: it outlives the daemon (R9), and the
 * next daemon adopts it by its identity.
 */
#ifndef CHB_PROCESS_CHILD_H
#define CHB_PROCESS_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include <agent/core/time.h>
#include <agent/process/proc.h>

struct chb_child;

struct chb_child_exit {
    bool known; /* it was our own child: code and status are valid */
    int code;   /* CLD_EXITED, CLD_KILLED or CLD_DUMPED */
    int status; /* exit status or signal */
    chb_time at;
};

/* The process is dead. Called once, from the event loop. chb_child_free() may be called from it. */
typedef void chb_child_fn(void *userdata, const struct chb_child_exit *exit);

struct chb_child_spec {
    char *const *argv;    /* NULL-terminated; argv[0] is looked up in PATH if it has no slash */
    const char *log_path; /* for standard output and error; an older one is kept as PATH.old */
    int oom_score_adj;    /* -1000 .. 1000; without the right to lower it, it stays */
};

/* Starts a process.
 * @priority: of its death among the event sources; give it the most urgent one.
 * @ret_child: owned by the caller.
 * Returns 0; -ENOENT, -EACCES and others of execvp; errors of fork, open, pidfd_open. */
int chb_child_spawn(sd_event *event, const struct chb_child_spec *spec, int64_t priority,
                    chb_child_fn *fn, void *userdata, struct chb_child **ret_child);

/* Takes over a process of an earlier daemon.
 * Returns 0; -ESRCH when it is dead, or when another process has its number, or when this is
 * another boot: in each case that very process does not run any more. */
int chb_child_adopt(sd_event *event, const struct chb_process_id *id, int64_t priority,
                    chb_child_fn *fn, void *userdata, struct chb_child **ret_child);

/* Lets go of it: the process runs on. NULL is fine; returns NULL. */
struct chb_child *chb_child_free(struct chb_child *child);

/* SIGSTOP, SIGCONT, SIGKILL, … Returns 0, -ESRCH when it is dead. */
int chb_child_signal(struct chb_child *child, int signal);

const struct chb_process_id *chb_child_id(const struct chb_child *child);

/* Is it stopped by SIGSTOP? Returns 1, 0 or -ESRCH. */
int chb_child_is_stopped(const struct chb_child *child);

/* The last lines of a log as one printable line, for error texts; "" when there is nothing.
 * @size: 1 or more. Returns @ret_text. */
char *chb_log_tail(const char *path, char *ret_text, size_t size);

/* Cuts a log to nothing when it is longer than @bytes_max; its writer appends, and goes on. */
void chb_log_bound(const char *path, int64_t bytes_max);

#endif
