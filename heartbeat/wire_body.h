/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bodies of the messages; the header is wire.c's. Private to this folder. Pure. */
#ifndef CHB_HEARTBEAT_WIRE_BODY_H
#define CHB_HEARTBEAT_WIRE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <heartbeat/wire.h>

/* Size of a type's body in this version, or 0 if the type is unknown. */
size_t chb_wire_body_size(enum chb_wire_type type);

/* Writes chb_wire_body_size() bytes. The message's type is a known one. */
void chb_wire_put_body(const struct chb_wire_message *message, uint8_t *ret_bytes);

/*
 * Reads chb_wire_body_size() bytes into `message->u`, as `message->type` says.
 *   newer  the message is of a newer minor version: reserved bytes and unknown flags have a meaning
 *          that we do not know and are ignored
 * Returns false if a field holds what it may not hold; `message->u` is then worth nothing.
 */
bool chb_wire_get_body(const uint8_t *bytes, bool newer, struct chb_wire_message *message);

/* Would the decoder take this body? */
bool chb_wire_body_is_valid(const struct chb_wire_message *message);

/* The body of a STATE: CHB_WIRE_STATE_BODY_SIZE bytes. */
void chb_wire_put_state(const struct chb_state_msg *state, uint8_t *ret_bytes);

#endif
