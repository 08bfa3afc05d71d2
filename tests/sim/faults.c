/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes wrong. Each seed has a mix of its own: some faults often, some never, so that rare ones
 * meet each other. Some come right after an action of an agent, where they hurt most. */
#include <tests/sim/faults.h>
#include <tests/sim/sim.h>

#include <stdlib.h>
#include <string.h>

static uint32_t any_node(struct chb_sim *sim)
{
    uint32_t server = chb_sim_server(sim);
    if (server != 0 && chb_sim_rng_chance(&sim->fault_rng, 400)) {
        return server;
    }
    return 1 + chb_sim_rng_below(&sim->fault_rng, sim->options.n_nodes);
}

/* From one fault to the next. */
static int64_t until_next(struct chb_sim *sim, int64_t low_ms, int64_t high_ms)
{
    return chb_sim_rng_between(&sim->fault_rng, CHB_SIM_MS(low_ms), CHB_SIM_MS(high_ms));
}

int64_t chb_sim_span(struct chb_sim *sim, int64_t low_ms, int64_t high_ms)
{
    int64_t ns = chb_sim_rng_between(&sim->strike_rng, CHB_SIM_MS(low_ms), CHB_SIM_MS(high_ms));
    return sim->strike_ms != 0 ? CHB_SIM_MS(sim->strike_ms) : ns;
}

/* ---- processes ---- */

static void fault_qemu_kill(struct chb_sim *sim, uint32_t node)
{
    if (CHB_SIM_VM(sim)->qemu[node].mode != CHB_SIM_MODE_NONE) {
        chb_sim_trace(sim, node, "QEMU IS KILLED");
        chb_sim_qemu_die(sim, node, false);
    }
}

static void fault_both_qemus(struct chb_sim *sim, uint32_t node)
{
    uint32_t partner = CHB_SIM_VM(sim)->qemu[node].partner;
    fault_qemu_kill(sim, node);
    if (partner != 0) {
        fault_qemu_kill(sim, partner);
    }
}

static void end_hang(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (CHB_SIM_VM(sim)->qemu[item->node].serial == item->tag) {
        chb_sim_qemu_hang(sim, item->node, true, false);
    }
}

static void hang(struct chb_sim *sim, uint32_t node, bool whole)
{
    chb_sim_qemu_hang(sim, node, whole, true);
    if (sim->strike_ms != 0 || chb_sim_rng_chance(&sim->strike_rng, 700)) {
        (void)chb_sim_plan(sim, chb_sim_span(sim, 50, 8000), end_hang, node,
                           CHB_SIM_VM(sim)->qemu[node].serial);
    }
}

static void fault_hang(struct chb_sim *sim, uint32_t node)
{
    hang(sim, node, true);
}

static void fault_main_hang(struct chb_sim *sim, uint32_t node)
{
    hang(sim, node, false);
}

static void fault_agent_crash(struct chb_sim *sim, uint32_t node)
{
    if (sim->agent[node].running) {
        chb_sim_agent_crash(sim, node);
        chb_sim_agent_start(sim, node, chb_sim_span(sim, 20, 3000));
    }
}

static void fault_agent_stall(struct chb_sim *sim, uint32_t node)
{
    chb_sim_agent_stall(sim, node, chb_sim_span(sim, 30, 5000) / 1000000);
}

/* ---- hosts and network ---- */

static void power_on(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (sim->host[item->node].boot == item->tag) {
        chb_sim_host_on(sim, item->node);
    }
}

static void fault_host_off(struct chb_sim *sim, uint32_t node)
{
    chb_sim_host_off(sim, node);
    (void)chb_sim_plan(sim, chb_sim_span(sim, 2000, 40000), power_on, node, sim->host[node].boot);
}

static void fault_power_cut(struct chb_sim *sim, uint32_t node)
{
    (void)node;
    for (uint32_t i = 1; i <= sim->options.n_nodes; i++) {
        fault_host_off(sim, i);
    }
}

/* A host that stands still, and goes on as if nothing had been: with the old frames in its queues.
 */
static void fault_freeze(struct chb_sim *sim, uint32_t node)
{
    int64_t ns = chb_sim_span(sim, 100, 8000);

    CHB_SIM_FOR_VMS(sim)
    {
        chb_sim_qemu_hang(sim, node, true, true);
        (void)chb_sim_plan(sim, ns, end_hang, node, CHB_SIM_VM(sim)->qemu[node].serial);
    }
    chb_sim_agent_stall(sim, node, ns / 1000000);
    chb_sim_corosync_hang(sim, node, ns);
}

/* ---- fencer, disks, QMP ---- */

static void fault_fencer(struct chb_sim *sim, uint32_t node)
{
    (void)node;
    sim->options.fence_mode =
        (enum chb_sim_fence_mode)chb_sim_rng_below(&sim->strike_rng, CHB_SIM_FENCE_LATE + 1);
    sim->options.fence_ms = (uint32_t)(chb_sim_span(sim, 20, 4000) / 1000000);
    chb_sim_trace(sim, 0, "FENCER: mode %d, %u ms", (int)sim->options.fence_mode,
                  sim->options.fence_ms);
}

static void host_well(struct chb_sim_host *host)
{
    host->disk_slow_ms = 0;
    host->disk_fail_permille = 0;
    host->disk_unknown_permille = 0;
    host->start_fail_permille = 0;
    host->sequence_fail_permille = 0;
}

static void on_host_well(struct chb_sim *sim, const struct chb_sim_item *item)
{
    host_well(&sim->host[item->node]);
}

static void fault_disk(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_host *host = &sim->host[node];

    host->disk_slow_ms = chb_sim_rng_below(&sim->strike_rng, 1500);
    host->disk_fail_permille = chb_sim_rng_below(&sim->strike_rng, 1000);
    host->disk_unknown_permille = chb_sim_rng_below(&sim->strike_rng, 1000);
    chb_sim_trace(sim, node, "DISK: %u ms, fails %u, unknown %u", host->disk_slow_ms,
                  host->disk_fail_permille, host->disk_unknown_permille);
    (void)chb_sim_plan(sim, chb_sim_span(sim, 500, 20000), on_host_well, node, 0);
}

static void fault_starts(struct chb_sim *sim, uint32_t node)
{
    sim->host[node].start_fail_permille = 200 + chb_sim_rng_below(&sim->strike_rng, 800);
    (void)chb_sim_plan(sim, chb_sim_span(sim, 500, 20000), on_host_well, node, 0);
}

static void fault_sequences(struct chb_sim *sim, uint32_t node)
{
    sim->host[node].sequence_fail_permille = 50 + chb_sim_rng_below(&sim->strike_rng, 700);
    (void)chb_sim_plan(sim, chb_sim_span(sim, 500, 20000), on_host_well, node, 0);
}

/* ---- the mix ---- */

struct kind {
    const char *name; /* in stories */
    void (*fn)(struct chb_sim *sim, uint32_t node);
    uint32_t weight;
    bool sharp; /* fit to come right after an action */
};

static const struct kind kinds[] = {
    {"qemu-kill", fault_qemu_kill, 10, true},
    {"both-qemus-kill", fault_both_qemus, 2, false},
    {"qemu-hang", fault_hang, 6, true},
    {"main-loop-hang", fault_main_hang, 3, true},
    {"agent-crash", fault_agent_crash, 8, true},
    {"agent-stall", fault_agent_stall, 8, true},
    {"host-off", fault_host_off, 7, true},
    {"power-cut", fault_power_cut, 2, true},
    {"cut", chb_sim_fault_cut, 8, true},
    {"corosync-dies", chb_sim_fault_corosync, 5, true},
    {"replication-cut", chb_sim_fault_replication, 6, true},
    {"heartbeat-flap", chb_sim_fault_flap, 3, true},
    {"fencer", fault_fencer, 4, false},
    {"disk", fault_disk, 4, false},
    {"starts-fail", fault_starts, 2, false},
    {"sequences-fail", fault_sequences, 3, false},
    {"guest-off", chb_sim_fault_guest_off, 1, false},
    {"disk-error", chb_sim_fault_disk_error, 3, false},
    {"switchover", chb_sim_fault_switchover, 4, false},
    {"resync", chb_sim_fault_resync, 2, false},
    {"standby", chb_sim_fault_standby, 3, false},
    {"operator-says-down", chb_sim_fault_operator, 10, false},
    {"host-freeze", fault_freeze, 5, true},
    {"cut-oneway", chb_sim_fault_oneway, 4, true},
    {"cut-partial", chb_sim_fault_partial, 4, true},
    {"replication-oneway", chb_sim_fault_replication_oneway, 3, true},
    {"link-stuck", chb_sim_fault_link, 4, true},
    {"clients-cut", chb_sim_fault_clients, 3, false},
    {"corosync-hangs", chb_sim_fault_corosync_hang, 5, true},
    {"try-again", chb_sim_fault_try_again, 3, true},
    {"ban", chb_sim_fault_ban, 3, false},
    {"move", chb_sim_fault_move, 3, false},
    {"maintenance", chb_sim_fault_maintenance, 3, true},
    {"cleanup", chb_sim_fault_cleanup, 4, true},
    {"monitor-fails", chb_sim_fault_monitor, 3, true},
    {"qnetd-cut", chb_sim_fault_qnetd, 4, false},
    {"write-missed", chb_sim_fault_write_missed, 2, true},
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))
_Static_assert(N_KINDS <= CHB_SIM_KINDS_MAX, "fault_weight is too small");

const char *chb_sim_fault_name(uint32_t kind)
{
    return kind < N_KINDS ? kinds[kind].name : NULL;
}

uint32_t chb_sim_fault_kind(const char *name)
{
    uint32_t kind = 0;
    while (kind < N_KINDS && strcmp(name, kinds[kind].name) != 0) {
        kind++;
    }
    return kind;
}

void chb_sim_strike(struct chb_sim *sim, const struct chb_sim_fault *fault)
{
    if (fault->kind >= N_KINDS) {
        abort(); /* a table of faults names one that there is not */
    }
    sim->stats.faults++;
    chb_sim_rng_init(&sim->strike_rng, fault->seed, 4);
    sim->strike_ms = fault->ms;
    chb_sim_trace(sim, fault->node, "FAULT %u: %s", sim->struck.n, kinds[fault->kind].name);
    kinds[fault->kind].fn(sim, fault->node);
}

void chb_sim_strike_kept(struct chb_sim *sim, const struct chb_sim_fault *fault)
{
    struct chb_sim_faults *struck = &sim->struck;

    if (struck->n < CHB_SIM_FAULTS_MAX) {
        struck->list[struck->n] = *fault;
    }
    struck->n++;
    if (sim->options.single) {
        chb_sim_budget_struck(sim);
    }
    chb_sim_strike(sim, fault);
}

static void strike_any(struct chb_sim *sim, bool sharp)
{
    uint32_t total = 0;

    for (uint32_t i = 0; i < N_KINDS; i++) {
        total += !sharp || kinds[i].sharp ? sim->fault_weight[i] : 0;
    }
    uint32_t pick = chb_sim_rng_below(&sim->fault_rng, total);
    for (uint32_t i = 0; i < N_KINDS && total != 0; i++) {
        uint32_t weight = !sharp || kinds[i].sharp ? sim->fault_weight[i] : 0;
        if (pick < weight) {
            struct chb_sim_fault fault = {
                .at_ns = sim->now_ns, .kind = i, .node = any_node(sim), .vm = sim->vm};
            fault.seed = chb_sim_rng_next(&sim->fault_rng);
            chb_sim_strike_kept(sim, &fault);
            return;
        }
        pick -= weight;
    }
}

static void on_fault(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (sim->calm || sim->now_ns >= sim->faults_until) {
        return;
    }
    if (item->arg == 0 && sim->options.n_vms > 1) {
        sim->vm = chb_sim_rng_below(&sim->fault_rng, sim->options.n_vms);
    }
    strike_any(sim, item->arg != 0);
    if (item->arg == 0) {
        int64_t gap = (int64_t)sim->fault_gap_ms;
        (void)chb_sim_plan(sim, until_next(sim, gap / 20, gap * 2), on_fault, 0, 0);
    }
}

void chb_sim_faults_trigger(struct chb_sim *sim, uint32_t node, enum chb_action_kind kind)
{
    (void)node;
    if (sim->calm || sim->trigger_permille == 0 || sim->now_ns >= sim->faults_until ||
        (sim->trigger_kind != CHB_ACTION_MAX && sim->trigger_kind != kind) ||
        kind == CHB_ACTION_NOTE || !chb_sim_rng_chance(&sim->fault_rng, sim->trigger_permille)) {
        return;
    }
    chb_sim_plan(sim, until_next(sim, 0, 40), on_fault, 0, 0)->arg = 1;
}

void chb_sim_faults_begin(struct chb_sim *sim, int64_t until_ns)
{
    if (sim->options.single) {
        chb_sim_budget_begin(sim);
        return;
    }
    for (uint32_t i = 0; i < N_KINDS; i++) {
        bool never = chb_sim_rng_chance(&sim->fault_rng, 400);
        sim->fault_weight[i] = never ? 0 : kinds[i].weight * chb_sim_rng_below(&sim->fault_rng, 5);
    }
    sim->faults_until = until_ns;
    sim->fault_gap_ms = (uint32_t)chb_sim_rng_between(&sim->fault_rng, 300, 12000);
    static const uint32_t permille[] = {0, 0, 5, 20, 100, 300};
    sim->trigger_permille = permille[chb_sim_rng_below(&sim->fault_rng, 6)];
    static const enum chb_action_kind actions[] = {
        CHB_ACTION_PERSIST, CHB_ACTION_SEQUENCE,   CHB_ACTION_QEMU_KILL,   CHB_ACTION_QEMU_START,
        CHB_ACTION_FENCE,   CHB_ACTION_SEND_STATE, CHB_ACTION_QEMU_FREEZE, CHB_ACTION_MAX};
    sim->trigger_kind = actions[chb_sim_rng_below(&sim->fault_rng, 8)];
    (void)chb_sim_plan(sim, until_next(sim, 0, 15000), on_fault, 0, 0);
}

/* ---- a list in place of chance ---- */

static void on_listed(struct chb_sim *sim, const struct chb_sim_item *item)
{
    const struct chb_sim_faults *list = sim->listed;

    sim->vm = list->list[item->tag].vm;
    chb_sim_strike_kept(sim, &list->list[item->tag]);
    if (item->tag + 1 < list->n) {
        (void)chb_sim_plan(sim, list->list[item->tag + 1].at_ns - sim->now_ns, on_listed, 0,
                           item->tag + 1);
    }
}

void chb_sim_faults_list(struct chb_sim *sim, const struct chb_sim_faults *list)
{
    sim->listed = list;
    if (list->n != 0) {
        (void)chb_sim_plan(sim, list->list[0].at_ns - sim->now_ns, on_listed, 0, 0);
    }
}

/* ---- the calm ---- */

/* What was still on its way when the faults ended may yet switch a host off. */
static void vm_well(struct chb_sim *sim, uint32_t node)
{
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];

    if (qemu->hung || qemu->main_hung) {
        chb_sim_qemu_hang(sim, node, true, false);
    }
    CHB_SIM_VM(sim)->pacemaker.node[node].standby = false;
}

static void keep_well(struct chb_sim *sim, const struct chb_sim_item *item)
{
    (void)item;
    for (uint32_t node = 1; node <= sim->options.n_nodes && sim->now_ns >= sim->left_until;
         node++) {
        host_well(&sim->host[node]);
        CHB_SIM_FOR_VMS(sim)
        {
            vm_well(sim, node);
        }
        if (!sim->host[node].on) {
            chb_sim_host_on(sim, node);
            continue;
        }
        if (!sim->corosync[node].running &&
            sim->now_ns - sim->host[node].on_at > CHB_SIM_MS(5000)) {
            chb_sim_corosync_start(sim, node);
        }
        if (!sim->agent[node].running && sim->now_ns - sim->host[node].on_at > CHB_SIM_MS(5000)) {
            chb_sim_agent_start(sim, node, 0);
        }
    }
    (void)chb_sim_plan(sim, CHB_SIM_MS(3000), keep_well, 0, 0);
}

void chb_sim_faults_end(struct chb_sim *sim)
{
    chb_sim_trace(sim, 0, "CALM");
    sim->calm = true;
    /* A guest that has gone off may be told of late, and is started again all the same. */
    CHB_SIM_FOR_VMS(sim)
    {
        chb_sim_restart_resource(sim, CHB_SIM_MS(8000));
        chb_sim_pacemaker_well(sim);
    }
    sim->options.fence_mode = CHB_SIM_FENCE_WORKS;
    sim->options.fence_ms = 100;
    chb_sim_heal(sim);
    chb_sim_replication_heal(sim);
    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        chb_sim_replication_cut(sim, node, false);
        chb_sim_qnetd_cut(sim, node, false);
        chb_sim_clients_cut(sim, node, false, false, false);
        CHB_SIM_FOR_VMS(sim)
        {
            chb_sim_deliver(sim, node, CHB_SIM_MS(10), CHB_EVENT_HEALTH)->event.u.health = 100;
        }
    }
    (void)chb_sim_plan(sim, CHB_SIM_MS(100), keep_well, 0, 0);
}
