/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as people write them: "20s", "500ms", "2G". Pure. */
#ifndef CHB_CONFIG_UNITS_H
#define CHB_CONFIG_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include <agent/core/time.h>

/*
 * A span: a whole number and its unit, "ms", "s", "m", "min" or "h", with or without a space
 * between. The unit is required, because a bare number is seconds to Pacemaker and milliseconds to
 * QEMU; "0" alone is fine. Returns 0; -EINVAL for anything else; -ERANGE beyond 1000 h. ret_span is
 * untouched on failure.
 */
int chb_parse_span(const char *text, chb_span *ret_span);

/*
 * A size in bytes: a whole number and "K", "M", "G" or "T" (powers of 1024, as QEMU has them; upper
 * or lower case; "B" or "iB" may follow), or "B" for bytes.
 * bare_unit: bytes that a number without a unit counts, 0 to refuse it (but for "0").
 * Returns 0; -EINVAL; -ERANGE beyond 2^62. ret_bytes is untouched on failure.
 */
int chb_parse_size(const char *text, uint64_t bare_unit, uint64_t *ret_bytes);

/* A whole decimal number without sign, min to max. Returns 0, -EINVAL, -ERANGE. */
int chb_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret_number);

/* true/yes/on/1 and false/no/off/0, in any case. Returns 0, -EINVAL. */
int chb_parse_bool(const char *text, bool *ret_value);

#endif
