/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 20000 /* from a failure to the next pair; it takes under a hundred */

struct chb_event *chb_bench_push(struct chb_bench_pair *pair, uint32_t node,
                                 enum chb_event_kind kind)
{
    if (pair->count == CHB_BENCH_QUEUE) {
        (void)fprintf(stderr, "bench-core: too many events at once\n");
        exit(2);
    }
    const uint32_t at = (pair->first + pair->count++) % CHB_BENCH_QUEUE;
    pair->queue[at].node = node;
    struct chb_event *event = &pair->queue[at].event;
    memset(event, 0, sizeof(*event));
    event->kind = kind;
    return event;
}

static void answer(struct chb_bench_pair *pair, uint32_t node, enum chb_event_kind kind,
                   uint32_t op)
{
    struct chb_event *event = chb_bench_push(pair, node, kind);
    event->u.result.op = op;
    event->u.result.outcome = CHB_OUTCOME_DONE;
    event->u.result.qemu = pair->core[node].qemu;
    event->u.result.ports.nbd = 10809;
    event->u.result.ports.migration = 10810;
}

static void perform(struct chb_bench_pair *pair, uint32_t node, const struct chb_action *action)
{
    const uint32_t other = 1 - node;
    struct chb_event *event;

    if (pair->gone != 0 &&
        (action->kind == CHB_ACTION_SEND_STATE || action->kind == CHB_ACTION_SEND_REQUEST)) {
        return;
    }
    if (action->kind == CHB_ACTION_SEND_STATE) {
        event = chb_bench_push(pair, other, CHB_EVENT_STATE);
        event->u.msg.from = node + 1;
        event->u.msg.boot = pair->core[node].boot;
        event->u.msg.state = action->u.state;
    } else if (action->kind == CHB_ACTION_SEND_REQUEST) {
        event = chb_bench_push(pair, other, CHB_EVENT_REQUEST);
        event->u.request.from = node + 1;
        event->u.request.request = action->u.request;
    } else if (action->kind == CHB_ACTION_PERSIST) {
        answer(pair, node, CHB_EVENT_PERSISTED, action->u.persist.op);
    } else if (action->kind == CHB_ACTION_QEMU_START) {
        answer(pair, node, CHB_EVENT_QEMU_STARTED, action->u.qemu.op);
    } else if (action->kind == CHB_ACTION_QEMU_KILL) {
        chb_bench_push(pair, node, CHB_EVENT_QEMU_EXITED)->u.qemu.qemu = action->u.qemu.qemu;
    } else if (action->kind == CHB_ACTION_SEQUENCE) {
        if (action->u.sequence.sequence == CHB_SEQUENCE_JOIN) {
            chb_bench_push(pair, other, CHB_EVENT_COLO_ENTERED)->u.qemu.qemu =
                pair->core[other].qemu;
        }
        answer(pair, node, CHB_EVENT_SEQUENCE, action->u.sequence.op);
        if (action->u.sequence.sequence == CHB_SEQUENCE_SOLO_SECONDARY) {
            chb_bench_push(pair, node, CHB_EVENT_OVERLAYS_MERGED)->u.qemu.qemu =
                pair->core[node].qemu;
        }
    } else if (action->kind == CHB_ACTION_FENCE) {
        event = chb_bench_push(pair, node, CHB_EVENT_FENCE_RESULT);
        event->u.fence.op = action->u.fence.op;
        event->u.fence.node = action->u.fence.node;
        event->u.fence.not_before.ns = pair->now_ns;
    }
}

static void step(struct chb_bench_pair *pair)
{
    static struct chb_actions actions;
    const uint32_t node = pair->queue[pair->first].node;
    struct chb_event *event = &pair->queue[pair->first].event;

    pair->now_ns += 100000;
    event->at.ns = pair->now_ns;
    chb_core_step(&pair->core[node], event, &actions);
    pair->steps++;
    pair->first = (pair->first + 1) % CHB_BENCH_QUEUE;
    pair->count--;
    for (uint32_t i = 0; i < actions.count; i++) {
        perform(pair, node, &actions.list[i]);
    }
}

static bool paired(const struct chb_bench_pair *pair, uint32_t node)
{
    (void)node;
    return pair->core[0].phase == CHB_PHASE_PAIRED && pair->core[1].phase == CHB_PHASE_PAIRED;
}

static bool alone(const struct chb_bench_pair *pair, uint32_t node)
{
    return pair->core[node].phase == CHB_PHASE_SOLO;
}

static void run_until(struct chb_bench_pair *pair, uint32_t node,
                      bool (*done)(const struct chb_bench_pair *, uint32_t))
{
    for (uint32_t i = 0; i < STEPS_MAX; i++) {
        if (pair->count > 0) {
            step(pair);
        } else if (done(pair, node)) {
            return;
        } else if ((pair->gone & 1u << i % 2) == 0) {
            const int64_t at = chb_core_deadline(&pair->core[i % 2]).ns;
            if (at != INT64_MAX && at > pair->now_ns) {
                pair->now_ns = at;
            }
            (void)chb_bench_push(pair, i % 2, CHB_EVENT_TICK);
        }
    }
    (void)fprintf(stderr, "bench-core: it does not get there; phases %d and %d\n",
                  (int)pair->core[0].phase, (int)pair->core[1].phase);
    exit(2);
}

void chb_bench_settle(struct chb_bench_pair *pair)
{
    run_until(pair, 0, paired);
}

void chb_bench_settle_alone(struct chb_bench_pair *pair, uint32_t node)
{
    run_until(pair, node, alone);
}

void chb_bench_pair_begin(struct chb_bench_pair *pair)
{
    const uint32_t nodes[] = {1, 2};

    memset(pair, 0, sizeof(*pair));
    pair->now_ns = 1000000;
    for (uint32_t node = 0; node < 2; node++) {
        chb_core_init(&pair->core[node], node + 1, node + 1, nodes, 2);
        chb_bench_push(pair, node, CHB_EVENT_LOADED)->u.record.kind = CHB_RECORD_NONE;
        struct chb_event *event = chb_bench_push(pair, node, CHB_EVENT_START);
        event->u.command.settings = (struct chb_settings){
            .spec_hash = 4711,
            .disk_bytes = {1u << 30},
            .hang_timeout = chb_ms(1000),
            .qemu_version = 0x070216,
            .require_fencing = true,
            .image_present = node == 0,
        };
        (void)chb_bench_push(pair, node, CHB_EVENT_CLUSTER_UP);
        chb_bench_push(pair, node, CHB_EVENT_NODE_UP)->u.node.id = 2 - node;
        chb_bench_push(pair, node, CHB_EVENT_QUORUM)->u.quorate = true;
        chb_bench_push(pair, node, CHB_EVENT_FENCING_SETUP)->u.fencing.configured = true;
        chb_bench_push(pair, node, CHB_EVENT_CIB)->u.cib.known = true;
    }
    while (pair->count > 0) {
        step(pair);
    }
    chb_bench_push(pair, 0, CHB_EVENT_PROMOTE)->u.command.id = 1; /* Pacemaker waits for it */
    chb_bench_settle(pair);
}

uint32_t chb_bench_primary(const struct chb_bench_pair *pair)
{
    return pair->core[0].role == CHB_ROLE_PRIMARY ? 0 : 1;
}
