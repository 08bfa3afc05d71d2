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
    CHB_SIM_FOR_VMS(sim)
    {
        struct chb_sim_runtime *runtime = &CHB_SIM_VM(sim)->place[node].runtime;
        memset(runtime, 0, sizeof(*runtime));
    }
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
    sim->agent[node].running = false;
    sim->agent[node].stalled_until = 0;
    CHB_SIM_FOR_VMS(sim)
    {
        chb_sim_disk_cut(sim, node, true);
        CHB_SIM_VM(sim)->unit[node].run.op = 0;
    }
    chb_sim_corosync_stop(sim, node);
    CHB_SIM_FOR_VMS(sim)
    {
        chb_sim_qemu_die(sim, node, true);
    }
}
