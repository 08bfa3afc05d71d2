/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Remembers how far the wall clock was from CLOCK_BOOTTIME, so that a wall clock time of the
 * fencer's history can be compared with a moment of ours, even if somebody set the clock between.
 *
 * The answer errs to one side: it is the largest offset that was seen, so a wall clock time is
 * never taken for later than it was. Pure: the caller reads the clocks.
 */
#ifndef CHB_FENCING_CLOCK_WATCH_H
#define CHB_FENCING_CLOCK_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include <agent/core/time.h>

#define CHB_CLOCK_WATCH_STEPS 32
#define CHB_CLOCK_WATCH_GRAIN_NS 1000000 /* smaller changes are slewing, and are allowed for */

struct chb_clock_watch {
    size_t count;
    struct {
        chb_time from;     /* this offset was seen from here until the next entry */
        int64_t offset_ns; /* the largest seen in that time */
    } steps[CHB_CLOCK_WATCH_STEPS];
};

/*
 * Notes one reading of both clocks; `boot` must not go back from call to call. When the table is
 * full the two oldest steps become one, with the larger offset.
 */
void chb_clock_watch_note(struct chb_clock_watch *watch, chb_time boot, int64_t real_ns);

/*
 * Largest wall clock time that the moment `at` can have had: in *ret_real_ns.
 * -ENODATA if nothing was noted yet or `at` is before the first note.
 */
int chb_clock_watch_latest(const struct chb_clock_watch *watch, chb_time at, int64_t *ret_real_ns);

#endif
