/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fencer's history proves, and the wall clock that it is written in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fencing/clock_watch.h>
#include <fencing/history.h>

#define SECOND 1000000000LL

static struct chb_fencing_message make_entry(const char *action, const char *executioner,
                                             int64_t at_s, enum chb_fencing_entry_state state)
{
    struct chb_fencing_message m = {
        .type = CHB_FENCING_SAY_ENTRY,
        .id = 1,
        .completed_ns = at_s * SECOND,
        .state = state,
    };

    chb_fencing_copy(m.node, sizeof(m.node), "n2");
    chb_fencing_copy(m.action, sizeof(m.action), action);
    chb_fencing_copy(m.executioner, sizeof(m.executioner), executioner);
    chb_fencing_copy(m.origin, sizeof(m.origin), "n1");
    chb_fencing_copy(m.client, sizeof(m.client), "pacemaker-controld.5");
    return m;
}

static void add(struct chb_history *history, const char *action, const char *executioner,
                int64_t at_s, enum chb_fencing_entry_state state)
{
    const struct chb_fencing_message entry = make_entry(action, executioner, at_s, state);

    chb_history_add(history, &entry, true);
}

static struct chb_history_finding judge(const struct chb_history *now,
                                        const struct chb_history *before, int64_t since_s)
{
    struct chb_history_finding finding;

    chb_history_judge(now, before, since_s * SECOND, 10000 * SECOND, &finding);
    return finding;
}

static void test_after_the_loss(void **state)
{
    struct chb_history history = {0};
    struct chb_history_finding finding;

    (void)state;
    assert_int_equal(judge(&history, NULL, 100).outcome, CHB_OUTCOME_FAILED);
    add(&history, "reboot", "n3", 99, CHB_FENCING_ENTRY_DONE);
    assert_int_equal(judge(&history, NULL, 100).outcome, CHB_OUTCOME_FAILED);
    add(&history, "reboot", "n3", 100, CHB_FENCING_ENTRY_DONE);
    assert_int_equal(judge(&history, NULL, 100).outcome, CHB_OUTCOME_FAILED); /* not after */
    add(&history, "off", CHB_FENCING_HUMAN, 101, CHB_FENCING_ENTRY_DONE);
    finding = judge(&history, NULL, 100);
    assert_int_equal(finding.outcome, CHB_OUTCOME_DONE);
    assert_int_equal(finding.completed_ns, 101 * SECOND);
    assert_true(finding.manual);
}

static void test_what_proves_nothing(void **state)
{
    struct chb_history history = {0};

    (void)state;
    add(&history, "on", "n3", 200, CHB_FENCING_ENTRY_DONE);
    add(&history, "reboot", "n3", 200, CHB_FENCING_ENTRY_FAILED);
    assert_false(chb_history_is_pending(&history));
    add(&history, "reboot", "n3", 200, CHB_FENCING_ENTRY_PENDING);
    assert_true(chb_history_is_pending(&history));
    assert_int_equal(judge(&history, NULL, 100).outcome, CHB_OUTCOME_FAILED);
}

/* After a restart the fencer has other nodes' stamps for the same fences. */
static void test_known_fence_with_a_new_stamp(void **state)
{
    struct chb_history before = {0};
    struct chb_history now = {0};

    (void)state;
    add(&before, "reboot", "n3", 50, CHB_FENCING_ENTRY_DONE);
    add(&now, "reboot", "n3", 150, CHB_FENCING_ENTRY_DONE);
    assert_int_equal(judge(&now, NULL, 100).outcome, CHB_OUTCOME_DONE);
    assert_int_equal(judge(&now, &before, 100).outcome, CHB_OUTCOME_FAILED);
    add(&now, "reboot", "n3", 151, CHB_FENCING_ENTRY_DONE);
    assert_int_equal(judge(&now, &before, 100).outcome, CHB_OUTCOME_DONE);
    /* Another executioner is another kind of entry. */
    memset(&now, 0, sizeof(now));
    add(&now, "reboot", "n4", 150, CHB_FENCING_ENTRY_DONE);
    assert_int_equal(judge(&now, &before, 100).outcome, CHB_OUTCOME_DONE);
}

/* What was under way when the node was alive is old, also when it is over. */
static void test_operation_that_was_under_way(void **state)
{
    struct chb_history before = {0};
    struct chb_history now = {0};

    (void)state;
    add(&before, "off", "", 0, CHB_FENCING_ENTRY_PENDING); /* a reboot, in its first step */
    assert_true(chb_history_stale(&before, &before));
    add(&now, "reboot", "n3", 150, CHB_FENCING_ENTRY_DONE);
    assert_false(chb_history_stale(&now, &before));
    assert_int_equal(judge(&now, &before, 100).outcome, CHB_OUTCOME_FAILED);
    add(&now, "reboot", "n3", 160, CHB_FENCING_ENTRY_DONE);
    assert_int_equal(judge(&now, &before, 100).outcome, CHB_OUTCOME_DONE);
}

static void test_operation_that_nobody_will_end(void **state)
{
    const struct chb_fencing_message entry = make_entry("reboot", "", 0, CHB_FENCING_ENTRY_PENDING);
    struct chb_history before = {0};
    struct chb_history now = {0};

    (void)state;
    chb_history_add(&before, &entry, false);
    assert_false(chb_history_is_pending(&before));
    assert_false(chb_history_stale(&before, &before));
    /* And yet: if it does end, it is old. */
    add(&now, "reboot", "n3", 150, CHB_FENCING_ENTRY_DONE);
    assert_int_equal(judge(&now, &before, 100).outcome, CHB_OUTCOME_FAILED);
}

static void test_too_many_askers(void **state)
{
    struct chb_history history = {0};

    (void)state;
    for (int i = 0; i <= CHB_HISTORY_ASKERS_MAX; i++) {
        struct chb_fencing_message entry = make_entry("off", "", 0, CHB_FENCING_ENTRY_PENDING);
        snprintf(entry.client, sizeof(entry.client), "stonith_admin.%d", i);
        chb_history_add(&history, &entry, true);
    }
    assert_true(chb_history_is_pending(&history));
    assert_true(chb_history_stale(&history, &(struct chb_history){0}));
}

static void test_future_is_unknown(void **state)
{
    struct chb_history history = {0};

    (void)state;
    add(&history, "reboot", "n3", 10002, CHB_FENCING_ENTRY_DONE);
    assert_int_equal(judge(&history, NULL, 100).outcome, CHB_OUTCOME_UNKNOWN);
    add(&history, "reboot", "n4", 9000, CHB_FENCING_ENTRY_DONE);
    assert_int_equal(judge(&history, NULL, 100).outcome, CHB_OUTCOME_DONE);
}

static void test_overflow_is_unknown(void **state)
{
    struct chb_history history = {0};
    struct chb_history empty = {0};

    (void)state;
    for (int i = 0; i <= CHB_HISTORY_KINDS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof(name), "x%d", i);
        add(&history, "reboot", name, 200, CHB_FENCING_ENTRY_DONE);
    }
    assert_true(history.overflowed);
    assert_int_equal(judge(&history, NULL, 100).outcome, CHB_OUTCOME_UNKNOWN);
    assert_int_equal(judge(&empty, &history, 100).outcome, CHB_OUTCOME_UNKNOWN);
}

static int64_t latest(const struct chb_clock_watch *watch, int64_t at_s)
{
    int64_t real_ns;

    assert_int_equal(chb_clock_watch_latest(watch, (chb_time){.ns = at_s * SECOND}, &real_ns), 0);
    return (real_ns - CHB_CLOCK_WATCH_GRAIN_NS) / SECOND;
}

static void note(struct chb_clock_watch *watch, int64_t boot_s, int64_t real_s)
{
    chb_clock_watch_note(watch, (chb_time){.ns = boot_s * SECOND}, real_s * SECOND);
}

static void test_clock_that_is_set(void **state)
{
    struct chb_clock_watch watch = {0};
    int64_t real_ns;

    (void)state;
    assert_int_equal(chb_clock_watch_latest(&watch, (chb_time){.ns = 1}, &real_ns), -ENODATA);
    note(&watch, 10, 1010);
    assert_int_equal(chb_clock_watch_latest(&watch, (chb_time){.ns = 9 * SECOND}, &real_ns),
                     -ENODATA);
    assert_int_equal(latest(&watch, 15), 1015);
    note(&watch, 20, 520); /* set back by 500 s between 10 and 20 */
    assert_int_equal(latest(&watch, 15), 1015);
    assert_int_equal(latest(&watch, 20), 520);
    assert_int_equal(latest(&watch, 25), 525);
    note(&watch, 30, 2030); /* set forward: what was asked before may have seen either */
    assert_int_equal(latest(&watch, 25), 2025);
    assert_int_equal(latest(&watch, 15), 2015);
}

static void test_clock_that_is_set_all_the_time(void **state)
{
    struct chb_clock_watch watch = {0};

    (void)state;
    for (int64_t i = 0; i < 200; i++) {
        note(&watch, 10 + i, 5010 + i - 10 * i); /* 10 s back each second */
    }
    assert_int_equal(watch.count, CHB_CLOCK_WATCH_STEPS);
    assert_int_equal(latest(&watch, 10), 5010);
    assert_int_equal(latest(&watch, 209), 209 + 5000 - 1990);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_the_loss),
        cmocka_unit_test(test_what_proves_nothing),
        cmocka_unit_test(test_known_fence_with_a_new_stamp),
        cmocka_unit_test(test_operation_that_was_under_way),
        cmocka_unit_test(test_operation_that_nobody_will_end),
        cmocka_unit_test(test_too_many_askers),
        cmocka_unit_test(test_future_is_unknown),
        cmocka_unit_test(test_overflow_is_unknown),
        cmocka_unit_test(test_clock_that_is_set),
        cmocka_unit_test(test_clock_that_is_set_all_the_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
