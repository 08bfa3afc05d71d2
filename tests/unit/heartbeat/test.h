/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmocka, with what it wants included before it, and random numbers that repeat. */
#ifndef CHB_TEST_HEARTBEAT_H
#define CHB_TEST_HEARTBEAT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* xorshift64*: the same on every machine, so that a failure repeats. */
static inline uint64_t test_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(0x2545f4914f6cdd1d);
}

#endif
