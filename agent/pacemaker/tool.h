/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs other programs (Pacemaker's command line tools) without waiting for them.
 *
 * A run has a deadline, at which it is killed with SIGKILL together with its process group, and
 * bounds on what is kept of its output. At most `parallel_max` run at once; the others wait in a
 * bounded queue, in order. No function of this file blocks for longer than posix_spawn() takes.
 */
#ifndef CHB_PACEMAKER_TOOL_H
#define CHB_PACEMAKER_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include <agent/core/outcome.h>
#include <agent/core/time.h>

#define CHB_TOOL_ARGS_MAX 24     /* arguments of one run, the program's name included */
#define CHB_TOOL_ARGS_BYTES 8192 /* of all of them together, final NULs included */
#define CHB_TOOL_ERR_MAX 1024    /* bytes kept of standard error */
#define CHB_TOOL_QUEUE_MAX 128   /* runs waiting */
#define CHB_TOOL_PARALLEL_MAX 16

struct chb_tools;

struct chb_tools_config {
    const char *folder;    /* where the programs are, absolute; NULL: /usr/sbin; copied */
    unsigned parallel_max; /* runs at once, 1 to CHB_TOOL_PARALLEL_MAX; 0: 4 */
    int64_t priority;      /* sd-event priority of everything here */
};

/* How a run ended. All pointers are valid during the callback. */
struct chb_tool_result {
    uint64_t id;
    enum chb_outcome outcome; /* DONE: exit status 0. FAILED: it never started, or another exit
                                 status. UNKNOWN: killed at the deadline, or by somebody. */
    int error;                /* 0, or why it did not start or was given up; -ETIME: deadline */
    int exit_status;          /* 0 to 255; -1 if it did not exit */
    const char *out;          /* standard output, NUL-terminated; NULs in it are kept */
    size_t out_size;
    bool out_truncated; /* there was more than out_max bytes */
    const char *err;    /* standard error, NUL-terminated, cut at CHB_TOOL_ERR_MAX */
    chb_span took;      /* from the start of the process to its end */
};

typedef void (*chb_tool_done)(void *userdata, const struct chb_tool_result *result);

/*
 * event: referenced until chb_tools_free(); SIGCHLD must be blocked in all threads (sd-event).
 * ret: owned by the caller. Errors: -EINVAL, -ENOMEM.
 */
int chb_tools_new(sd_event *event, const struct chb_tools_config *config, struct chb_tools **ret);

/* Kills what runs, forgets what waits; no callback is called any more. Takes and returns NULL. */
struct chb_tools *chb_tools_free(struct chb_tools *tools);

/*
 * Runs `argv[0]` of the tools' folder, with an environment of PATH, LC_ALL=C and those PCMK_ and
 * CIB_ variables that the caller has.
 *
 * argv: NULL-terminated, up to CHB_TOOL_ARGS_MAX, copied; argv[0] must not contain a slash.
 * timeout: of the run itself, 1 ms or more. out_max: bytes to keep of standard output, up to 1 MiB;
 * more is read and dropped. done: called once, from the event loop, also if the program is missing;
 * it may start other runs and cancel them. ret_id: may be NULL.
 * Errors: -EINVAL; -E2BIG for too many arguments or bytes; -ENOBUFS if the queue is full; -ENOMEM.
 */
int chb_tools_run(struct chb_tools *tools, const char *const argv[], chb_span timeout,
                  size_t out_max, chb_tool_done done, void *userdata, uint64_t *ret_id);

/* Forgets a run: kills it if it runs; its callback is not called. -ENOENT if there is none. */
int chb_tools_cancel(struct chb_tools *tools, uint64_t id);

/* Runs under way and waiting, for the status. */
unsigned chb_tools_pending(const struct chb_tools *tools);

#endif
