/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test tool: drives one running QEMU like a daemon would, from lines on its standard input.
 *
 *   seq-run MAIN_SOCKET OOB_SOCKET
 *
 * Each line is "SEQUENCE [key=value...]", and what comes of it is printed as one JSON object per
 * line, the last one with the member "outcome". Keys: disks nics memory listen peer prefix nbd
 * migrate mirrorN compareN was_secondary reachable delay. "survey" asks instead, "abort" ends the
 * sequence that runs. Values stay for the next line. The end of the input ends the program; QEMU
 * does not notice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <qmp/client.h>
#include <qmp/sequence.h>
#include <qmp/survey.h>

static const struct {
    const char *name;
    const struct chb_seq_table *table;
} sequences[] = {
    {"start-primary", &chb_seq_start_primary},   {"prepare", &chb_seq_secondary_prepare},
    {"unprepare", &chb_seq_secondary_unprepare}, {"join", &chb_seq_join},
    {"join-abort", &chb_seq_join_abort},         {"solo-secondary", &chb_seq_solo_secondary},
    {"solo-primary", &chb_seq_solo_primary},     {"powerdown", &chb_seq_powerdown},
};

struct run {
    sd_event *event;
    struct chb_qmp_client *client;
    struct chb_qmp_caps caps;
    struct chb_seq_params params;
    struct chb_seq *seq;
    chb_time started_at;
    size_t line_length;
    char line[1024];
};

static void say_outcome(const char *outcome, const char *text)
{
    printf("{\"outcome\":\"%s\",\"text\":\"%s\"}\n", outcome, text);
    (void)fflush(stdout);
}

static double ms(chb_span span)
{
    return (double)span.ns / 1e6;
}

static void on_milestone(void *userdata, enum chb_seq_milestone milestone, chb_time at)
{
    const struct run *run = userdata;
    printf("{\"milestone\":\"%s\",\"ms\":%.2f}\n", chb_seq_milestone_name(milestone),
           ms(chb_time_since(at, run->started_at)));
    (void)fflush(stdout);
}

static void on_progress(void *userdata, const struct chb_seq_progress *progress)
{
    (void)userdata;
    printf("{\"progress\":\"%s\",\"done\":%llu,\"total\":%llu}\n", progress->step,
           (unsigned long long)progress->done_bytes, (unsigned long long)progress->total_bytes);
    (void)fflush(stdout);
}

static void on_done(void *userdata, const struct chb_seq_result *result)
{
    static const char *const outcomes[] = {"done", "failed", "unknown"};
    struct run *run = userdata;

    for (size_t i = 0; i < result->n_steps; i++) {
        const struct chb_seq_step_time *step = &result->steps[i];
        printf("{\"step\":\"%s\",\"index\":%u,\"at\":%.2f,\"ms\":%.2f,\"outcome\":\"%s%s\"}\n",
               step->step, step->index, ms(chb_time_since(step->started_at, result->started_at)),
               ms(step->duration), outcomes[step->outcome], step->tolerated ? ", tolerated" : "");
    }
    printf("{\"ports\":{\"nbd\":%u,\"migrate\":%u", result->ports.nbd, result->ports.migrate);
    for (unsigned i = 0; i < run->params.n_nics; i++) {
        printf(",\"mirror%u\":%u,\"compare%u\":%u", i, result->ports.mirror[i], i,
               result->ports.compare[i]);
    }
    printf("}}\n{\"outcome\":\"%s\",\"failed\":\"%s\",\"index\":%u,\"errno\":%d,\"text\":\"%s\","
           "\"ms\":%.2f}\n",
           outcomes[result->outcome], result->step, result->index, result->error, result->text,
           ms(chb_time_since(result->finished_at, result->started_at)));
    run->seq = chb_seq_free(run->seq);
    (void)fflush(stdout);
}

static const struct chb_seq_callbacks seq_callbacks = {
    .on_milestone = on_milestone,
    .on_progress = on_progress,
    .on_done = on_done,
};

static void on_survey(void *userdata, enum chb_outcome outcome, const struct chb_qmp_survey *survey,
                      const char *error_text)
{
    (void)userdata;
    if (survey != NULL) {
        printf("{\"run_state\":\"%s\",\"colo\":%d,\"last\":%d,\"migration\":\"%s\",\"jobs\":%u,"
               "\"nbd_child\":%d,\"replication\":%d,\"overlays\":%d}\n",
               chb_run_state_to_text(survey->run_state), (int)survey->colo_mode,
               (int)survey->colo_last_mode, chb_migration_status_to_text(survey->migration),
               survey->n_jobs, survey->nbd_child, survey->replication, survey->overlays);
    }
    say_outcome(outcome == CHB_OUTCOME_DONE ? "done" : "failed", error_text);
}

static void on_caps(void *userdata, enum chb_outcome outcome, const struct chb_qmp_caps *caps,
                    const char *error_text)
{
    struct run *run = userdata;
    char reason[160];

    if (outcome != CHB_OUTCOME_DONE) {
        say_outcome("failed", error_text);
        return;
    }
    run->caps = *caps;
    const int usable = chb_qmp_caps_check(caps, reason, sizeof(reason));
    printf("{\"version\":\"%u.%u.%u\"}\n", caps->version.major, caps->version.minor,
           caps->version.micro);
    say_outcome(usable == 0 ? "done" : "failed", reason);
}

static void on_ready(void *userdata, const struct chb_qmp_version *version)
{
    (void)version;
    struct run *run = userdata;
    if (chb_qmp_caps_probe(run->client, chb_ms(5000), on_caps, run) < 0) {
        say_outcome("failed", "caps");
    }
}

static void on_event(void *userdata, const struct chb_qmp_event *event)
{
    (void)userdata;
    printf("{\"event\":\"%s\",\"id\":\"%s\",\"detail\":\"%s\",\"migration\":\"%s\"}\n",
           chb_qmp_event_name(event->kind), event->id,
           event->reason[0] != '\0' ? event->reason : event->error,
           chb_migration_status_to_text(event->migration));
    (void)fflush(stdout);
}

static void on_closed(void *userdata, int error)
{
    const struct run *run = userdata;
    printf("{\"closed\":\"%s\"}\n", strerrordesc_np(-error));
    say_outcome("unknown", "closed");
    (void)sd_event_exit(run->event, 0);
}

static const struct chb_qmp_client_callbacks client_callbacks = {
    .on_ready = on_ready,
    .on_event = on_event,
    .on_closed = on_closed,
};

static bool take_number(struct run *run, const char *key, uint16_t value)
{
    struct chb_seq_params *p = &run->params;
    const struct {
        const char *key;
        uint16_t *place;
    } ports[] = {
        {"nbd", &p->ports.nbd},           {"migrate", &p->ports.migrate},
        {"mirror0", &p->ports.mirror[0]}, {"compare0", &p->ports.compare[0]},
        {"mirror1", &p->ports.mirror[1]}, {"compare1", &p->ports.compare[1]},
    };
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        if (strcmp(ports[i].key, key) == 0) {
            *ports[i].place = value;
            return true;
        }
    }
    if (strcmp(key, "disks") == 0) {
        p->n_disks = value;
    } else if (strcmp(key, "nics") == 0) {
        p->n_nics = value;
    } else if (strcmp(key, "memory") == 0) {
        p->memory_mb = value;
    } else if (strcmp(key, "delay") == 0) {
        p->checkpoint_delay_ms = value;
    } else if (strcmp(key, "was_secondary") == 0) {
        p->was_secondary = value != 0;
    } else if (strcmp(key, "reachable") == 0) {
        p->peer_reachable = value != 0;
    } else {
        return false;
    }
    return true;
}

static bool take_option(struct run *run, const char *option)
{
    char key[32];
    const char *equals = strchr(option, '=');
    if (equals == NULL || (size_t)(equals - option) >= sizeof(key)) {
        return false;
    }
    (void)snprintf(key, sizeof(key), "%.*s", (int)(equals - option), option);
    struct chb_seq_params *p = &run->params;
    if (strcmp(key, "listen") == 0) {
        (void)snprintf(p->listen_address, sizeof(p->listen_address), "%s", equals + 1);
    } else if (strcmp(key, "peer") == 0) {
        (void)snprintf(p->peer_address, sizeof(p->peer_address), "%s", equals + 1);
    } else if (strcmp(key, "prefix") == 0) {
        (void)snprintf(p->socket_prefix, sizeof(p->socket_prefix), "%s", equals + 1);
    } else {
        return take_number(run, key, (uint16_t)strtoul(equals + 1, NULL, 10));
    }
    return true;
}

static const struct chb_seq_table *find_table(const char *name)
{
    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
        if (strcmp(sequences[i].name, name) == 0) {
            return sequences[i].table;
        }
    }
    return NULL;
}

static void on_line(struct run *run, char *line)
{
    struct timespec now;
    char *save = NULL;
    const char *what = strtok_r(line, " ", &save);

    for (char *word = strtok_r(NULL, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        if (!take_option(run, word)) {
            say_outcome("failed", "unknown key");
            return;
        }
    }
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    run->started_at.ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
    int r = -EINVAL;
    if (what != NULL && strcmp(what, "abort") == 0 && run->seq != NULL) {
        chb_seq_abort(run->seq);
        r = 0;
    } else if (what != NULL && strcmp(what, "survey") == 0) {
        r = chb_qmp_survey(run->client, chb_ms(5000), on_survey, run);
    } else if (what != NULL && find_table(what) != NULL) {
        r = chb_seq_start(run->client, find_table(what), &run->params, &run->caps, &seq_callbacks,
                          run, &run->seq);
    }
    if (r < 0) {
        say_outcome("failed", strerrordesc_np(-r));
    }
}

static int on_stdin(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)events;
    struct run *run = userdata;
    const size_t room = sizeof(run->line) - 1 - run->line_length;
    const ssize_t got = read(fd, run->line + run->line_length, room);
    if (got <= 0) {
        return sd_event_exit(run->event, 0);
    }
    run->line_length += (size_t)got;
    run->line[run->line_length] = '\0';
    char *end = strchr(run->line, '\n');
    if (end != NULL) {
        *end = '\0';
        on_line(run, run->line);
        run->line_length = 0; /* one line at a time: who types waits for the outcome */
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct run run = {.params = {.n_disks = 1, .n_nics = 1, .memory_mb = 128}};
    if (argc != 3) {
        (void)fprintf(stderr, "usage: seq-run MAIN_SOCKET OOB_SOCKET\n");
        return 2;
    }
    memset(run.params.vnet_hdr, true, sizeof(run.params.vnet_hdr));
    int r = sd_event_new(&run.event);
    if (r >= 0) {
        r = sd_event_add_io(run.event, NULL, STDIN_FILENO, EPOLLIN, on_stdin, &run);
    }
    if (r >= 0) {
        r = chb_qmp_client_open(run.event, argv[1], argv[2], 0, chb_ms(10000), &client_callbacks,
                                &run, &run.client);
    }
    if (r >= 0) {
        r = sd_event_loop(run.event);
    }
    run.seq = chb_seq_free(run.seq);
    run.client = chb_qmp_client_free(run.client);
    run.event = sd_event_unref(run.event);
    return r < 0 ? 1 : 0;
}
