/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stable 64-bit hash over named fields: the same on every host, architecture and version. FNV-1a
 * with a final mix (murmur3's). It finds mistakes, not attackers. Private to agent/config. Pure.
 */
#ifndef CHB_CONFIG_HASH_H
#define CHB_CONFIG_HASH_H

#include <stdint.h>

struct chb_hash {
    uint64_t state;
};

/* purpose: keeps the hashes of different things apart. */
void chb_hash_init(struct chb_hash *ret_hash, const char *purpose);

/* Adds name and text with their ends, so that "ab","c" differs from "a","bc". text: NULL differs
 * from "". */
void chb_hash_text(struct chb_hash *hash, const char *name, const char *text);

void chb_hash_number(struct chb_hash *hash, const char *name, uint64_t number);

/* Never 0, which stands for "no hash". */
uint64_t chb_hash_value(const struct chb_hash *hash);

#endif
