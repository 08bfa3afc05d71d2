/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Joins the cluster with the transport alone, says what it sees, and measures its own loop. For
 * trying the transport against a real corosync, in the lab:
 *
 *   cluster-probe [SECONDS [BURST]]
 *
 * It sends a heartbeat every 200 ms and one state when it joins, sees somebody join or is asked for
 * it; with BURST it also sends that many states of different VMs every 100 ms. One line per event:
 * milliseconds since boot, what, and details. At the end: the worst lateness of a 10 ms timer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <heartbeat/cluster.h>
#include <heartbeat/detector.h>

#define IO_PRIORITY 0
#define TIMER_PRIORITY 10
#define TICK_USEC 10000

struct probe {
    sd_event *loop;
    struct chb_cluster *cluster;
    struct chb_detector detector;
    bool has_detector;
    uint64_t boot;
    struct chb_vm_key vm;
    struct chb_state_msg state;
    unsigned int burst;
    uint64_t ticks;
    int64_t late_max_us;
    int64_t echo_max_us;
    uint64_t burst_sent;
    chb_time end;
    chb_time sent_at[64];
    uint64_t digest;
};

static const char *const names[CHB_CLUSTER_EVENT_MAX] = {
    [CHB_CLUSTER_UP] = "UP",
    [CHB_CLUSTER_DOWN] = "DOWN",
    [CHB_CLUSTER_NODE_UP] = "NODE_UP",
    [CHB_CLUSTER_NODE_DOWN] = "NODE_DOWN",
    [CHB_CLUSTER_AGENT_DOWN] = "AGENT_DOWN",
    [CHB_CLUSTER_QUORUM] = "QUORUM",
    [CHB_CLUSTER_TOPOLOGY] = "TOPOLOGY",
    [CHB_CLUSTER_HEARTBEAT] = "HEARTBEAT",
    [CHB_CLUSTER_STATE] = "STATE",
    [CHB_CLUSTER_REQUEST] = "REQUEST",
    [CHB_CLUSTER_BAD_MESSAGE] = "BAD_MESSAGE",
};

static chb_time now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_BOOTTIME, &at);
    return (chb_time){.ns = at.tv_sec * INT64_C(1000000000) + at.tv_nsec};
}

static void say(chb_time at, const char *what, uint32_t node, const char *text)
{
    printf("%" PRId64 ".%03d %s", at.ns / 1000000, (int)(at.ns / 1000 % 1000), what);
    if (node != 0) {
        printf(" n%" PRIu32, node);
    }
    printf(" %s\n", text);
    fflush(stdout);
}

static void say_topology(struct probe *probe, chb_time at)
{
    const struct chb_topology *topology = chb_cluster_topology(probe->cluster);
    char text[1024];

    snprintf(text, sizeof(text),
             "cluster=%s self=%" PRIu32 " two_node=%d has_quorum=%d token=%" PRIu32,
             topology->cluster_name, topology->self, topology->two_node, topology->has_quorum,
             topology->token_ms);
    say(at, "TOPOLOGY", 0, text);
    for (uint32_t i = 0; i < topology->n_nodes; i++) {
        const struct chb_topology_node *node = &topology->nodes[i];
        const char *last = chb_topology_address(topology, node->id, CHB_LINK_LAST);
        snprintf(text, sizeof(text), "name=%s link0=%s last=%s", node->name, node->address[0],
                 last == NULL ? "none" : last);
        say(at, "  node", node->id, text);
    }
}

static void poll_detector(struct probe *probe, chb_time at)
{
    struct chb_detector_change change;
    while (probe->has_detector && chb_detector_poll(&probe->detector, at, &change)) {
        say(at, change.silent ? "SILENT" : "HEARD", change.node, "");
    }
}

static void on_message(struct probe *probe, const struct chb_cluster_event *event)
{
    if (probe->has_detector) {
        chb_detector_heard(&probe->detector, event->node, event->boot, event->sequence, event->at);
    }
    if (event->kind == CHB_CLUSTER_HEARTBEAT) {
        if (event->own) {
            chb_time sent = probe->sent_at[event->u.heartbeat.digest % 64];
            int64_t us = chb_time_since(event->at, sent).ns / 1000;
            probe->echo_max_us = us > probe->echo_max_us ? us : probe->echo_max_us;
        }
    } else if (event->kind == CHB_CLUSTER_STATE && probe->burst == 0) {
        say(event->at, names[event->kind], event->node, event->own ? "own" : "");
    }
    poll_detector(probe, event->at);
}

static void on_event(const struct chb_cluster_event *event, void *userdata)
{
    struct probe *probe = userdata;

    switch (event->kind) {
    case CHB_CLUSTER_TOPOLOGY:
        say_topology(probe, event->at);
        if (!probe->has_detector) {
            probe->has_detector =
                chb_detector_init(&probe->detector, event->node, probe->boot, NULL) == 0;
        }
        return;
    case CHB_CLUSTER_UP:
        chb_detector_reset(&probe->detector);
        break;
    case CHB_CLUSTER_NODE_UP:
        chb_detector_joined(&probe->detector, event->node, event->at);
        break;
    case CHB_CLUSTER_NODE_DOWN:
    case CHB_CLUSTER_AGENT_DOWN:
        chb_detector_left(&probe->detector, event->node);
        break;
    case CHB_CLUSTER_HEARTBEAT:
    case CHB_CLUSTER_STATE:
    case CHB_CLUSTER_REQUEST:
        on_message(probe, event);
        return;
    case CHB_CLUSTER_QUORUM:
        say(event->at, names[event->kind], 0, event->u.quorate ? "yes" : "no");
        return;
    case CHB_CLUSTER_DOWN:
    case CHB_CLUSTER_BAD_MESSAGE:
    case CHB_CLUSTER_EVENT_MAX:
        break;
    }
    say(event->at, names[event->kind], event->node, event->text);
    if (event->kind == CHB_CLUSTER_UP || event->kind == CHB_CLUSTER_NODE_UP) {
        chb_cluster_send_state(probe->cluster, &probe->vm, &probe->state);
    }
}

static void send_burst(struct probe *probe)
{
    for (unsigned int i = 0; i < probe->burst; i++) {
        char name[32];
        struct chb_vm_key vm;
        snprintf(name, sizeof(name), "burst%u", i);
        if (chb_vm_key_make(name, &vm) == 0 &&
            chb_cluster_send_state(probe->cluster, &vm, &probe->state) == 0) {
            probe->burst_sent++;
        }
    }
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct probe *probe = userdata;
    chb_time at = now();
    int64_t late_us = at.ns / 1000 - (int64_t)usec;

    if (late_us > probe->late_max_us) {
        probe->late_max_us = late_us;
    }
    if (late_us > 200000 && probe->has_detector) {
        chb_detector_own_stall(&probe->detector, at, (chb_span){late_us * 1000});
    }
    if (probe->ticks++ % 20 == 0) {
        struct chb_heartbeat_msg heartbeat = {.vm_count = 1, .digest = ++probe->digest};
        probe->sent_at[heartbeat.digest % 64] = now();
        chb_cluster_send_heartbeat(probe->cluster, &heartbeat);
    }
    if (probe->burst > 0 && probe->ticks % 10 == 0) {
        send_burst(probe);
    }
    poll_detector(probe, at);
    if (chb_time_reached(at, probe->end)) {
        return sd_event_exit(probe->loop, 0);
    }
    sd_event_source_set_time(source, usec + TICK_USEC < (uint64_t)(at.ns / 1000)
                                         ? (uint64_t)(at.ns / 1000) + TICK_USEC
                                         : usec + TICK_USEC);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void say_end(const struct probe *probe)
{
    struct chb_cluster_status status;
    char text[512];

    chb_cluster_get_status(probe->cluster, &status);
    snprintf(text, sizeof(text),
             "late_max_ms=%.3f echo_max_ms=%.3f up=%d sent=%" PRIu64 " delivered=%" PRIu64
             " refused=%" PRIu64 " again=%" PRIu64 " queued=%" PRIu32 " burst=%" PRIu64 " %s",
             (double)probe->late_max_us / 1000, (double)probe->echo_max_us / 1000, status.up,
             status.sent, status.delivered, status.refused, status.sent_again, status.queued,
             probe->burst_sent, status.text);
    say(now(), "END", 0, text);
}

int main(int argc, char **argv)
{
    static struct probe probe;
    sd_event_source *timer = NULL;
    struct timespec clock;

    clock_gettime(CLOCK_REALTIME, &clock);
    probe.boot = (uint64_t)clock.tv_nsec ^ ((uint64_t)clock.tv_sec << 20) ^ 1;
    probe.state.health = 100;
    probe.burst = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0;
    long seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 10;
    probe.end = chb_time_add(now(), chb_ms(seconds * 1000));
    const struct chb_cluster_config config = {
        .group = "colo-hbd-probe",
        .boot = probe.boot,
        .io_priority = IO_PRIORITY,
        .timer_priority = TIMER_PRIORITY,
    };
    if (chb_vm_key_make("probe", &probe.vm) < 0 || sd_event_new(&probe.loop) < 0 ||
        chb_cluster_new(probe.loop, &config, on_event, &probe, &probe.cluster) < 0 ||
        sd_event_add_time_relative(probe.loop, &timer, CLOCK_BOOTTIME, TICK_USEC, 1, on_tick,
                                   &probe) < 0 ||
        sd_event_source_set_priority(timer, TIMER_PRIORITY) < 0) {
        fprintf(stderr, "cluster-probe: cannot start\n");
        return 1;
    }
    int r = sd_event_loop(probe.loop);
    say_end(&probe);
    sd_event_source_unref(timer);
    chb_time before = now();
    chb_cluster_free(probe.cluster);
    printf("freed in %.3f ms\n", (double)chb_time_since(now(), before).ns / 1e6);
    sd_event_unref(probe.loop);
    return r < 0 ? 1 : 0;
}
