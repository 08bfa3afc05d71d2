/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defaults: a heartbeat every 200 ms, silent after 1000 ms, an echo adds at most 400 ms. */
#include "test.h"

#include <errno.h>

#include <heartbeat/detector.h>

#define SELF 1
#define PEER 2
#define THIRD 3
#define BOOT 77

static chb_time at(int64_t ms)
{
    return (chb_time){.ns = 1000000000 + ms * 1000000};
}

static struct chb_detector start(void)
{
    struct chb_detector detector;
    assert_int_equal(chb_detector_init(&detector, SELF, BOOT, NULL), 0);
    assert_int_equal(chb_detector_joined(&detector, PEER, at(0)), 0);
    return detector;
}

static void echo(struct chb_detector *detector, int64_t ms)
{
    static uint64_t sequence;
    assert_int_equal(chb_detector_heard(detector, SELF, BOOT, ++sequence, at(ms)), CHB_HEARD_OWN);
}

static void assert_quiet(struct chb_detector *detector, int64_t ms)
{
    struct chb_detector_change change;
    assert_false(chb_detector_poll(detector, at(ms), &change));
}

static void assert_change(struct chb_detector *detector, int64_t ms, uint32_t node, bool silent)
{
    struct chb_detector_change change;
    assert_true(chb_detector_poll(detector, at(ms), &change));
    assert_int_equal(change.node, node);
    assert_int_equal(change.silent, silent);
}

static void silent_after_the_timeout(void **state)
{
    (void)state;
    struct chb_detector detector = start();

    echo(&detector, 0);
    for (int64_t ms = 200; ms <= 800; ms += 200) {
        echo(&detector, ms);
        assert_quiet(&detector, ms);
    }
    assert_int_equal(chb_detector_deadline(&detector).ns, at(1000).ns);
    assert_quiet(&detector, 999);
    assert_change(&detector, 1000, PEER, true);
    assert_quiet(&detector, 1000); /* said once */
    assert_true(chb_detector_node(&detector, PEER)->silent);
    assert_int_equal(chb_detector_deadline(&detector).ns, CHB_TIME_FOREVER.ns);
}

static void heard_again(void **state)
{
    (void)state;
    struct chb_detector detector = start();

    for (int64_t ms = 0; ms <= 1200; ms += 200) {
        echo(&detector, ms);
    }
    assert_change(&detector, 1200, PEER, true);
    assert_int_equal(chb_detector_heard(&detector, PEER, 5, 9, at(1300)), CHB_HEARD_INCARNATION);
    assert_change(&detector, 1300, PEER, false);
    echo(&detector, 1400);
    assert_quiet(&detector, 1400);
    assert_quiet(&detector, 1700);
}

/* A message between two echoes is a sign of life for the time from then on, not before. */
static void silence_counts_from_the_last_message(void **state)
{
    (void)state;
    struct chb_detector detector = start();

    echo(&detector, 0);
    assert_int_equal(chb_detector_heard(&detector, PEER, 5, 1, at(150)), CHB_HEARD_INCARNATION);
    for (int64_t ms = 200; ms <= 1000; ms += 200) {
        echo(&detector, ms);
        assert_quiet(&detector, ms);
    }
    assert_int_equal(chb_detector_deadline(&detector).ns, at(1150).ns);
    assert_quiet(&detector, 1149);
    assert_change(&detector, 1150, PEER, true);
}

/* A ring that is formed anew delivers nobody's messages, our own neither. */
static void a_stalled_ring_accuses_nobody(void **state)
{
    (void)state;
    struct chb_detector detector = start();

    echo(&detector, 0);
    chb_detector_heard(&detector, PEER, 5, 1, at(0));
    assert_quiet(&detector, 6600); /* token 3000: 6.6 s without anything */
    assert_int_equal(chb_detector_deadline(&detector).ns, CHB_TIME_FOREVER.ns);
    echo(&detector, 6600); /* ours happens to come first */
    assert_quiet(&detector, 6600);
    assert_int_equal(chb_detector_heard(&detector, PEER, 5, 2, at(6601)), CHB_HEARD_NEW);
    assert_quiet(&detector, 6601);
    assert_int_equal(chb_detector_node(&detector, PEER)->gap_max.ns, chb_ms(6601).ns);
    assert_int_equal(chb_span_ms(chb_detector_echo_age(&detector, at(6700))), 100);
}

/* This process slept (SIGSTOP): the queue holds what was said meanwhile. */
static void own_sleep_accuses_nobody(void **state)
{
    (void)state;
    struct chb_detector detector = start();

    for (int64_t ms = 0; ms <= 600; ms += 200) {
        echo(&detector, ms);
    }
    chb_detector_own_stall(&detector, at(9000), chb_ms(8400));
    assert_quiet(&detector, 9000);
    assert_int_equal(chb_detector_deadline(&detector).ns, CHB_TIME_FOREVER.ns);
    for (int64_t ms = 9001; ms <= 9801; ms += 200) {
        echo(&detector, ms);
        assert_quiet(&detector, ms);
    }
    assert_change(&detector, 10001, PEER, true); /* it is silent indeed: a whole time-out later */
    assert_int_equal(detector.stalls, 1);
}

static void own_stall_absolves_nobody(void **state)
{
    (void)state;
    struct chb_detector detector = start();

    for (int64_t ms = 0; ms <= 1200; ms += 200) {
        echo(&detector, ms);
    }
    assert_change(&detector, 1200, PEER, true);
    chb_detector_own_stall(&detector, at(5000), chb_ms(3000));
    assert_quiet(&detector, 5000);
    assert_true(chb_detector_node(&detector, PEER)->silent);
}

static void one_silent_of_two(void **state)
{
    (void)state;
    struct chb_detector detector = start();
    assert_int_equal(chb_detector_joined(&detector, THIRD, at(0)), 0);

    for (int64_t ms = 0; ms <= 1000; ms += 200) {
        echo(&detector, ms);
        chb_detector_heard(&detector, THIRD, 6, (uint64_t)ms + 1, at(ms));
    }
    assert_change(&detector, 1000, PEER, true);
    assert_quiet(&detector, 1000);
}

static void duplicates_are_no_sign_of_life(void **state)
{
    (void)state;
    struct chb_detector detector = start();

    echo(&detector, 0);
    assert_int_equal(chb_detector_heard(&detector, PEER, 5, 10, at(0)), CHB_HEARD_INCARNATION);
    for (int64_t ms = 200; ms <= 1000; ms += 200) {
        echo(&detector, ms);
        assert_int_equal(chb_detector_heard(&detector, PEER, 5, 10, at(ms)), CHB_HEARD_DUPLICATE);
        assert_int_equal(chb_detector_heard(&detector, PEER, 5, 9, at(ms)), CHB_HEARD_DUPLICATE);
    }
    assert_change(&detector, 1000, PEER, true);
    assert_int_equal(chb_detector_node(&detector, PEER)->duplicates, 10);
}

static void gaps_and_incarnations_are_seen(void **state)
{
    (void)state;
    struct chb_detector detector = start();

    assert_int_equal(chb_detector_heard(&detector, PEER, 5, 10, at(0)), CHB_HEARD_INCARNATION);
    assert_int_equal(chb_detector_heard(&detector, PEER, 5, 11, at(1)), CHB_HEARD_NEW);
    assert_int_equal(chb_detector_heard(&detector, PEER, 5, 15, at(2)), CHB_HEARD_AFTER_GAP);
    assert_int_equal(chb_detector_node(&detector, PEER)->missed, 3);
    assert_int_equal(chb_detector_heard(&detector, PEER, 6, 1, at(3)), CHB_HEARD_INCARNATION);
    assert_int_equal(chb_detector_node(&detector, PEER)->incarnations, 1);
    assert_int_equal(chb_detector_node(&detector, PEER)->boot, 6);
    chb_detector_lateness(&detector, PEER, 42);
    assert_int_equal(chb_detector_node(&detector, PEER)->lateness_ms, 42);
    chb_detector_lateness(&detector, THIRD, 42);
}

static void strangers_and_leavers(void **state)
{
    (void)state;
    struct chb_detector detector = start();

    assert_int_equal(chb_detector_heard(&detector, 9, 5, 1, at(0)), CHB_HEARD_STRANGER);
    assert_int_equal(chb_detector_heard(&detector, 0, 5, 1, at(0)), CHB_HEARD_STRANGER);
    /* an earlier incarnation of ourselves is not our echo */
    assert_int_equal(chb_detector_heard(&detector, SELF, BOOT - 1, 1, at(0)), CHB_HEARD_STRANGER);
    chb_detector_left(&detector, PEER);
    chb_detector_left(&detector, PEER);
    chb_detector_left(&detector, 0);
    assert_null(chb_detector_node(&detector, PEER));
    for (int64_t ms = 0; ms <= 3000; ms += 200) {
        echo(&detector, ms);
        assert_quiet(&detector, ms);
    }
    /* who comes back has the whole time-out again */
    assert_int_equal(chb_detector_joined(&detector, PEER, at(3100)), 0);
    for (int64_t ms = 3200; ms <= 4000; ms += 200) {
        echo(&detector, ms);
        assert_quiet(&detector, ms);
    }
    assert_quiet(&detector, 4099);
    assert_change(&detector, 4100, PEER, true);
}

static void limits(void **state)
{
    (void)state;
    struct chb_detector detector;
    const struct chb_detector_config bad[] = {
        {.timeout = {.ns = 99999999}},
        {.timeout = {.ns = 60000000001}},
        {.timeout = {.ns = -1}},
        {.interval = {.ns = 9999999}},
        {.timeout = {.ns = 300000000}, .interval = {.ns = 200000000}},
        {.echo_limit = {.ns = 1}},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(chb_detector_init(&detector, SELF, BOOT, &bad[i]), -EINVAL);
    }
    assert_int_equal(chb_detector_init(&detector, 0, BOOT, NULL), -EINVAL);
    assert_int_equal(chb_detector_init(&detector, SELF, 0, NULL), -EINVAL);
    assert_int_equal(chb_detector_init(&detector, SELF, BOOT, NULL), 0);
    for (uint32_t node = 2; node < 2 + CHB_NODES_MAX; node++) {
        assert_int_equal(chb_detector_joined(&detector, node, at(0)), 0);
        assert_int_equal(chb_detector_joined(&detector, node, at(0)), 0);
    }
    assert_int_equal(chb_detector_joined(&detector, 100, at(0)), -ENOSPC);
    assert_int_equal(chb_detector_joined(&detector, SELF, at(0)), 0);
    chb_detector_reset(&detector);
    assert_int_equal(chb_detector_joined(&detector, 100, at(0)), 0);
    assert_int_equal(chb_detector_deadline(&detector).ns, CHB_TIME_FOREVER.ns);
}

/* Whatever happens, a deadline that is given is one at which somebody is found silent. */
static void deadline_keeps_its_word(void **state)
{
    (void)state;
    uint64_t seed = 1;
    struct chb_detector detector = start();
    struct chb_detector_change change;
    int64_t ms = 0;
    uint64_t sequence = 0;
    int found = 0;

    for (int i = 0; i < 20000; i++) {
        ms += (int64_t)(test_random(&seed) % 300);
        chb_time deadline = chb_detector_deadline(&detector);
        if (deadline.ns <= at(ms).ns) {
            assert_true(chb_detector_poll(&detector, deadline, &change));
            assert_true(change.silent);
            found++;
        }
        while (chb_detector_poll(&detector, at(ms), &change)) {
        }
        uint64_t what = test_random(&seed) % 100;
        if (what < 60) {
            echo(&detector, ms);
        } else if (what < 80) {
            chb_detector_heard(&detector, PEER, 5, ++sequence, at(ms));
        } else if (what < 95) {
            chb_detector_joined(&detector, THIRD, at(ms));
        } else {
            chb_detector_own_stall(&detector, at(ms), chb_ms(5));
        }
        while (chb_detector_poll(&detector, at(ms), &change)) {
        }
    }
    assert_true(found > 100);
}

static int64_t late_ms(const struct chb_detector *detector, int64_t ms)
{
    return chb_span_ms(chb_detector_late(detector, at(ms)));
}

static void lateness_of_heartbeats(void **state)
{
    (void)state;
    struct chb_detector detector = start();

    assert_int_equal(late_ms(&detector, 5000), 0); /* nobody has said anything yet */
    echo(&detector, 0);
    assert_int_equal(late_ms(&detector, 200), 0);
    assert_int_equal(late_ms(&detector, 350), 150); /* our own does not come back */
    (void)chb_detector_heard(&detector, PEER, 5, 1, at(0));
    echo(&detector, 600);
    assert_int_equal(late_ms(&detector, 700), 500); /* the peer's does not come */
    (void)chb_detector_heard(&detector, PEER, 5, 2, at(700));
    assert_int_equal(late_ms(&detector, 700), 0);
    chb_detector_lateness(&detector, PEER, 250); /* its loop was late, it says */
    assert_int_equal(late_ms(&detector, 700), 250);
    chb_detector_lateness(&detector, PEER, 0);
    assert_int_equal(late_ms(&detector, 700), 0);

    for (int64_t ms = 800; ms <= 1800; ms += 200) {
        echo(&detector, ms);
    }
    assert_change(&detector, 1800, PEER, true); /* that is no load any more */
    assert_int_equal(late_ms(&detector, 1800), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_after_the_timeout),
        cmocka_unit_test(heard_again),
        cmocka_unit_test(silence_counts_from_the_last_message),
        cmocka_unit_test(a_stalled_ring_accuses_nobody),
        cmocka_unit_test(own_sleep_accuses_nobody),
        cmocka_unit_test(own_stall_absolves_nobody),
        cmocka_unit_test(one_silent_of_two),
        cmocka_unit_test(duplicates_are_no_sign_of_life),
        cmocka_unit_test(gaps_and_incarnations_are_seen),
        cmocka_unit_test(strangers_and_leavers),
        cmocka_unit_test(limits),
        cmocka_unit_test(deadline_keeps_its_word),
        cmocka_unit_test(lateness_of_heartbeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
