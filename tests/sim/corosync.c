/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * corosync: rings, the group of agents, totally ordered messages, and quorum as late news.
 * A ring whose members do not all reach each other any more carries
 * nothing; what is sent then waits, and arrives in the next ring.
 */
#include <tests/sim/sim.h>

#include <string.h>

#define FOR_NODES(sim, node) for (uint32_t node = 1; node <= (sim)->options.n_nodes; node++)

uint64_t chb_sim_agent_in_group(const struct chb_sim *sim, uint32_t node)
{
    return sim->corosync[node].joined ? sim->agent[node].boot : 0;
}

/* Plans a delivery to the agent of `node` in the order of its ring. */
static struct chb_sim_item *in_order(struct chb_sim *sim, uint32_t node, int64_t delay_ns,
                                     enum chb_event_kind kind)
{
    struct chb_sim_corosync *own = &sim->corosync[node];
    int64_t at_ns = sim->now_ns + delay_ns;

    at_ns = at_ns > own->delivered_at ? at_ns : own->delivered_at;
    own->delivered_at = at_ns;
    struct chb_sim_item *item = chb_sim_deliver(sim, node, at_ns - sim->now_ns, kind);
    item->arg = own->session;
    return item;
}

void chb_sim_tell_node(struct chb_sim *sim, uint32_t node, int64_t delay_ns,
                       enum chb_event_kind kind, uint32_t about)
{
    struct chb_sim_corosync *own = &sim->corosync[node];

    if (!own->joined) {
        return;
    }
    if (kind == CHB_EVENT_NODE_DOWN) { /* the verdict on this ring is yet to come */
        in_order(sim, node, delay_ns, CHB_EVENT_QUORUM)->event.u.quorate = false;
    }
    in_order(sim, node, delay_ns, kind)->event.u.node.id = about;
    if (kind != CHB_EVENT_SILENT && kind != CHB_EVENT_HEARD) {
        own->silent &= ~chb_sim_bit(about);
    }
    if (kind == CHB_EVENT_NODE_UP && sim->agent[about].stalled_until > sim->now_ns) {
        chb_sim_silence(sim, about, true);
    }
}

void chb_sim_tell_verdict(struct chb_sim *sim, uint32_t node, bool quorate)
{
    in_order(sim, node, 0, CHB_EVENT_QUORUM)->event.u.quorate = quorate;
}

/* ---- messages ---- */

/* A state takes the place of the one that waits for the same VM, as in heartbeat/outbox.h. */
static void into_outbox(const struct chb_sim *sim, struct chb_sim_corosync *own,
                        const struct chb_event *event)
{
    struct chb_sim_message message = {.vm = sim->vm, .event = *event};

    for (uint32_t i = 0; i < own->n_outbox; i++) {
        struct chb_sim_message *waits = &own->outbox[i];
        if (event->kind == CHB_EVENT_STATE && waits->event.kind == CHB_EVENT_STATE &&
            waits->vm == sim->vm) {
            *waits = message;
            return;
        }
    }
    if (own->n_outbox < CHB_SIM_OUTBOX_MAX) {
        own->outbox[own->n_outbox++] = message;
    }
}

void chb_sim_mcast(struct chb_sim *sim, uint32_t node, const struct chb_event *event)
{
    struct chb_sim_corosync *own = &sim->corosync[node];

    if (!own->running || !own->joined) {
        return;
    }
    if (!chb_sim_ring_intact(sim, node) || own->n_outbox != 0 || own->busy_until > sim->now_ns ||
        own->hung_until > sim->now_ns) {
        into_outbox(sim, own, event);
        return;
    }
    int64_t ordered_ns = chb_sim_latency(sim, 0, 1, 200);
    FOR_NODES(sim, other)
    {
        if (other != node && chb_sim_in_ring(sim, node, other) && sim->corosync[other].joined) {
            int64_t delay_ns = ordered_ns + chb_sim_latency(sim, 0, 1, 100);
            struct chb_sim_item *item = in_order(sim, other, delay_ns, event->kind);
            item->event = *event;
            item->other = node;
        }
    }
}

/* ---- the group of agents ---- */

static void group_changed(struct chb_sim *sim, uint32_t node)
{
    FOR_NODES(sim, other)
    {
        struct chb_sim_corosync *theirs = &sim->corosync[other];
        if (other == node || !chb_sim_ring_intact(sim, other) ||
            !chb_sim_in_ring(sim, other, node)) {
            continue; /* the next ring tells them */
        }
        uint64_t agent = chb_sim_agent_in_group(sim, node);
        if (theirs->agents[node] != 0 && theirs->agents[node] != agent) {
            chb_sim_tell_node(sim, other, chb_sim_latency(sim, 0, 1, 20), CHB_EVENT_AGENT_DOWN,
                              node);
            theirs->agents[node] = 0;
        }
        if (agent != 0 && theirs->agents[node] == 0) {
            chb_sim_tell_node(sim, other, chb_sim_latency(sim, 0, 1, 20), CHB_EVENT_NODE_UP, node);
            theirs->agents[node] = agent;
        }
    }
}

static void on_join(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t node = item->node;
    struct chb_sim_corosync *own = &sim->corosync[node];

    if (!sim->agent[node].running || sim->agent[node].boot != item->tag || !own->running ||
        own->joined) {
        return;
    }
    /* An agent opens a new connection when it has found out that the old one is dead. */
    if (!chb_sim_ring_intact(sim, node) || own->hung_until > sim->now_ns ||
        own->loss_heard_at > sim->now_ns || sim->agent[node].stalled_until > sim->now_ns) {
        (void)chb_sim_plan(sim, CHB_SIM_MS(20), on_join, node, item->tag);
        return;
    }
    own->joined = true;
    own->session++;
    own->silent = 0;
    memset(own->agents, 0, sizeof(own->agents));
    own->n_outbox = 0;
    in_order(sim, node, CHB_SIM_MS(1), CHB_EVENT_CLUSTER_UP)->event.u.node.id = node;
    FOR_NODES(sim, other)
    {
        if (other == node) {
            continue;
        }
        if (!chb_sim_in_ring(sim, node, other)) {
            chb_sim_tell_node(sim, node, CHB_SIM_MS(1), CHB_EVENT_NODE_DOWN, other);
        } else if (chb_sim_agent_in_group(sim, other) != 0) {
            chb_sim_tell_node(sim, node, CHB_SIM_MS(1), CHB_EVENT_NODE_UP, other);
            own->agents[other] = chb_sim_agent_in_group(sim, other);
        }
    }
    chb_sim_tell_quorum(sim, node, true);
    CHB_SIM_FOR_VMS(sim)
    {
        chb_sim_cib_tell(sim, node);
    }
    group_changed(sim, node);
}

void chb_sim_corosync_join(struct chb_sim *sim, uint32_t node)
{
    (void)chb_sim_plan(sim, chb_sim_latency(sim, 1, 30, 400), on_join, node, sim->agent[node].boot);
}

void chb_sim_corosync_leave(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_corosync *own = &sim->corosync[node];

    own->joined = false;
    own->session++;
    own->n_outbox = 0;
    own->silent = 0;
    if (own->running) {
        group_changed(sim, node);
    }
}

void chb_sim_corosync_start(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_corosync *own = &sim->corosync[node];

    if (own->running) {
        return;
    }
    int64_t delivered_at = own->delivered_at;
    int64_t loss_heard_at = own->loss_heard_at;
    uint64_t session = own->session;
    memset(own, 0, sizeof(*own));
    own->delivered_at = delivered_at;
    own->loss_heard_at = loss_heard_at;
    own->session = session;
    own->running = true;
    own->incarnation = sim->next_serial++;
    own->ring = ++sim->next_ring; /* alone until it has found the others */
    own->in_ring = true;
    own->members = chb_sim_bit(node);
    own->member_incarnation[node] = own->incarnation;
    chb_sim_trace(sim, node, "corosync starts");
    chb_sim_corosync_changed(sim, false);
    if (sim->agent[node].running) {
        chb_sim_corosync_join(sim, node);
    }
}

void chb_sim_corosync_stop(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_corosync *own = &sim->corosync[node];

    if (!own->running) {
        return;
    }
    own->running = false;
    own->in_ring = false;
    own->joined = false;
    own->session++;
    own->n_outbox = 0;
    own->members = 0;
    CHB_SIM_FOR_VMS(sim)
    {
        chb_sim_pacemaker_host_off(sim, node);
    }
    if (sim->agent[node].running) {
        (void)chb_sim_deliver(sim, node, CHB_SIM_MS(10), CHB_EVENT_CLUSTER_LOST);
        own->loss_heard_at = sim->now_ns + CHB_SIM_MS(10);
    }
    chb_sim_corosync_changed(sim, true);
}

/* ---- corosync that does not get on ---- */

static void on_unhang(struct chb_sim *sim, const struct chb_sim_item *item)
{
    struct chb_sim_corosync *own = &sim->corosync[item->node];

    if (!own->running || own->incarnation != item->tag || own->hung_until > sim->now_ns) {
        return;
    }
    chb_sim_trace(sim, item->node, "corosync goes on");
    FOR_NODES(sim, node)
    {
        chb_sim_flush(sim, node, CHB_SIM_MS(5)); /* if nobody has missed it, what waited goes on */
    }
    chb_sim_corosync_changed(sim, false);
}

void chb_sim_corosync_hang(struct chb_sim *sim, uint32_t node, int64_t ns)
{
    struct chb_sim_corosync *own = &sim->corosync[node];

    if (!own->running || own->hung_until > sim->now_ns) {
        return;
    }
    chb_sim_trace(sim, node, "COROSYNC HANGS for %lld ms", (long long)(ns / 1000000));
    sim->stats.corosync_hangs++;
    own->hung_until = sim->now_ns + ns;
    (void)chb_sim_plan(sim, ns, on_unhang, node, own->incarnation);
    chb_sim_corosync_changed(sim, true);
}

void chb_sim_corosync_busy(struct chb_sim *sim, uint32_t node, int64_t ns)
{
    struct chb_sim_corosync *own = &sim->corosync[node];

    if (own->running) {
        chb_sim_trace(sim, node, "COROSYNC SAYS TRY AGAIN for %lld ms", (long long)(ns / 1000000));
        sim->stats.try_agains++;
        own->busy_until = sim->now_ns + ns;
        chb_sim_flush(sim, node, ns);
    }
}

/* ---- silence ---- */

static void on_silent(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (sim->agent[item->node].boot != item->tag ||
        sim->agent[item->node].stalled_until <= sim->now_ns) {
        return;
    }
    FOR_NODES(sim, other)
    {
        struct chb_sim_corosync *theirs = &sim->corosync[other];
        if (other != item->node && theirs->joined && theirs->agents[item->node] == item->tag &&
            (theirs->silent & chb_sim_bit(item->node)) == 0 &&
            sim->agent[other].stalled_until <= sim->now_ns) {
            theirs->silent |= chb_sim_bit(item->node);
            chb_sim_tell_node(sim, other, chb_sim_latency(sim, 0, 20, 60), CHB_EVENT_SILENT,
                              item->node);
        }
    }
}

/* The agent of `node` stops, or goes on, sending heartbeats. */
void chb_sim_silence(struct chb_sim *sim, uint32_t node, bool silent)
{
    if (silent) {
        (void)chb_sim_plan(sim, chb_sim_latency(sim, 400, 600, 900), on_silent, node,
                           sim->agent[node].boot);
        return;
    }
    FOR_NODES(sim, other)
    {
        struct chb_sim_corosync *theirs = &sim->corosync[other];
        if ((theirs->silent & chb_sim_bit(node)) != 0) {
            theirs->silent &= ~chb_sim_bit(node);
            chb_sim_tell_node(sim, other, chb_sim_latency(sim, 0, 20, 60), CHB_EVENT_HEARD, node);
        }
    }
}
