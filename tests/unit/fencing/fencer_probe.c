/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fencing client by hand, on a node of a real cluster: not a unit test, a tool for the lab.
 *
 *     fencer_probe SERVANT LOCAL_NODE      and then, on standard input:
 *     fence NODE ACTION SECONDS | alive NODE | query NODE MS_AGO | mark | late | quit
 *
 * Prints what the client reports, one line each, with the milliseconds since the start. `late` says
 * by how much a timer of 2 ms was late at most since the last time: whether anything blocked.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <fencing/fencer.h>

static struct {
    sd_event *event;
    struct chb_fencer *fencer;
    chb_time begun;
    uint64_t late_usec_max;
    uint64_t next_id;
} probe;

static chb_time now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (chb_time){.ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec};
}

static double ms(chb_time at)
{
    return (double)(at.ns - probe.begun.ns) / 1e6;
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list arguments;

    printf("%9.1f ", ms(now()));
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static const char *name_of(enum chb_outcome outcome)
{
    return outcome == CHB_OUTCOME_DONE     ? "DONE"
           : outcome == CHB_OUTCOME_FAILED ? "FAILED"
                                           : "UNKNOWN";
}

static void on_status(void *userdata, const struct chb_fencer_status *status)
{
    (void)userdata;
    say("status connected=%d attempts=%u %s", status->connected, status->attempts, status->text);
}

static void on_result(void *userdata, const struct chb_fence_result *result)
{
    (void)userdata;
    say("result %" PRIu64 " %s %s error=%d by_other=%d sent=%.1f: %s", result->request_id,
        result->node, name_of(result->outcome), result->error, result->by_other, ms(result->sent),
        result->text);
}

static void on_event(void *userdata, const struct chb_fence_event *event)
{
    (void)userdata;
    say("event %s %s %s error=%d by=%s origin=%s client=%s off=%d manual=%d ours=%d overtaken=%d "
        "settled=%d not_before=%.1f arrival=%.1f: %s",
        event->node, event->action, name_of(event->outcome), event->error, event->executioner,
        event->origin, event->client, event->powered_off, event->manual, event->ours,
        event->overtaken, event->settled, ms(event->not_before), ms(event->arrival), event->text);
}

static void on_verdict(void *userdata, const struct chb_fence_verdict *verdict)
{
    (void)userdata;
    say("verdict %" PRIu64 " %s %s error=%d pending=%d manual=%d since=%.1f completed=%.1f: %s",
        verdict->query_id, verdict->node, name_of(verdict->outcome), verdict->error,
        verdict->pending, verdict->manual, ms(verdict->since), ms(verdict->completed),
        verdict->text);
}

static void obey(char *line)
{
    char *words[4] = {NULL};
    char *rest = NULL;
    int r = -EINVAL;
    int n = 0;

    for (char *word = strtok_r(line, " \n", &rest); word != NULL && n < 4;
         word = strtok_r(NULL, " \n", &rest)) {
        words[n++] = word;
    }
    if (n == 4 && strcmp(words[0], "fence") == 0) {
        r = chb_fencer_request(probe.fencer, words[1], words[2], ++probe.next_id,
                               chb_ms(atoll(words[3]) * 1000));
    } else if (n == 2 && strcmp(words[0], "alive") == 0) {
        r = chb_fencer_note_alive(probe.fencer, words[1]);
    } else if (n == 3 && strcmp(words[0], "query") == 0) {
        chb_time since = {.ns = now().ns - atoll(words[2]) * 1000000};
        r = chb_fencer_query(probe.fencer, words[1], since, ++probe.next_id, chb_ms(5000));
    } else if (n == 1 && strcmp(words[0], "mark") == 0) {
        chb_fencer_mark(probe.fencer);
        r = 0;
    } else if (n == 1 && strcmp(words[0], "late") == 0) {
        say("late at most %.1f ms", (double)probe.late_usec_max / 1000);
        probe.late_usec_max = 0;
        return;
    } else if (n == 1 && strcmp(words[0], "quit") == 0) {
        sd_event_exit(probe.event, 0);
        return;
    }
    say("asked %s %s: %s", words[0] ? words[0] : "", words[1] ? words[1] : "",
        r < 0 ? strerror(-r) : "ok");
}

static int on_input(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    static char line[512];
    static size_t size;
    char c;
    ssize_t got = read(fd, &c, 1);

    (void)source;
    (void)revents;
    (void)userdata;
    if (got <= 0) {
        return sd_event_exit(probe.event, 0);
    }
    if (size < sizeof(line) - 1) {
        line[size++] = c;
    }
    if (c == '\n') {
        line[size] = '\0';
        size = 0;
        obey(line);
    }
    return 0;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
    uint64_t at = (uint64_t)now().ns / 1000;

    (void)userdata;
    if (at - usec > probe.late_usec_max) {
        probe.late_usec_max = at - usec;
    }
    (void)sd_event_source_set_time(source, at + 2000);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int main(int argc, char **argv)
{
    const struct chb_fencer_callbacks callbacks = {
        .status = on_status,
        .result = on_result,
        .event = on_event,
        .verdict = on_verdict,
    };
    struct chb_fencer_config config = {.timer_priority = 10};
    sd_event_source *input = NULL;
    sd_event_source *tick = NULL;
    sigset_t mask;
    int r;

    if (argc != 3) {
        fprintf(stderr, "usage: %s SERVANT LOCAL_NODE\n", argv[0]);
        return 2;
    }
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    probe.begun = now();
    config.servant_path = argv[1];
    config.local_node = argv[2];
    r = sd_event_new(&probe.event);
    r = r < 0 ? r : chb_fencer_new(probe.event, &config, &callbacks, NULL, &probe.fencer);
    r = r < 0 ? r : sd_event_add_io(probe.event, &input, 0, EPOLLIN, on_input, NULL);
    r = r < 0 ? r
              : sd_event_add_time_relative(probe.event, &tick, CLOCK_BOOTTIME, 2000, 1000, on_tick,
                                           NULL);
    r = r < 0 ? r : sd_event_loop(probe.event);
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", argv[0], strerror(-r));
    }
    sd_event_source_unref(input);
    sd_event_source_unref(tick);
    chb_fencer_free(probe.fencer);
    sd_event_unref(probe.event);
    return r < 0;
}
