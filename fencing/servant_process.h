/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge's handle on one run of the servant program: start, send, receive, kill, reap.
 * Internal to the fencing library. Nothing here waits.
 */
#ifndef CHB_FENCING_SERVANT_PROCESS_H
#define CHB_FENCING_SERVANT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include <fencing/message.h>

/* Messages handled in one turn of the event loop. */
#define CHB_SERVANT_BATCH_MAX 64

struct chb_servant_process {
    sd_event *event;
    sd_event_source *child;
    sd_event_source *io;
    pid_t pid;
    int fd; /* -1: closed */
    bool killed;
    /* A valid message came. */
    void (*message)(void *userdata, const struct chb_fencing_message *message);
    /* The socket ended or carried nonsense; `text` says which. The process may still be there. */
    void (*broken)(void *userdata, const char *text);
    /* The process is gone and reaped; everything that it had sent was given to message() before. */
    void (*gone)(void *userdata, const char *text);
    void *userdata;
};

struct chb_servant_spec {
    const char *path;
    const char *client_name;
    chb_span call_limit;
    int64_t priority;
};

/*
 * Starts the program and watches it. The callbacks, the event and userdata must have been set in
 * *process; everything else is overwritten. Blocks as long as posix_spawn() takes (under 1 ms).
 * Errors: negative errno, with nothing left behind.
 */
int chb_servant_start(struct chb_servant_process *process, const struct chb_servant_spec *spec);

/* True from a successful start until gone() was called. */
bool chb_servant_runs(const struct chb_servant_process *process);

/* Sends one message without waiting. -EAGAIN: the servant does not read; other errors: it ended. */
int chb_servant_send(struct chb_servant_process *process,
                     const struct chb_fencing_message *message);

/* SIGKILL. gone() follows from the event loop. What it had sent before is still delivered. */
void chb_servant_kill(struct chb_servant_process *process);

/* Kills, reaps and closes at once, without callbacks. For the end of the judge. */
void chb_servant_destroy(struct chb_servant_process *process);

#endif
