/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include <heartbeat/bytes.h>
#include <heartbeat/crc32c.h>
#include <heartbeat/wire.h>

#define ROUNDS 20000

static void random_state(struct chb_state_msg *state, uint64_t *seed)
{
    memset(state, 0, sizeof(*state));
    state->record.generation = test_random(seed);
    state->record.author = (uint32_t)test_random(seed);
    state->record.peer = (uint32_t)test_random(seed);
    state->record.kind = (enum chb_record_kind)(test_random(seed) % CHB_RECORD_KIND_MAX);
    state->record.role = (enum chb_role)(test_random(seed) % CHB_ROLE_MAX);
    state->record.overlays_pending = test_random(seed) & 1;
    state->phase = (enum chb_phase)(test_random(seed) % CHB_PHASE_MAX);
    state->role = (enum chb_role)(test_random(seed) % CHB_ROLE_MAX);
    state->generation = test_random(seed);
    state->dead_generation = test_random(seed);
    state->broken_generation = test_random(seed);
    state->join = (enum chb_join)(test_random(seed) % CHB_JOIN_MAX);
    state->join_node = (uint32_t)test_random(seed);
    state->join_id = test_random(seed);
    state->ports.nbd = (uint16_t)test_random(seed);
    state->ports.migration = (uint16_t)test_random(seed);
    for (size_t i = 0; i < CHB_NICS_MAX; i++) {
        state->ports.mirror[i] = (uint16_t)test_random(seed);
        state->ports.compare[i] = (uint16_t)test_random(seed);
    }
    for (size_t i = 0; i < CHB_DISKS_MAX; i++) {
        state->disk_bytes[i] = test_random(seed);
    }
    state->spec_hash = test_random(seed);
    for (unsigned i = 0; i < CHB_SPEC_PARTS; i++) {
        state->spec_parts[i] = (uint16_t)test_random(seed);
    }
    state->qemu_version = (uint32_t)test_random(seed);
    state->health = (uint8_t)(test_random(seed) % 101);
    state->image_present = test_random(seed) & 1;
    state->seeded = test_random(seed) & 1;
    state->oob_alive = test_random(seed) & 1;
    state->main_alive = test_random(seed) & 1;
}

/* Padding is zero in all that is made here and in all that is decoded, so memory compares. */
static void random_message(struct chb_wire_message *message, uint64_t *seed)
{
    memset(message, 0, sizeof(*message));
    message->type = (enum chb_wire_type)(1 + test_random(seed) % 3);
    message->sender = 1 + (uint32_t)(test_random(seed) >> 33);
    message->boot = 1 + (test_random(seed) >> 1);
    message->sequence = 1 + (test_random(seed) >> 1);
    message->sent.ns = (int64_t)(test_random(seed) >> 1);
    if (message->type != CHB_WIRE_HEARTBEAT) {
        char name[9] = "vm";
        name[2] = (char)('a' + test_random(seed) % 26);
        assert_int_equal(chb_vm_key_make(name, &message->vm), 0);
    }
    switch (message->type) {
    case CHB_WIRE_HEARTBEAT:
        message->u.heartbeat.vm_count = (uint32_t)test_random(seed);
        message->u.heartbeat.flags = test_random(seed) & CHB_HEARTBEAT_FLAGS_ALL;
        message->u.heartbeat.lateness_ms = (uint32_t)test_random(seed);
        message->u.heartbeat.agent_version = (uint32_t)test_random(seed);
        message->u.heartbeat.digest = test_random(seed);
        break;
    case CHB_WIRE_STATE:
        random_state(&message->u.state, seed);
        break;
    case CHB_WIRE_REQUEST:
        message->u.request.request = (enum chb_request)(test_random(seed) % CHB_REQUEST_MAX);
        message->u.request.node = (uint32_t)test_random(seed);
        break;
    case CHB_WIRE_NONE:
    case CHB_WIRE_TYPE_MAX:
        fail();
    }
}

/* Puts the right checksum on altered bytes, so that the checks behind it are met too. */
static void reseal(uint8_t *bytes, size_t size)
{
    chb_put_u32(bytes + 12, 0);
    chb_put_u32(bytes + 12, chb_crc32c(0, bytes, size));
}

static void every_message_survives(void **unused)
{
    (void)unused;
    uint64_t seed = 1;

    for (int i = 0; i < ROUNDS; i++) {
        struct chb_wire_message message;
        struct chb_wire_message back;
        uint8_t bytes[CHB_WIRE_SIZE_MAX];

        random_message(&message, &seed);
        int length = chb_wire_encode(&message, bytes, sizeof(bytes));
        assert_true(length > CHB_WIRE_HEADER_SIZE);
        assert_int_equal(chb_wire_encode(&message, bytes, (size_t)length - 1), -EMSGSIZE);
        assert_int_equal(chb_wire_decode(bytes, (size_t)length, &back), 0);
        assert_memory_equal(&message, &back, sizeof(message));
    }
}

/* Golden bytes: an agent of another machine or of last year must read them so. */
static void bytes_are_as_documented(void **unused)
{
    (void)unused;
    struct chb_wire_message message = {
        .type = CHB_WIRE_HEARTBEAT,
        .sender = 0x01020304,
        .boot = 0x1112131415161718,
        .sequence = 0x2122232425262728,
        .sent = {.ns = 0x3132333435363738},
        .u.heartbeat = {.vm_count = 2,
                        .flags = CHB_HEARTBEAT_WANTS_STATES,
                        .lateness_ms = 3,
                        .agent_version = 0x000100,
                        .digest = 0x4142434445464748},
    };
    const uint8_t head[12] = {'C', 'H', 'B', '1', 1, 0, 0, 1, 0, 0, 0, 96};
    const uint8_t tail[56] = {
        1,    2,    3,    4,    0,    0,    0,    0,    0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
        0x17, 0x18, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x31, 0x32, 0x33, 0x34,
        0x35, 0x36, 0x37, 0x38, 0,    0,    0,    2,    0,    0,    0,    1,    0,    0,
        0,    3,    0,    0,    1,    0,    0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48};
    uint8_t bytes[CHB_WIRE_HEARTBEAT_SIZE];

    assert_int_equal(chb_wire_encode(&message, bytes, sizeof(bytes)), 96);
    assert_memory_equal(bytes, head, sizeof(head));
    assert_memory_equal(bytes + 40, tail, sizeof(tail));
    uint32_t checksum = chb_get_u32(bytes + 12);
    reseal(bytes, sizeof(bytes));
    assert_int_equal(chb_get_u32(bytes + 12), checksum);
}

static void every_flipped_bit_is_refused(void **unused)
{
    (void)unused;
    uint64_t seed = 2;

    for (int round = 0; round < 10; round++) {
        struct chb_wire_message message;
        struct chb_wire_message back;
        uint8_t bytes[CHB_WIRE_STATE_SIZE];

        random_message(&message, &seed);
        int length = chb_wire_encode(&message, bytes, sizeof(bytes));
        assert_true(length > 0);
        for (size_t i = 0; i < (size_t)length; i++) {
            for (unsigned int flip = 1; flip <= 0xff; flip++) {
                bytes[i] ^= (uint8_t)flip;
                memset(&back, 0x5a, sizeof(back));
                assert_true(chb_wire_decode(bytes, (size_t)length, &back) < 0);
                assert_int_equal(((uint8_t *)&back)[0], 0x5a);
                bytes[i] ^= (uint8_t)flip;
            }
        }
    }
}

/* With the checksum made right again, what is decoded must be something that can be encoded. */
static void every_changed_byte_is_refused_or_valid(void **unused)
{
    (void)unused;
    uint64_t seed = 3;

    for (int round = 0; round < 10; round++) {
        struct chb_wire_message message;
        struct chb_wire_message back;
        uint8_t bytes[CHB_WIRE_STATE_SIZE];
        uint8_t again[CHB_WIRE_STATE_SIZE];

        random_message(&message, &seed);
        int length = chb_wire_encode(&message, bytes, sizeof(bytes));
        assert_true(length > 0);
        for (size_t i = 0; i < (size_t)length; i++) {
            for (unsigned int value = 0; value <= 0xff; value++) {
                uint8_t altered[CHB_WIRE_STATE_SIZE];
                memcpy(altered, bytes, sizeof(altered));
                altered[i] = (uint8_t)value;
                reseal(altered, (size_t)length);
                if (chb_wire_decode(altered, (size_t)length, &back) == 0 && back.minor == 0) {
                    assert_int_equal(chb_wire_encode(&back, again, sizeof(again)), length);
                    assert_memory_equal(again, altered, (size_t)length);
                }
            }
        }
    }
}

static void noise_is_refused(void **unused)
{
    (void)unused;
    uint64_t seed = 4;
    uint8_t bytes[CHB_WIRE_SIZE_MAX + 64];
    struct chb_wire_message message;

    for (int round = 0; round < ROUNDS; round++) {
        size_t size = test_random(&seed) % 400;
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)test_random(&seed);
        }
        if (size >= 16 && round % 2 == 0) { /* past the first checks */
            chb_put_u32(bytes, CHB_WIRE_MAGIC);
            bytes[4] = CHB_WIRE_MAJOR;
            bytes[5] = (uint8_t)(test_random(&seed) % 2);
            chb_put_u16(bytes + 6, (uint16_t)(test_random(&seed) % 5));
            chb_put_u32(bytes + 8, (uint32_t)size);
            reseal(bytes, size);
        }
        (void)chb_wire_decode(bytes, size, &message);
    }
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(chb_wire_decode(bytes, sizeof(bytes), &message), -EMSGSIZE);
    assert_int_equal(chb_wire_decode(NULL, 0, &message), -EMSGSIZE);
}

static size_t make(enum chb_wire_type type, uint8_t *bytes, size_t size)
{
    struct chb_wire_message message;
    uint64_t seed = 5;
    do {
        random_message(&message, &seed);
    } while (message.type != type);
    int length = chb_wire_encode(&message, bytes, size);
    assert_true(length > 0);
    return (size_t)length;
}

static void each_refusal_has_its_reason(void **unused)
{
    (void)unused;
    const struct {
        size_t at;
        uint8_t value;
        int error;
    } cases[] = {
        {0, 'X', -EBADMSG},       /* magic */
        {4, 2, -EPROTONOSUPPORT}, /* major */
        {7, 0, -ENOMSG},          /* type NONE */
        {7, 4, -ENOMSG},          /* unknown type */
        {6, 1, -ENOMSG},          /* unknown type */
        {7, 1, -EMSGSIZE},        /* a heartbeat of a state's size */
        {11, 1, -EMSGSIZE},       /* length */
        {47, 1, -EPROTO},         /* reserved */
        {64, 0x80, -EPROTO},      /* send time beyond int64 */
        {72 + 16, 200, -EPROTO},  /* record kind */
        {72 + 17, 3, -EPROTO},    /* record role */
        {72 + 18, 2, -EPROTO},    /* bool */
        {72 + 19, 1, -EPROTO},    /* reserved */
        {72 + 20, 9, -EPROTO},    /* phase */
        {72 + 21, 3, -EPROTO},    /* role */
        {72 + 22, 5, -EPROTO},    /* join */
        {72 + 23, 101, -EPROTO},  /* health */
        {72 + 175, 2, -EPROTO},   /* bool */
    };
    uint8_t bytes[CHB_WIRE_STATE_SIZE];
    struct chb_wire_message message;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t length = make(CHB_WIRE_STATE, bytes, sizeof(bytes));
        bytes[cases[i].at] = cases[i].value;
        reseal(bytes, length);
        assert_int_equal(chb_wire_decode(bytes, length, &message), cases[i].error);
        assert_string_not_equal(chb_wire_error_text(cases[i].error), "unknown error");
    }
    size_t length = make(CHB_WIRE_STATE, bytes, sizeof(bytes));
    bytes[100] ^= 1;
    assert_int_equal(chb_wire_decode(bytes, length, &message), -EBADMSG);
}

static void what_is_of_no_vm_says_so(void **unused)
{
    (void)unused;
    uint8_t bytes[CHB_WIRE_STATE_SIZE];
    struct chb_wire_message message;

    size_t length = make(CHB_WIRE_HEARTBEAT, bytes, sizeof(bytes));
    bytes[20] = 1; /* heartbeat with a VM */
    reseal(bytes, length);
    assert_int_equal(chb_wire_decode(bytes, length, &message), -EPROTO);

    length = make(CHB_WIRE_STATE, bytes, sizeof(bytes));
    memset(bytes + 16, 0, 24); /* state without one */
    reseal(bytes, length);
    assert_int_equal(chb_wire_decode(bytes, length, &message), -EPROTO);
}

static void encoder_refuses_what_the_decoder_would(void **unused)
{
    (void)unused;
    uint8_t bytes[CHB_WIRE_STATE_SIZE];
    struct chb_wire_message good;
    uint64_t seed = 6;
    do {
        random_message(&good, &seed);
    } while (good.type != CHB_WIRE_STATE);

    struct chb_wire_message bad = good;
    bad.u.state.phase = CHB_PHASE_MAX;
    assert_int_equal(chb_wire_encode(&bad, bytes, sizeof(bytes)), -EINVAL);
    bad = good;
    bad.u.state.health = 101;
    assert_int_equal(chb_wire_encode(&bad, bytes, sizeof(bytes)), -EINVAL);
    bad = good;
    bad.boot = 0;
    assert_int_equal(chb_wire_encode(&bad, bytes, sizeof(bytes)), -EINVAL);
    bad = good;
    bad.type = CHB_WIRE_TYPE_MAX;
    assert_int_equal(chb_wire_encode(&bad, bytes, sizeof(bytes)), -EINVAL);
    bad = good;
    memset(&bad.vm, 0, sizeof(bad.vm));
    assert_int_equal(chb_wire_encode(&bad, bytes, sizeof(bytes)), -EINVAL);
}

static void newer_minor_is_understood(void **unused)
{
    (void)unused;
    const uint8_t extra[5] = {1, 2, 3, 4, 5};
    const enum chb_wire_type types[] = {CHB_WIRE_HEARTBEAT, CHB_WIRE_STATE, CHB_WIRE_REQUEST};

    for (size_t i = 0; i < 3; i++) {
        uint8_t bytes[CHB_WIRE_SIZE_MAX];
        struct chb_wire_message before;
        struct chb_wire_message after;
        const uint8_t *found;
        size_t found_size;

        size_t length = make(types[i], bytes, sizeof(bytes));
        assert_int_equal(chb_wire_decode(bytes, length, &before), 0);
        assert_int_equal(chb_wire_trailing(bytes, length, &found, &found_size), 0);
        assert_int_equal(found_size, 0);
        assert_int_equal(chb_wire_append(bytes, sizeof(bytes), length, 0, extra, 5), -EINVAL);
        int longer = chb_wire_append(bytes, sizeof(bytes), length, 1, extra, sizeof(extra));
        assert_int_equal(longer, length + 5);
        assert_int_equal(chb_wire_decode(bytes, (size_t)longer, &after), 0);
        assert_int_equal(after.minor, 1);
        after.minor = 0;
        assert_memory_equal(&before, &after, sizeof(before));
        assert_int_equal(chb_wire_trailing(bytes, (size_t)longer, &found, &found_size), 0);
        assert_int_equal(found_size, 5);
        assert_memory_equal(found, extra, 5);
        /* the same bytes as our own minor version are too long */
        bytes[5] = 0;
        reseal(bytes, (size_t)longer);
        assert_int_equal(chb_wire_decode(bytes, (size_t)longer, &after), -EMSGSIZE);
    }
}

static void newer_minor_may_use_what_is_reserved(void **unused)
{
    (void)unused;
    uint8_t bytes[CHB_WIRE_SIZE_MAX];
    struct chb_wire_message message;

    size_t length = make(CHB_WIRE_HEARTBEAT, bytes, sizeof(bytes));
    assert_int_equal(chb_wire_append(bytes, sizeof(bytes), length, 7, NULL, 0), length);
    bytes[44] = 0xff;     /* reserved in the header */
    bytes[72 + 4] = 0xff; /* flags that we do not know */
    reseal(bytes, length);
    assert_int_equal(chb_wire_decode(bytes, length, &message), 0);
    assert_int_equal(message.u.heartbeat.flags & ~CHB_HEARTBEAT_FLAGS_ALL, 0);
    bytes[5] = 0;
    reseal(bytes, length);
    assert_int_equal(chb_wire_decode(bytes, length, &message), -EPROTO);

    length = make(CHB_WIRE_REQUEST, bytes, sizeof(bytes));
    assert_int_equal(chb_wire_append(bytes, length + 2, length, 7, bytes, 3), -EMSGSIZE);
    assert_int_equal(chb_wire_append(bytes, sizeof(bytes), length, 7, bytes, sizeof(bytes)),
                     -EMSGSIZE);
}

static void digest_shows_every_change(void **unused)
{
    (void)unused;
    uint64_t seed = 7;
    struct chb_vm_key vm;
    struct chb_vm_key other;
    assert_int_equal(chb_vm_key_make("vm1", &vm), 0);
    assert_int_equal(chb_vm_key_make("vm2", &other), 0);

    for (int i = 0; i < 1000; i++) {
        struct chb_state_msg state;
        random_state(&state, &seed);
        struct chb_state_msg copy = state;
        uint64_t digest = chb_wire_state_digest(&vm, &state);
        assert_true(digest == chb_wire_state_digest(&vm, &copy));
        assert_true(digest != chb_wire_state_digest(&other, &state));
        copy.dead_generation++;
        assert_true(digest != chb_wire_state_digest(&vm, &copy));
        copy = state;
        copy.main_alive = !copy.main_alive;
        assert_true(digest != chb_wire_state_digest(&vm, &copy));
        copy = state;
        copy.ports.compare[CHB_NICS_MAX - 1]++;
        assert_true(digest != chb_wire_state_digest(&vm, &copy));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_survives),
        cmocka_unit_test(bytes_are_as_documented),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(every_changed_byte_is_refused_or_valid),
        cmocka_unit_test(noise_is_refused),
        cmocka_unit_test(each_refusal_has_its_reason),
        cmocka_unit_test(what_is_of_no_vm_says_so),
        cmocka_unit_test(encoder_refuses_what_the_decoder_would),
        cmocka_unit_test(newer_minor_is_understood),
        cmocka_unit_test(newer_minor_may_use_what_is_reserved),
        cmocka_unit_test(digest_shows_every_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
