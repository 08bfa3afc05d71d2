/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time as a type of its own, so that a time can never be added to a count or a duration taken for
 * a moment by mistake.
 *
 * A chb_time is a moment on CLOCK_BOOTTIME of one host: it goes on during suspend, never jumps, and
 * is never compared between hosts. A chb_span is the distance between two moments. Both count
 * nanoseconds. Nothing here reads a clock: the shell does, and hands the moment in.
 */
#ifndef CHB_CORE_TIME_H
#define CHB_CORE_TIME_H

#include <stdbool.h>
#include <stdint.h>

typedef struct chb_time {
    int64_t ns; /* since boot; 0 means "never happened" */
} chb_time;

typedef struct chb_span {
    int64_t ns;
} chb_span;

#define CHB_TIME_NEVER ((chb_time){.ns = 0})
#define CHB_TIME_FOREVER ((chb_time){.ns = INT64_MAX})

static inline chb_span chb_ms(int64_t ms)
{
    return (chb_span){.ns = ms * 1000000};
}

static inline bool chb_time_is_set(chb_time at)
{
    return at.ns != 0;
}

/* Saturates, so that "forever plus something" stays forever. */
static inline chb_time chb_time_add(chb_time at, chb_span span)
{
    chb_time sum;
    if (__builtin_add_overflow(at.ns, span.ns, &sum.ns)) {
        return CHB_TIME_FOREVER;
    }
    return sum;
}

static inline chb_span chb_time_since(chb_time later, chb_time earlier)
{
    return (chb_span){.ns = later.ns - earlier.ns};
}

static inline bool chb_time_before(chb_time a, chb_time b)
{
    return a.ns < b.ns;
}

static inline bool chb_time_reached(chb_time now, chb_time deadline)
{
    return now.ns >= deadline.ns;
}

static inline chb_time chb_time_min(chb_time a, chb_time b)
{
    return a.ns < b.ns ? a : b;
}

static inline int64_t chb_span_ms(chb_span span)
{
    return span.ns / 1000000;
}

#endif
