/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <tests/sim/sim.h>

#include <string.h>

#define OUTPUT_MS 40

void chb_sim_options_init(struct chb_sim_options *ret_options, uint64_t seed)
{
    *ret_options = (struct chb_sim_options){
        .seed = seed,
        .n_nodes = 2,
        .n_vms = 1,
        .quorum = CHB_SIM_QUORUM_TWO_NODE,
        .token_ms = 660,
        .fill_ms = 500,
        .quorum_stop = true,
        .fence_reboots = true,
        .fence_mode = CHB_SIM_FENCE_WORKS,
        .fence_ms = 100,
        .images = 1u << 1,
    };
}

struct chb_sim_item *chb_sim_plan(struct chb_sim *sim, int64_t delay_ns, chb_sim_fn fn,
                                  uint32_t node, uint64_t tag)
{
    int64_t at_ns = sim->now_ns + (delay_ns > 0 ? delay_ns : 0);
    struct chb_sim_item *item = chb_sim_queue_push(&sim->queue, at_ns);
    if (item == NULL) {
        static struct chb_sim_item spare;
        chb_sim_violate(sim, "simulator", "more than %d things planned", CHB_SIM_ITEMS_MAX);
        return &spare;
    }
    item->fn = fn;
    item->node = node;
    item->tag = tag;
    item->vm = sim->vm;
    return item;
}

int64_t chb_sim_latency(struct chb_sim *sim, int64_t low_ms, int64_t high_ms, int64_t wild_ms)
{
    int64_t high = CHB_SIM_MS(high_ms);
    if (sim->options.noise != 0 && !sim->calm &&
        chb_sim_rng_chance(&sim->rng, sim->options.noise / 10)) {
        high = CHB_SIM_MS(wild_ms);
    }
    return chb_sim_rng_between(&sim->rng, CHB_SIM_MS(low_ms), high);
}

/* What the guest has to say. A replica alone says it; in COLO both sides must agree, so what is
 * said is in both copies (IPv4; what COLO does not hold has no history: R2.3). */
static void output(struct chb_sim *sim, const struct chb_sim_item *item)
{
    struct chb_sim_vm *vm = CHB_SIM_VM(sim);
    uint64_t before = vm->let_out;

    (void)item;
    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        const struct chb_sim_qemu *qemu = &vm->qemu[node];
        if (!chb_sim_serves(sim, node) ||
            ((sim->net.clients_mute | sim->net.clients_deaf) & chb_sim_bit(node)) != 0) {
            continue; /* nobody hears it, or nobody has asked */
        }
        if (qemu->mode == CHB_SIM_MODE_COLO_PRIMARY) {
            if (!chb_sim_in_step(sim, vm, node)) {
                sim->stats.leaks++;
                continue; /* held, but for ARP and IPv6: check.c judges those at every moment */
            }
            vm->place[qemu->partner].copy.contains = vm->let_out + 1;
        }
        vm->let_out++;
        vm->place[node].copy.contains = vm->let_out;
    }
    if (vm->let_out != before) {
        int64_t gap_ns = sim->now_ns - vm->out_at;
        vm->gap_ns = gap_ns > vm->gap_ns ? gap_ns : vm->gap_ns;
        vm->out_at = sim->now_ns;
    }
    (void)chb_sim_plan(sim, CHB_SIM_MS(OUTPUT_MS), output, 0, 0);
}

void chb_sim_init(struct chb_sim *sim, const struct chb_sim_options *options)
{
    struct chb_sim_stats stats = sim->stats;
    bool trace = sim->trace.on;
    bool print = sim->trace.print;
    chb_sim_observer *observe = sim->trace.observe;
    void *userdata = sim->trace.userdata;

    memset(sim, 0, offsetof(struct chb_sim, queue));
    sim->options = *options;
    sim->stats = stats;
    sim->stats.histories++;
    sim->trace.on = trace;
    sim->trace.print = print;
    sim->trace.observe = observe;
    sim->trace.userdata = userdata;
    sim->trace.lines = 0;
    sim->violation.rule = NULL;
    sim->struck.n = 0;
    chb_sim_queue_init(&sim->queue);
    chb_sim_rng_init(&sim->rng, options->seed, 1);
    chb_sim_rng_init(&sim->fault_rng, options->seed, 2);
    sim->next_serial = 1;
    for (uint32_t node = 1; node <= options->n_nodes; node++) {
        CHB_SIM_FOR_VMS(sim)
        {
            bool present = (options->images & chb_sim_bit(node)) != 0;
            CHB_SIM_VM(sim)->place[node].copy.present = present;
            CHB_SIM_VM(sim)->place[node].copy.valid = present;
        }
        sim->host[node].drift_ppm =
            (int32_t)chb_sim_rng_below(&sim->rng, 2 * options->drift_ppm + 1) -
            (int32_t)options->drift_ppm;
        chb_sim_host_on(sim, node);
    }
    CHB_SIM_FOR_VMS(sim)
    {
        chb_sim_pacemaker_begin(sim);
        (void)chb_sim_plan(sim, CHB_SIM_MS(OUTPUT_MS), output, 0, 0);
    }
}

static bool step(struct chb_sim *sim)
{
    int64_t at_ns = chb_sim_queue_next(&sim->queue);
    struct chb_sim_item *item = chb_sim_queue_pop(&sim->queue);
    if (item == NULL) {
        return false;
    }
    sim->now_ns = at_ns;
    sim->vm = item->vm;
    item->fn(sim, item);
    chb_sim_queue_release(&sim->queue, item);
    chb_sim_check(sim);
    return sim->violation.rule == NULL;
}

bool chb_sim_run_until(struct chb_sim *sim, int64_t ms, bool (*done)(const struct chb_sim *sim))
{
    int64_t until_ns = sim->now_ns + CHB_SIM_MS(ms);
    int64_t from_ns = sim->now_ns;
    bool well = sim->violation.rule == NULL;

    while (well && !(done != NULL && done(sim)) && chb_sim_queue_next(&sim->queue) <= until_ns) {
        well = step(sim);
    }
    bool reached = well && (done == NULL || done(sim));
    if (well && !(done != NULL && reached)) {
        sim->now_ns = until_ns;
    }
    sim->stats.simulated_ns += sim->now_ns - from_ns;
    return reached;
}

bool chb_sim_run(struct chb_sim *sim, int64_t ms)
{
    return chb_sim_run_until(sim, ms, NULL);
}
