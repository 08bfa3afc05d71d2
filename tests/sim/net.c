/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cables. A node reaches those on the same side of the cuts; replication can be cut by itself. */
#include <tests/sim/sim.h>

bool chb_sim_connected(const struct chb_sim *sim, uint32_t a, uint32_t b)
{
    return sim->corosync[a].running && sim->corosync[b].running && sim->side[a] == sim->side[b];
}

bool chb_sim_replicates(const struct chb_sim *sim, uint32_t a, uint32_t b)
{
    return sim->host[a].on && sim->host[b].on && sim->side[a] == sim->side[b] &&
           (sim->replication_cut & (chb_sim_bit(a) | chb_sim_bit(b))) == 0;
}

/* A connection that carries nothing any more ends some time: on this side or on that. */
static void break_pairs_of_vm(struct chb_sim *sim)
{
    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];
        bool colo =
            qemu->mode == CHB_SIM_MODE_COLO_PRIMARY || qemu->mode == CHB_SIM_MODE_COLO_SECONDARY;
        if (colo && !chb_sim_replicates(sim, node, qemu->partner) &&
            chb_sim_rng_chance(&sim->rng, 700)) {
            chb_sim_qemu_break(sim, node, chb_sim_latency(sim, 20, 1500, 5000));
        }
    }
}

static void break_pairs(struct chb_sim *sim)
{
    CHB_SIM_FOR_VMS(sim)
    {
        break_pairs_of_vm(sim);
    }
}

static void look_at_vm(struct chb_sim *sim)
{
    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        if (CHB_SIM_VM(sim)->qemu[node].mode == CHB_SIM_MODE_COLO_PRIMARY ||
            CHB_SIM_VM(sim)->qemu[node].mode == CHB_SIM_MODE_COLO_SECONDARY) {
            chb_sim_qemu_break(sim, node, chb_sim_latency(sim, 10, 300, 3000));
        }
    }
}

/* The network carries again: whoever's other end has given up, or is another process, is told. */
void chb_sim_pairs_look(struct chb_sim *sim)
{
    CHB_SIM_FOR_VMS(sim)
    {
        look_at_vm(sim);
    }
}

void chb_sim_cut(struct chb_sim *sim, uint32_t node, uint32_t side)
{
    if (sim->side[node] == side) {
        return;
    }
    chb_sim_trace(sim, node, "CUT OFF: side %u", side);
    sim->side[node] = side;
    sim->stats.partitions++;
    break_pairs(sim);
    chb_sim_corosync_changed(sim, true);
}

/* Cuts so short that corosync does not notice are of no interest here: it retransmits, and nobody
 * sees anything. So a cut that ends has been noticed before. */
void chb_sim_heal(struct chb_sim *sim)
{
    bool any = false;

    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        any = any || sim->side[node] != 0;
    }
    if (!any) {
        return;
    }
    chb_sim_reform(sim);
    chb_sim_trace(sim, 0, "NETWORK HEALS");
    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        sim->side[node] = 0;
    }
    chb_sim_pairs_look(sim);
    chb_sim_corosync_changed(sim, false);
}

void chb_sim_replication_cut(struct chb_sim *sim, uint32_t node, bool cut)
{
    uint32_t bit = chb_sim_bit(node);
    if (((sim->replication_cut & bit) != 0) == cut) {
        return;
    }
    chb_sim_trace(sim, node, "REPLICATION %s", cut ? "CUT" : "WHOLE AGAIN");
    if (cut) {
        sim->replication_cut |= bit;
        break_pairs(sim);
    } else {
        sim->replication_cut &= ~bit;
        chb_sim_pairs_look(sim);
    }
}
