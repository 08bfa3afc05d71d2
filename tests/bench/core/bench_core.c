/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench-core [REPEATS]: how many events a second one processor takes through chb_core_step().
 *
 *   paired    a pair in its everyday life, both sides in turn: pongs of both monitors, states of
 *             the peer, ticks, quorum; nothing but the core is in the loop
 *   recorded  the same, and each step is recorded as the daemon does it: what is more than "paired"
 *             is the recorder's
 *   failover  the primary's QEMU dies, the secondary goes solo (P1), fills the other host, is a
 *             pair again; with the queue that carries the events
 *   fenced    the primary's host is gone, the fencer confirms (P2), the host comes back, a pair
 *             again; likewise
 *
 * It measures; no number is a failure. What it measures has to happen, or it ends with 2.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <agent/recorder/codec.h>
#include <agent/recorder/ring.h>

#include "pair.h"

#define REPEATS 15
#define REPEATS_MAX 200
#define ROUNDS_PAIRED 20000
#define ROUNDS_FAILOVER 3000

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* others on this host do not count */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- everyday life ---- */

/* One second of it, for one side. */
static uint32_t everyday(const struct chb_bench_pair *pair, uint32_t node,
                         struct chb_event ret_events[static 16])
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < 8; i++) {
        ret_events[count++] = (struct chb_event){.kind = CHB_EVENT_PONG,
                                                 .u.pong = {pair->core[node].qemu, i % 4 != 3}};
    }
    for (uint32_t i = 0; i < 3; i++) {
        ret_events[count++] = (struct chb_event){.kind = CHB_EVENT_TICK};
    }
    for (uint32_t i = 0; i < 4; i++) {
        struct chb_event *event = &ret_events[count++];
        *event = (struct chb_event){.kind = CHB_EVENT_STATE};
        event->u.msg.from = 2 - node;
        event->u.msg.boot = pair->core[1 - node].boot;
        chb_core_state(&pair->core[1 - node], &event->u.msg.state);
    }
    ret_events[count++] = (struct chb_event){.kind = CHB_EVENT_QUORUM, .u.quorate = true};
    return count;
}

static struct chb_recorder *recorders[2]; /* NULL: nothing is recorded */

static void step(struct chb_core *core, uint32_t node, const struct chb_event *event,
                 struct chb_actions *actions)
{
    if (recorders[node] != NULL) {
        chb_recorder_event(recorders[node], core, event);
    }
    chb_core_step(core, event, actions);
    if (recorders[node] != NULL) {
        chb_recorder_result(recorders[node], core, actions);
    }
}

static uint64_t run_paired(struct chb_bench_pair *pair)
{
    static struct chb_actions actions;
    struct chb_event events[2][16];
    uint64_t steps = 0;
    const uint32_t counts[2] = {everyday(pair, 0, events[0]), everyday(pair, 1, events[1])};

    for (uint32_t round = 0; round < ROUNDS_PAIRED; round++) {
        for (uint32_t node = 0; node < 2; node++) {
            for (uint32_t i = 0; i < counts[node]; i++) {
                pair->now_ns += 30000000;
                events[node][i].at.ns = pair->now_ns;
                step(&pair->core[node], node, &events[node][i], &actions);
                steps++;
            }
        }
    }
    if (pair->core[0].phase != CHB_PHASE_PAIRED || pair->core[1].phase != CHB_PHASE_PAIRED) {
        (void)fprintf(stderr, "bench-core: the pair did not last, the numbers mean nothing\n");
        exit(2);
    }
    return steps;
}

/* On tmpfs, as in production. */
static void open_recorder(uint32_t node)
{
    char path[64];
    const struct chb_recorder_about about = {.vm = "bench",
                                             .node_name = "n",
                                             .version = "0",
                                             .configuration = "a=1",
                                             .node = node + 1,
                                             .session = 1,
                                             .now = {.ns = 1}};
    (void)snprintf(path, sizeof(path), "/dev/shm/bench-core-%d-%u", (int)getpid(), node);
    int r = chb_recorder_open(path, CHB_RECORDING_BYTES_MIN * 4, &about, &recorders[node]);
    (void)unlink(path); /* it stays open */
    if (r < 0) {
        (void)fprintf(stderr, "bench-core: no recording: %s\n", strerror(-r));
        exit(2);
    }
}

static void judge_recorder(uint32_t node)
{
    const int r = chb_recorder_error(recorders[node]);
    recorders[node] = chb_recorder_free(recorders[node]);
    if (r != 0) {
        (void)fprintf(stderr, "bench-core: recording has ended (%s), the numbers mean nothing\n",
                      strerror(-r));
        exit(2);
    }
}

static uint64_t run_recorded(struct chb_bench_pair *pair)
{
    open_recorder(0);
    open_recorder(1);
    const uint64_t steps = run_paired(pair);
    judge_recorder(0);
    judge_recorder(1);
    return steps;
}

/* ---- failures ---- */

/* A round is what it says: the other side has gone solo and then filled this one. */
static void judge_round(const struct chb_bench_pair *pair, uint32_t primary, uint64_t generation)
{
    if (chb_bench_primary(pair) == primary || pair->core[primary].generation != generation + 2) {
        (void)fprintf(stderr, "bench-core: that was no failover, the numbers mean nothing\n");
        exit(2);
    }
}

static void judge_proof(const struct chb_bench_pair *pair, uint32_t node, enum chb_proof proof)
{
    if (pair->core[node].proof != proof) {
        (void)fprintf(stderr, "bench-core: it went solo by proof %d, the numbers mean nothing\n",
                      (int)pair->core[node].proof);
        exit(2);
    }
}

static uint64_t run_failover(struct chb_bench_pair *pair)
{
    const uint64_t before = pair->steps;

    for (uint32_t round = 0; round < ROUNDS_FAILOVER; round++) {
        const uint32_t primary = chb_bench_primary(pair);
        const uint64_t generation = pair->core[primary].generation;
        chb_bench_push(pair, primary, CHB_EVENT_QEMU_EXITED)->u.qemu.qemu =
            pair->core[primary].qemu;
        chb_bench_settle(pair);
        judge_round(pair, primary, generation);
    }
    return pair->steps - before;
}

static uint64_t run_fenced(struct chb_bench_pair *pair)
{
    const uint64_t before = pair->steps;

    for (uint32_t round = 0; round < ROUNDS_FAILOVER; round++) {
        const uint32_t primary = chb_bench_primary(pair);
        const uint32_t other = 1 - primary;
        const uint64_t generation = pair->core[primary].generation;
        pair->gone = 1u << primary;
        chb_bench_push(pair, other, CHB_EVENT_NODE_DOWN)->u.node.id = primary + 1;
        chb_bench_settle_alone(pair, other);
        judge_proof(pair, other, CHB_PROOF_P2_FENCED);
        /* It comes back: its core hears of it as a loss of corosync and of its QEMU. */
        pair->gone = 0;
        (void)chb_bench_push(pair, primary, CHB_EVENT_CLUSTER_LOST);
        chb_bench_push(pair, primary, CHB_EVENT_QEMU_EXITED)->u.qemu.qemu =
            pair->core[primary].qemu;
        (void)chb_bench_push(pair, primary, CHB_EVENT_CLUSTER_UP);
        chb_bench_push(pair, primary, CHB_EVENT_NODE_UP)->u.node.id = other + 1;
        chb_bench_push(pair, primary, CHB_EVENT_QUORUM)->u.quorate = true;
        chb_bench_push(pair, other, CHB_EVENT_NODE_UP)->u.node.id = primary + 1;
        chb_bench_settle(pair);
        judge_round(pair, primary, generation);
    }
    return pair->steps - before;
}

/* ---- numbers ---- */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

static void measure(const char *name, uint32_t repeats, uint64_t (*run)(struct chb_bench_pair *))
{
    static struct chb_bench_pair pair;
    double rates[REPEATS_MAX];
    uint64_t steps = 0;

    chb_bench_pair_begin(&pair);
    (void)run(&pair); /* warms up */
    for (uint32_t i = 0; i < repeats; i++) {
        const double start = seconds();
        steps = run(&pair);
        rates[i] = (double)steps / (seconds() - start);
    }
    qsort(rates, repeats, sizeof(rates[0]), compare);
    const double median = rates[repeats / 2];
    printf("%-9s %9llu events x %u: min %5.2f, median %5.2f, max %5.2f million events/s; "
           "%.0f ns/step\n",
           name, (unsigned long long)steps, repeats, rates[0] / 1e6, median / 1e6,
           rates[repeats - 1] / 1e6, 1e9 / median);
}

int main(int argc, char **argv)
{
    const unsigned long wanted = argc > 1 ? strtoul(argv[1], NULL, 10) : REPEATS;
    const uint32_t repeats = wanted < 1 || wanted > REPEATS_MAX ? REPEATS : (uint32_t)wanted;

    measure("paired", repeats, run_paired);
    measure("recorded", repeats, run_recorded);
    measure("failover", repeats, run_failover);
    measure("fenced", repeats, run_fenced);
    printf("struct chb_core %zu bytes, struct chb_event %zu, struct chb_actions %zu\n",
           sizeof(struct chb_core), sizeof(struct chb_event), sizeof(struct chb_actions));
    return 0;
}
