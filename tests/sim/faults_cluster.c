/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes wrong with cables, corosync and the quorum device. */
#include <tests/sim/faults.h>
#include <tests/sim/sim.h>

static uint32_t all_but(const struct chb_sim *sim, uint32_t node)
{
    return ((2u << sim->options.n_nodes) - 2u) & ~chb_sim_bit(node);
}

/* Another node than `node`. */
static uint32_t any_other(struct chb_sim *sim, uint32_t node)
{
    uint32_t n = sim->options.n_nodes;
    return 1 + (node + chb_sim_rng_below(&sim->strike_rng, n - 1)) % n;
}

static void on_heal(struct chb_sim *sim, const struct chb_sim_item *item)
{
    (void)item;
    chb_sim_heal(sim);
    chb_sim_replication_heal(sim);
}

void chb_sim_fault_cut(struct chb_sim *sim, uint32_t node)
{
    chb_sim_cut(sim, node, node);
    (void)chb_sim_plan(sim, chb_sim_span(sim, 300, 30000), on_heal, 0, 0);
}

static void start_corosync(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (sim->host[item->node].on && sim->host[item->node].boot == item->tag) {
        chb_sim_corosync_start(sim, item->node);
    }
}

void chb_sim_fault_corosync(struct chb_sim *sim, uint32_t node)
{
    if (sim->corosync[node].running) {
        chb_sim_trace(sim, node, "COROSYNC DIES");
        chb_sim_corosync_stop(sim, node);
        (void)chb_sim_plan(sim, chb_sim_span(sim, 100, 10000), start_corosync, node,
                           sim->host[node].boot);
    }
}

static void end_replication_cut(struct chb_sim *sim, const struct chb_sim_item *item)
{
    chb_sim_replication_cut(sim, item->node, false);
}

void chb_sim_fault_replication(struct chb_sim *sim, uint32_t node)
{
    chb_sim_replication_cut(sim, node, true);
    (void)chb_sim_plan(sim, chb_sim_span(sim, 50, 10000), end_replication_cut, node, 0);
}

/* What `node` sends, or what is sent to it, gets lost. */
void chb_sim_fault_oneway(struct chb_sim *sim, uint32_t node)
{
    bool out = chb_sim_rng_chance(&sim->strike_rng, 500);

    for (uint32_t other = 1; out && other <= sim->options.n_nodes; other++) {
        if (other != node) {
            chb_sim_deafen(sim, other, chb_sim_bit(node), 0);
        }
    }
    if (!out) {
        chb_sim_deafen(sim, node, all_but(sim, node), 0);
    }
    if (chb_sim_rng_chance(&sim->strike_rng, 500)) {
        chb_sim_replication_deafen(sim, node, all_but(sim, node));
    }
    (void)chb_sim_plan(sim, chb_sim_span(sim, 300, 30000), on_heal, 0, 0);
}

/* Two nodes do not reach each other, and both reach the others. */
void chb_sim_fault_partial(struct chb_sim *sim, uint32_t node)
{
    uint32_t other = any_other(sim, node);
    uint32_t flaps = 1 + chb_sim_rng_below(&sim->strike_rng, 6);

    chb_sim_deafen(sim, node, chb_sim_bit(other), sim->options.n_nodes > 2 ? flaps : 0);
    if (chb_sim_rng_chance(&sim->strike_rng, 500)) {
        chb_sim_replication_deafen(sim, node, chb_sim_bit(other));
    }
    (void)chb_sim_plan(sim, chb_sim_span(sim, 300, 30000), on_heal, 0, 0);
}

static void end_replication_deaf(struct chb_sim *sim, const struct chb_sim_item *item)
{
    (void)item;
    chb_sim_replication_heal(sim);
}

void chb_sim_fault_replication_oneway(struct chb_sim *sim, uint32_t node)
{
    chb_sim_replication_deafen(sim, node, all_but(sim, node));
    (void)chb_sim_plan(sim, chb_sim_span(sim, 50, 10000), end_replication_deaf, 0, 0);
}

static void end_clients_cut(struct chb_sim *sim, const struct chb_sim_item *item)
{
    chb_sim_clients_cut(sim, item->node, false, false, false);
}

void chb_sim_fault_clients(struct chb_sim *sim, uint32_t node)
{
    uint32_t how = chb_sim_rng_below(&sim->strike_rng, 4);

    chb_sim_clients_cut(sim, node, how != 0, how != 1, how == 3);
    (void)chb_sim_plan(sim, chb_sim_span(sim, 500, 20000), end_clients_cut, node, 0);
}

void chb_sim_fault_corosync_hang(struct chb_sim *sim, uint32_t node)
{
    chb_sim_corosync_hang(sim, node, chb_sim_span(sim, 50, 15000));
}

void chb_sim_fault_try_again(struct chb_sim *sim, uint32_t node)
{
    chb_sim_corosync_busy(sim, node, chb_sim_span(sim, 20, 5000));
}

static void end_qnetd_cut(struct chb_sim *sim, const struct chb_sim_item *item)
{
    chb_sim_qnetd_cut(sim, item->node, false);
}

void chb_sim_fault_qnetd(struct chb_sim *sim, uint32_t node)
{
    if (sim->options.quorum == CHB_SIM_QUORUM_QDEVICE) {
        chb_sim_qnetd_cut(sim, node, true);
        (void)chb_sim_plan(sim, chb_sim_span(sim, 500, 20000), end_qnetd_cut, node, 0);
    }
}

void chb_sim_fault_flap(struct chb_sim *sim, uint32_t node)
{
    for (uint32_t other = 1; other <= sim->options.n_nodes; other++) {
        if (other != node && sim->corosync[other].agents[node] != 0) {
            uint64_t session = sim->corosync[other].session;
            struct chb_sim_item *item = chb_sim_deliver(sim, other, 0, CHB_EVENT_SILENT);
            item->event.u.node.id = node;
            item->arg = session;
            item = chb_sim_deliver(sim, other, chb_sim_span(sim, 10, 1500), CHB_EVENT_HEARD);
            item->event.u.node.id = node;
            item->arg = session;
        }
    }
}

/* For a moment the kernel gets no acknowledgement for what QEMU sends. */
void chb_sim_fault_link(struct chb_sim *sim, uint32_t node)
{
    uint64_t qemu = CHB_SIM_VM(sim)->qemu[node].id;
    struct chb_sim_item *item = chb_sim_deliver(sim, node, 0, CHB_EVENT_LINK);

    item->event.u.link.qemu = qemu;
    item->event.u.link.stuck = true;
    item = chb_sim_deliver(sim, node, chb_sim_span(sim, 50, 3000), CHB_EVENT_LINK);
    item->event.u.link.qemu = qemu;
}
