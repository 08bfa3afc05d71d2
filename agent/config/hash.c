/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/config/hash.h>

#include <stddef.h>
#include <string.h>

static void add_byte(struct chb_hash *hash, uint8_t byte)
{
    hash->state = (hash->state ^ byte) * UINT64_C(0x100000001b3);
}

/* With the final NUL, which no text contains. */
static void add_string(struct chb_hash *hash, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        add_byte(hash, (uint8_t)*p);
    }
    add_byte(hash, 0);
}

void chb_hash_init(struct chb_hash *ret_hash, const char *purpose)
{
    ret_hash->state = UINT64_C(0xcbf29ce484222325);
    add_string(ret_hash, purpose);
}

void chb_hash_text(struct chb_hash *hash, const char *name, const char *text)
{
    add_string(hash, name);
    add_byte(hash, text == NULL ? 'n' : 't');
    add_string(hash, text == NULL ? "" : text);
}

void chb_hash_number(struct chb_hash *hash, const char *name, uint64_t number)
{
    add_string(hash, name);
    add_byte(hash, 'u');
    for (unsigned shift = 0; shift < 64; shift += 8) {
        add_byte(hash, (uint8_t)(number >> shift));
    }
}

uint64_t chb_hash_value(const struct chb_hash *hash)
{
    uint64_t value = hash->state;
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    value ^= value >> 33;
    return value == 0 ? 1 : value;
}
