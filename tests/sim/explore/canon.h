/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Equal situations get equal keys. */
#ifndef CHB_SIM_EXPLORE_CANON_H
#define CHB_SIM_EXPLORE_CANON_H

#include <tests/sim/explore/world.h>

/* A key of all that can make a difference from here on. What cannot is taken out: absolute times
 * (only how long ago something was counts, in milliseconds, and no longer than the longest deadline
 * that is counted from it), numbers that are only compared for equality (operations, processes,
 * joins, incarnations), and the count of generations (only their distances count). */
uint64_t chb_x_key(const struct chb_x_world *world);

#endif
