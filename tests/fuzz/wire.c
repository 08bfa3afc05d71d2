/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages between agents. Each input is tried as it is, and once more with the fields that chance
 * would never get right (magic, major version, length, checksum) put right.
 */
#include <errno.h>

#include <heartbeat/bytes.h>
#include <heartbeat/crc32c.h>
#include <heartbeat/wire.h>

#include "fuzz.h"

#define AT_MAJOR 4
#define AT_LENGTH 8
#define AT_CHECKSUM 12

/* A message of our own version comes back byte for byte; of a newer one, all that we know of it. */
static void round_trip(const uint8_t *bytes, size_t size, const struct chb_wire_message *message)
{
    uint8_t first[CHB_WIRE_SIZE_MAX];
    uint8_t second[CHB_WIRE_SIZE_MAX];
    struct chb_wire_message again;
    const int length = chb_wire_encode(message, first, sizeof(first));

    CHB_FUZZ_CHECK(length > 0);
    if (message->minor == CHB_WIRE_MINOR) {
        CHB_FUZZ_CHECK((size_t)length == size && memcmp(first, bytes, size) == 0);
    }
    CHB_FUZZ_CHECK(chb_wire_decode(first, (size_t)length, &again) == 0);
    CHB_FUZZ_CHECK(chb_wire_encode(&again, second, sizeof(second)) == length);
    CHB_FUZZ_CHECK(memcmp(first, second, (size_t)length) == 0);
    CHB_FUZZ_CHECK(chb_wire_encode(message, second, (size_t)length - 1) == -EMSGSIZE);
}

static void try_bytes(const uint8_t *bytes, size_t size)
{
    struct chb_wire_message message;
    const uint8_t *extra = NULL;
    size_t extra_size = 0;
    const int r = chb_wire_decode(bytes, size, &message);

    CHB_FUZZ_CHECK(chb_wire_trailing(bytes, size, &extra, &extra_size) == r);
    (void)chb_wire_error_text(r);
    if (r < 0) {
        return;
    }
    CHB_FUZZ_CHECK(extra + extra_size == bytes + size);
    CHB_FUZZ_CHECK(message.sender != 0 && message.boot != 0 && message.sequence != 0);
    if (message.type == CHB_WIRE_STATE) {
        const struct chb_state_msg *state = &message.u.state;
        CHB_FUZZ_CHECK(state->phase < CHB_PHASE_MAX && state->role < CHB_ROLE_MAX &&
                       state->join < CHB_JOIN_MAX && state->record.kind < CHB_RECORD_KIND_MAX &&
                       state->record.role < CHB_ROLE_MAX && state->health <= 100);
        (void)chb_wire_state_digest(&message.vm, state);
    }
    round_trip(bytes, size, &message);
}

static void put_right(uint8_t *bytes, size_t size)
{
    chb_put_u32(bytes, CHB_WIRE_MAGIC);
    bytes[AT_MAJOR] = CHB_WIRE_MAJOR;
    chb_put_u32(bytes + AT_LENGTH, (uint32_t)size);
    chb_put_u32(bytes + AT_CHECKSUM, 0);
    chb_put_u32(bytes + AT_CHECKSUM, chb_crc32c(0, bytes, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = chb_fuzz_copy(data, size);

    try_bytes(copy, size);
    if (size >= CHB_WIRE_HEADER_SIZE) {
        put_right(copy, size);
        try_bytes(copy, size);
    }
    free(copy);
    return 0;
}
