/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Pacemaker, guests and operators do at a bad moment. */
#include <tests/sim/faults.h>
#include <tests/sim/sim.h>

static void enable_resource(struct chb_sim *sim, const struct chb_sim_item *item)
{
    (void)item;
    CHB_SIM_VM(sim)->pacemaker.target_stopped = false;
    chb_sim_pacemaker_poke(sim, CHB_SIM_MS(100));
}

static void restart_resource(struct chb_sim *sim, const struct chb_sim_item *item)
{
    (void)item;
    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        if (CHB_SIM_VM(sim)->pacemaker.target_stopped &&
            CHB_SIM_VM(sim)->place[node].runtime.started &&
            sim->host[node].on) { /* it is not yet down */
            (void)chb_sim_plan(sim, CHB_SIM_MS(1000), restart_resource, 0, 0);
            return;
        }
    }
    enable_resource(sim, item);
}

void chb_sim_fault_guest_off(struct chb_sim *sim, uint32_t node)
{
    uint32_t server = chb_sim_server(sim);
    (void)node;
    if (server == 0) {
        return;
    }
    for (uint32_t i = 1; i <= sim->options.n_nodes; i++) {
        if (i == server || i == CHB_SIM_VM(sim)->qemu[server].partner) {
            chb_sim_deliver(sim, i, chb_sim_latency(sim, 0, 30, 100), CHB_EVENT_GUEST_OFF)
                ->event.u.qemu.qemu = CHB_SIM_VM(sim)->qemu[i].id;
        }
    }
    /* Before Pacemaker has stopped it, or been told. It takes the pair a minute to be back, and a
     * quiet world has no more. */
    if (!sim->options.single && chb_sim_rng_chance(&sim->rng, 300)) {
        (void)chb_sim_plan(sim, chb_sim_span(sim, 10, 1000), enable_resource, 0, 0);
    } else {
        (void)chb_sim_plan(sim, chb_sim_span(sim, 3000, 20000), restart_resource, 0, 0);
    }
}

void chb_sim_fault_disk_error(struct chb_sim *sim, uint32_t node)
{
    chb_sim_deliver(sim, node, 0, CHB_EVENT_DISK_ERROR)->event.u.qemu.qemu =
        CHB_SIM_VM(sim)->qemu[node].id;
    chb_sim_deliver(sim, node, chb_sim_span(sim, 1000, 20000), CHB_EVENT_HEALTH)->event.u.health =
        100;
}

/* The guest's writes go to both: from the filling on, and until the pair is given up. */
static bool writes_to_both(const struct chb_sim *sim, uint32_t node)
{
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];
    const struct chb_sim_qemu *other = &CHB_SIM_VM(sim)->qemu[qemu->partner];
    const struct chb_core *core = &CHB_SIM_VM(sim)->unit[node].core;
    bool joining = core->phase == CHB_PHASE_SOLO && core->join == CHB_JOIN_RUNNING &&
                   core->join_node == qemu->partner && qemu->partner_serial != 0 &&
                   qemu->partner_serial == other->serial;
    bool paired = core->phase == CHB_PHASE_PAIRED && core->broken_generation == 0 &&
                  chb_sim_in_step(sim, CHB_SIM_VM(sim), node);
    return joining || paired;
}

void chb_sim_fault_write_missed(struct chb_sim *sim, uint32_t node)
{
    const uint32_t server = chb_sim_server(sim);
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[server];
    struct chb_event event = {.kind = CHB_EVENT_COPY_FAILED};

    (void)node;
    if (server != 0 && sim->agent[server].running &&
        sim->agent[server].stalled_until <= sim->now_ns && writes_to_both(sim, server)) {
        event.u.qemu.qemu = qemu->id;
        CHB_SIM_VM(sim)->place[qemu->partner].copy.missed = true;
        chb_sim_agent_event(sim, server, &event);
    }
}

void chb_sim_fault_switchover(struct chb_sim *sim, uint32_t node)
{
    chb_sim_command(sim, node, CHB_EVENT_SWITCHOVER, 0, 0);
}

void chb_sim_fault_resync(struct chb_sim *sim, uint32_t node)
{
    chb_sim_command(sim, node, CHB_EVENT_RESYNC, 0, 0);
}

static void end_standby(struct chb_sim *sim, const struct chb_sim_item *item)
{
    CHB_SIM_VM(sim)->pacemaker.node[item->node].standby = false;
    chb_sim_pacemaker_poke(sim, CHB_SIM_MS(50));
}

void chb_sim_fault_standby(struct chb_sim *sim, uint32_t node)
{
    CHB_SIM_VM(sim)->pacemaker.node[node].standby = true;
    chb_sim_pacemaker_poke(sim, CHB_SIM_MS(50));
    (void)chb_sim_plan(sim, chb_sim_span(sim, 1000, 20000), end_standby, node, 0);
}

static void end_ban(struct chb_sim *sim, const struct chb_sim_item *item)
{
    CHB_SIM_VM(sim)->pacemaker.banned &= ~chb_sim_bit(item->node);
    CHB_SIM_VM(sim)->pacemaker.preferred = 0;
    chb_sim_pacemaker_poke(sim, CHB_SIM_MS(50));
}

void chb_sim_fault_ban(struct chb_sim *sim, uint32_t node)
{
    chb_sim_trace(sim, node, "USER: ban");
    sim->stats.user_moves++;
    CHB_SIM_VM(sim)->pacemaker.banned |= chb_sim_bit(node);
    chb_sim_pacemaker_poke(sim, CHB_SIM_MS(50));
    (void)chb_sim_plan(sim, chb_sim_span(sim, 500, 30000), end_ban, node, 0);
}

void chb_sim_fault_move(struct chb_sim *sim, uint32_t node)
{
    chb_sim_trace(sim, node, "USER: move here");
    sim->stats.user_moves++;
    CHB_SIM_VM(sim)->pacemaker.preferred = node;
    chb_sim_pacemaker_poke(sim, CHB_SIM_MS(50));
    (void)chb_sim_plan(sim, chb_sim_span(sim, 500, 30000), end_ban, node, 0);
}

static void end_maintenance(struct chb_sim *sim, const struct chb_sim_item *item)
{
    (void)item;
    CHB_SIM_VM(sim)->pacemaker.maintenance = false;
    chb_sim_pacemaker_poke(sim, CHB_SIM_MS(50));
}

void chb_sim_fault_maintenance(struct chb_sim *sim, uint32_t node)
{
    (void)node;
    chb_sim_trace(sim, 0, "USER: maintenance");
    sim->stats.user_moves++;
    CHB_SIM_VM(sim)->pacemaker.maintenance = true;
    (void)chb_sim_plan(sim, chb_sim_span(sim, 1000, 30000), end_maintenance, 0, 0);
}

void chb_sim_fault_cleanup(struct chb_sim *sim, uint32_t node)
{
    sim->stats.user_moves++;
    chb_sim_pacemaker_cleanup(sim, node);
}

void chb_sim_fault_monitor(struct chb_sim *sim, uint32_t node)
{
    chb_sim_pacemaker_monitor_failed(sim, node);
}

/* The user takes back what was said for a while. */
void chb_sim_pacemaker_well(struct chb_sim *sim)
{
    CHB_SIM_VM(sim)->pacemaker.banned = 0;
    CHB_SIM_VM(sim)->pacemaker.preferred = 0;
    CHB_SIM_VM(sim)->pacemaker.maintenance = false;
}

/* P3, and the operator is right. */
void chb_sim_fault_operator(struct chb_sim *sim, uint32_t node)
{
    if (sim->host[node].on) {
        return;
    }
    for (uint32_t other = 1; other <= sim->options.n_nodes; other++) {
        if (sim->agent[other].running) {
            chb_sim_command(sim, other, CHB_EVENT_PEER_IS_DOWN, 0, node);
        }
    }
}

void chb_sim_restart_resource(struct chb_sim *sim, int64_t delay_ns)
{
    (void)chb_sim_plan(sim, delay_ns, restart_resource, 0, 0);
}
