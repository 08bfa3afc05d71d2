/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of the messages between agents (protocol 1.0).
 *
 * Every number is big-endian. A message is a header of CHB_WIRE_HEADER_SIZE bytes and a body whose
 * size its type fixes. What comes in may be anything: the decoder checks the size, the checksum,
 * every enum, every bool and every reserved byte, and never asserts.
 *
 * Versions. Another major version is refused. A newer minor version is understood: it may append
 * bytes to a body, give a meaning to reserved bytes and to new flags (old agents see zeros and
 * ignore what they do not know), and bring new types (refused with -ENOMSG). It may not give new
 * values to an enum that exists, nor move a field.
 *
 *   header, offset: field
 *    0 magic u32      4 major u8        5 minor u8       6 type u16
 *    8 length u32, header included     12 CRC32C u32 of the whole message, with this field zero
 *   16 VM id, 16 bytes                 32 VM check u64
 *   40 sender's node id u32            44 reserved u32
 *   48 sender's boot id u64            56 sequence u64
 *   64 send time u64: ns on the sender's CLOCK_BOOTTIME, for people only
 *
 * All functions are pure.
 */
#ifndef CHB_HEARTBEAT_WIRE_H
#define CHB_HEARTBEAT_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include <agent/core/message.h>
#include <agent/core/time.h>
#include <heartbeat/vm_key.h>

#define CHB_WIRE_MAGIC UINT32_C(0x43484231) /* "CHB1" */
#define CHB_WIRE_MAJOR 1
#define CHB_WIRE_MINOR 0

#define CHB_WIRE_HEADER_SIZE 72
#define CHB_WIRE_HEARTBEAT_SIZE (CHB_WIRE_HEADER_SIZE + 24)
#define CHB_WIRE_STATE_SIZE (CHB_WIRE_HEADER_SIZE + CHB_WIRE_STATE_BODY_SIZE)
#define CHB_WIRE_REQUEST_SIZE (CHB_WIRE_HEADER_SIZE + 8)
#define CHB_WIRE_STATE_BODY_SIZE 192
#define CHB_WIRE_SIZE_MAX 4096 /* of a message of any minor version; longer ones are refused */

enum chb_wire_type {
    CHB_WIRE_NONE,
    CHB_WIRE_HEARTBEAT, /* agent-wide: no VM */
    CHB_WIRE_STATE,     /* struct chb_state_msg of one VM */
    CHB_WIRE_REQUEST,   /* struct chb_request_msg of one VM */
    CHB_WIRE_TYPE_MAX,
};

/* Bits of chb_heartbeat_msg.flags. */
#define CHB_HEARTBEAT_WANTS_STATES                                                                 \
    UINT32_C(0x1)                            /* sender misses states: tell all of them again       \
                                              */
#define CHB_HEARTBEAT_STOPPING UINT32_C(0x2) /* sender ends in order; its guests run on */
#define CHB_HEARTBEAT_FLAGS_ALL UINT32_C(0x3)

/* What an agent says about itself, once per heartbeat interval. */
struct chb_heartbeat_msg {
    uint32_t vm_count;      /* VMs that the sender knows */
    uint32_t flags;         /* CHB_HEARTBEAT_... */
    uint32_t lateness_ms;   /* how late the sender's loop was since its last heartbeat, at worst */
    uint32_t agent_version; /* major<<16 | minor<<8 | patch */
    uint64_t digest;        /* sum of chb_wire_state_digest() over its VMs' last sent states */
};

struct chb_wire_message {
    enum chb_wire_type type;
    uint8_t minor;        /* of the sender's protocol; set by the decoder */
    uint32_t sender;      /* corosync node id, not 0 */
    uint64_t boot;        /* incarnation of the sending agent, not 0 */
    uint64_t sequence;    /* rises by one with each message of this incarnation; starts at 1 */
    chb_time sent;        /* on the sender's clock: never compare it with ours */
    struct chb_vm_key vm; /* all zero with HEARTBEAT, and only there */
    union {
        struct chb_heartbeat_msg heartbeat;
        struct chb_state_msg state;
        struct chb_request_msg request;
    } u;
};

/*
 * Encodes `message` as protocol CHB_WIRE_MAJOR.CHB_WIRE_MINOR.
 *   ret_bytes  at least `size` bytes, written from the start; untouched on failure
 * Returns the number of bytes written (CHB_WIRE_..._SIZE of the type), or -EMSGSIZE if `size` is
 * too small, or -EINVAL if the message holds what the decoder would refuse.
 */
int chb_wire_encode(const struct chb_wire_message *message, uint8_t *ret_bytes, size_t size);

/*
 * Decodes `size` bytes, which may be anything. `ret_message` is written only on success.
 * Returns 0 or
 *   -EMSGSIZE         shorter than its type needs, longer than CHB_WIRE_SIZE_MAX, or not as long as
 *                     it says
 *   -EBADMSG          not one of our messages (magic), or damaged (checksum)
 *   -EPROTONOSUPPORT  another major version
 *   -ENOMSG           a type that this version does not know
 *   -EPROTO           a field holds what it may not hold
 */
int chb_wire_decode(const uint8_t *bytes, size_t size, struct chb_wire_message *ret_message);

/* Words for a result of chb_wire_decode(), to follow "message refused: ". A string constant. */
const char *chb_wire_error_text(int error);

/*
 * Makes of an encoded message of `length` bytes one of the minor version `minor` that has
 * `extra_size` more bytes at its end, as a newer agent would send it.
 *   bytes  buffer of `size` bytes that holds the message
 * Returns the new length, -EMSGSIZE if it does not fit into `size` or CHB_WIRE_SIZE_MAX, -EINVAL if
 * `bytes` is no valid message or `minor` is not newer than CHB_WIRE_MINOR.
 */
int chb_wire_append(uint8_t *bytes, size_t size, size_t length, uint8_t minor, const uint8_t *extra,
                    size_t extra_size);

/*
 * Finds the bytes of a valid message that this version does not know.
 *   ret_extra       points into `bytes`
 *   ret_extra_size  0 with a message of our own minor version
 * Returns 0, or what chb_wire_decode() says about the message.
 */
int chb_wire_trailing(const uint8_t *bytes, size_t size, const uint8_t **ret_extra,
                      size_t *ret_extra_size);

/*
 * A number that is the same for the same VM and state, and almost surely another one for others.
 * Sums of it (modulo 2^64) over several VMs do not depend on their order. It is made of the fields
 * of protocol 1.0 alone, whatever the minor version: agents of all of them compare it.
 */
uint64_t chb_wire_state_digest(const struct chb_vm_key *vm, const struct chb_state_msg *state);

#endif
