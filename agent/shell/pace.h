/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast a copy is filled: as fast as wanted, but more slowly while heartbeats come late, for
 * they are what tells a dead host from a living one. Late once: half the speed, at most once a
 * second. In time for two seconds: a quarter more each second, until nothing is held back any more.
 * Pure.
 */
#ifndef CHB_SHELL_PACE_H
#define CHB_SHELL_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include <agent/core/time.h>

#define CHB_PACE_BYTES_PER_S_MIN UINT64_C(1000000) /* a filling must come to its end one day */

struct chb_pace {
    uint64_t limit;      /* in force; 0: as wanted */
    uint32_t slowed;     /* how often it was made slower */
    chb_time late_at;    /* when heartbeats were last seen late */
    chb_time changed_at; /* of the limit, or when counting began */
    uint64_t bytes;      /* that were done by then */
    int phase;           /* of what */
};

/* What is seen, several times a second. */
struct chb_pace_look {
    chb_time now;
    bool late;       /* heartbeats are */
    uint64_t wanted; /* bytes per second, 0: unlimited */
    int phase;       /* any number: bytes of another phase are others */
    uint64_t done_bytes;
};

/* Returns true if the limit has changed. All zero is a pace that has not begun. */
bool chb_pace_step(struct chb_pace *pace, const struct chb_pace_look *look);

/* Bytes per second that hold now, 0: unlimited. */
uint64_t chb_pace_speed(const struct chb_pace *pace, uint64_t wanted);

#endif
