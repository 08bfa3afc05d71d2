/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <tests/sim/queue.h>

#include <stddef.h>
#include <string.h>

void chb_sim_queue_init(struct chb_sim_queue *ret_queue)
{
    ret_queue->count = 0;
    ret_queue->order = 0;
    ret_queue->n_free = CHB_SIM_ITEMS_MAX;
    for (uint32_t i = 0; i < CHB_SIM_ITEMS_MAX; i++) {
        ret_queue->free[i] = CHB_SIM_ITEMS_MAX - 1 - i;
    }
}

static bool before(const struct chb_sim_queue_entry *a, const struct chb_sim_queue_entry *b)
{
    return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

struct chb_sim_item *chb_sim_queue_push(struct chb_sim_queue *queue, int64_t at_ns)
{
    if (queue->n_free == 0) {
        return NULL;
    }
    struct chb_sim_queue_entry entry = {
        .at_ns = at_ns, .order = queue->order++, .slot = queue->free[--queue->n_free]};
    uint32_t i = queue->count++;
    while (i > 0) {
        uint32_t parent = (i - 1) / 2;
        if (!before(&entry, &queue->heap[parent])) {
            break;
        }
        queue->heap[i] = queue->heap[parent];
        i = parent;
    }
    queue->heap[i] = entry;
    struct chb_sim_item *item = &queue->items[entry.slot];
    memset(item, 0, offsetof(struct chb_sim_item, event));
    return item;
}

int64_t chb_sim_queue_next(const struct chb_sim_queue *queue)
{
    return queue->count == 0 ? INT64_MAX : queue->heap[0].at_ns;
}

struct chb_sim_item *chb_sim_queue_pop(struct chb_sim_queue *queue)
{
    if (queue->count == 0) {
        return NULL;
    }
    uint32_t slot = queue->heap[0].slot;
    struct chb_sim_queue_entry last = queue->heap[--queue->count];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= queue->count) {
            break;
        }
        if (child + 1 < queue->count && before(&queue->heap[child + 1], &queue->heap[child])) {
            child++;
        }
        if (!before(&queue->heap[child], &last)) {
            break;
        }
        queue->heap[i] = queue->heap[child];
        i = child;
    }
    queue->heap[i] = last;
    return &queue->items[slot];
}

void chb_sim_queue_release(struct chb_sim_queue *queue, const struct chb_sim_item *item)
{
    queue->free[queue->n_free++] = (uint32_t)(item - queue->items);
}
