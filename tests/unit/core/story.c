/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <agent/core/gate.h>

static uint32_t wanted_node;
static enum chb_phase wanted_phase;

static void fail_with_story(struct chb_sim *sim, const char *what)
{
    chb_sim_trace_tail(sim, 60);
    fail_msg("%s%s%s", what, sim->violation.rule != NULL ? ": " : "",
             sim->violation.rule != NULL ? sim->violation.text : "");
}

struct chb_sim *story_new(uint32_t n_nodes)
{
    struct chb_sim *sim = calloc(1, sizeof(*sim));
    struct chb_sim_options options;

    assert_non_null(sim);
    chb_sim_options_init(&options, 7);
    options.n_nodes = n_nodes;
    options.quorum = n_nodes == 2 ? CHB_SIM_QUORUM_TWO_NODE : CHB_SIM_QUORUM_MAJORITY;
    sim->trace.on = true;
    sim->trace.print = getenv("CHB_STORY") != NULL; /* to read along */
    chb_sim_init(sim, &options);
    return sim;
}

void story_end(struct chb_sim *sim)
{
    if (sim->violation.rule != NULL) {
        fail_with_story(sim, sim->violation.rule);
    }
    free(sim);
}

int64_t story_until(struct chb_sim *sim, int64_t ms, bool (*done)(const struct chb_sim *sim))
{
    int64_t from_ns = sim->now_ns;
    if (!chb_sim_run_until(sim, ms, done)) {
        fail_with_story(sim, sim->violation.rule != NULL ? "a rule broke" : "it never came");
    }
    return (sim->now_ns - from_ns) / 1000000;
}

static bool serves(const struct chb_sim *sim)
{
    return chb_sim_server(sim) == wanted_node;
}

static bool is_pair(const struct chb_sim *sim)
{
    return chb_sim_is_pair(sim) && chb_sim_server(sim) == wanted_node;
}

static bool in_phase(const struct chb_sim *sim)
{
    return sim->agent[wanted_node].running &&
           CHB_SIM_VM(sim)->unit[wanted_node].core.phase == wanted_phase;
}

int64_t story_until_serves(struct chb_sim *sim, int64_t ms, uint32_t node)
{
    wanted_node = node;
    return story_until(sim, ms, serves);
}

int64_t story_until_pair(struct chb_sim *sim, int64_t ms, uint32_t primary)
{
    wanted_node = primary;
    return story_until(sim, ms, is_pair);
}

int64_t story_until_phase(struct chb_sim *sim, int64_t ms, uint32_t node, enum chb_phase phase)
{
    wanted_node = node;
    wanted_phase = phase;
    return story_until(sim, ms, in_phase);
}

void story_run(struct chb_sim *sim, int64_t ms)
{
    (void)story_until(sim, ms, NULL);
}

struct chb_sim *story_pair(uint32_t n_nodes)
{
    struct chb_sim *sim = story_new(n_nodes);
    (void)story_until_pair(sim, 20000, 1);
    story_run(sim, 500);
    return sim;
}

enum chb_reason story_reason(const struct chb_sim *sim, uint32_t node)
{
    assert_true(sim->agent[node].running);
    return chb_gate(&CHB_SIM_VM(sim)->unit[node].core).reason;
}
