/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core's structs as bytes: tables of their fields, and what reads the tables. Nothing is dumped
 * as it lies in memory: bytes are little-endian, enums and booleans take one, padding none. Pure.
 */
#ifndef CHB_RECORDER_LAYOUT_H
#define CHB_RECORDER_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <agent/core/core.h>

enum chb_field_type {
    CHB_FIELD_BOOL,
    CHB_FIELD_U8,
    CHB_FIELD_U16,
    CHB_FIELD_U32,
    CHB_FIELD_U64,
    CHB_FIELD_TIME, /* chb_time, chb_span: 0 or more */
    CHB_FIELD_PAST, /* chb_time that may lie before the boot, and is only ever compared */
    CHB_FIELD_ENUM, /* below `end` */
    CHB_FIELD_INNER,
};

struct chb_layout;

struct chb_field {
    const char *name;
    enum chb_field_type type;
    uint16_t offset;
    uint16_t count; /* 1, or of an array */
    uint16_t size;  /* of one, in memory */
    uint16_t end;
    const struct chb_layout *inner;
};

struct chb_layout {
    const char *name;
    size_t size; /* in memory */
    size_t n_fields;
    const struct chb_field *fields;
};

/* Everything in a core but its peers, and one peer: see chb_core_put(). */
extern const struct chb_layout chb_layout_core;
extern const struct chb_layout chb_layout_peer;
/* What is in an event or action of this kind, beside kind and time. NULL: no such kind. */
const struct chb_layout *chb_layout_event(enum chb_event_kind kind);
const struct chb_layout *chb_layout_action(enum chb_action_kind kind);

/* Bytes that an object takes. */
size_t chb_layout_bytes(const struct chb_layout *layout);

/* Writes an object, chb_layout_bytes() of them. Returns the place behind. */
uint8_t *chb_layout_put(const struct chb_layout *layout, const void *object, uint8_t *at);

/* Reads one from bytes that may hold anything. Returns false when a value is none of its type; what
 * the layout does not name is left alone. */
bool chb_layout_get(const struct chb_layout *layout, const uint8_t *at, void *ret_object);

/* The name of the first field that differs, or NULL. Static; of an inner struct, that struct's. */
const char *chb_layout_difference(const struct chb_layout *layout, const void *a, const void *b);

/* A number for the shape of everything here: recordings of another shape cannot be read. */
uint64_t chb_layout_id(void);

#endif
