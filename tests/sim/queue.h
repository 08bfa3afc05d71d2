/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What will happen, in the order of simulated time; what is due at the same moment happens in the
 * order in which it was planned. Bounded, allocates nothing.
 */
#ifndef CHB_SIM_QUEUE_H
#define CHB_SIM_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <agent/core/event.h>

#define CHB_SIM_ITEMS_MAX 4096

struct chb_sim;
struct chb_sim_item;
typedef void (*chb_sim_fn)(struct chb_sim *sim, const struct chb_sim_item *item);

/* Something planned. What `node`, `other`, `tag` and `arg` mean is up to `fn`; `tag` is usually the
 * incarnation of what it is for, so that it passes by what came after. */
struct chb_sim_item {
    chb_sim_fn fn;
    uint32_t node;
    uint32_t other;
    uint32_t vm; /* that it is about, or that was being looked at when it was planned */
    uint64_t tag;
    uint64_t arg;
    struct chb_event event; /* valid only for items that deliver one */
};

struct chb_sim_queue_entry {
    int64_t at_ns;
    uint64_t order;
    uint32_t slot;
};

struct chb_sim_queue {
    uint32_t count;
    uint64_t order;
    struct chb_sim_queue_entry heap[CHB_SIM_ITEMS_MAX];
    uint32_t n_free;
    uint32_t free[CHB_SIM_ITEMS_MAX];
    struct chb_sim_item items[CHB_SIM_ITEMS_MAX];
};

void chb_sim_queue_init(struct chb_sim_queue *ret_queue);

/* A new item for moment `at_ns`, to be filled in by the caller before anything else is planned;
 * all but `event` is zero. NULL if there are too many. */
struct chb_sim_item *chb_sim_queue_push(struct chb_sim_queue *queue, int64_t at_ns);

/* The moment of the next item; INT64_MAX without one. */
int64_t chb_sim_queue_next(const struct chb_sim_queue *queue);

/* Takes the next item out; the result is valid until chb_sim_queue_release(). NULL: none left. */
struct chb_sim_item *chb_sim_queue_pop(struct chb_sim_queue *queue);
void chb_sim_queue_release(struct chb_sim_queue *queue, const struct chb_sim_item *item);

#endif
