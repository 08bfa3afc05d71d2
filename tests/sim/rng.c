/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <tests/sim/rng.h>

void chb_sim_rng_init(struct chb_sim_rng *ret_rng, uint64_t seed, uint64_t stream)
{
    ret_rng->state = seed * 0x9e3779b97f4a7c15u + stream * 0xd1342543de82ef95u + 1;
    (void)chb_sim_rng_next(ret_rng);
    (void)chb_sim_rng_next(ret_rng);
}

/* splitmix64: small, fast, and good enough to choose faults. */
uint64_t chb_sim_rng_next(struct chb_sim_rng *rng)
{
    rng->state += 0x9e3779b97f4a7c15u;
    uint64_t z = rng->state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t chb_sim_rng_below(struct chb_sim_rng *rng, uint32_t n)
{
    return n == 0 ? 0 : (uint32_t)((chb_sim_rng_next(rng) >> 32) % n);
}

int64_t chb_sim_rng_between(struct chb_sim_rng *rng, int64_t low, int64_t high)
{
    uint64_t width = (uint64_t)(high - low) + 1;
    return low + (int64_t)(chb_sim_rng_next(rng) % width);
}

bool chb_sim_rng_chance(struct chb_sim_rng *rng, uint32_t permille)
{
    return chb_sim_rng_below(rng, 1000) < permille;
}
