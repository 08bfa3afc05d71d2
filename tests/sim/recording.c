/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <tests/sim/recording.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <agent/recorder/reader.h>
#include <tests/sim/cmd.h>

struct walk {
    struct chb_sim *sim; /* for its trace alone */
    struct chb_item item;
    struct chb_core core;
    struct chb_actions actions;
    struct chb_recording_judge judge;
    int64_t first_ns;
    uint64_t events;
    uint64_t n_actions;
    uint64_t sessions;
    uint64_t lost; /* places where something could not be read */
    bool open;     /* an event was stepped whose result has not been read */
    bool bad;
    bool quiet;
};

static uint8_t *read_file(const char *path, size_t *ret_size)
{
    struct stat status;
    uint8_t *bytes = NULL;
    FILE *file = fopen(path, "rbe");
    if (file != NULL && fstat(fileno(file), &status) == 0) {
        errno = EFBIG;
        if (S_ISREG(status.st_mode) && status.st_size <= CHB_RECORDING_BYTES_MAX) {
            bytes = malloc((size_t)status.st_size + 1);
        }
        if (bytes != NULL) {
            *ret_size = fread(bytes, 1, (size_t)status.st_size, file);
        }
    }
    if (bytes == NULL) {
        fprintf(stderr, "colo-sim: %s: %s\n", path, strerror(errno));
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return bytes;
}

static void say(struct walk *walk, const char *text)
{
    chb_sim_trace(walk->sim, walk->core.self, "%s", text);
}

static void put_time(int64_t wall_ns, char *ret_text, size_t size)
{
    time_t seconds = (time_t)(wall_ns / 1000000000);
    struct tm parts;
    char text[32];
    (void)gmtime_r(&seconds, &parts);
    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
    (void)snprintf(ret_text, size, "%s.%03d UTC", text, (int)(wall_ns % 1000000000 / 1000000));
}

/* ---- items ---- */

static void on_segment(struct walk *walk)
{
    const struct chb_segment *segment = &walk->item.segment;
    char text[400];
    char when[64];
    if (walk->events == 0 && walk->sessions == 0) {
        walk->first_ns = segment->boottime_ns;
    }
    if (walk->events == 0 && walk->sessions == 0 && !walk->quiet) {
        printf("VM %s on node %s (n%u), recorded by colo-hbd %s with %s\n", segment->vm,
               segment->node_name, segment->node, segment->version, segment->configuration);
    }
    if (walk->item.gap == CHB_GAP_NONE) {
        const char *name = chb_core_difference(&walk->core, &walk->item.core);
        if (name != NULL) {
            printf("differs: before event %llu the daemon had another \"%s\"\n",
                   (unsigned long long)segment->first_event, name);
            walk->bad = true;
        }
        return;
    }
    walk->core = walk->item.core;
    walk->open = false;
    chb_recording_judge_begin(&walk->judge, &walk->core);
    put_time(segment->wall_ns, when, sizeof(when));
    if (walk->item.gap == CHB_GAP_LOST) {
        walk->lost++;
        printf("something is missing before %s, event %llu\n", when,
               (unsigned long long)segment->first_event);
    }
    walk->sessions += walk->item.gap == CHB_GAP_LOST ? 0 : 1;
    walk->sim->now_ns = segment->boottime_ns - walk->first_ns;
    (void)snprintf(text, sizeof(text), "%s, %s (event %llu)",
                   walk->item.gap == CHB_GAP_SESSION ? "AGENT STARTS" : "recording goes back to",
                   when, (unsigned long long)segment->first_event);
    say(walk, text);
}

static void step(void *what)
{
    struct walk *walk = what;
    chb_core_step(&walk->core, &walk->item.event, &walk->actions);
}

static void on_event(struct walk *walk)
{
    if (walk->open) { /* nothing was compared there */
        walk->lost++;
        printf("the result of event %llu is missing\n", (unsigned long long)walk->item.number - 1);
    }
    walk->events++;
    walk->sim->now_ns = walk->item.event.at.ns - walk->first_ns;
    chb_sim_trace_event(walk->sim, walk->core.self, &walk->item.event);
    if (!chb_cmd_guarded(step, walk)) {
        printf("breaks assert: the core has stopped itself at event %llu\n",
               (unsigned long long)walk->item.number);
        walk->bad = true;
        return;
    }
    walk->open = true;
    for (uint32_t i = 0; i < walk->actions.count; i++) {
        chb_sim_trace_action(walk->sim, walk->core.self, &walk->actions.list[i]);
        walk->n_actions++;
    }
    if (!chb_recording_judge_step(&walk->judge, &walk->item.event, &walk->actions, &walk->core)) {
        printf("breaks %s (event %llu)\n", walk->judge.broken,
               (unsigned long long)walk->item.number);
        walk->bad = true;
    }
}

/* What the daemon did, where it did something else. */
static void tell_difference(struct walk *walk)
{
    const struct chb_result *result = &walk->item.result;
    uint32_t same = 0;
    while (same < walk->actions.count && same < result->actions.count &&
           chb_action_equal(&walk->actions.list[same], &result->actions.list[same])) {
        same++;
    }
    printf("differs: at event %llu the daemon decided on %u actions, this core on %u; the first "
           "%u are the same\n",
           (unsigned long long)walk->item.number, result->n_actions, walk->actions.count, same);
    if (result->kept) {
        chb_sim_trace(walk->sim, walk->core.self, "  what the daemon did instead:");
        for (uint32_t i = same; i < result->actions.count; i++) {
            chb_sim_trace_action(walk->sim, walk->core.self, &result->actions.list[i]);
        }
    }
}

static void on_result(struct walk *walk)
{
    const struct chb_result *result = &walk->item.result;
    if (!walk->open) {
        return;
    }
    walk->open = false;
    if (result->actions_digest != chb_actions_digest(&walk->actions)) {
        tell_difference(walk);
        walk->bad = true;
    } else if (result->state_digest != chb_core_digest(&walk->core)) {
        printf("differs: the state after event %llu is another than the daemon's, though it did "
               "the same\n",
               (unsigned long long)walk->item.number);
        walk->bad = true;
    }
}

static void on_damage(struct walk *walk)
{
    walk->lost++;
    walk->open = false;
    printf("damaged behind event %llu\n", (unsigned long long)walk->item.number);
}

static void walk_through(struct walk *walk, struct chb_recording *recording)
{
    while (!walk->bad) {
        chb_recording_next(recording, &walk->item);
        switch (walk->item.kind) {
        case CHB_ITEM_SEGMENT:
            on_segment(walk);
            break;
        case CHB_ITEM_EVENT:
            on_event(walk);
            break;
        case CHB_ITEM_RESULT:
            on_result(walk);
            break;
        case CHB_ITEM_DAMAGE:
            on_damage(walk);
            break;
        case CHB_ITEM_KIND_MAX:
            return;
        }
    }
}

static int open_recording(const char *path, const uint8_t *bytes, size_t size,
                          struct chb_recording **ret_recording)
{
    char version[32];
    int r = chb_recording_open(bytes, size, version, ret_recording);
    if (r == -EPROTONOSUPPORT) {
        fprintf(stderr, "colo-sim: %s: its format is another: use the colo-sim of version %s\n",
                path, version);
    } else if (r == -ESTALE) {
        fprintf(stderr,
                "colo-sim: %s: the core that it was recorded from has another state: use the "
                "colo-sim that was built with that colo-hbd (version %s)\n",
                path, version);
    } else if (r < 0) {
        fprintf(stderr, "colo-sim: %s: this is no recording, or nothing of it is sound\n", path);
    }
    return r;
}

int chb_recording_replay(const char *path, bool trace, bool quiet)
{
    size_t size = 0;
    struct chb_recording *recording = NULL;
    uint8_t *bytes = read_file(path, &size);
    if (bytes == NULL || open_recording(path, bytes, size, &recording) < 0) {
        free(bytes);
        return CHB_CMD_ERROR;
    }
    static struct walk walk;
    memset(&walk, 0, sizeof(walk));
    walk.quiet = quiet;
    walk.sim = chb_cmd_new_sim();
    walk.sim->trace.on = true;
    walk.sim->trace.print = trace;
    walk_through(&walk, recording);
    if (walk.bad && !trace) {
        chb_sim_trace_tail(walk.sim, CHB_CMD_TAIL);
    }
    bool well = !walk.bad && walk.lost == 0;
    if (!well || !quiet) {
        printf("%s: %llu events, %llu actions, %llu lives of the agent%s: %s\n", path,
               (unsigned long long)walk.events, (unsigned long long)walk.n_actions,
               (unsigned long long)walk.sessions,
               walk.open ? ", the last step without its result" : "",
               walk.bad        ? "not the same decisions"
               : walk.lost > 0 ? "the same decisions, but something is missing"
                               : "the same decisions");
    }
    free(walk.sim);
    (void)chb_recording_free(recording);
    free(bytes);
    return well ? CHB_CMD_WELL : CHB_CMD_BAD;
}
