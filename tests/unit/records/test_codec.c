/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <agent/records/codec.h>
#include <heartbeat/crc32c.h>

static const struct chb_record sample = {
    .generation = 0x1122334455667788,
    .author = 7,
    .peer = 9,
    .kind = CHB_RECORD_PAIRED,
    .role = CHB_ROLE_SECONDARY,
    .overlays_pending = true,
};

/* RFC 3720, B.4, and the value that every implementation is checked against. */
static void crc_known_values(void **state)
{
    (void)state;
    assert_int_equal(chb_crc32c(0, "123456789", 9), 0xe3069283);
    uint8_t zeros[32] = {0};
    assert_int_equal(chb_crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa);
}

static void round_trip(void **state)
{
    (void)state;
    uint8_t slot[CHB_SLOT_SIZE];
    assert_int_equal(chb_slot_encode("colo-vm", 42, &sample, slot), 0);
    uint64_t sequence = 0;
    struct chb_record record = {0};
    assert_int_equal(chb_slot_decode(slot, "colo-vm", &sequence, &record), 0);
    assert_int_equal(sequence, 42);
    assert_int_equal(record.generation, sample.generation);
    assert_int_equal(record.author, sample.author);
    assert_int_equal(record.peer, sample.peer);
    assert_int_equal(record.kind, sample.kind);
    assert_int_equal(record.role, sample.role);
    assert_true(record.overlays_pending);
}

/* The bytes are the same on every host. */
static void byte_order_is_fixed(void **state)
{
    (void)state;
    uint8_t slot[CHB_SLOT_SIZE];
    assert_int_equal(chb_slot_encode("v", 1, &sample, slot), 0);
    static const uint8_t generation[] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
    assert_memory_equal(slot + 88, generation, sizeof(generation));
    assert_int_equal(slot[96], 7);
}

static void every_bit_counts(void **state)
{
    (void)state;
    uint8_t slot[CHB_SLOT_SIZE];
    assert_int_equal(chb_slot_encode("colo-vm", 42, &sample, slot), 0);
    for (unsigned bit = 0; bit < CHB_SLOT_SIZE * 8; bit++) {
        slot[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        uint64_t sequence = 5;
        struct chb_record record = {.generation = 3};
        assert_int_equal(chb_slot_decode(slot, "colo-vm", &sequence, &record), -EBADMSG);
        assert_int_equal(sequence, 5);
        assert_int_equal(record.generation, 3);
        slot[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
}

static void sign(uint8_t *slot)
{
    uint32_t crc = chb_crc32c(0, slot, CHB_SLOT_SIZE - 4);
    for (unsigned i = 0; i < 4; i++) {
        slot[CHB_SLOT_SIZE - 4 + i] = (uint8_t)(crc >> (8 * i));
    }
}

static void newer_version_and_other_vm(void **state)
{
    (void)state;
    uint8_t slot[CHB_SLOT_SIZE];
    uint64_t sequence;
    struct chb_record record;
    assert_int_equal(chb_slot_encode("colo-vm", 42, &sample, slot), 0);
    assert_int_equal(chb_slot_decode(slot, "other", &sequence, &record), -EXDEV);
    slot[8] = 2;
    sign(slot);
    assert_int_equal(chb_slot_decode(slot, "colo-vm", &sequence, &record), -EPROTONOSUPPORT);
}

static void nonsense_with_a_good_checksum(void **state)
{
    (void)state;
    static const struct {
        unsigned at;
        uint8_t value;
    } bad[] = {{104, CHB_RECORD_UNKNOWN}, {104, 99}, {104, CHB_RECORD_NONE}, {105, 99}, {106, 2}};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t slot[CHB_SLOT_SIZE];
        uint64_t sequence;
        struct chb_record record;
        assert_int_equal(chb_slot_encode("colo-vm", 42, &sample, slot), 0);
        slot[bad[i].at] = bad[i].value;
        sign(slot);
        assert_int_equal(chb_slot_decode(slot, "colo-vm", &sequence, &record), -EBADMSG);
    }
}

static void refuses_what_must_not_be_written(void **state)
{
    (void)state;
    uint8_t slot[CHB_SLOT_SIZE];
    char name[70];
    memset(name, 'a', sizeof(name));
    name[64] = '\0';
    assert_int_equal(chb_slot_encode(name, 1, &sample, slot), -EINVAL);
    assert_int_equal(chb_slot_encode("", 1, &sample, slot), -EINVAL);
    struct chb_record unknown = {.kind = CHB_RECORD_UNKNOWN};
    assert_int_equal(chb_slot_encode("v", 1, &unknown, slot), -EINVAL);
    struct chb_record zero = {.kind = CHB_RECORD_SOLO};
    assert_int_equal(chb_slot_encode("v", 1, &zero, slot), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_known_values),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(byte_order_is_fixed),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(newer_version_and_other_vm),
        cmocka_unit_test(nonsense_with_a_good_checksum),
        cmocka_unit_test(refuses_what_must_not_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
