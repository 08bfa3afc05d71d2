/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Splitting into words as a shell does, without its expansions. Private to agent/config. Pure. */
#ifndef CHB_CONFIG_WORDS_H
#define CHB_CONFIG_WORDS_H

#include <stddef.h>

#include <agent/config/arena.h>

struct chb_words {
    size_t count;
    const char **list; /* count words and a NULL, in the arena */
};

/*
 * White space separates words; '…' takes all as it is; "…" takes all but \" and \\; outside of
 * quotes a backslash takes the next character as it is. Nothing is expanded: "$", "*" and "`" are
 * ordinary. ret_column: on -EINVAL, where the quote or backslash is that is never finished, from 1.
 * Returns 0, -EINVAL, -E2BIG beyond words_max, -ENOMEM.
 */
int chb_words_split(struct chb_arena *arena, const char *text, size_t words_max,
                    struct chb_words *ret_words, size_t *ret_column);

/*
 * Splits one entry of a list at its commas; ",," is a comma that belongs to the text, as in QEMU's
 * own options. Returns 0, -E2BIG beyond fields_max, -ENOMEM.
 */
int chb_fields_split(struct chb_arena *arena, const char *text, size_t fields_max,
                     struct chb_words *ret_fields);

#endif
