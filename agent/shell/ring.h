/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has happened to one VM on this host: a ring of the newest notes. Pure: it is told the times.
 */
#ifndef CHB_SHELL_RING_H
#define CHB_SHELL_RING_H

#include <stddef.h>
#include <stdint.h>

#include <agent/core/action.h>
#include <agent/core/time.h>

#define CHB_RING_MAX 256

/* Moments that the core does not see, beside its notes. */
enum chb_moment {
    CHB_MOMENT_NONE, /* a note of the core */
    CHB_MOMENT_OUTPUT_OPEN,
    CHB_MOMENT_LOST_HEARTBEAT_SENT,
    CHB_MOMENT_LOST_HEARTBEAT_ANSWERED,
    CHB_MOMENT_RUNNING,
    CHB_MOMENT_GUEST_STOOD, /* in a join; value: microseconds */
    CHB_MOMENT_MAX,
};

struct chb_ring_entry {
    chb_time at;
    int64_t wall_ns;
    enum chb_moment moment;
    enum chb_note note; /* with CHB_MOMENT_NONE */
    uint32_t node;
    uint32_t arg;
    uint64_t value;
};

struct chb_ring {
    uint64_t count; /* ever added */
    struct chb_ring_entry ring[CHB_RING_MAX];
};

void chb_ring_add(struct chb_ring *history, const struct chb_ring_entry *entry);

/* How many are kept, and the @index-th of them, oldest first. */
size_t chb_ring_size(const struct chb_ring *history);
const struct chb_ring_entry *chb_ring_at(const struct chb_ring *history, size_t index);

/* "lost-heartbeat-sent", static; "" for NONE. */
const char *chb_moment_id(enum chb_moment moment);

/* What a moment says to people: "the guest stood still for 17.4 ms". Returns @ret_text. */
char *chb_moment_text(const struct chb_ring_entry *entry, char *ret_text, size_t size);

/* Name of the step that an entry is in a failover's time ledger, or NULL. */
const char *chb_ring_step(const struct chb_ring_entry *entry);

#endif
