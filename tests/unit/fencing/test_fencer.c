/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fencing client against a servant that plays a part (fake_servant.c; argument 1 is its path).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <fencing/fencer.h>

#define REPORTS_MAX 32

static const char *servant_path;

static struct {
    sd_event *event;
    struct chb_fencer *fencer;
    unsigned ups, downs;
    char last_down[CHB_FENCER_TEXT_MAX];
    size_t results_count, events_count, verdicts_count;
    struct chb_fence_result results[REPORTS_MAX];
    struct chb_fence_event events[REPORTS_MAX];
    struct chb_fence_verdict verdicts[REPORTS_MAX];
} t;

static chb_time now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (chb_time){.ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec};
}

static bool t_nobody_is_member; /* every node has left the cluster */

static bool is_member(void *userdata, const char *node)
{
    (void)userdata;
    assert_string_equal(node, "n1");
    return !t_nobody_is_member;
}

static void on_status(void *userdata, const struct chb_fencer_status *status)
{
    (void)userdata;
    if (status->connected) {
        t.ups++;
    } else {
        t.downs++;
        memcpy(t.last_down, status->text, sizeof(t.last_down));
    }
}

static void on_result(void *userdata, const struct chb_fence_result *result)
{
    (void)userdata;
    assert_true(t.results_count < REPORTS_MAX);
    t.results[t.results_count++] = *result;
}

static void on_event(void *userdata, const struct chb_fence_event *event)
{
    (void)userdata;
    assert_true(t.events_count < REPORTS_MAX);
    t.events[t.events_count++] = *event;
}

static void on_verdict(void *userdata, const struct chb_fence_verdict *verdict)
{
    (void)userdata;
    assert_true(t.verdicts_count < REPORTS_MAX);
    t.verdicts[t.verdicts_count++] = *verdict;
}

static void begin(const char *part)
{
    const struct chb_fencer_callbacks callbacks = {
        .status = on_status,
        .result = on_result,
        .event = on_event,
        .verdict = on_verdict,
        .is_member = is_member,
    };
    const struct chb_fencer_config config = {
        .servant_path = servant_path,
        .client_name = part,
        .local_node = "n1",
        .timer_priority = 10,
        .silence_limit = chb_ms(1000),
        .backoff_max = chb_ms(200),
    };

    memset(&t, 0, sizeof(t));
    assert_int_equal(sd_event_new(&t.event), 0);
    assert_int_equal(chb_fencer_new(t.event, &config, &callbacks, NULL, &t.fencer), 0);
}

static int end(void **state)
{
    (void)state;
    chb_fencer_free(t.fencer);
    sd_event_unref(t.event);
    memset(&t, 0, sizeof(t));
    t_nobody_is_member = false;
    return 0;
}

/* Runs the loop until *counter is at least `wanted`; fails after 10 s. */
static void wait_unsigned(const unsigned *counter, unsigned wanted)
{
    chb_time deadline = chb_time_add(now(), chb_ms(10000));

    while (*counter < wanted) {
        assert_false(chb_time_reached(now(), deadline));
        assert_true(sd_event_run(t.event, 20000) >= 0);
    }
}

static void wait_size(const size_t *counter, size_t wanted)
{
    chb_time deadline = chb_time_add(now(), chb_ms(10000));

    while (*counter < wanted) {
        assert_false(chb_time_reached(now(), deadline));
        assert_true(sd_event_run(t.event, 20000) >= 0);
    }
}

static void run_for(int64_t ms)
{
    chb_time deadline = chb_time_add(now(), chb_ms(ms));

    while (!chb_time_reached(now(), deadline)) {
        assert_true(sd_event_run(t.event, 5000) >= 0);
    }
}

static void ask(const char *node, uint64_t id, int64_t timeout_ms)
{
    assert_int_equal(chb_fencer_request(t.fencer, node, "reboot", id, chb_ms(timeout_ms)), 0);
}

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
        cmocka_unit_test_teardown(test_success_of_the_past, end),
        cmocka_unit_test_teardown(test_asker_of_the_past_is_gone, end),
        cmocka_unit_test_teardown(test_renewal, end),
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
        cmocka_unit_test_teardown(test_history, end),
        cmocka_unit_test_teardown(test_history_of_a_node_that_was_alive, end),
        cmocka_unit_test_teardown(test_late_news_is_not_settled, end),
        cmocka_unit_test_teardown(test_history_that_fails, end),
        cmocka_unit_test_teardown(test_mark, end),
    };
    sigset_t mask;

    if (argc != 2) {
        return 2;
    }
    servant_path = argv[1];
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
