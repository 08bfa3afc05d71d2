/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A history without chance in its faults: the world, and a list of faults with their moments. A
 * seed's history can be had as a story, a story can lose faults (shrink), and it can be a file.
 * Latencies are still by the world's seed.
 */
#ifndef CHB_SIM_STORY_H
#define CHB_SIM_STORY_H

#include <tests/sim/sim.h>

/* In the first moments the cluster comes together, and the operator may have to say where the data
 * is. */
#define CHB_SIM_STORY_MIN_MS 8000

struct chb_sim_story {
    struct chb_sim_options options;
    int64_t faults_ms; /* then the calm begins */
    struct chb_sim_faults faults;
};

/* The story of a seed's history: runs it. True if no rule was broken. */
bool chb_sim_story_of(struct chb_sim *sim, uint64_t seed, struct chb_sim_story *ret_story);

/* Runs a story. True if no rule was broken. */
bool chb_sim_story_run(struct chb_sim *sim, const struct chb_sim_story *story);

#endif
