/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <tests/sim/story.h>

bool chb_sim_story_of(struct chb_sim *sim, uint64_t seed, struct chb_sim_story *ret_story)
{
    ret_story->faults_ms = chb_sim_history_begin(sim, seed);
    ret_story->options = sim->options;
    chb_sim_faults_begin(sim, CHB_SIM_MS(ret_story->faults_ms));
    bool well = chb_sim_history_run(sim, ret_story->faults_ms);
    ret_story->faults = sim->struck;
    return well;
}

bool chb_sim_story_run(struct chb_sim *sim, const struct chb_sim_story *story)
{
    chb_sim_init(sim, &story->options);
    chb_sim_faults_list(sim, &story->faults);
    return chb_sim_history_run(sim, story->faults_ms);
}
