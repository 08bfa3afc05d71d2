/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/shell/pace.h>

#define CHANGE_MS 1000 /* between two changes: the first must show what it does */
#define CALM_MS 2000   /* in time for so long before it is made faster */

static void count_from(struct chb_pace *pace, const struct chb_pace_look *look)
{
    pace->changed_at = look->now;
    pace->bytes = look->done_bytes;
    pace->phase = look->phase;
}

/* Bytes per second since the last change. */
static uint64_t rate(const struct chb_pace *pace, const struct chb_pace_look *look)
{
    int64_t ms = chb_span_ms(chb_time_since(look->now, pace->changed_at));
    uint64_t bytes = look->done_bytes > pace->bytes ? look->done_bytes - pace->bytes : 0;
    return ms > 0 && bytes <= UINT64_MAX / 1000 ? bytes * 1000 / (uint64_t)ms : 0;
}

static bool slow_down(struct chb_pace *pace, const struct chb_pace_look *look)
{
    uint64_t now = pace->limit != 0 ? pace->limit : look->wanted;
    uint64_t measured = rate(pace, look);
    uint64_t least = CHB_PACE_BYTES_PER_S_MIN;
    if (look->wanted != 0 && look->wanted < least) {
        least = look->wanted;
    }
    if (now == 0 || (measured != 0 && measured < now)) {
        now = measured; /* a limit that is never reached slows nothing down */
    }
    uint64_t next = now / 2 > least ? now / 2 : least;
    if (now == 0 || next == pace->limit) {
        return false;
    }
    pace->limit = next;
    pace->slowed++;
    count_from(pace, look);
    return true;
}

static bool speed_up(struct chb_pace *pace, const struct chb_pace_look *look)
{
    uint64_t next = pace->limit + pace->limit / 4;
    bool free = look->wanted != 0 ? next >= look->wanted : rate(pace, look) < pace->limit / 4 * 3;
    pace->limit = free ? 0 : next;
    count_from(pace, look);
    return true;
}

bool chb_pace_step(struct chb_pace *pace, const struct chb_pace_look *look)
{
    if (!chb_time_is_set(pace->changed_at) || pace->phase != look->phase) {
        count_from(pace, look);
    }
    if (look->late) {
        pace->late_at = look->now;
    }
    if (!chb_time_reached(look->now, chb_time_add(pace->changed_at, chb_ms(CHANGE_MS)))) {
        return false;
    }
    if (look->late) {
        return slow_down(pace, look);
    }
    bool calm = chb_time_reached(look->now, chb_time_add(pace->late_at, chb_ms(CALM_MS)));
    return pace->limit != 0 && calm && speed_up(pace, look);
}

uint64_t chb_pace_speed(const struct chb_pace *pace, uint64_t wanted)
{
    return pace->limit != 0 ? pace->limit : wanted;
}
