/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The queue of runs: starts as many as may run at once, in order, from the event loop only. */
#include <agent/pacemaker/tool.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <agent/pacemaker/tool_process.h>

struct chb_tools {
    sd_event *event;
    sd_event_source *pump; /* deferred: starts what waits */
    char *folder;
    int64_t priority;
    unsigned parallel_max;
    uint64_t last_id;
    struct chb_tool_process *running[CHB_TOOL_PARALLEL_MAX];
    unsigned waiting_count;
    struct chb_tool_process *waiting[CHB_TOOL_QUEUE_MAX]; /* oldest first */
};

static void wake_pump(struct chb_tools *tools)
{
    (void)sd_event_source_set_enabled(tools->pump, SD_EVENT_ONESHOT);
}

static struct chb_tool_process *take_waiting(struct chb_tools *tools, unsigned index)
{
    struct chb_tool_process *process = tools->waiting[index];

    tools->waiting_count--;
    memmove(&tools->waiting[index], &tools->waiting[index + 1],
            (tools->waiting_count - index) * sizeof(tools->waiting[0]));
    return process;
}

static void report(struct chb_tool_process *process, const struct chb_tool_result *result)
{
    if (process->done != NULL) {
        process->done(process->userdata, result);
    }
    chb_tool_process_free(process);
}

static void on_ended(struct chb_tool_process *process, const struct chb_tool_result *result)
{
    struct chb_tools *tools = process->owner;

    /* Out of the table first: the callback may cancel, start, or ask what is pending. */
    for (unsigned i = 0; i < tools->parallel_max; i++) {
        if (tools->running[i] == process) {
            tools->running[i] = NULL;
        }
    }
    wake_pump(tools);
    report(process, result);
}

static void start(struct chb_tools *tools, unsigned slot)
{
    struct chb_tool_process *process = take_waiting(tools, 0);
    int r;

    process->ended = on_ended;
    process->owner = tools;
    tools->running[slot] = process;
    r = chb_tool_process_start(process, tools->event, tools->folder, tools->priority);
    if (r < 0) {
        const struct chb_tool_result result = {
            .id = process->id,
            /* If it was started and could only not be watched, it may have worked. */
            .outcome = process->pid > 0 ? CHB_OUTCOME_UNKNOWN : CHB_OUTCOME_FAILED,
            .error = r,
            .exit_status = -1,
            .out = "",
            .err = "",
        };
        on_ended(process, &result);
    }
}

static int on_pump(sd_event_source *source, void *userdata)
{
    struct chb_tools *tools = userdata;

    (void)source;
    for (unsigned i = 0; i < tools->parallel_max && tools->waiting_count > 0; i++) {
        if (tools->running[i] == NULL) {
            start(tools, i);
        }
    }
    return 0;
}

int chb_tools_new(sd_event *event, const struct chb_tools_config *config, struct chb_tools **ret)
{
    struct chb_tools *tools;
    int r;

    if (config->parallel_max > CHB_TOOL_PARALLEL_MAX ||
        (config->folder != NULL && config->folder[0] != '/')) {
        return -EINVAL;
    }
    tools = calloc(1, sizeof(*tools));
    if (tools == NULL) {
        return -ENOMEM;
    }
    tools->event = sd_event_ref(event);
    tools->priority = config->priority;
    tools->parallel_max = config->parallel_max == 0 ? 4 : config->parallel_max;
    tools->folder = strdup(config->folder == NULL ? "/usr/sbin" : config->folder);
    r = tools->folder == NULL ? -ENOMEM : sd_event_add_defer(event, &tools->pump, on_pump, tools);
    if (r >= 0) {
        r = sd_event_source_set_priority(tools->pump, config->priority);
    }
    if (r < 0) {
        chb_tools_free(tools);
        return r;
    }
    *ret = tools;
    return 0;
}

struct chb_tools *chb_tools_free(struct chb_tools *tools)
{
    if (tools == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < CHB_TOOL_PARALLEL_MAX; i++) {
        chb_tool_process_free(tools->running[i]);
    }
    while (tools->waiting_count > 0) {
        chb_tool_process_free(take_waiting(tools, tools->waiting_count - 1));
    }
    sd_event_source_disable_unref(tools->pump);
    sd_event_unref(tools->event);
    free(tools->folder);
    free(tools);
    return NULL;
}

int chb_tools_run(struct chb_tools *tools, const char *const argv[], chb_span timeout,
                  size_t out_max, chb_tool_done done, void *userdata, uint64_t *ret_id)
{
    struct chb_tool_process *process;
    int r;

    if (tools->waiting_count == CHB_TOOL_QUEUE_MAX) {
        return -ENOBUFS;
    }
    r = chb_tool_process_new(argv, timeout, out_max, &process);
    if (r < 0) {
        return r;
    }
    process->id = ++tools->last_id;
    process->done = done;
    process->userdata = userdata;
    tools->waiting[tools->waiting_count++] = process;
    wake_pump(tools);
    if (ret_id != NULL) {
        *ret_id = process->id;
    }
    return 0;
}

int chb_tools_cancel(struct chb_tools *tools, uint64_t id)
{
    for (unsigned i = 0; i < tools->waiting_count; i++) {
        if (tools->waiting[i]->id == id) {
            chb_tool_process_free(take_waiting(tools, i));
            return 0;
        }
    }
    for (unsigned i = 0; i < tools->parallel_max; i++) {
        if (tools->running[i] != NULL && tools->running[i]->id == id) {
            chb_tool_process_free(tools->running[i]);
            tools->running[i] = NULL;
            wake_pump(tools);
            return 0;
        }
    }
    return -ENOENT;
}

unsigned chb_tools_pending(const struct chb_tools *tools)
{
    unsigned count = tools->waiting_count;

    for (unsigned i = 0; i < tools->parallel_max; i++) {
        count += tools->running[i] != NULL;
    }
    return count;
}
