/* SPDX-License-Identifier: GPL-2.0-or-later */
/* corosync's rings, and quorum as late news. */
#include <tests/sim/sim.h>

#define FOR_NODES(sim, node) for (uint32_t node = 1; node <= (sim)->options.n_nodes; node++)

bool chb_sim_in_ring(const struct chb_sim *sim, uint32_t node, uint32_t other)
{
    const struct chb_sim_corosync *ring = &sim->corosync[node];
    return ring->in_ring && (ring->members & chb_sim_bit(other)) != 0;
}

static bool hears_all(const struct chb_sim *sim, uint32_t node, uint32_t members)
{
    FOR_NODES(sim, other)
    {
        if ((members & chb_sim_bit(other)) != 0 && !chb_sim_connected(sim, node, other)) {
            return false;
        }
    }
    return true;
}

/* The token goes round only if every member reaches every other one. */
bool chb_sim_ring_intact(const struct chb_sim *sim, uint32_t node)
{
    const struct chb_sim_corosync *own = &sim->corosync[node];

    if (!own->running || !own->in_ring) {
        return false;
    }
    FOR_NODES(sim, other)
    {
        if (chb_sim_in_ring(sim, node, other) &&
            (sim->corosync[other].ring != own->ring ||
             sim->corosync[other].incarnation != own->member_incarnation[other] ||
             !hears_all(sim, other, own->members))) {
            return false;
        }
    }
    return true;
}

/* ---- quorum ---- */

/* The ring that the quorum device votes for: the largest of those with a node that reaches it, then
 * the one with the lowest node id. 0: none. */
static uint32_t qdevice_ring(const struct chb_sim *sim)
{
    uint32_t best = 0;
    int best_size = 0;

    FOR_NODES(sim, node)
    {
        const struct chb_sim_corosync *own = &sim->corosync[node];
        int size = __builtin_popcount(own->members);
        if (own->running && own->in_ring && own->hung_until <= sim->now_ns &&
            (sim->net.qnetd_cut & chb_sim_bit(node)) == 0 && size > best_size) {
            best = own->ring;
            best_size = size;
        }
    }
    return best;
}

bool chb_sim_quorate(const struct chb_sim *sim, uint32_t node)
{
    const struct chb_sim_corosync *own = &sim->corosync[node];
    uint32_t votes = (uint32_t)__builtin_popcount(own->members);

    if (!own->running || !own->in_ring) {
        return false;
    }
    switch (sim->options.quorum) {
    case CHB_SIM_QUORUM_TWO_NODE:
        return own->all_seen;
    case CHB_SIM_QUORUM_QDEVICE:
        votes +=
            own->ring == qdevice_ring(sim) && (sim->net.qnetd_cut & chb_sim_bit(node)) == 0 ? 1 : 0;
        return votes * 2 > sim->options.n_nodes + 1;
    case CHB_SIM_QUORUM_MAJORITY:
        break;
    }
    return votes * 2 > sim->options.n_nodes;
}

/* The verdict on a ring. Pacemaker acts on the last one that it has heard. The daemon takes none
 * for a ring that is over: since NODE_DOWN it counts itself without quorum (chb_sim_tell_node()).
 */
static void on_verdict(struct chb_sim *sim, const struct chb_sim_item *item)
{
    struct chb_sim_corosync *own = &sim->corosync[item->node];

    if (own->incarnation != item->tag || own->ring != item->other) {
        return;
    }
    own->known_quorate = item->arg != 0;
    if (own->joined) {
        chb_sim_tell_verdict(sim, item->node, own->known_quorate);
    }
    CHB_SIM_FOR_VMS(sim)
    {
        chb_sim_pacemaker_poke(sim, CHB_SIM_MS(20));
    }
}

/* Each node hears of it by itself, and late; never out of order. */
void chb_sim_tell_quorum(struct chb_sim *sim, uint32_t node, bool anew)
{
    struct chb_sim_corosync *own = &sim->corosync[node];
    bool quorate = chb_sim_quorate(sim, node);

    if (!own->running || (quorate == own->quorate && !anew)) {
        return;
    }
    own->quorate = quorate;
    int64_t at_ns = sim->now_ns + chb_sim_latency(sim, 1, 10, 3200);
    own->quorum_at = at_ns > own->quorum_at ? at_ns : own->quorum_at;
    struct chb_sim_item *item =
        chb_sim_plan(sim, own->quorum_at - sim->now_ns, on_verdict, node, own->incarnation);
    item->other = own->ring;
    item->arg = quorate;
}

static void on_qnetd(struct chb_sim *sim, const struct chb_sim_item *item)
{
    (void)item;
    FOR_NODES(sim, node)
    {
        chb_sim_tell_quorum(sim, node, false);
    }
}

void chb_sim_qnetd_cut(struct chb_sim *sim, uint32_t node, bool cut)
{
    uint32_t bit = chb_sim_bit(node);

    if (((sim->net.qnetd_cut & bit) != 0) == cut) {
        return;
    }
    chb_sim_trace(sim, node, "QUORUM DEVICE %s", cut ? "OUT OF REACH" : "BACK");
    sim->net.qnetd_cut ^= bit;
    sim->stats.qnetd_cuts += cut ? 1 : 0;
    (void)chb_sim_plan(sim, chb_sim_latency(sim, 300, 3000, 10000), on_qnetd, 0, 0);
}

/* ---- rings ---- */

/* What the nodes were in before a change of rings. */
struct before {
    uint32_t ring[CHB_SIM_SLOTS];
};

/* `node` is told what has changed for it between its last view and the present one. Whoever comes
 * from another ring than itself was away, however short the time. */
static void tell_changes(struct chb_sim *sim, uint32_t node, uint32_t members, uint32_t stayed)
{
    struct chb_sim_corosync *own = &sim->corosync[node];
    int64_t delay_ns = chb_sim_latency(sim, 0, 3, 400);

    FOR_NODES(sim, other)
    {
        uint32_t bit = chb_sim_bit(other);
        if (other == node) {
            continue;
        }
        bool same = (stayed & bit) != 0;
        uint64_t agent = (members & bit) != 0 ? chb_sim_agent_in_group(sim, other) : 0;
        if ((own->members & bit) != 0 && !same) {
            chb_sim_tell_node(sim, node, delay_ns, CHB_EVENT_NODE_DOWN, other);
            own->agents[other] = 0;
        } else if (same && own->agents[other] != 0 && own->agents[other] != agent) {
            chb_sim_tell_node(sim, node, delay_ns, CHB_EVENT_AGENT_DOWN, other);
            own->agents[other] = 0;
        }
        if (agent != 0 && own->agents[other] != agent) {
            chb_sim_tell_node(sim, node, delay_ns, CHB_EVENT_NODE_UP, other);
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

void chb_sim_flush(struct chb_sim *sim, uint32_t node, int64_t delay_ns)
{
    (void)chb_sim_plan(sim, delay_ns, on_flush, node, sim->corosync[node].incarnation);
}

static void enter_ring(struct chb_sim *sim, uint32_t node, uint32_t ring, uint32_t members,
                       const struct before *before)
{
    struct chb_sim_corosync *own = &sim->corosync[node];
    uint32_t was = own->in_ring ? own->members : 0;
    uint32_t stayed = 0;

    FOR_NODES(sim, other)
    {
        if ((was & members & chb_sim_bit(other)) != 0 &&
            before->ring[other] == before->ring[node] &&
            own->member_incarnation[other] == sim->corosync[other].incarnation) {
            stayed |= chb_sim_bit(other);
        }
    }
    tell_changes(sim, node, members, stayed);
    FOR_NODES(sim, other)
    {
        own->member_incarnation[other] = sim->corosync[other].incarnation;
    }
    own->ring = ring;
    own->in_ring = true;
    own->members = members;
    sim->stats.rings++;
    if (members == (2u << sim->options.n_nodes) - 2u) {
        own->all_seen = true;
    }
    CHB_SIM_FOR_VMS(sim)
    {
        chb_sim_pacemaker_ring(sim, node, was & ~members, members);
    }
    chb_sim_flush(sim, node, chb_sim_latency(sim, 5, 20, 1100));
}

static bool can_form(const struct chb_sim *sim, uint32_t node)
{
    return sim->corosync[node].running && sim->corosync[node].hung_until <= sim->now_ns;
}

/* Those that reach each other: `members`, and whoever of `free` reaches all of them, in the order
 * that begins with `first`. */
static uint32_t grow(const struct chb_sim *sim, uint32_t members, uint32_t free, uint32_t first)
{
    for (uint32_t i = 0; i < sim->options.n_nodes; i++) {
        uint32_t other = 1 + (first + i) % sim->options.n_nodes;
        bool all = (free & chb_sim_bit(other)) != 0;
        members |= all && hears_all(sim, other, members) ? chb_sim_bit(other) : 0;
    }
    return members;
}

/*
 * Every node that can enters a ring whose members all reach each other, and that could not be
 * larger. Where the cut has no clear sides (one reaches two that do not reach each other), totem's
 * members put each other on their lists of the failed, and who is left out changes from try to try
 * (`flaps` times here) before it settles.
 */
void chb_sim_reform(struct chb_sim *sim)
{
    bool flap = sim->net.flaps != 0;
    uint32_t first = flap ? chb_sim_rng_below(&sim->rng, sim->options.n_nodes) : 0;
    struct before before;
    uint32_t free = 0;

    FOR_NODES(sim, node)
    {
        before.ring[node] = sim->corosync[node].ring;
        free |= can_form(sim, node) ? chb_sim_bit(node) : 0;
    }
    for (uint32_t i = 0; i < sim->options.n_nodes; i++) {
        uint32_t node = 1 + (first + i) % sim->options.n_nodes;
        const struct chb_sim_corosync *own = &sim->corosync[node];
        bool same = chb_sim_ring_intact(sim, node) && (own->members & ~free) == 0;
        if ((free & chb_sim_bit(node)) == 0) {
            continue;
        }
        uint32_t members = grow(sim, same && !flap ? own->members : chb_sim_bit(node), free, first);
        free &= ~members;
        if (same && own->members == members) {
            continue;
        }
        uint32_t ring = ++sim->next_ring;
        chb_sim_trace(sim, 0, "ring %u: members %x", ring, members >> 1);
        FOR_NODES(sim, other)
        {
            if ((members & chb_sim_bit(other)) != 0) {
                enter_ring(sim, other, ring, members, &before);
            }
        }
    }
    FOR_NODES(sim, node)
    { /* votequorum says so with each new ring, changed or not */
        chb_sim_tell_quorum(sim, node, sim->corosync[node].ring != before.ring[node]);
    }
    if (flap) {
        sim->net.flaps--;
        sim->stats.flaps++;
        chb_sim_corosync_changed(sim, true);
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
