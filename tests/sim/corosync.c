/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * corosync: rings, the group of agents, totally ordered messages, and quorum as late news
 * (lab-notes, section A). A ring whose members do not all reach each other any more carries
 * nothing; what is sent then waits, and arrives in the next ring.
 */
#include <tests/sim/sim.h>

#include <string.h>

#define FOR_NODES(sim, node) for (uint32_t node = 1; node <= (sim)->options.n_nodes; node++)

bool chb_sim_in_ring(const struct chb_sim *sim, uint32_t node, uint32_t other)
{
    const struct chb_sim_corosync *ring = &sim->corosync[node];
    return ring->in_ring && (ring->members & chb_sim_bit(other)) != 0;
}

bool chb_sim_ring_intact(const struct chb_sim *sim, uint32_t node)
{
    const struct chb_sim_corosync *own = &sim->corosync[node];

    if (!own->running || !own->in_ring) {
        return false;
    }
    FOR_NODES(sim, other)
    {
        if (chb_sim_in_ring(sim, node, other) &&
            (!chb_sim_connected(sim, node, other) || sim->corosync[other].ring != own->ring ||
             sim->corosync[other].incarnation != own->member_incarnation[other])) {
            return false;
        }
    }
    return true;
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

static void tell_node(struct chb_sim *sim, uint32_t node, int64_t delay_ns,
                      enum chb_event_kind kind, uint32_t about)
{
    struct chb_sim_corosync *own = &sim->corosync[node];

    if (!own->joined) {
        return;
    }
    in_order(sim, node, delay_ns, kind)->event.u.node.id = about;
    if (kind != CHB_EVENT_SILENT && kind != CHB_EVENT_HEARD) {
        own->silent &= ~chb_sim_bit(about);
    }
    if (kind == CHB_EVENT_NODE_UP && sim->agent[about].stalled_until > sim->now_ns) {
        chb_sim_silence(sim, about, true);
    }
}

/* ---- quorum ---- */

bool chb_sim_quorate(const struct chb_sim *sim, uint32_t node)
{
    const struct chb_sim_corosync *own = &sim->corosync[node];
    uint32_t members = (uint32_t)__builtin_popcount(own->members);

    if (!own->running || !own->in_ring) {
        return false;
    }
    switch (sim->options.quorum) {
    case CHB_SIM_QUORUM_TWO_NODE:
        return own->all_seen;
    case CHB_SIM_QUORUM_QDEVICE: /* its vote goes to the side with the lowest node id alive */
        for (uint32_t other = 1; other < node; other++) {
            if (sim->corosync[other].running && !chb_sim_in_ring(sim, node, other)) {
                return members * 2 > sim->options.n_nodes;
            }
        }
        return true;
    case CHB_SIM_QUORUM_MAJORITY:
        break;
    }
    return members * 2 > sim->options.n_nodes;
}

/* Each node hears of it by itself, and late; never out of order. */
static void tell_quorum(struct chb_sim *sim, uint32_t node, bool anew)
{
    struct chb_sim_corosync *own = &sim->corosync[node];
    bool quorate = chb_sim_quorate(sim, node);

    if (quorate == own->quorate && !anew) {
        return;
    }
    own->quorate = quorate;
    if (!own->joined) {
        return;
    }
    int64_t at_ns = sim->now_ns + chb_sim_latency(sim, 1, 10, 3200);
    own->quorum_at = at_ns > own->quorum_at ? at_ns : own->quorum_at;
    struct chb_sim_item *item =
        chb_sim_deliver(sim, node, own->quorum_at - sim->now_ns, CHB_EVENT_QUORUM);
    item->event.u.quorate = quorate;
    item->arg = own->session;
    CHB_SIM_FOR_VMS(sim)
    {
        chb_sim_pacemaker_poke(sim, CHB_SIM_MS(20));
    }
}

/* ---- rings ---- */

static uint64_t agent_in_group(const struct chb_sim *sim, uint32_t node)
{
    return sim->corosync[node].joined ? sim->agent[node].boot : 0;
}

/* `node` is told what has changed for it between its last view and the present one. */
static void tell_changes(struct chb_sim *sim, uint32_t node, uint32_t members, int64_t delay_ns)
{
    struct chb_sim_corosync *own = &sim->corosync[node];

    FOR_NODES(sim, other)
    {
        uint32_t bit = chb_sim_bit(other);
        if (other == node) {
            continue;
        }
        bool was = (own->members & bit) != 0;
        bool is = (members & bit) != 0;
        bool same = was && is && own->member_incarnation[other] == sim->corosync[other].incarnation;
        uint64_t agent = is ? agent_in_group(sim, other) : 0;
        if (was && !same) {
            tell_node(sim, node, delay_ns, CHB_EVENT_NODE_DOWN, other);
            own->agents[other] = 0;
        } else if (same && own->agents[other] != 0 && own->agents[other] != agent) {
            tell_node(sim, node, delay_ns, CHB_EVENT_AGENT_DOWN, other);
            own->agents[other] = 0;
        }
        if (agent != 0 && own->agents[other] != agent) {
            tell_node(sim, node, delay_ns, CHB_EVENT_NODE_UP, other);
            own->agents[other] = agent;
        }
    }
}

static void on_flush(struct chb_sim *sim, const struct chb_sim_item *item)
{
    struct chb_sim_corosync *own = &sim->corosync[item->node];

    if (own->incarnation != item->tag || !chb_sim_ring_intact(sim, item->node)) {
        return; /* the next ring will do it */
    }
    uint32_t n = own->n_outbox;
    own->n_outbox = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct chb_sim_message message = own->outbox[i];
        sim->vm = message.vm;
        chb_sim_mcast(sim, item->node, &message.event);
    }
    sim->vm = item->vm;
}

static void enter_ring(struct chb_sim *sim, uint32_t node, uint32_t ring, uint32_t members)
{
    struct chb_sim_corosync *own = &sim->corosync[node];
    uint32_t was = own->in_ring ? own->members : 0;
    uint32_t returned = 0;

    tell_changes(sim, node, members, chb_sim_latency(sim, 0, 3, 60));
    FOR_NODES(sim, other)
    {
        if ((was & chb_sim_bit(other)) != 0 &&
            own->member_incarnation[other] != sim->corosync[other].incarnation) {
            returned |= chb_sim_bit(other);
        }
        own->member_incarnation[other] = sim->corosync[other].incarnation;
    }
    own->ring = ring;
    own->in_ring = true;
    own->members = members;
    if (members == (2u << sim->options.n_nodes) - 2u) {
        own->all_seen = true;
    }
    CHB_SIM_FOR_VMS(sim)
    {
        chb_sim_pacemaker_ring(sim, node, was & ~returned, members);
    }
    tell_quorum(sim, node, false);
    (void)chb_sim_plan(sim, chb_sim_latency(sim, 5, 20, 1100), on_flush, node, own->incarnation);
}

/* Every set of nodes that reach each other becomes a ring, if it is not one. */
void chb_sim_reform(struct chb_sim *sim)
{
    uint32_t done = 0;

    FOR_NODES(sim, node)
    {
        uint32_t members = 0;
        bool same = chb_sim_ring_intact(sim, node);
        if ((done & chb_sim_bit(node)) != 0 || !sim->corosync[node].running) {
            continue;
        }
        FOR_NODES(sim, other)
        {
            if (chb_sim_connected(sim, node, other)) {
                members |= chb_sim_bit(other);
            }
        }
        done |= members;
        if (same && sim->corosync[node].members == members) {
            continue;
        }
        uint32_t ring = ++sim->next_ring;
        chb_sim_trace(sim, 0, "ring %u: members %x", ring, members >> 1);
        FOR_NODES(sim, other)
        {
            if ((members & chb_sim_bit(other)) != 0) {
                enter_ring(sim, other, ring, members);
            }
        }
    }
}

static void on_reform(struct chb_sim *sim, const struct chb_sim_item *item)
{
    (void)item;
    chb_sim_reform(sim);
}

void chb_sim_corosync_changed(struct chb_sim *sim, bool loss)
{
    int64_t token = sim->options.token_ms;
    int64_t delay_ns = loss ? chb_sim_latency(sim, token * 9 / 10, token * 11 / 10, token * 2)
                            : chb_sim_latency(sim, 30, 300, 1500);
    (void)chb_sim_plan(sim, delay_ns, on_reform, 0, 0);
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
    if (!chb_sim_ring_intact(sim, node) || own->n_outbox != 0) {
        into_outbox(sim, own, event);
        return;
    }
    int64_t ordered_ns = chb_sim_latency(sim, 0, 1, 20);
    FOR_NODES(sim, other)
    {
        if (other != node && chb_sim_in_ring(sim, node, other) && sim->corosync[other].joined) {
            int64_t delay_ns = ordered_ns + chb_sim_latency(sim, 0, 1, 10);
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
        uint64_t agent = agent_in_group(sim, node);
        if (theirs->agents[node] != 0 && theirs->agents[node] != agent) {
            tell_node(sim, other, chb_sim_latency(sim, 0, 1, 20), CHB_EVENT_AGENT_DOWN, node);
            theirs->agents[node] = 0;
        }
        if (agent != 0 && theirs->agents[node] == 0) {
            tell_node(sim, other, chb_sim_latency(sim, 0, 1, 20), CHB_EVENT_NODE_UP, node);
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
    if (!chb_sim_ring_intact(sim, node) || sim->agent[node].stalled_until > sim->now_ns) {
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
            tell_node(sim, node, CHB_SIM_MS(1), CHB_EVENT_NODE_DOWN, other);
        } else if (agent_in_group(sim, other) != 0) {
            tell_node(sim, node, CHB_SIM_MS(1), CHB_EVENT_NODE_UP, other);
            own->agents[other] = agent_in_group(sim, other);
        }
    }
    tell_quorum(sim, node, true);
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
    uint64_t session = own->session;
    memset(own, 0, sizeof(*own));
    own->delivered_at = delivered_at;
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
    }
    chb_sim_corosync_changed(sim, true);
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
            tell_node(sim, other, chb_sim_latency(sim, 0, 20, 60), CHB_EVENT_SILENT, item->node);
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
            tell_node(sim, other, chb_sim_latency(sim, 0, 20, 60), CHB_EVENT_HEARD, node);
        }
    }
}
