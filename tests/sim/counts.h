/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What many histories went through: one table for the summary, for JSON, and for the floors below
 * which they prove nothing. A new count of struct chb_sim_stats gets a line in counts.c.
 */
#ifndef CHB_SIM_COUNTS_H
#define CHB_SIM_COUNTS_H

#include <stdio.h>

#include <tests/sim/sim.h>

/* The floors are averages, so they are looked at only from this many histories on. */
#define CHB_COUNTS_ENOUGH 1000

void chb_counts_print(const struct chb_sim_stats *stats, FILE *file);

/* The members of a JSON object, without its braces. */
void chb_counts_json(const struct chb_sim_stats *stats, FILE *file);

/* Says of each count that is below its floor so, and returns how many there are. */
uint32_t chb_counts_too_little(const struct chb_sim_stats *stats, FILE *file);

#endif
