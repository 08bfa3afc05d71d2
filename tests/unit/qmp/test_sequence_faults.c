/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sequences that go wrong: at every command of a join, by every kind of failure, the undo must
 * bring back a guest that runs alone with nothing left over. */
#include <errno.h>

#include "seq_rig.h"

/* Undoes, and looks whether all is as before the join. */
static void undo_and_check(struct rig *rig, const struct chb_seq_params *params)
{
    const struct fake_model *model = fake_qemu_model(rig->fake);
    const struct outcome outcome = run(rig, &chb_seq_join_abort, params);
    if (outcome.result.outcome != CHB_OUTCOME_DONE) {
        print_error("undo: %s: %s\n", outcome.step, outcome.result.text);
    }
    assert_int_equal(outcome.result.outcome, CHB_OUTCOME_DONE);
    assert_true(chb_time_is_set(outcome.result.milestones[CHB_SEQ_SOLO_RUNNING]));
    assert_string_equal(model->run_state, "running");
    assert_string_equal(model->colo_mode, "none");
    assert_int_equal(model->n_names, 0);
    assert_false(model->jobs[0]);
}

/* One join with one failure at the @nth command that can fail, then undo, then a join that works.
 * Returns false when the join has fewer commands than that. */
static bool fail_at(const char *command, unsigned nth, enum fake_trick trick, int error,
                    enum chb_outcome expected)
{
    struct rig *rig = rig_new();
    struct chb_seq_params params = some_params(1, 1);
    const int listener = listen_for_memory(&params);
    fake_qemu_trick(rig->fake, command, nth, trick, "boom", 0);
    struct outcome outcome = run(rig, &chb_seq_join, &params);
    const bool hit = outcome.result.outcome != CHB_OUTCOME_DONE;
    if (hit) {
        assert_int_equal(outcome.result.outcome, expected);
        assert_int_equal(outcome.result.error, error);
        assert_true(outcome.step[0] != '\0');
        if (expected == CHB_OUTCOME_FAILED) {
            assert_string_equal(outcome.result.text, "boom");
        }
        undo_and_check(rig, &params);
        undo_and_check(rig, &params);
        outcome = run(rig, &chb_seq_join, &params);
        assert_int_equal(outcome.result.outcome, CHB_OUTCOME_DONE);
    }
    (void)close(listener);
    rig_free(rig);
    return hit;
}

static const char *const join_commands[] = {
    "blockdev-add",
    "x-blockdev-change",
    "blockdev-mirror",
    "block-job-cancel",
    "blockdev-del",
    "chardev-add",
    "object-add",
    "qom-set",
    "stop",
    "migrate-set-capabilities",
    "migrate-set-parameters",
    "getfd",
    "migrate",
    "query-block-jobs",
    "query-migrate",
};

static void test_an_error_at_every_command(void **state)
{
    (void)state;
    unsigned n = 0;
    for (size_t i = 0; i < sizeof(join_commands) / sizeof(join_commands[0]); i++) {
        unsigned nth = 1;
        while (nth < 8 &&
               fail_at(join_commands[i], nth, FAKE_ERROR, -EREMOTEIO, CHB_OUTCOME_FAILED)) {
            nth++;
        }
        assert_true(nth > 1);
        n += nth - 1;
    }
    assert_true(n >= 28);
}

static void test_a_close_at_every_command(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(join_commands) / sizeof(join_commands[0]); i++) {
        struct rig *rig = rig_new();
        struct chb_seq_params params = some_params(1, 1);
        const int listener = listen_for_memory(&params);
        fake_qemu_trick(rig->fake, join_commands[i], 1, FAKE_CLOSE, NULL, 0);
        const struct outcome outcome = run(rig, &chb_seq_join, &params);
        assert_int_equal(outcome.result.outcome, CHB_OUTCOME_UNKNOWN);
        assert_int_equal(outcome.result.error, -ECONNRESET);
        (void)rig_wait(rig, &rig->closed, 100);
        assert_true(rig->closed);
        (void)close(listener);
        rig_free(rig);
    }
}

static void test_close_during_a_wait_for_an_event(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct chb_seq_params params = some_params(1, 1);
    struct outcome outcome = {0};

    fake_qemu_model(rig->fake)->colo_mode = "secondary";
    fake_qemu_model(rig->fake)->colo_exited = true;
    params.peer_reachable = false;
    start(rig, &chb_seq_solo_secondary, &params, &outcome);
    rig_idle(rig, 50);
    assert_false(outcome.over);
    fake_qemu_close(rig->fake);
    assert_true(rig_wait(rig, &outcome.over, 500));
    assert_int_equal(outcome.result.outcome, CHB_OUTCOME_UNKNOWN);
    assert_string_equal(outcome.step, "see COLO give up");
    rig_free(rig);
}

static void test_silence_is_unknown(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    const struct chb_seq_params params = some_params(1, 1);

    /* The yank's deadline is half a second, and no answer is fine there; then the main loop hangs.
     */
    fake_qemu_model(rig->fake)->colo_mode = "primary";
    fake_qemu_trick(rig->fake, "x-colo-lost-heartbeat", 1, FAKE_SILENT, NULL, 0);
    struct outcome outcome = {0};
    start(rig, &chb_seq_solo_primary, &params, &outcome);
    assert_true(rig_wait(rig, &outcome.over, 8000));
    assert_int_equal(outcome.result.outcome, CHB_OUTCOME_UNKNOWN);
    assert_int_equal(outcome.result.error, -ETIMEDOUT);
    assert_string_equal(outcome.step, "leave COLO");
    assert_true(chb_time_is_set(outcome.result.milestones[CHB_SEQ_LOST_HEARTBEAT_SENT]));
    assert_false(chb_time_is_set(outcome.result.milestones[CHB_SEQ_LOST_HEARTBEAT_ANSWERED]));
    rig_free(rig);
}

/* A yank was still to be answered when the command that leaves COLO was sent. */
static bool overtook_yank(const struct chb_seq_result *result)
{
    const chb_time sent = result->milestones[CHB_SEQ_LOST_HEARTBEAT_SENT];
    for (size_t i = 0; chb_time_is_set(sent) && i < result->n_steps; i++) {
        const struct chb_seq_step_time *step = &result->steps[i];
        if (strncmp(step->step, "break the connections", strlen("break the connections")) == 0 &&
            chb_time_before(sent, chb_time_add(step->started_at, step->duration))) {
            return true;
        }
    }
    return false;
}

struct watched {
    struct outcome outcome; /* comes first: the other callbacks know only that */
    bool overtook_yank;
};

static void on_watched_done(void *userdata, const struct chb_seq_result *result)
{
    struct watched *watched = userdata;
    watched->overtook_yank = overtook_yank(result);
    seq_on_done(&watched->outcome, result);
}

static void test_yanks_may_fail(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    const struct chb_seq_callbacks watching = {.on_done = on_watched_done};
    struct watched watched = {0};
    struct chb_seq_params params = some_params(1, 1);

    fake_qemu_model(rig->fake)->colo_mode = "primary";
    fake_qemu_trick(rig->fake, "yank", 1, FAKE_ERROR, "no such instance", 0);
    fake_qemu_trick(rig->fake, "yank", 2, FAKE_SILENT, NULL, 0);
    params.peer_reachable = false;
    assert_int_equal(chb_seq_start(rig->client, &chb_seq_solo_primary, &params, &rig->caps,
                                   &watching, &watched, &watched.outcome.seq),
                     0);
    assert_true(rig_wait(rig, &watched.outcome.over, 5000));
    assert_int_equal(watched.outcome.result.outcome, CHB_OUTCOME_DONE);
    assert_true(watched.overtook_yank); /* the guest stands still until COLO is left */
    rig_free(rig);
}

static void test_tidying_up_fails_only_at_the_end(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    const struct chb_seq_params params = some_params(1, 1);

    fake_qemu_model(rig->fake)->colo_mode = "primary";
    fake_qemu_trick(rig->fake, "chardev-remove", 2, FAKE_ERROR, "is busy", 0);
    const struct outcome outcome = run(rig, &chb_seq_solo_primary, &params);
    assert_int_equal(outcome.result.outcome, CHB_OUTCOME_FAILED);
    assert_string_equal(outcome.step, "close the secondary's output");
    assert_string_equal(outcome.result.text, "is busy");
    assert_true(chb_time_is_set(outcome.result.milestones[CHB_SEQ_SOLO_RUNNING]));
    assert_non_null(strstr(fake_qemu_log(rig->fake), "announce-self"));
    rig_free(rig);
}

static void test_aborted_at_every_milestone(void **state)
{
    (void)state;
    static const enum chb_seq_milestone moments[] = {CHB_SEQ_COPY_READY, CHB_SEQ_STOP_SENT,
                                                     CHB_SEQ_IN_COLO, CHB_SEQ_TRUE_COPY};
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        struct rig *rig = rig_new();
        struct chb_seq_params params = some_params(1, 1);
        struct outcome outcome = {.abort_at = moments[i]};
        const int listener = listen_for_memory(&params);
        start(rig, &chb_seq_join, &params, &outcome);
        assert_true(rig_wait(rig, &outcome.over, 5000));
        assert_true(outcome.result.aborted);
        assert_int_equal(outcome.result.error, -ECANCELED);
        assert_int_equal(outcome.result.outcome, moments[i] == CHB_SEQ_STOP_SENT
                                                     ? CHB_OUTCOME_UNKNOWN
                                                     : CHB_OUTCOME_FAILED);
        undo_and_check(rig, &params);
        (void)close(listener);
        rig_free(rig);
    }
}

/* Aborted after every single turn of the loop, wherever that is. */
static void test_aborted_anywhere(void **state)
{
    (void)state;
    bool finished = false;
    unsigned turns = 0;
    for (; !finished && turns < 2000; turns += 1 + turns / 16) {
        struct rig *rig = rig_new();
        struct chb_seq_params params = some_params(1, 1);
        struct outcome outcome = {0};
        const int listener = listen_for_memory(&params);
        start(rig, &chb_seq_join, &params, &outcome);
        for (unsigned i = 0; i < turns && !outcome.over; i++) {
            assert_true(sd_event_run(rig->event, 2000) >= 0);
        }
        finished = outcome.over;
        if (!finished) {
            chb_seq_abort(outcome.seq);
            assert_true(outcome.over);
            undo_and_check(rig, &params);
        }
        (void)close(listener);
        rig_free(rig);
    }
    assert_true(finished);
    assert_true(turns > 30);
}

static void test_freed_under_way(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    const struct chb_seq_params params = some_params(1, 1);
    struct outcome outcome = {0};

    start(rig, &chb_seq_join, &params, &outcome);
    struct chb_seq *second = NULL;
    assert_int_equal(chb_seq_start(rig->client, &chb_seq_powerdown, &params, &rig->caps,
                                   &seq_callbacks, &outcome, &second),
                     -EBUSY);
    rig_idle(rig, 4);
    outcome.seq = chb_seq_free(outcome.seq);
    rig_idle(rig, 30);
    assert_false(outcome.over);
    undo_and_check(rig, &params);
    rig_free(rig);
}

static void test_secondary_that_refuses(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct chb_seq_params params = some_params(1, 1);
    const int listener = listen_for_memory(&params);
    fake_qemu_model(rig->fake)->refused_by_peer = true;
    const struct outcome outcome = run(rig, &chb_seq_join, &params);
    assert_int_equal(outcome.result.outcome, CHB_OUTCOME_FAILED);
    assert_string_equal(outcome.step, "resume the guest in COLO");
    undo_and_check(rig, &params);
    (void)close(listener);
    rig_free(rig);
}

static void test_nobody_takes_the_memory(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct chb_seq_params params = some_params(1, 1);
    const int listener = listen_for_memory(&params);
    (void)close(listener);
    const struct outcome outcome = run(rig, &chb_seq_join, &params);
    assert_int_equal(outcome.result.outcome, CHB_OUTCOME_FAILED);
    assert_int_equal(outcome.result.error, -ECONNREFUSED);
    assert_string_equal(outcome.step, "connect for the memory");
    assert_string_equal(fake_qemu_model(rig->fake)->run_state, "running"); /* it never stopped */
    undo_and_check(rig, &params);
    rig_free(rig);
}

static void test_parameters_out_of_range(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct chb_seq *seq = NULL;
    struct chb_seq_params cases[6];
    for (size_t i = 0; i < 6; i++) {
        cases[i] = some_params(1, 1);
    }
    cases[0].n_disks = 0;
    cases[1].n_disks = 9;
    cases[2].n_nics = 9;
    cases[3].memory_mb = 0;
    (void)snprintf(cases[4].peer_address, sizeof(cases[4].peer_address), "host\",\"x\":\"");
    memset(cases[5].socket_prefix, 'x', sizeof(cases[5].socket_prefix));
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(chb_seq_start(rig->client, &chb_seq_join, &cases[i], &rig->caps,
                                       &seq_callbacks, NULL, &seq),
                         -EINVAL);
    }
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_error_at_every_command),
        cmocka_unit_test(test_a_close_at_every_command),
        cmocka_unit_test(test_close_during_a_wait_for_an_event),
        cmocka_unit_test(test_silence_is_unknown),
        cmocka_unit_test(test_yanks_may_fail),
        cmocka_unit_test(test_tidying_up_fails_only_at_the_end),
        cmocka_unit_test(test_aborted_at_every_milestone),
        cmocka_unit_test(test_aborted_anywhere),
        cmocka_unit_test(test_freed_under_way),
        cmocka_unit_test(test_secondary_that_refuses),
        cmocka_unit_test(test_nobody_takes_the_memory),
        cmocka_unit_test(test_parameters_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
