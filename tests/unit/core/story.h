/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stories: a quiet simulated world in which a test lets one thing happen and tells what must come
 * of it. The simulator's judge watches all the while. */
#ifndef CHB_TEST_STORY_H
#define CHB_TEST_STORY_H

#include <tests/sim/sim.h>

/* A world of `n_nodes` nodes with the data on node 1, before anything has started. Ends the test on
 * failure. Freed by story_end(). */
struct chb_sim *story_new(uint32_t n_nodes);
/* Likewise, after node 1 and node 2 have become a pair, with node 1 as its primary. */
struct chb_sim *story_pair(uint32_t n_nodes);
/* Fails if a rule was broken, and then prints how it came to that. */
void story_end(struct chb_sim *sim);

/* Run on; fail if a rule breaks, or if what is waited for does not come within `ms`. All return the
 * milliseconds that it took. */
int64_t story_until(struct chb_sim *sim, int64_t ms, bool (*done)(const struct chb_sim *sim));
int64_t story_until_serves(struct chb_sim *sim, int64_t ms, uint32_t node);
int64_t story_until_pair(struct chb_sim *sim, int64_t ms, uint32_t primary);
int64_t story_until_phase(struct chb_sim *sim, int64_t ms, uint32_t node, enum chb_phase phase);
void story_run(struct chb_sim *sim, int64_t ms);

/* What the gate of `node` says now. */
enum chb_reason story_reason(const struct chb_sim *sim, uint32_t node);

#endif
