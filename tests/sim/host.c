/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power. */
#include <tests/sim/sim.h>

#include <string.h>

static void on_boot(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (sim->host[item->node].on && sim->host[item->node].boot == item->tag) {
        chb_sim_corosync_start(sim, item->node);
        chb_sim_pairs_look(sim);
    }
}

void chb_sim_host_on(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_host *host = &sim->host[node];

    if (host->on) {
        return;
    }
    host->on = true;
    host->boot = sim->next_serial++;
    host->on_at = sim->now_ns;
    memset(&host->runtime, 0, sizeof(host->runtime));
    chb_sim_trace(sim, node, "POWER ON");
    (void)chb_sim_plan(sim, chb_sim_latency(sim, 100, 900, 4000), on_boot, node, host->boot);
    chb_sim_agent_start(sim, node, chb_sim_latency(sim, 50, 900, 4000));
}

void chb_sim_host_off(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_host *host = &sim->host[node];

    if (!host->on) {
        return;
    }
    chb_sim_trace(sim, node, "POWER OFF");
    sim->stats.power_cuts++;
    host->on = false;
    chb_sim_disk_cut(sim, node, true);
    sim->agent[node].running = false;
    sim->agent[node].run.op = 0;
    sim->agent[node].stalled_until = 0;
    chb_sim_corosync_stop(sim, node);
    chb_sim_qemu_die(sim, node, true);
}
