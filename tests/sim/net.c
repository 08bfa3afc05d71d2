/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cables. A node reaches those on the same side of the cuts, and hears all but those to whom it is
 * deaf; replication, and the clients' network, can be cut by themselves. */
#include <tests/sim/sim.h>

/* One way is no way: knet takes a link for up only while its pings come back. */
bool chb_sim_reaches(const struct chb_sim *sim, uint32_t a, uint32_t b)
{
    return sim->net.side[a] == sim->net.side[b] && (sim->net.deaf[a] & chb_sim_bit(b)) == 0 &&
           (sim->net.deaf[b] & chb_sim_bit(a)) == 0;
}

bool chb_sim_connected(const struct chb_sim *sim, uint32_t a, uint32_t b)
{
    const struct chb_sim_corosync *x = &sim->corosync[a];
    const struct chb_sim_corosync *y = &sim->corosync[b];

    return x->running && y->running &&
           (a == b || (x->hung_until <= sim->now_ns && y->hung_until <= sim->now_ns &&
                       chb_sim_reaches(sim, a, b)));
}

/* So it is with TCP: what is not acknowledged is sent again, and in the end nothing moves. */
bool chb_sim_replicates(const struct chb_sim *sim, uint32_t a, uint32_t b)
{
    return sim->host[a].on && sim->host[b].on && sim->net.side[a] == sim->net.side[b] &&
           (sim->net.replication_cut & (chb_sim_bit(a) | chb_sim_bit(b))) == 0 &&
           (sim->net.replication_deaf[a] & chb_sim_bit(b)) == 0 &&
           (sim->net.replication_deaf[b] & chb_sim_bit(a)) == 0;
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
    if (sim->net.side[node] == side) {
        return;
    }
    chb_sim_trace(sim, node, "CUT OFF: side %u", side);
    sim->net.side[node] = side;
    sim->stats.partitions++;
    break_pairs(sim);
    chb_sim_corosync_changed(sim, true);
}

static bool is_whole(const struct chb_sim_net *net)
{
    uint32_t cuts = 0;
    for (uint32_t node = 1; node < CHB_SIM_SLOTS; node++) {
        cuts |= net->side[node] | net->deaf[node];
    }
    return cuts == 0;
}

void chb_sim_deafen(struct chb_sim *sim, uint32_t node, uint32_t others, uint32_t flaps)
{
    chb_sim_trace(sim, node, "HEARS NOTHING from %x", others >> 1);
    sim->net.deaf[node] |= others;
    sim->net.flaps = flaps;
    sim->stats.partial_cuts++;
    chb_sim_corosync_changed(sim, true);
}

void chb_sim_replication_deafen(struct chb_sim *sim, uint32_t node, uint32_t others)
{
    chb_sim_trace(sim, node, "REPLICATION: hears nothing from %x", others >> 1);
    sim->net.replication_deaf[node] |= others;
    sim->stats.partial_cuts++;
    break_pairs(sim);
}

/* Cuts so short that corosync does not notice are of no interest here: it retransmits, and nobody
 * sees anything. So a cut that ends has been noticed before. */
void chb_sim_heal(struct chb_sim *sim)
{
    if (is_whole(&sim->net)) {
        return;
    }
    sim->net.flaps = 0;
    chb_sim_reform(sim);
    chb_sim_trace(sim, 0, "NETWORK HEALS");
    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        sim->net.side[node] = 0;
        sim->net.deaf[node] = 0;
    }
    chb_sim_pairs_look(sim);
    chb_sim_corosync_changed(sim, false);
}

void chb_sim_replication_heal(struct chb_sim *sim)
{
    uint32_t cuts = 0;

    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        cuts |= sim->net.replication_deaf[node];
        sim->net.replication_deaf[node] = 0;
    }
    if (cuts != 0) {
        chb_sim_trace(sim, 0, "REPLICATION WHOLE AGAIN");
        chb_sim_pairs_look(sim);
    }
}

void chb_sim_replication_cut(struct chb_sim *sim, uint32_t node, bool cut)
{
    uint32_t bit = chb_sim_bit(node);
    if (((sim->net.replication_cut & bit) != 0) == cut) {
        return;
    }
    chb_sim_trace(sim, node, "REPLICATION %s", cut ? "CUT" : "WHOLE AGAIN");
    if (cut) {
        sim->net.replication_cut |= bit;
        break_pairs(sim);
    } else {
        sim->net.replication_cut &= ~bit;
        chb_sim_pairs_look(sim);
    }
}

/* Without a carrier (`down`) the host knows, and its health says so. */
void chb_sim_clients_cut(struct chb_sim *sim, uint32_t node, bool out, bool in, bool down)
{
    uint32_t bit = chb_sim_bit(node);

    if (!out && !in && ((sim->net.clients_mute | sim->net.clients_deaf) & bit) == 0) {
        return;
    }
    chb_sim_trace(sim, node, "CLIENTS %s%s%s%s", out || in ? "CUT" : "BACK", out ? ", out" : "",
                  in ? ", in" : "", down ? ", no carrier" : "");
    sim->net.clients_mute = out ? sim->net.clients_mute | bit : sim->net.clients_mute & ~bit;
    sim->net.clients_deaf = in ? sim->net.clients_deaf | bit : sim->net.clients_deaf & ~bit;
    sim->stats.client_cuts += out || in ? 1 : 0;
    CHB_SIM_FOR_VMS(sim)
    {
        chb_sim_deliver(sim, node, CHB_SIM_MS(20), CHB_EVENT_HEALTH)->event.u.health =
            down ? 50 : 100;
    }
}
