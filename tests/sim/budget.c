/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One fault, in a quiet world, upon a pair that is in sync: how long clients wait is bounded by the
 * fault's budget (the table below), and the VMs that it is not about do not feel it.
 */
#include <tests/sim/sim.h>

#include <string.h>

#define BEGIN_MS 40000
#define TICKS_MS 100 /* clients ask every 40 ms */
/* A network that heals while fences are on their way: hosts that were whole again are shot, in
 * two-node clusters perhaps both, and then the guest starts from a disk. No agent can call a fence
 * back. */
#define UNFENCED_MS 60000

struct budget {
    const char *fault;
    int64_t ms;
    bool token;  /* ... after the new membership */
    bool fence;  /* ... after the fence */
    bool own_vm; /* the others have no gap */
};

static const struct budget budgets[] = {
    {"qemu-kill", 200, false, false, true},       {"qemu-hang", 1500, false, false, true},
    {"main-loop-hang", 3700, false, false, true}, {"agent-crash", 0, false, false, false},
    {"agent-stall", 0, false, false, false},      {"heartbeat-flap", 0, false, false, false},
    {"try-again", 0, false, false, false},        {"qnetd-cut", 0, false, false, false},
    {"fencer", 0, false, false, false},           {"disk", 0, false, false, false},
    {"starts-fail", 0, false, false, false},      {"sequences-fail", 0, false, false, false},
    {"host-off", 300, true, true, false},         {"cut", 300, true, true, false},
    {"cut-oneway", 300, true, true, false},       {"corosync-dies", 1500, true, true, false},
    {"corosync-hangs", 1500, true, true, false},  {"host-freeze", 3000, true, true, false},
    {"disk-error", 300, false, false, true},      {"switchover", 300, false, false, true},
    {"resync", 300, false, false, true},          {"move", 600, false, false, true},
    {"cleanup", 0, false, false, false},          {"maintenance", 0, false, false, false},
    {"standby", 600, false, false, true},
};

#define N_BUDGETS (sizeof(budgets) / sizeof(budgets[0]))

static void on_single(struct chb_sim *sim, const struct chb_sim_item *item)
{
    struct chb_sim_fault fault = {
        .at_ns = sim->now_ns,
        .kind = (uint32_t)item->arg,
        .node = item->node,
        .vm = item->vm,
        .seed = item->tag,
    };
    chb_sim_strike_kept(sim, &fault);
}

void chb_sim_budget_begin(struct chb_sim *sim)
{
    const struct budget *budget = &budgets[chb_sim_rng_below(&sim->fault_rng, N_BUDGETS)];
    uint32_t node = 1 + chb_sim_rng_below(&sim->fault_rng, sim->options.n_nodes);
    int64_t at_ns =
        chb_sim_rng_between(&sim->fault_rng, CHB_SIM_MS(BEGIN_MS), CHB_SIM_MS(BEGIN_MS + 10000));

    sim->vm = chb_sim_rng_below(&sim->fault_rng, sim->options.n_vms);
    struct chb_sim_item *item =
        chb_sim_plan(sim, at_ns, on_single, node, chb_sim_rng_next(&sim->fault_rng));
    item->arg = chb_sim_fault_kind(budget->fault);
    sim->vm = 0;
}

void chb_sim_budget_struck(struct chb_sim *sim)
{
    if (!chb_sim_all_pairs(sim)) {
        chb_sim_violate(sim, "R10", "no pair after %d s of quiet", BEGIN_MS / 1000);
    }
    sim->stats.singles++;
    CHB_SIM_FOR_VMS(sim)
    {
        CHB_SIM_VM(sim)->gap_ns = 0;
        CHB_SIM_VM(sim)->out_at = sim->now_ns;
    }
}

static int64_t bound_ms(const struct chb_sim *sim, const struct budget *budget, bool about_it)
{
    int64_t ms = TICKS_MS;

    if (about_it || !budget->own_vm) {
        ms += budget->ms + (budget->token ? sim->options.token_ms * 11 / 10 : 0) +
              (budget->fence ? (int64_t)sim->options.fence_ms : 0);
    }
    return ms;
}

void chb_sim_budget_judge(struct chb_sim *sim)
{
    const struct chb_sim_fault *fault = &sim->struck.list[0];
    const struct budget *budget = budgets;

    if (sim->struck.n != 1) {
        return; /* a story that has lost its fault */
    }
    while (budget < budgets + N_BUDGETS &&
           strcmp(budget->fault, chb_sim_fault_name(fault->kind)) != 0) {
        budget++;
    }
    if (budget == budgets + N_BUDGETS) {
        return;
    }
    CHB_SIM_FOR_VMS(sim)
    {
        const struct chb_sim_vm *vm = CHB_SIM_VM(sim);
        int64_t since_ns = sim->now_ns - vm->out_at;
        int64_t gap_ms = (since_ns > vm->gap_ns ? since_ns : vm->gap_ns) / 1000000;
        int64_t most_ms = bound_ms(sim, budget, sim->vm == fault->vm);

        if (sim->shot_after_heal) {
            most_ms = UNFENCED_MS;
        }

        chb_sim_trace(sim, 0, "clients have waited %lld of %lld ms", (long long)gap_ms,
                      (long long)most_ms);
        if (gap_ms > most_ms) {
            chb_sim_violate(sim, "R10", "%s: clients waited %lld ms, at most %lld are allowed",
                            budget->fault, (long long)gap_ms, (long long)most_ms);
        }
    }
}
