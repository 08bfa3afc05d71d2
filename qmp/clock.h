/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The moment, for this library's own measurements: the loop's cached time is older by what the loop
 * did since it woke, and that is what we want to see. */
#ifndef CHB_QMP_CLOCK_H
#define CHB_QMP_CLOCK_H

#include <time.h>

#include <agent/core/time.h>

/* Accuracy of every timer: 0 would mean sd-event's 250 ms. */
#define CHB_QMP_TIMER_ACCURACY_US 1000

static inline chb_time chb_qmp_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now); /* cannot fail on any Linux that has epoll */
    return (chb_time){.ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec};
}

/* For sd-event, which counts microseconds. Rounded up, so that a timer never fires early. */
static inline uint64_t chb_qmp_timer_us(chb_time at)
{
    return at.ns <= 0 ? 0 : ((uint64_t)at.ns + 999) / 1000;
}

#endif
