/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fencing client against a servant that plays a part (fake_servant.c; argument 1 is its path).
 */
#include <tests/unit/fencing/fencer_rig.h>

#include <errno.h>

static void test_bad_arguments(void **state)
{
    const struct chb_fencer_callbacks none = {0};
    struct chb_fencer_config config = {.servant_path = "/x", .local_node = "n1"};
    struct chb_fencer *fencer = NULL;

    (void)state;
    begin("normal");
    assert_int_equal(chb_fencer_new(t.event, &config, &none, NULL, &fencer), -EINVAL);
    config.timer_priority = 1;
    config.servant_path = "relative";
    assert_int_equal(chb_fencer_new(t.event, &config, &none, NULL, &fencer), -EINVAL);
    config.servant_path = "/x";
    config.client_name = "Bad Name";
    assert_int_equal(chb_fencer_new(t.event, &config, &none, NULL, &fencer), -EINVAL);
    assert_null(fencer);
    assert_int_equal(chb_fencer_request(t.fencer, "", "off", 1, chb_ms(5000)), -EINVAL);
    assert_int_equal(chb_fencer_request(t.fencer, "-x", "off", 1, chb_ms(5000)), -EINVAL);
    assert_int_equal(chb_fencer_request(t.fencer, "n 2", "off", 1, chb_ms(5000)), -EINVAL);
    assert_int_equal(chb_fencer_request(t.fencer, "n2", "on", 1, chb_ms(5000)), -EINVAL);
    assert_int_equal(chb_fencer_request(t.fencer, "n2", "off", 1, chb_ms(999)), -EINVAL);
    assert_int_equal(chb_fencer_note_alive(t.fencer, ""), -EINVAL);
    assert_int_equal(chb_fencer_query(t.fencer, "n2", CHB_TIME_NEVER, 1, chb_ms(5000)), -EINVAL);
    assert_int_equal(
        chb_fencer_query(t.fencer, "n2", chb_time_add(now(), chb_ms(1000)), 1, chb_ms(5000)),
        -EINVAL);
    assert_null(chb_fencer_free(NULL));
}

static void test_done(void **state)
{
    (void)state;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    assert_string_equal(chb_fencer_get_status(t.fencer)->text, "");
    ask("good", 7, 5000);
    wait_size(&t.events_count, 1);
    assert_int_equal(t.results_count, 1);
    assert_int_equal(t.results[0].request_id, 7);
    assert_int_equal(t.results[0].outcome, CHB_OUTCOME_DONE);
    assert_false(t.results[0].by_other);
    assert_false(chb_time_before(t.results[0].answered, t.results[0].sent));
    assert_true(t.events[0].powered_off);
    assert_true(t.events[0].ours); /* CLIENT.PID on our node */
    assert_true(t.events[0].settled);
    assert_true(t.results[0].settled);
}

static void test_refused(void **state)
{
    (void)state;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    ask("refused", 7, 5000);
    wait_size(&t.results_count, 1);
    assert_int_equal(t.results[0].outcome, CHB_OUTCOME_FAILED);
    assert_int_equal(t.results[0].error, -ENODATA);
    assert_non_null(strstr(t.results[0].text, "the device refuses"));
}

/* A person's word ends the attempt; what the attempt says later cancels nothing. */
static void test_human_overtakes(void **state)
{
    (void)state;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    ask("human", 7, 5000);
    wait_size(&t.events_count, 2);
    run_for(100);
    assert_int_equal(t.results_count, 1);
    assert_int_equal(t.results[0].outcome, CHB_OUTCOME_DONE);
    assert_true(t.results[0].by_other);
    assert_true(t.events[0].manual);
    assert_true(t.events[0].powered_off);
    assert_false(t.events[0].ours);
    assert_int_equal(t.events[1].outcome, CHB_OUTCOME_UNKNOWN);
    assert_true(t.events[1].overtaken);
}

static void test_older_success_is_no_answer(void **state)
{
    (void)state;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    ask("stale", 7, 5000);
    wait_size(&t.results_count, 1);
    assert_int_equal(t.results[0].outcome, CHB_OUTCOME_FAILED);
    assert_true(t.events[0].powered_off); /* reported, with its early not_before */
    assert_true(chb_time_before(t.events[0].not_before, t.results[0].sent));
}

static void test_switching_on_is_no_fence(void **state)
{
    (void)state;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    ask("unfenced", 7, 5000);
    wait_size(&t.results_count, 1);
    assert_int_equal(t.results[0].outcome, CHB_OUTCOME_FAILED);
    assert_int_equal(t.events[0].outcome, CHB_OUTCOME_DONE);
    assert_false(t.events[0].powered_off);
}

static void test_no_answer_is_unknown(void **state)
{
    (void)state;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    ask("slow", 7, 1000);
    wait_size(&t.results_count, 1);
    assert_int_equal(t.results[0].outcome, CHB_OUTCOME_UNKNOWN);
    assert_int_equal(t.results[0].error, -ETIME);
}

static void test_joined_requests(void **state)
{
    (void)state;
    begin("normal");
    ask("good", 1, 5000); /* before there is a connection */
    ask("good", 2, 5000);
    assert_int_equal(chb_fencer_request(t.fencer, "good", "reboot", 2, chb_ms(5000)), -EEXIST);
    wait_size(&t.results_count, 2);
    run_for(100);
    assert_int_equal(t.results_count, 2);
    assert_int_equal(t.events_count, 1); /* one fence */
    assert_int_equal(t.results[0].outcome, CHB_OUTCOME_DONE);
    assert_int_equal(t.results[1].outcome, CHB_OUTCOME_DONE);
    assert_int_equal(t.results[0].request_id + t.results[1].request_id, 3);
}

static void test_too_many_requests(void **state)
{
    (void)state;
    begin("normal");
    for (uint64_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        ask("slow", i, 5000);
    }
    assert_int_equal(chb_fencer_request(t.fencer, "slow", "off", 99, chb_ms(5000)), -ENOBUFS);
}

/* The servant's last words count, its requests end as unknown, and another one takes over. */
static void test_servant_dies(void **state)
{
    (void)state;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    ask("deadly", 7, 5000);
    wait_unsigned(&t.ups, 2);
    assert_int_equal(t.results_count, 1);
    assert_int_equal(t.results[0].outcome, CHB_OUTCOME_UNKNOWN);
    assert_int_equal(t.events_count, 1);
    assert_true(t.events[0].powered_off);
    ask("good", 8, 5000);
    wait_size(&t.results_count, 2);
    assert_int_equal(t.results[1].outcome, CHB_OUTCOME_DONE);
}

static void test_fencer_absent(void **state)
{
    (void)state;
    begin("absent");
    ask("good", 7, 1000);
    wait_size(&t.results_count, 1);
    assert_int_equal(t.results[0].outcome, CHB_OUTCOME_FAILED); /* it was never asked */
    assert_false(chb_time_is_set(t.results[0].sent));
    assert_int_equal(t.ups, 0);
    assert_string_equal(t.last_down, "no fencer here");
    assert_true(chb_fencer_get_status(t.fencer)->attempts >= 3);
}

static void test_program_missing(void **state)
{
    const char *path = servant_path;

    (void)state;
    servant_path = "/nonexistent/servant";
    begin("normal");
    servant_path = path;
    wait_unsigned(&t.downs, 1);
    assert_non_null(strstr(t.last_down, "/nonexistent/servant"));
    run_for(300);
    assert_true(chb_fencer_get_status(t.fencer)->attempts >= 2);
}

static void test_silent_servants_are_replaced(void **state)
{
    (void)state;
    begin("mute");
    wait_unsigned(&t.downs, 1);
    assert_string_equal(t.last_down, "the fencing servant is silent");
    end(NULL);
    begin("stopped");
    wait_unsigned(&t.ups, 2);
    assert_string_equal(t.last_down, "the fencing servant is silent");
}

static void test_babble(void **state)
{
    (void)state;
    begin("babble");
    wait_unsigned(&t.ups, 2);
    assert_string_equal(t.last_down, "the fencing servant sent an invalid message");
}

/* A servant that does not read is replaced when its socket is full, and nothing ever waited. */
static void test_deaf(void **state)
{
    chb_time begun;

    (void)state;
    begin("deaf");
    wait_unsigned(&t.ups, 1);
    begun = now();
    for (int i = 0; i < 2000; i++) {
        chb_fencer_mark(t.fencer);
    }
    assert_true(chb_time_since(now(), begun).ns < chb_ms(500).ns);
    wait_unsigned(&t.ups, 2);
    assert_string_equal(t.last_down, "the fencing servant does not read");
}

static void test_mark(void **state)
{
    chb_time asked;

    (void)state;
    begin("normal");
    wait_unsigned(&t.ups, 1);
    asked = now();
    chb_fencer_mark(t.fencer);
    run_for(100);
    assert_false(chb_time_before(chb_fencer_get_status(t.fencer)->drained, asked));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_bad_arguments, end),
        cmocka_unit_test_teardown(test_done, end),
        cmocka_unit_test_teardown(test_refused, end),
        cmocka_unit_test_teardown(test_human_overtakes, end),
        cmocka_unit_test_teardown(test_older_success_is_no_answer, end),
        cmocka_unit_test_teardown(test_switching_on_is_no_fence, end),
        cmocka_unit_test_teardown(test_no_answer_is_unknown, end),
        cmocka_unit_test_teardown(test_joined_requests, end),
        cmocka_unit_test_teardown(test_too_many_requests, end),
        cmocka_unit_test_teardown(test_servant_dies, end),
        cmocka_unit_test_teardown(test_fencer_absent, end),
        cmocka_unit_test_teardown(test_program_missing, end),
        cmocka_unit_test_teardown(test_silent_servants_are_replaced, end),
        cmocka_unit_test_teardown(test_babble, end),
        cmocka_unit_test_teardown(test_deaf, end),
        cmocka_unit_test_teardown(test_mark, end),
    };

    if (argc != 2) {
        return 2;
    }
    rig_set_up(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
