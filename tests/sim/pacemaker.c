/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small Pacemaker: in each quorate partition it fences who was lost,
 * starts the clone everywhere, and has the node with the best score promoted; a failed monitor
 * means demote, stop, start. Without quorum it stops everything, or leaves it.
 */
#include <tests/sim/sim.h>

#define FOR_NODES(sim, node) for (uint32_t node = 1; node <= (sim)->options.n_nodes; node++)
#define FENCE_TRIES_MAX 10
#define OP_TIMEOUT_MS 60000
#define MONITOR_MS 7000

/* ---- operations ---- */

static void done(struct chb_sim *sim, uint32_t node, bool ok)
{
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];
    enum chb_sim_op op = own->op;

    own->op = CHB_SIM_OP_NONE;
    own->op_id = 0;
    if (!ok) {
        own->not_before = sim->now_ns + CHB_SIM_MS(2000);
    }
    switch (op) {
    case CHB_SIM_OP_START:
        own->started = ok;
        break;
    case CHB_SIM_OP_STOP:
        own->started = !ok;
        own->promoted = false;
        own->recover = false;
        own->stop_failed = !ok;
        break;
    case CHB_SIM_OP_PROMOTE:
        own->promoted = ok;
        own->recover = !ok;
        break;
    case CHB_SIM_OP_DEMOTE:
        own->promoted = false;
        own->recover = own->recover || !ok;
        break;
    case CHB_SIM_OP_NONE:
        break;
    }
    chb_sim_pacemaker_poke(sim, chb_sim_latency(sim, 5, 100, 1000));
}

static const char *op_name(enum chb_sim_op op)
{
    static const char *const names[] = {"none", "start", "stop", "promote", "demote"};
    return names[op];
}

static void send_op(struct chb_sim *sim, uint32_t node)
{
    static const enum chb_event_kind kinds[] = {CHB_EVENT_TICK, CHB_EVENT_START, CHB_EVENT_STOP,
                                                CHB_EVENT_PROMOTE, CHB_EVENT_DEMOTE};
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];

    own->op_id = ++CHB_SIM_VM(sim)->pacemaker.next_op;
    own->op_boot = sim->agent[node].boot;
    chb_sim_trace(sim, node, "Pacemaker: %s", op_name(own->op));
    chb_sim_command(sim, node, kinds[own->op], own->op_id, 0);
}

/* The resource agent asks the daemon, and asks again if that is restarted meanwhile. */
static void on_op(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t node = item->node;
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];

    if (own->op == CHB_SIM_OP_NONE || own->op_serial != item->tag || !own->online) {
        return;
    }
    if (sim->now_ns - own->op_since > CHB_SIM_MS(OP_TIMEOUT_MS)) {
        chb_sim_trace(sim, node, "Pacemaker: %s timed out", op_name(own->op));
        done(sim, node, false);
        return;
    }
    if (sim->agent[node].running && (own->op_id == 0 || own->op_boot != sim->agent[node].boot)) {
        send_op(sim, node);
    }
    (void)chb_sim_plan(sim, CHB_SIM_MS(300), on_op, node, item->tag);
}

void chb_sim_pacemaker_ask(struct chb_sim *sim, uint32_t node, enum chb_sim_op op)
{
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];

    if (own->op != CHB_SIM_OP_NONE || sim->now_ns < own->not_before) {
        return;
    }
    own->op = op;
    own->op_id = 0;
    own->op_serial = sim->next_serial++;
    own->op_since = sim->now_ns;
    (void)chb_sim_plan(sim, chb_sim_latency(sim, 5, 60, 6000), on_op, node, own->op_serial);
}

static void on_reply(struct chb_sim *sim, const struct chb_sim_item *item)
{
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[item->node];
    if (own->op != CHB_SIM_OP_NONE && own->op_id == item->tag) {
        done(sim, item->node, item->arg != 0);
    }
}

void chb_sim_pacemaker_reply(struct chb_sim *sim, uint32_t node, uint32_t id, bool ok)
{
    chb_sim_plan(sim, chb_sim_latency(sim, 2, 15, 200), on_reply, node, id)->arg = ok;
}

static void on_score(struct chb_sim *sim, const struct chb_sim_item *item)
{
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[item->node];

    if (own->online && own->has_wanted) {
        own->score = own->wanted;
        own->has_score = true;
        chb_sim_pacemaker_poke(sim, chb_sim_latency(sim, 20, 200, 1000));
    }
}

void chb_sim_pacemaker_score(struct chb_sim *sim, uint32_t node, enum chb_score score)
{
    CHB_SIM_VM(sim)->pacemaker.node[node].wanted = score;
    CHB_SIM_VM(sim)->pacemaker.node[node].has_wanted = true;
    (void)chb_sim_plan(sim, chb_sim_latency(sim, 3, 20, 6000), on_score, node, 0);
}

/* ---- membership ---- */

/* What a probe finds is the commanded role from now on. */
static void take_probe(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];
    const struct chb_event probed = {.kind = CHB_EVENT_PROBED};

    enum chb_monitor probe = chb_core_probe(&CHB_SIM_VM(sim)->unit[node].core);
    own->started = probe != CHB_MONITOR_NOT_RUNNING;
    own->promoted = probe == CHB_MONITOR_PROMOTED;
    chb_sim_agent_event(sim, node, &probed);
}

/* A user cleans up: failures are forgotten, and what runs is found out anew. */
void chb_sim_pacemaker_cleanup(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];

    if (!own->online || own->op != CHB_SIM_OP_NONE || !sim->agent[node].running ||
        !CHB_SIM_VM(sim)->unit[node].core.loaded || sim->agent[node].stalled_until > sim->now_ns) {
        return;
    }
    own->recover = false;
    own->stop_failed = false;
    own->not_before = 0;
    take_probe(sim, node);
    chb_sim_trace(sim, node, "Pacemaker: cleaned up, %s%s", own->started ? "started" : "stopped",
                  own->promoted ? ", promoted" : "");
    chb_sim_pacemaker_poke(sim, chb_sim_latency(sim, 20, 200, 1000));
}

/* A monitor that fails though nothing is wrong, for example by its time-out. */
void chb_sim_pacemaker_monitor_failed(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];

    if (own->online && own->started && own->op == CHB_SIM_OP_NONE &&
        !CHB_SIM_VM(sim)->pacemaker.maintenance) {
        chb_sim_trace(sim, node, "Pacemaker: monitor timed out");
        sim->stats.recoveries++;
        own->recover = true;
        chb_sim_pacemaker_poke(sim, CHB_SIM_MS(50));
    }
}

/* Pacemaker finds out by a probe what runs on a node that has come (back). */
static void on_online(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t node = item->node;
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];
    const struct chb_sim_agent *agent = &sim->agent[node];
    const struct chb_core *core = &CHB_SIM_VM(sim)->unit[node].core;

    if (own->online || !sim->corosync[node].running ||
        sim->corosync[node].incarnation != item->tag) {
        return;
    }
    if (!agent->running || !core->loaded || agent->stalled_until > sim->now_ns) {
        (void)chb_sim_plan(sim, CHB_SIM_MS(300), on_online, node, item->tag);
        return;
    }
    own->online = true;
    own->op = CHB_SIM_OP_NONE;
    take_probe(sim, node);
    own->has_score = false;
    chb_sim_trace(sim, node, "Pacemaker: online, %s%s", own->started ? "started" : "stopped",
                  own->promoted ? ", promoted" : "");
    (void)chb_sim_plan(sim, chb_sim_latency(sim, 20, 300, 2000), on_score, node, 0);
    chb_sim_pacemaker_poke(sim, CHB_SIM_MS(50));
}

void chb_sim_pacemaker_ring(struct chb_sim *sim, uint32_t node, uint32_t was, uint32_t is)
{
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];
    uint32_t lost = was & ~is;

    own->unclean = (own->unclean | lost) & ~is;
    FOR_NODES(sim, other)
    {
        if ((lost & chb_sim_bit(other)) != 0) {
            own->fence_tries[other] = 0;
            own->fence_not_before[other] = 0;
        }
    }
    if (!own->online) {
        (void)chb_sim_plan(sim, chb_sim_latency(sim, 300, 1500, 5000), on_online, node,
                           sim->corosync[node].incarnation);
    }
    chb_sim_pacemaker_poke(sim, chb_sim_latency(sim, 10, 60, 1100));
}

void chb_sim_pacemaker_host_off(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];

    own->online = false;
    own->started = false;
    own->promoted = false;
    own->recover = false;
    own->stop_failed = false;
    own->has_score = false;
    own->op = CHB_SIM_OP_NONE;
    own->unclean = 0;
    own->not_before = 0;
    own->cib_told = 0;
}

/* ---- fencing ---- */

static void fenced(struct chb_sim *sim, uint32_t by, uint32_t target, enum chb_outcome outcome)
{
    FOR_NODES(sim, node)
    {
        struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];
        if (node != by && !chb_sim_in_ring(sim, by, node)) {
            continue;
        }
        if (outcome == CHB_OUTCOME_DONE) {
            own->unclean &= ~chb_sim_bit(target);
            own->fence_tries[target] = 0;
        } else {
            own->fence_tries[target]++;
            own->fence_not_before[target] = sim->now_ns + CHB_SIM_MS(1000);
        }
    }
    chb_sim_pacemaker_poke(sim, CHB_SIM_MS(20));
}

void chb_sim_pacemaker_fenced(struct chb_sim *sim, uint32_t by, uint32_t target,
                              enum chb_outcome outcome)
{
    CHB_SIM_FOR_VMS(sim)
    {
        fenced(sim, by, target, outcome);
    }
}

static void fence_lost(struct chb_sim *sim, uint32_t dc, uint32_t unclean)
{
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[dc];

    FOR_NODES(sim, target)
    {
        if (target != dc && (unclean & chb_sim_bit(target)) != 0 && !sim->fence[target].active &&
            sim->now_ns >= own->fence_not_before[target] &&
            (own->fence_tries[target] < FENCE_TRIES_MAX || sim->calm)) {
            chb_sim_trace(sim, dc, "Pacemaker: fence n%u", target);
            own->fence_not_before[target] = sim->now_ns + CHB_SIM_MS(1000);
            chb_sim_fence(sim, target, dc, 0);
        }
    }
}

/* ---- policy ---- */

static void starts_and_stops(struct chb_sim *sim, uint32_t node, bool quorate)
{
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];
    bool wanted =
        !own->standby && !CHB_SIM_VM(sim)->pacemaker.target_stopped && quorate && !own->recover;

    if (wanted && !own->started) {
        chb_sim_pacemaker_ask(sim, node, CHB_SIM_OP_START);
    } else if (!wanted && own->started) {
        chb_sim_pacemaker_ask(sim, node, own->promoted ? CHB_SIM_OP_DEMOTE : CHB_SIM_OP_STOP);
    } else if (!wanted && !own->started) {
        own->recover = false;
    }
}

static void partition(struct chb_sim *sim, uint32_t dc, uint32_t members)
{
    bool quorate = sim->corosync[dc].known_quorate;
    uint32_t unclean = 0;

    FOR_NODES(sim, node)
    {
        if ((members & chb_sim_bit(node)) != 0) {
            unclean |= CHB_SIM_VM(sim)->pacemaker.node[node].unclean;
            if (CHB_SIM_VM(sim)->pacemaker.node[node].stop_failed && node != dc) {
                unclean |= chb_sim_bit(node);
            }
        }
    }
    chb_sim_cib_sync(sim, members, quorate);
    if (!quorate && !sim->options.quorum_stop) {
        return;
    }
    FOR_NODES(sim, node)
    {
        if ((members & chb_sim_bit(node)) != 0 && !CHB_SIM_VM(sim)->pacemaker.maintenance) {
            starts_and_stops(sim, node, quorate);
        }
    }
    /* Pacemaker hears of members and verdict in one message, so it fences nobody on an older one.
     */
    if (quorate && sim->now_ns >= sim->corosync[dc].quorum_at) {
        fence_lost(sim, dc, unclean);
    }
    if (quorate && !CHB_SIM_VM(sim)->pacemaker.maintenance) {
        chb_sim_pacemaker_promotions(sim, members, unclean != 0);
    }
}

static void on_evaluate(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t seen = 0;

    if (item->arg == 0) {
        CHB_SIM_VM(sim)->pacemaker.evaluate_planned = false;
    } else {
        chb_sim_plan(sim, CHB_SIM_MS(1000), on_evaluate, 0, 0)->arg = 1;
    }
    FOR_NODES(sim, node)
    {
        uint32_t members = 0;
        if ((seen & chb_sim_bit(node)) != 0 || !CHB_SIM_VM(sim)->pacemaker.node[node].online) {
            continue;
        }
        FOR_NODES(sim, other)
        {
            if (CHB_SIM_VM(sim)->pacemaker.node[other].online && sim->corosync[other].running &&
                sim->corosync[other].ring == sim->corosync[node].ring) {
                members |= chb_sim_bit(other);
            }
        }
        seen |= members;
        if (chb_sim_ring_intact(sim, node)) {
            partition(sim, node, members);
        }
    }
}

void chb_sim_pacemaker_poke(struct chb_sim *sim, int64_t delay_ns)
{
    if (!CHB_SIM_VM(sim)->pacemaker.evaluate_planned) {
        CHB_SIM_VM(sim)->pacemaker.evaluate_planned = true;
        (void)chb_sim_plan(sim, delay_ns, on_evaluate, 0, 0);
    }
}

/* ---- recurring monitors ---- */

static void on_monitor(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t node = item->node;
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];
    const struct chb_sim_agent *agent = &sim->agent[node];
    const struct chb_core *core = &CHB_SIM_VM(sim)->unit[node].core;

    (void)chb_sim_plan(sim, CHB_SIM_MS(MONITOR_MS), on_monitor, node, 0);
    if (CHB_SIM_VM(sim)->pacemaker.maintenance || !own->online || !own->started ||
        own->op != CHB_SIM_OP_NONE || !agent->running || !core->loaded ||
        agent->stalled_until > sim->now_ns) {
        return;
    }
    enum chb_monitor answer = chb_core_monitor(core);
    enum chb_monitor expected = own->promoted ? CHB_MONITOR_PROMOTED : CHB_MONITOR_UNPROMOTED;
    if (answer == expected) {
        return;
    }
    chb_sim_trace(sim, node, "Pacemaker: monitor failed (%d instead of %d)", (int)answer,
                  (int)expected);
    sim->stats.recoveries++;
    if (answer == CHB_MONITOR_NOT_RUNNING) {
        own->started = false;
        own->promoted = false;
    } else {
        own->recover = true;
    }
    chb_sim_pacemaker_poke(sim, CHB_SIM_MS(50));
}

void chb_sim_pacemaker_begin(struct chb_sim *sim)
{
    chb_sim_plan(sim, CHB_SIM_MS(1000), on_evaluate, 0, 0)->arg = 1;
    FOR_NODES(sim, node)
    {
        (void)chb_sim_plan(sim, CHB_SIM_MS(MONITOR_MS + 100 * node), on_monitor, node, 0);
    }
}
