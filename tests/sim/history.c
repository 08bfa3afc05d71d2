/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One history: a world by the seed, faults, and then the calm in which all must come right (R10).
 */
#include <tests/sim/sim.h>

#define CALM_MS 300000 /* the longest pause between two joins is 30 s */
#define SEED_AFTER_MS 40000
#define SINGLE_EVERY 8
#define SINGLE_MS 90000

static void choose_options(struct chb_sim_options *options, uint64_t seed)
{
    struct chb_sim_rng rng;

    chb_sim_options_init(options, seed);
    chb_sim_rng_init(&rng, seed, 3);
    static const uint32_t n_nodes[] = {2, 2, 2, 2, 2, 2, 3, 3, 3, 5};
    options->n_nodes = n_nodes[chb_sim_rng_below(&rng, 10)];
    if (options->n_nodes == 2) {
        options->quorum =
            chb_sim_rng_chance(&rng, 600) ? CHB_SIM_QUORUM_TWO_NODE : CHB_SIM_QUORUM_QDEVICE;
    } else {
        options->quorum = CHB_SIM_QUORUM_MAJORITY;
    }
    static const int64_t tokens[] = {220, 660, 660, 2200};
    options->token_ms = tokens[chb_sim_rng_below(&rng, 4)];
    options->fill_ms = (uint32_t)chb_sim_rng_between(&rng, 50, 4000);
    static const uint32_t noises[] = {0, 30, 100, 500};
    options->noise = noises[chb_sim_rng_below(&rng, 4)];
    options->quorum_stop = chb_sim_rng_chance(&rng, 700);
    options->fence_reboots = chb_sim_rng_chance(&rng, 800);
    options->torn_records = chb_sim_rng_chance(&rng, 250);
    options->unsafe = chb_sim_rng_chance(&rng, 40);
    static const uint32_t echoes[] = {0, 0, 10, 100};
    options->echo = echoes[chb_sim_rng_below(&rng, 4)];
    options->fence_ms = (uint32_t)chb_sim_rng_between(&rng, 20, 1500);
    static const uint32_t patiences_ms[] = {0, 500, 10000, 40000};
    options->patience_ms = patiences_ms[chb_sim_rng_below(&rng, 4)];
    options->deaf_guest = chb_sim_rng_chance(&rng, 300) ? 1000 : 100;
    if (chb_sim_rng_chance(&rng, 300)) {
        options->fence_mode =
            (enum chb_sim_fence_mode)chb_sim_rng_below(&rng, CHB_SIM_FENCE_LATE + 1);
    }
    if (chb_sim_rng_chance(&rng, 200)) {
        options->n_vms = 2 + chb_sim_rng_below(&rng, CHB_SIM_VMS_MAX - 1);
    }
    static const uint32_t drifts[] = {0, 50, 200, 200};
    options->drift_ppm = drifts[chb_sim_rng_below(&rng, 4)];
    options->cut_steps = chb_sim_rng_chance(&rng, 150) ? 1 + chb_sim_rng_below(&rng, 4) : 0;
    options->images = chb_sim_rng_chance(&rng, 900) ? 1u << 1 : (2u << options->n_nodes) - 2u;
    options->restart_guest = chb_sim_rng_chance(&rng, 250);
}

/* One fault in a quiet world, with all the rest as before. */
static void choose_single(struct chb_sim_options *options)
{
    options->single = true;
    options->noise = 0;
    options->echo = 0;
    options->cut_steps = 0;
    options->unsafe = false;
    options->fence_mode = CHB_SIM_FENCE_WORKS;
    options->images = 1u << 1;
}

/* The operator knows where the data is, and says so where nothing else can: at a first start with
 * several images, and after a record was torn. */
static void operator_seeds(struct chb_sim *sim)
{
    uint32_t best = 0;
    uint32_t tries = CHB_SIM_VM(sim)->operator_tries++;

    /* The newest record first; if that is refused, the next time any other good copy. */
    for (uint32_t i = 0; i < sim->options.n_nodes; i++) {
        uint32_t node = 1 + (tries / 2 + i) % sim->options.n_nodes;
        const struct chb_sim_place *place = &CHB_SIM_VM(sim)->place[node];
        if (sim->agent[node].running && place->copy.present && place->copy.valid &&
            place->record.kind != CHB_RECORD_FILLING &&
            (place->copy.contains == CHB_SIM_VM(sim)->let_out || sim->options.unsafe) &&
            (best == 0 || (tries % 2 == 0 && place->record.generation >
                                                 CHB_SIM_VM(sim)->place[best].record.generation))) {
            best = node;
        }
    }
    if (best != 0) {
        chb_sim_trace(sim, best, "OPERATOR: the data is here");
        sim->stats.seeds++;
        chb_sim_command(sim, best, CHB_EVENT_SEED, 0, 0);
    }
}

/* Whatever was signed for: in the end there is one speaker. */
static bool one_server(struct chb_sim *sim)
{
    uint32_t serving = 0;
    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        serving += chb_sim_serves(sim, node) ? 1 : 0;
    }
    if (serving != 1) {
        chb_sim_violate(sim, "R10", "%u replicas serve in the end", serving);
    }
    return sim->violation.rule == NULL;
}

/* Somebody looks at a VM that has not come back, every ten seconds. */
static void operator_looks(struct chb_sim *sim)
{
    struct chb_sim_vm *vm = CHB_SIM_VM(sim);

    vm->silent_ms = chb_sim_server(sim) == 0 ? vm->silent_ms + 10000 : 0;
    if (vm->silent_ms >= SEED_AFTER_MS && (vm->torn || sim->options.unsafe)) {
        operator_seeds(sim);
        vm->silent_ms = 0;
    }
}

static void no_pair(struct chb_sim *sim)
{
    if (sim->options.unsafe) { /* two histories: a pair comes when somebody says which one counts */
        (void)one_server(sim);
    } else if (!chb_sim_is_pair(sim)) {
        chb_sim_violate(sim, "R10", "%s after %d s without faults",
                        chb_sim_server(sim) == 0 ? "nobody serves" : "no pair", CALM_MS / 1000);
    }
}

static bool calm(struct chb_sim *sim)
{
    bool pairs = false;

    /* What the faults have left behind comes first, for example a guest that has gone off. */
    (void)chb_sim_run(sim, 15000);
    for (int64_t ms = 15000; ms < CALM_MS && !pairs && sim->violation.rule == NULL; ms += 10000) {
        pairs = chb_sim_run_until(sim, 10000, chb_sim_all_pairs);
        if (!pairs) {
            CHB_SIM_FOR_VMS(sim)
            {
                operator_looks(sim);
            }
        }
    }
    if (!pairs) {
        CHB_SIM_FOR_VMS(sim)
        {
            no_pair(sim);
        }
        return sim->violation.rule == NULL;
    }
    /* And it stays so. */
    if (chb_sim_run(sim, 15000) && !chb_sim_all_pairs(sim)) {
        chb_sim_violate(sim, "R10", "the pair did not last");
    }
    return sim->violation.rule == NULL && chb_sim_single(sim);
}

bool chb_sim_history_run(struct chb_sim *sim, int64_t faults_ms)
{
    if (!chb_sim_run(sim, 8000)) {
        return false;
    }
    if (__builtin_popcount(sim->options.images) != 1) {
        CHB_SIM_FOR_VMS(sim)
        {
            CHB_SIM_VM(sim)->torn = true; /* whoever is asked when nobody has answered yet */
            operator_seeds(sim);
        }
    }
    if (!chb_sim_run(sim, faults_ms - 8000)) {
        return false;
    }
    if (sim->options.single) {
        chb_sim_budget_judge(sim);
    }
    chb_sim_faults_end(sim);
    return calm(sim);
}

int64_t chb_sim_history_begin(struct chb_sim *sim, uint64_t seed)
{
    struct chb_sim_options options;

    choose_options(&options, seed);
    if (seed % SINGLE_EVERY == 0) {
        choose_single(&options);
    }
    chb_sim_init(sim, &options);
    if (options.single) {
        return SINGLE_MS;
    }
    return 20000 + (int64_t)chb_sim_rng_below(&sim->fault_rng, 100000);
}

bool chb_sim_history(struct chb_sim *sim, uint64_t seed)
{
    int64_t ms = chb_sim_history_begin(sim, seed);
    chb_sim_faults_begin(sim, CHB_SIM_MS(ms));
    return chb_sim_history_run(sim, ms);
}
