/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two clocks: one to decide with, one for people. */
#ifndef CHB_SHELL_CLOCK_H
#define CHB_SHELL_CLOCK_H

#include <stdint.h>
#include <time.h>

#include <agent/core/time.h>

#define CHB_ACCURACY_USEC 1000 /* of every timer; sd-event takes 0 for a quarter of a second */

static inline chb_time chb_now(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_BOOTTIME, &ts);
    return (chb_time){.ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec};
}

/* Nanoseconds since 1970, for people only. */
static inline int64_t chb_wall_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* For sd-event: microseconds on CLOCK_BOOTTIME, rounded up so that the moment has come by then. */
static inline uint64_t chb_time_usec(chb_time at)
{
    return at.ns == CHB_TIME_FOREVER.ns ? UINT64_MAX : (uint64_t)at.ns / 1000 + 1;
}

#endif
