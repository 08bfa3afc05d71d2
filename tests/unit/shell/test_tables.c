/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <agent/shell/digests.h>
#include <agent/shell/ring.h>
#include <agent/shell/strangers.h>

static struct chb_vm_key key(uint8_t number)
{
    struct chb_vm_key vm = {.check = number};
    vm.id[0] = number;
    return vm;
}

static void digests(void **state)
{
    (void)state;
    static struct chb_digests table;
    struct chb_vm_key a = key(1);
    struct chb_vm_key b = key(2);
    assert_int_equal(chb_digests_sum(&table, 1), 0);
    chb_digests_set(&table, 1, &a, 10);
    chb_digests_set(&table, 1, &b, 20);
    chb_digests_set(&table, 2, &a, 500);
    assert_int_equal(chb_digests_sum(&table, 1), 30);
    chb_digests_set(&table, 1, &a, 11); /* newer */
    assert_int_equal(chb_digests_sum(&table, 1), 31);
    chb_digests_forget(&table, 1);
    assert_int_equal(chb_digests_sum(&table, 1), 0);
    assert_int_equal(chb_digests_sum(&table, 2), 500);
}

static void digests_are_bounded(void **state)
{
    (void)state;
    static struct chb_digests table;
    struct chb_vm_key a = key(1);
    for (uint32_t node = 1; node < CHB_DIGESTS_MAX + 10; node++) {
        chb_digests_set(&table, node, &a, 1);
    }
    assert_int_equal(table.count, CHB_DIGESTS_MAX);
}

static void strangers(void **state)
{
    (void)state;
    static struct chb_strangers table;
    struct chb_vm_key a = key(1);
    struct chb_vm_key b = key(2);
    assert_true(chb_strangers_add(&table, &a));
    assert_false(chb_strangers_add(&table, &a));
    assert_true(chb_strangers_add(&table, &b));
    chb_strangers_remove(&table, &a);
    assert_int_equal(table.count, 1);
    chb_strangers_remove(&table, &a);
    assert_int_equal(table.count, 1);
    for (unsigned i = 10; i < 10 + CHB_STRANGERS_MAX * 2; i++) {
        struct chb_vm_key other = key((uint8_t)i);
        (void)chb_strangers_add(&table, &other);
    }
    assert_int_equal(table.count, CHB_STRANGERS_MAX);
}

static void ring(void **state)
{
    (void)state;
    static struct chb_ring history;
    assert_int_equal(chb_ring_size(&history), 0);
    for (uint64_t i = 0; i < CHB_RING_MAX + 5; i++) {
        struct chb_ring_entry entry = {.note = CHB_NOTE_SOLO, .value = i};
        chb_ring_add(&history, &entry);
    }
    assert_int_equal(chb_ring_size(&history), CHB_RING_MAX);
    assert_int_equal(chb_ring_at(&history, 0)->value, 5);
    assert_int_equal(chb_ring_at(&history, CHB_RING_MAX - 1)->value, CHB_RING_MAX + 4);
}

static void steps_have_names(void **state)
{
    (void)state;
    struct chb_ring_entry entry = {.note = CHB_NOTE_PROVEN};
    assert_string_equal(chb_ring_step(&entry), "proven");
    entry.note = CHB_NOTE_PHASE;
    assert_null(chb_ring_step(&entry));
    entry.moment = CHB_MOMENT_LOST_HEARTBEAT_SENT;
    assert_string_equal(chb_ring_step(&entry), "lost-heartbeat-sent");
    for (int moment = 0; moment < CHB_MOMENT_MAX; moment++) {
        assert_non_null(chb_moment_id((enum chb_moment)moment));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests),          cmocka_unit_test(digests_are_bounded),
        cmocka_unit_test(strangers),        cmocka_unit_test(ring),
        cmocka_unit_test(steps_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
