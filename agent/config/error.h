/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong in something that a person wrote: where it is, what it is, what to write instead.
 */
#ifndef CHB_CONFIG_ERROR_H
#define CHB_CONFIG_ERROR_H

#include <stddef.h>

#define CHB_CONFIG_KEY_SIZE 64
#define CHB_CONFIG_TEXT_SIZE 512

struct chb_config_error {
    char key[CHB_CONFIG_KEY_SIZE];   /* parameter or key; "" when it is about the whole */
    unsigned line;                   /* in a file, from 1; 0: not known */
    char text[CHB_CONFIG_TEXT_SIZE]; /* whole sentence with place and remedy, one printable line */
};

/*
 * Fills in @ret_error and returns @error, so that a parser ends with `return chb_config_fail(…)`.
 *
 * key: may be NULL or "". line: 0 for none. error: a negative errno. Bytes that are not printable
 * ASCII become '?', because the text ends up in the cluster's logs and the input may be hostile.
 * ret_error: may be NULL.
 */
int chb_config_fail(struct chb_config_error *ret_error, int error, const char *key, unsigned line,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
