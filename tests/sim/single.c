/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * R10, the bound. After many faults the calm shows that all comes right in the end; it does not
 * show how long it takes. So at the end of each history, when every VM is a pair and nothing else
 * is wrong, one part fails, and the longest time in which clients hear nothing of a guest is
 * measured. The bounds are those of the table below, with the latencies of this world.
 */
#include <string.h>

#include <tests/sim/sim.h>

#define SETTLE_MS 1500 /* record, QMP sequence, and what is on its way: twice what is seen */
#define HANG_MS 1000   /* hang_timeout, see shell.c */
#define AGENT_MS 3000  /* heartbeats stop, and the grace is over */
#define WATCH_MS 15000
#define PAIR_MS 240000

struct single {
    const char *fault;
    int64_t ms;         /* how long it lasts */
    int64_t silence_ms; /* until it is noticed */
    bool node;          /* a whole node is lost: membership and fence come first */
    const char *then;   /* and that with it */
};

static const struct single singles[] = {
    {"qemu-kill", 0, 0, false, NULL},
    {"qemu-hang", 60000, HANG_MS, false, NULL},
    {"main-loop-hang", 60000, 3 * HANG_MS, false, NULL},
    {"host-off", 20000, 0, true, NULL},
    {"corosync-dies", 20000, 0, true, NULL},
    {"replication-cut", 10000, 200, false, NULL},
    {"agent-crash", 0, 0, false, NULL},
    /* Nobody says that it is dead, and nobody has left: the other agent asks for the fence. */
    {"agent-stall", 30000, AGENT_MS, true, "qemu-kill"},
};

#define N_SINGLES (sizeof(singles) / sizeof(singles[0]))

static int64_t bound_of(const struct chb_sim *sim, const struct single *single)
{
    int64_t node_ms = sim->options.token_ms * 11 / 10 + sim->options.fence_ms;
    return SETTLE_MS + single->silence_ms + (single->node ? node_ms : 0);
}

/* Every guest is heard within `bound_ms` of when it was heard last. */
static void watch(struct chb_sim *sim, const char *fault, uint32_t node, int64_t bound_ms)
{
    uint64_t heard[CHB_SIM_VMS_MAX];
    int64_t heard_ms[CHB_SIM_VMS_MAX] = {0};

    for (uint32_t i = 0; i < CHB_SIM_VMS_MAX; i++) {
        heard[i] = sim->vms[i].let_out;
    }
    for (int64_t ms = 0; ms < WATCH_MS && chb_sim_run(sim, 50); ms += 50) {
        for (uint32_t i = 0; i < sim->options.n_vms; i++) {
            if (sim->vms[i].let_out != heard[i]) {
                heard[i] = sim->vms[i].let_out;
                heard_ms[i] = ms;
            } else if (ms - heard_ms[i] > bound_ms) {
                chb_sim_violate(sim, "R10", "%s on n%u alone: the guest is not heard for %lld ms",
                                fault, node, (long long)bound_ms);
            }
        }
    }
}

bool chb_sim_single(struct chb_sim *sim)
{
    struct chb_sim_rng rng;

    if (sim->options.unsafe) {
        return true; /* it has no bound */
    }
    chb_sim_rng_init(&rng, sim->options.seed, 5);
    sim->vm = 0;
    uint32_t primary = chb_sim_server(sim);
    uint32_t secondary = CHB_SIM_VM(sim)->qemu[primary].partner;
    const struct single *single = &singles[chb_sim_rng_below(&rng, N_SINGLES)];
    struct chb_sim_fault fault = {
        .at_ns = sim->now_ns,
        .ms = single->ms,
        .seed = chb_sim_rng_next(&rng),
        .kind = chb_sim_fault_kind(single->fault),
        .node = chb_sim_rng_chance(&rng, 500) ? primary : secondary,
    };
    sim->left_until = sim->now_ns + CHB_SIM_MS(WATCH_MS);
    chb_sim_strike(sim, &fault);
    if (single->then != NULL) {
        fault.kind = chb_sim_fault_kind(single->then);
        chb_sim_strike(sim, &fault);
    }
    if (strcmp(single->fault, "replication-cut") == 0) { /* here some are noticed by nobody */
        CHB_SIM_FOR_VMS(sim)
        {
            chb_sim_qemu_break(sim, fault.node, CHB_SIM_MS(200));
        }
    }
    watch(sim, single->fault, fault.node, bound_of(sim, single));
    if (sim->violation.rule == NULL && !chb_sim_run_until(sim, PAIR_MS, chb_sim_all_pairs)) {
        chb_sim_violate(sim, "R10", "%s on n%u alone: no pair after %d s", single->fault,
                        fault.node, (PAIR_MS + WATCH_MS) / 1000);
    }
    return sim->violation.rule == NULL;
}
