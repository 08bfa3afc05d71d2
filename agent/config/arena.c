/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/config/arena.h>

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct piece {
    struct piece *next;
    alignas(max_align_t) unsigned char bytes[];
};

struct chb_arena {
    struct piece *pieces;
};

struct chb_arena *chb_arena_new(void)
{
    return calloc(1, sizeof(struct chb_arena));
}

struct chb_arena *chb_arena_free(struct chb_arena *arena)
{
    if (arena == NULL) {
        return NULL;
    }
    while (arena->pieces != NULL) {
        struct piece *next = arena->pieces->next;
        free(arena->pieces);
        arena->pieces = next;
    }
    free(arena);
    return NULL;
}

void *chb_arena_alloc(struct chb_arena *arena, size_t size)
{
    if (size > SIZE_MAX - sizeof(struct piece)) {
        return NULL;
    }
    struct piece *piece = calloc(1, sizeof(*piece) + size);
    if (piece == NULL) {
        return NULL;
    }
    piece->next = arena->pieces;
    arena->pieces = piece;
    return piece->bytes;
}

char *chb_arena_text(struct chb_arena *arena, const char *text, size_t length)
{
    char *copy = chb_arena_alloc(arena, length + 1);
    if (copy != NULL) {
        memcpy(copy, text, length);
    }
    return copy;
}
