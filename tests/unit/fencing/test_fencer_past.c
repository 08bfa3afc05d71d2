/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fencing client makes of fences from before a node was last seen alive: nothing. Argument
 * 1 is the path of fake_servant.c's program. */
#include <tests/unit/fencing/fencer_rig.h>

/* An operation that was under way when the node was last seen alive says something of the past,
 * whenever it ends, and so do all requests that were merged into it. */
static void test_success_of_the_past(void **state)
{
    (void)state;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    assert_int_equal(chb_fencer_note_alive(t.fencer, "lingering"), 0);
    run_for(60);
    ask("lingering", 7, 5000);
    wait_size(&t.results_count, 1);
    assert_int_equal(t.results[0].outcome, CHB_OUTCOME_DONE);
    assert_false(t.results[0].settled);
    assert_non_null(strstr(t.results[0].text, "proves nothing"));
    assert_false(t.events[0].settled);
    assert_false(t.events[1].settled); /* another's, merged into it like ours */
    run_for(100);
    /* It has ended. That another one has begun since does not matter. */
    ask("lingering", 8, 5000);
    wait_size(&t.results_count, 2);
    assert_true(t.results[1].settled);
    assert_true(t.events[2].settled);
}

/* The fencer ends no operation whose asker is gone: it must not be waited for. */
static void test_asker_of_the_past_is_gone(void **state)
{
    (void)state;
    t_nobody_is_member = true;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    assert_int_equal(chb_fencer_note_alive(t.fencer, "lingering"), 0);
    ask("lingering", 7, 5000);
    wait_size(&t.results_count, 1);
    assert_true(t.results[0].settled);
}

static void test_renewal(void **state)
{
    (void)state;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    assert_int_equal(chb_fencer_renew_alive(t.fencer, "good"), 0); /* the first is as good as any */
    run_for(60);
    assert_int_equal(chb_fencer_renew_alive(t.fencer, "good"), 0);
    ask("good", 7, 5000); /* nothing is under way, so nothing is unsettled */
    wait_size(&t.events_count, 1);
    assert_true(t.results[0].settled);
    assert_true(t.events[0].settled);
}

static void query(const char *node, uint64_t id, int64_t age_ms)
{
    chb_time since = chb_time_add(now(), chb_ms(-age_ms));

    assert_int_equal(chb_fencer_query(t.fencer, node, since, id, chb_ms(5000)), 0);
}

static void test_history(void **state)
{
    (void)state;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    run_for(60);
    query("nobody", 1, 10);
    query("old", 2, 10); /* asked about for the first time: all that is known is of the past */
    wait_size(&t.verdicts_count, 2);
    assert_int_equal(t.verdicts[0].outcome, CHB_OUTCOME_FAILED);
    assert_int_equal(t.verdicts[1].outcome, CHB_OUTCOME_UNKNOWN); /* and something is under way */
    query("nobody", 3, 60000); /* before this client was made: nobody watched the clock */
    wait_size(&t.verdicts_count, 3);
    assert_int_equal(t.verdicts[2].outcome, CHB_OUTCOME_UNKNOWN);
}

static void test_history_of_a_node_that_was_alive(void **state)
{
    (void)state;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    run_for(60);
    assert_int_equal(chb_fencer_note_alive(t.fencer, "old"), 0);
    query("old", 1, 10); /* the same entry again, with a later stamp */
    wait_size(&t.verdicts_count, 1);
    assert_int_not_equal(t.verdicts[0].outcome, CHB_OUTCOME_DONE);
    end(NULL);
    begin("normal");
    assert_int_equal(chb_fencer_note_alive(t.fencer, "new"), 0);
    wait_unsigned(&t.ups, 1);
    run_for(60);
    query("new", 1, 10); /* not settled: something was under way */
    wait_size(&t.verdicts_count, 1);
    assert_int_equal(t.verdicts[0].outcome, CHB_OUTCOME_UNKNOWN);
}

static void test_late_news_is_not_settled(void **state)
{
    (void)state;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    assert_int_equal(chb_fencer_note_alive(t.fencer, "unsettled"), 0);
    wait_size(&t.events_count, 2);
    assert_true(t.events[0].powered_off);
    assert_false(t.events[0].settled);
    assert_true(t.events[1].settled);
}

static void test_history_that_fails(void **state)
{
    (void)state;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    query("broken", 1, 0);
    wait_size(&t.verdicts_count, 1);
    assert_int_equal(t.verdicts[0].outcome, CHB_OUTCOME_UNKNOWN);
    wait_unsigned(&t.ups, 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_success_of_the_past, end),
        cmocka_unit_test_teardown(test_asker_of_the_past_is_gone, end),
        cmocka_unit_test_teardown(test_renewal, end),
        cmocka_unit_test_teardown(test_history, end),
        cmocka_unit_test_teardown(test_history_of_a_node_that_was_alive, end),
        cmocka_unit_test_teardown(test_late_news_is_not_settled, end),
        cmocka_unit_test_teardown(test_history_that_fails, end),
    };

    if (argc != 2) {
        return 2;
    }
    rig_set_up(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
