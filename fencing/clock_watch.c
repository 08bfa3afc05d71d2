/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fencing/clock_watch.h>

#include <errno.h>
#include <string.h>

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void merge_oldest(struct chb_clock_watch *watch)
{
    watch->steps[0].offset_ns = larger(watch->steps[0].offset_ns, watch->steps[1].offset_ns);
    memmove(&watch->steps[1], &watch->steps[2],
            (CHB_CLOCK_WATCH_STEPS - 2) * sizeof(watch->steps[0]));
    watch->count--;
}

void chb_clock_watch_note(struct chb_clock_watch *watch, chb_time boot, int64_t real_ns)
{
    int64_t offset_ns = real_ns - boot.ns;

    if (watch->count > 0) {
        int64_t last_ns = watch->steps[watch->count - 1].offset_ns;
        /* Slewing up is a larger offset of the same step; only a fall opens a new one. */
        if (offset_ns > last_ns) {
            watch->steps[watch->count - 1].offset_ns = offset_ns;
            return;
        }
        if (last_ns - offset_ns < CHB_CLOCK_WATCH_GRAIN_NS) {
            return;
        }
    }
    if (watch->count == CHB_CLOCK_WATCH_STEPS) {
        merge_oldest(watch);
    }
    watch->steps[watch->count].from = boot;
    watch->steps[watch->count].offset_ns = offset_ns;
    watch->count++;
}

int chb_clock_watch_latest(const struct chb_clock_watch *watch, chb_time at, int64_t *ret_real_ns)
{
    int64_t offset_ns = INT64_MIN;

    if (watch->count == 0 || chb_time_before(at, watch->steps[0].from)) {
        return -ENODATA;
    }
    /* A step matters if it had not ended at `at`, that is if the next one begins after it. */
    for (size_t i = 0; i < watch->count; i++) {
        if (i + 1 == watch->count || chb_time_before(at, watch->steps[i + 1].from)) {
            offset_ns = larger(offset_ns, watch->steps[i].offset_ns);
        }
    }
    *ret_real_ns = at.ns + offset_ns + CHB_CLOCK_WATCH_GRAIN_NS;
    return 0;
}
