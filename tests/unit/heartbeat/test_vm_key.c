/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include <agent/core/limits.h>
#include <heartbeat/crc32c.h>
#include <heartbeat/vm_key.h>

static void crc_is_the_standard_one(void **state)
{
    (void)state;
    const uint8_t zeros[32] = {0};
    uint8_t ones[32];
    memset(ones, 0xff, sizeof(ones));

    assert_int_equal(chb_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(chb_crc32c(0, zeros, 32), 0x8a9136aa); /* RFC 3720, B.4 */
    assert_int_equal(chb_crc32c(0, ones, 32), 0x62a8ab43);
    assert_int_equal(chb_crc32c(chb_crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

static void id_is_fnv1a_128(void **state)
{
    (void)state;
    /* draft-eastlake-fnv: FNV-1a 128 of "a" and of "foobar" */
    const uint8_t a[CHB_VM_ID_SIZE] = {0xd2, 0x28, 0xcb, 0x69, 0x6f, 0x1a, 0x8c, 0xaf,
                                       0x78, 0x91, 0x2b, 0x70, 0x4e, 0x4a, 0x89, 0x64};
    const uint8_t foobar[CHB_VM_ID_SIZE] = {0x34, 0x3e, 0x16, 0x62, 0x79, 0x3c, 0x64, 0xbf,
                                            0x6f, 0x0d, 0x35, 0x97, 0xba, 0x44, 0x6f, 0x18};
    struct chb_vm_key key;

    assert_int_equal(chb_vm_key_make("a", &key), 0);
    assert_memory_equal(key.id, a, sizeof(a));
    assert_int_equal(chb_vm_key_make("foobar", &key), 0);
    assert_memory_equal(key.id, foobar, sizeof(foobar));
}

static void names_are_bounded(void **state)
{
    (void)state;
    char name[CHB_VM_NAME_MAX + 2];
    struct chb_vm_key key = {.check = 7};

    memset(name, 'x', sizeof(name));
    name[CHB_VM_NAME_MAX + 1] = '\0';
    assert_int_equal(chb_vm_key_make(name, &key), -EINVAL);
    assert_int_equal(chb_vm_key_make("", &key), -EINVAL);
    assert_int_equal(chb_vm_key_make(NULL, &key), -EINVAL);
    assert_int_equal(key.check, 7); /* untouched on failure */
    name[CHB_VM_NAME_MAX] = '\0';
    assert_int_equal(chb_vm_key_make(name, &key), 0);
}

static void collisions_are_seen(void **state)
{
    (void)state;
    struct chb_vm_key a;
    struct chb_vm_key b;
    struct chb_vm_key none = {0};

    assert_int_equal(chb_vm_key_make("vm1", &a), 0);
    assert_int_equal(chb_vm_key_make("vm1", &b), 0);
    assert_true(chb_vm_key_equal(&a, &b));
    assert_false(chb_vm_key_collides(&a, &b));
    b.check++;
    assert_false(chb_vm_key_equal(&a, &b));
    assert_true(chb_vm_key_collides(&a, &b));
    assert_int_equal(chb_vm_key_make("vm2", &b), 0);
    assert_false(chb_vm_key_equal(&a, &b));
    assert_false(chb_vm_key_collides(&a, &b));
    assert_true(chb_vm_key_is_none(&none));
    assert_false(chb_vm_key_is_none(&a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_is_the_standard_one),
        cmocka_unit_test(id_is_fnv1a_128),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(collisions_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
