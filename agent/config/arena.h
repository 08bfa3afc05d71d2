/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of one parsed configuration: many small pieces, freed together. Private to agent/config.
 */
#ifndef CHB_CONFIG_ARENA_H
#define CHB_CONFIG_ARENA_H

#include <stddef.h>

struct chb_arena;

/* NULL when there is no memory. */
struct chb_arena *chb_arena_new(void);

/* Takes and returns NULL. */
struct chb_arena *chb_arena_free(struct chb_arena *arena);

/* Zeroed and aligned for any type; NULL when there is no memory. */
void *chb_arena_alloc(struct chb_arena *arena, size_t size);

/* A terminated copy of length bytes; NULL when there is no memory. */
char *chb_arena_text(struct chb_arena *arena, const char *text, size_t length);

#endif
