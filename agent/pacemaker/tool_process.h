/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of a program: what tool.c starts and queues. Internal to this folder. */
#ifndef CHB_PACEMAKER_TOOL_PROCESS_H
#define CHB_PACEMAKER_TOOL_PROCESS_H

#include <sys/types.h>

#include <agent/pacemaker/tool.h>

/* One of the two output pipes. */
struct chb_tool_pipe {
    sd_event_source *source;
    int fd; /* -1: ended */
    char *data;
    size_t size;
    size_t allocated;
    size_t max;
    bool truncated;
};

struct chb_tool_process {
    uint64_t id;
    char *argv[CHB_TOOL_ARGS_MAX + 1]; /* into `arguments` */
    char *arguments;
    chb_span timeout;
    chb_tool_done done;
    void *userdata;

    pid_t pid; /* 0: not started */
    chb_time started;
    bool timed_out;
    sd_event_source *child;
    sd_event_source *timer;
    struct chb_tool_pipe out;
    struct chb_tool_pipe err;
    /* The process is reaped and its output read; the owner reports and frees. */
    void (*ended)(struct chb_tool_process *process, const struct chb_tool_result *result);
    struct chb_tools *owner;
};

/* Copies argv. Errors: -EINVAL, -E2BIG, -ENOMEM. */
int chb_tool_process_new(const char *const argv[], chb_span timeout, size_t out_max,
                         struct chb_tool_process **ret);

/* Starts folder/argv[0]. ended() follows from the event loop, unless this fails. */
int chb_tool_process_start(struct chb_tool_process *process, sd_event *event, const char *folder,
                           int64_t priority);

/* Kills and reaps it if it runs. Takes and returns NULL. */
struct chb_tool_process *chb_tool_process_free(struct chb_tool_process *process);

#endif
