/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fencer: one fence of a node at a time, however many ask. It switches the power off, or does
 * not, or does and cannot tell (R8). */
#include <tests/sim/sim.h>

static void reboot(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (!sim->host[item->node].on && sim->host[item->node].boot == item->tag) {
        chb_sim_host_on(sim, item->node);
    }
}

static void notify(struct chb_sim *sim, uint32_t node, uint32_t target, enum chb_outcome outcome)
{
    const struct chb_sim_fence *fence = &sim->fence[target];
    struct chb_sim_item *item =
        chb_sim_deliver(sim, node, chb_sim_latency(sim, 1, 20, 3000), CHB_EVENT_FENCE_NOTICE);

    item->event.u.fence.node = target;
    item->event.u.fence.outcome = outcome;
    item->event.u.fence.not_before = chb_sim_host_time(sim, node, fence->off_at);
}

static void answer(struct chb_sim *sim, uint32_t target, enum chb_outcome outcome)
{
    struct chb_sim_fence *fence = &sim->fence[target];

    fence->active = false;
    if (outcome == CHB_OUTCOME_DONE) {
        sim->stats.fences++;
    } else {
        sim->stats.fences_failed++;
    }
    chb_sim_trace(sim, target, "fence: %s",
                  outcome == CHB_OUTCOME_DONE
                      ? "done"
                      : (outcome == CHB_OUTCOME_FAILED ? "failed" : "unknown"));
    for (uint32_t i = 0; i < CHB_SIM_FENCE_WAITERS_MAX; i++) {
        struct chb_sim_fence_waiter *waiter = &fence->waiters[i];
        sim->vm = waiter->vm;
        if (waiter->node != 0 && waiter->op != 0 && sim->agent[waiter->node].running &&
            sim->agent[waiter->node].boot == waiter->boot) {
            struct chb_sim_item *item = chb_sim_deliver(
                sim, waiter->node, chb_sim_latency(sim, 1, 20, 4000), CHB_EVENT_FENCE_RESULT);
            item->event.u.fence.node = target;
            item->event.u.fence.op = waiter->op;
            item->event.u.fence.outcome = outcome;
            int64_t not_before = outcome == CHB_OUTCOME_DONE ? fence->off_at : sim->now_ns;
            item->event.u.fence.not_before = chb_sim_host_time(sim, waiter->node, not_before);
        } else if (waiter->node != 0 && waiter->op == 0) {
            chb_sim_pacemaker_fenced(sim, waiter->node, target, outcome);
        }
        waiter->node = 0;
    }
    if (outcome == CHB_OUTCOME_UNKNOWN) {
        return;
    }
    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        if (node != target && sim->agent[node].running &&
            chb_sim_in_ring(sim, fence->executor, node)) {
            notify(sim, node, target, outcome);
        }
    }
}

static void power_off(struct chb_sim *sim, uint32_t target)
{
    if (sim->host[target].on) {
        chb_sim_trace(sim, target, "FENCED");
        for (uint32_t other = 1; other <= sim->options.n_nodes; other++) {
            sim->shot_after_heal =
                sim->shot_after_heal || (other != target && chb_sim_in_ring(sim, target, other));
        }
        chb_sim_host_off(sim, target);
    }
    if (sim->options.fence_reboots) {
        (void)chb_sim_plan(sim, chb_sim_latency(sim, 2000, 10000, 40000), reboot, target,
                           sim->host[target].boot);
    }
}

static void on_answer(struct chb_sim *sim, const struct chb_sim_item *item)
{
    struct chb_sim_fence *fence = &sim->fence[item->node];
    if (fence->active && fence->serial == item->tag) {
        answer(sim, item->node, (enum chb_outcome)item->arg);
    }
}

static void plan_answer(struct chb_sim *sim, uint32_t target, int64_t delay_ns,
                        enum chb_outcome outcome)
{
    chb_sim_plan(sim, delay_ns, on_answer, target, sim->fence[target].serial)->arg = outcome;
}

static void on_late(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (!sim->calm) {
        sim->stats.fences_late += sim->host[item->node].on ? 1 : 0;
        power_off(sim, item->node);
    }
}

static void on_act(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t target = item->node;
    struct chb_sim_fence *fence = &sim->fence[target];
    bool alive =
        sim->host[fence->executor].on && sim->host[fence->executor].boot == fence->executor_boot;

    if (!fence->active || fence->serial != item->tag) {
        return;
    }
    if (!alive) {
        answer(sim, target, CHB_OUTCOME_UNKNOWN); /* for those who had asked, too */
        return;
    }
    enum chb_sim_fence_mode mode =
        sim->calm ? CHB_SIM_FENCE_WORKS : (enum chb_sim_fence_mode)item->arg;
    switch (mode) {
    case CHB_SIM_FENCE_WORKS:
        power_off(sim, target);
        fence->off_at = sim->now_ns;
        plan_answer(sim, target, chb_sim_latency(sim, 5, 40, 5000), CHB_OUTCOME_DONE);
        return;
    case CHB_SIM_FENCE_FAILS:
        plan_answer(sim, target, chb_sim_latency(sim, 500, 2000, 5000), CHB_OUTCOME_FAILED);
        return;
    case CHB_SIM_FENCE_UNKNOWN:
        plan_answer(sim, target, chb_sim_latency(sim, 1000, 5000, 20000), CHB_OUTCOME_UNKNOWN);
        return;
    case CHB_SIM_FENCE_UNKNOWN_EFFECTIVE:
        power_off(sim, target);
        plan_answer(sim, target, chb_sim_latency(sim, 1000, 5000, 20000), CHB_OUTCOME_UNKNOWN);
        return;
    case CHB_SIM_FENCE_LATE:
        (void)chb_sim_plan(sim, chb_sim_latency(sim, 1000, 8000, 20000), on_late, target, 0);
        plan_answer(sim, target, chb_sim_latency(sim, 500, 3000, 5000), CHB_OUTCOME_UNKNOWN);
        return;
    }
}

void chb_sim_fence(struct chb_sim *sim, uint32_t target, uint32_t by, uint32_t op)
{
    if (target == 0 || target > sim->options.n_nodes || target == by) {
        chb_sim_violate(sim, "actions", "n%u fences n%u", by, target);
        return;
    }
    struct chb_sim_fence *fence = &sim->fence[target];
    for (uint32_t i = 0; i < CHB_SIM_FENCE_WAITERS_MAX; i++) {
        struct chb_sim_fence_waiter *waiter = &fence->waiters[i];
        if (waiter->node == 0 || !fence->active) {
            *waiter = (struct chb_sim_fence_waiter){by, op, sim->vm, sim->agent[by].boot};
            break;
        }
    }
    if (fence->active) {
        return;
    }
    for (uint32_t i = 1; i < CHB_SIM_FENCE_WAITERS_MAX; i++) {
        fence->waiters[i].node = 0;
    }
    fence->active = true;
    fence->executor = by;
    fence->executor_boot = sim->host[by].boot;
    fence->serial = sim->next_serial++;
    fence->off_at = 0;
    int64_t ms = (int64_t)sim->options.fence_ms;
    chb_sim_plan(sim, chb_sim_latency(sim, ms / 2, ms, ms * 4 + 1000), on_act, target,
                 fence->serial)
        ->arg = sim->options.fence_mode;
}
