/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two cores and a world between them in which everything works at once: what one asks for is an
 * event in the queue, already done. */
#ifndef CHB_BENCH_PAIR_H
#define CHB_BENCH_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include <agent/core/core.h>

#define CHB_BENCH_QUEUE 256 /* a power of two */

struct chb_bench_pair {
    struct chb_core core[2]; /* of nodes 1 and 2 */
    int64_t now_ns;
    uint64_t steps;
    uint32_t first; /* in the queue */
    uint32_t count;
    uint32_t gone; /* bit per host: it does nothing, and nothing passes between the two */
    struct {
        uint32_t node; /* 0 or 1 */
        struct chb_event event;
    } queue[CHB_BENCH_QUEUE];
};

/* Boots both; node 1 has the data. Ends the program if they do not become a pair. */
void chb_bench_pair_begin(struct chb_bench_pair *pair);

/* Appends an event for node 0 or 1; the time is filled in. */
struct chb_event *chb_bench_push(struct chb_bench_pair *pair, uint32_t node,
                                 enum chb_event_kind kind);

/* Runs until both are PAIRED and nothing is left to do; time goes on by the cores' own deadlines.
 * Ends the program if that never comes. */
void chb_bench_settle(struct chb_bench_pair *pair);

/* Runs until this one serves alone, while the other host is gone. Ends the program if that never
 * comes. */
void chb_bench_settle_alone(struct chb_bench_pair *pair, uint32_t node);

/* Which of them is the primary. */
uint32_t chb_bench_primary(const struct chb_bench_pair *pair);

#endif
