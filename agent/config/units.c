/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/config/units.h>

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Reads digits. ret_rest: what follows them and at most one space. */
static int read_digits(const char *text, uint64_t *ret_number, const char **ret_rest)
{
    const char *p = text;
    uint64_t number = 0;
    if (*p < '0' || *p > '9') {
        return -EINVAL;
    }
    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(number, 10U, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*p - '0'), &number)) {
            return -ERANGE;
        }
    }
    if (*p == ' ' && p[1] != '\0') {
        p++;
    }
    *ret_number = number;
    *ret_rest = p;
    return 0;
}

int chb_parse_span(const char *text, chb_span *ret_span)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000},
    };
    const uint64_t ms_max = 1000 * UINT64_C(3600000);

    uint64_t number;
    const char *rest;
    int r = read_digits(text, &number, &rest);
    if (r < 0) {
        return r;
    }
    if (number == 0 && *rest == '\0') {
        *ret_span = chb_ms(0);
        return 0;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(rest, units[i].name) != 0) {
            continue;
        }
        if (number > ms_max / units[i].ms) {
            return -ERANGE;
        }
        *ret_span = chb_ms((int64_t)(number * units[i].ms));
        return 0;
    }
    return -EINVAL;
}

/* The bytes that a size's unit counts; 0 for none of ours. */
static uint64_t size_unit(const char *unit)
{
    static const char letters[] = "KMGT";

    if (strcasecmp(unit, "B") == 0) {
        return 1;
    }
    for (unsigned i = 0; letters[i] != '\0'; i++) {
        if ((unit[0] & ~0x20) != letters[i]) {
            continue;
        }
        if (unit[1] == '\0' || strcasecmp(unit + 1, "B") == 0 || strcasecmp(unit + 1, "iB") == 0) {
            return UINT64_C(1) << (10 * (i + 1));
        }
    }
    return 0;
}

int chb_parse_size(const char *text, uint64_t bare_unit, uint64_t *ret_bytes)
{
    const uint64_t bytes_max = UINT64_C(1) << 62;

    uint64_t number;
    const char *rest;
    int r = read_digits(text, &number, &rest);
    if (r < 0) {
        return r;
    }
    if (number == 0 && *rest == '\0') {
        *ret_bytes = 0;
        return 0;
    }
    uint64_t unit = *rest == '\0' ? bare_unit : size_unit(rest);
    if (unit == 0) {
        return -EINVAL;
    }
    if (number > bytes_max / unit) {
        return -ERANGE;
    }
    *ret_bytes = number * unit;
    return 0;
}

int chb_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret_number)
{
    uint64_t number;
    const char *rest;
    int r = read_digits(text, &number, &rest);
    if (r < 0) {
        return r;
    }
    if (*rest != '\0') {
        return -EINVAL;
    }
    if (number < min || number > max) {
        return -ERANGE;
    }
    *ret_number = number;
    return 0;
}

int chb_parse_bool(const char *text, bool *ret_value)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcasecmp(text, yes[i]) == 0) {
            *ret_value = true;
            return 0;
        }
        if (strcasecmp(text, no[i]) == 0) {
            *ret_value = false;
            return 0;
        }
    }
    return -EINVAL;
}
