/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The talk with Pacemaker by hand, on a node of a real cluster: not a unit test, a tool for the
 * lab.
 *
 *     pacemaker_probe LOCAL_NODE      and then, on standard input:
 *     attr NAME VALUE | score RSC N | clear RSC | record VM VALUE | records VM | props |
 *     devices NODE | meta RSC NAME VALUE | republish | late | quit      ('_' in VALUE: a blank)
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

#include <agent/pacemaker/attributes.h>
#include <agent/pacemaker/cluster.h>

static struct {
    sd_event *event;
    struct chb_tools *tools;
    struct chb_attributes *attributes;
    int64_t begun_ns;
    uint64_t late_usec_max;
} probe;

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list arguments;

    printf("%9.1f ", (double)(now_ns() - probe.begun_ns) / 1e6);
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

static void on_written(void *userdata, const struct chb_attribute_report *report)
{
    (void)userdata;
    say("written kind=%d %s=%s ticket=%" PRIu64 " %s newest=%d %s", (int)report->kind, report->name,
        report->value == NULL ? "(deleted)" : report->value, report->ticket,
        name_of(report->outcome), report->newest, report->text);
}

static void on_records(void *userdata, const struct chb_cib_records *records)
{
    (void)userdata;
    say("records %s count=%zu %s", name_of(records->outcome), records->count, records->text);
    for (size_t i = 0; i < records->count; i++) {
        say("  %s: %s", records->records[i].node, records->records[i].text);
    }
}

static void on_properties(void *userdata, const struct chb_cluster_properties *p)
{
    (void)userdata;
    say("properties %s stonith-enabled=%d action=%s watchdog=%d maintenance=%d timeout=%" PRId64
        " ms watchdog-timeout=%" PRId64 " ns name=%s %s",
        name_of(p->outcome), p->stonith_enabled, p->stonith_action, p->have_watchdog,
        p->maintenance_mode, chb_span_ms(p->stonith_timeout), p->watchdog_timeout.ns,
        p->cluster_name, p->text);
}

static void on_devices(void *userdata, const struct chb_fence_devices *devices)
{
    (void)userdata;
    say("devices for %s %s count=%zu %s", devices->node, name_of(devices->outcome), devices->count,
        devices->text);
    for (size_t i = 0; i < devices->count; i++) {
        say("  %s", devices->names[i]);
    }
}

static void on_meta(void *userdata, const struct chb_tool_result *result)
{
    (void)userdata;
    say("meta %s status=%d took=%" PRId64 " ms out=%s err=%s", name_of(result->outcome),
        result->exit_status, chb_span_ms(result->took), result->out, result->err);
}

static int obey_words(char **words)
{
    for (int i = 2; i < 4 && words[i] != NULL; i++) {
        for (char *c = words[i]; (c = strchr(c, '_')) != NULL;) {
            *c = ' ';
        }
    }
    if (strcmp(words[0], "attr") == 0) {
        return chb_attributes_set(probe.attributes, words[1], words[2], NULL);
    }
    if (strcmp(words[0], "score") == 0) {
        return chb_attributes_set_score(probe.attributes, words[1], atoi(words[2]), NULL);
    }
    if (strcmp(words[0], "clear") == 0) {
        return chb_attributes_clear_score(probe.attributes, words[1], NULL);
    }
    if (strcmp(words[0], "record") == 0) {
        return chb_attributes_set_record(probe.attributes, words[1], words[2], NULL);
    }
    if (strcmp(words[0], "records") == 0) {
        return chb_cluster_read_records(probe.tools, words[1], chb_ms(10000), on_records, NULL);
    }
    if (strcmp(words[0], "props") == 0) {
        return chb_cluster_read_properties(probe.tools, chb_ms(10000), on_properties, NULL);
    }
    if (strcmp(words[0], "devices") == 0) {
        return chb_cluster_read_devices(probe.tools, words[1], chb_ms(20000), on_devices, NULL);
    }
    if (strcmp(words[0], "meta") == 0) {
        return chb_cluster_set_meta(probe.tools, words[1], words[2], words[3], chb_ms(20000),
                                    on_meta, NULL);
    }
    if (strcmp(words[0], "republish") == 0) {
        chb_attributes_republish(probe.attributes, false);
        return 0;
    }
    return -EINVAL;
}

static void obey(char *line)
{
    char *words[4] = {NULL};
    char *rest = NULL;
    int n = 0;
    int r;

    for (char *word = strtok_r(line, " \n", &rest); word != NULL && n < 4;
         word = strtok_r(NULL, " \n", &rest)) {
        words[n++] = word;
    }
    if (n == 0) {
        return;
    }
    if (strcmp(words[0], "late") == 0) {
        say("late at most %.1f ms", (double)probe.late_usec_max / 1000);
        probe.late_usec_max = 0;
        return;
    }
    if (strcmp(words[0], "quit") == 0) {
        sd_event_exit(probe.event, 0);
        return;
    }
    r = obey_words(words);
    if (r < 0) {
        say("%s: %s", words[0], strerror(-r));
    }
}

static int on_input(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    static char line[1024];
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
    uint64_t at = (uint64_t)now_ns() / 1000;

    (void)userdata;
    if (at - usec > probe.late_usec_max) {
        probe.late_usec_max = at - usec;
    }
    (void)sd_event_source_set_time(source, at + 2000);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int main(int argc, char **argv)
{
    const struct chb_tools_config config = {.folder = NULL};
    sd_event_source *input = NULL;
    sd_event_source *tick = NULL;
    sigset_t mask;
    int r;

    if (argc != 2) {
        fprintf(stderr, "usage: %s LOCAL_NODE\n", argv[0]);
        return 2;
    }
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    probe.begun_ns = now_ns();
    r = sd_event_new(&probe.event);
    r = r < 0 ? r : chb_tools_new(probe.event, &config, &probe.tools);
    r = r < 0 ? r
              : chb_attributes_new(probe.event, probe.tools, argv[1], 0, on_written, NULL,
                                   &probe.attributes);
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
    chb_attributes_free(probe.attributes);
    chb_tools_free(probe.tools);
    sd_event_unref(probe.event);
    return r < 0;
}
