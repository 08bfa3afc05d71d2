/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The only source of chance in the simulator: one seed, one history. Plain data, pure. */
#ifndef CHB_SIM_RNG_H
#define CHB_SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct chb_sim_rng {
    uint64_t state;
};

/* Streams with the same seed and different `stream` are independent of each other. */
void chb_sim_rng_init(struct chb_sim_rng *ret_rng, uint64_t seed, uint64_t stream);

uint64_t chb_sim_rng_next(struct chb_sim_rng *rng);

/* From 0 to n - 1; 0 for n = 0. */
uint32_t chb_sim_rng_below(struct chb_sim_rng *rng, uint32_t n);

/* From `low` to `high`, both included. */
int64_t chb_sim_rng_between(struct chb_sim_rng *rng, int64_t low, int64_t high);

/* True in `permille` of 1000 cases. */
bool chb_sim_rng_chance(struct chb_sim_rng *rng, uint32_t permille);

#endif
