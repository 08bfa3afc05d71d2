/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <agent/shell/pace.h>

#define MB UINT64_C(1000000)

/* A copy that takes what it is given, up to what the disk gives. */
struct run {
    struct chb_pace pace;
    struct chb_pace_look look;
    uint64_t disk; /* bytes per second */
    unsigned changes;
};

static struct run begin(uint64_t wanted, uint64_t disk)
{
    struct run run = {.disk = disk};
    run.look.now.ns = 1000000000;
    run.look.wanted = wanted;
    run.look.phase = 1;
    return run;
}

static void go(struct run *run, int64_t ms, bool late)
{
    for (int64_t past = 0; past < ms; past += 200) {
        uint64_t speed = chb_pace_speed(&run->pace, run->look.wanted);
        uint64_t real = speed != 0 && speed < run->disk ? speed : run->disk;
        run->look.now.ns += 200000000;
        run->look.done_bytes += real / 5;
        run->look.late = late;
        run->changes += chb_pace_step(&run->pace, &run->look);
    }
}

static uint64_t speed(const struct run *run)
{
    return chb_pace_speed(&run->pace, run->look.wanted);
}

static void nothing_is_late(void **state)
{
    (void)state;
    struct run free = begin(0, 300 * MB);
    struct run limited = begin(10 * MB, 300 * MB);
    go(&free, 10000, false);
    go(&limited, 10000, false);
    assert_int_equal(speed(&free), 0);
    assert_int_equal(speed(&limited), 10 * MB);
    assert_int_equal(free.changes + limited.changes, 0);
}

static void late_halves_and_calm_brings_back(void **state)
{
    (void)state;
    struct run run = begin(16 * MB, 300 * MB);
    go(&run, 2000, false);
    go(&run, 200, true);
    assert_int_equal(speed(&run), 8 * MB);
    go(&run, 800, true); /* not more than once a second */
    assert_int_equal(speed(&run), 8 * MB);
    go(&run, 1000, true);
    assert_true(speed(&run) <= 4 * MB && speed(&run) >= 3 * MB);
    uint64_t slowest = speed(&run);
    go(&run, 1600, false);
    assert_int_equal(speed(&run), slowest); /* not calm for long enough */
    go(&run, 1000, false);
    assert_int_equal(speed(&run), slowest + slowest / 4);
    go(&run, 20000, false);
    assert_int_equal(speed(&run), 16 * MB);
    assert_int_equal(run.pace.limit, 0);
    assert_int_equal(run.pace.slowed, 2);
}

static void without_a_limit_it_begins_at_what_is_measured(void **state)
{
    (void)state;
    struct run run = begin(0, 80 * MB);
    go(&run, 3000, false);
    go(&run, 200, true);
    assert_true(speed(&run) > 30 * MB && speed(&run) <= 40 * MB);
    go(&run, 30000, false); /* until the limit is above what the disk gives: then there is none */
    assert_int_equal(speed(&run), 0);
}

static void a_limit_that_is_not_reached(void **state)
{
    (void)state;
    struct run run = begin(1000 * MB, 20 * MB);
    go(&run, 3000, false);
    go(&run, 200, true);
    assert_true(speed(&run) <= 10 * MB);
}

static void it_never_stands_still(void **state)
{
    (void)state;
    struct run run = begin(0, 80 * MB);
    struct run slow = begin(MB / 10, 80 * MB);
    go(&run, 60000, true);
    go(&slow, 60000, true);
    assert_int_equal(speed(&run), CHB_PACE_BYTES_PER_S_MIN);
    assert_int_equal(speed(&slow), MB / 10);
    struct run nothing = begin(0, 0); /* nothing was copied yet: nobody knows what half of it is */
    go(&nothing, 5000, true);
    assert_int_equal(speed(&nothing), 0);
}

static void bytes_of_another_phase_are_others(void **state)
{
    (void)state;
    struct run run = begin(0, 80 * MB);
    go(&run, 3000, false);
    run.look.phase = 2;
    run.look.done_bytes = 0;
    go(&run, 400, true);
    assert_int_equal(run.changes, 0); /* counted anew */
    go(&run, 1000, true);
    assert_true(speed(&run) > 30 * MB && speed(&run) <= 40 * MB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_late),
        cmocka_unit_test(late_halves_and_calm_brings_back),
        cmocka_unit_test(without_a_limit_it_begins_at_what_is_measured),
        cmocka_unit_test(a_limit_that_is_not_reached),
        cmocka_unit_test(it_never_stands_still),
        cmocka_unit_test(bytes_of_another_phase_are_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
