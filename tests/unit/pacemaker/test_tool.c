/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running other programs: ends, deadlines, bounds, the queue. */
#include <tests/unit/pacemaker/fake_tools.h>

#include <errno.h>

static struct fake_tools fake;

static struct {
    unsigned count;
    enum chb_outcome outcome;
    int error, exit_status;
    char out[4096];
    size_t out_size;
    bool out_truncated;
    char err[CHB_TOOL_ERR_MAX + 1];
    chb_span took;
} got;

static void on_done(void *userdata, const struct chb_tool_result *result)
{
    (void)userdata;
    got.count++;
    got.outcome = result->outcome;
    got.error = result->error;
    got.exit_status = result->exit_status;
    got.out_size = result->out_size;
    got.out_truncated = result->out_truncated;
    got.took = result->took;
    snprintf(got.out, sizeof(got.out), "%s", result->out);
    snprintf(got.err, sizeof(got.err), "%s", result->err);
}

static int setup(void **state)
{
    (void)state;
    memset(&got, 0, sizeof(got));
    fake_begin(&fake, 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_end(&fake);
    return 0;
}

static void run(const char *tool, int64_t timeout_ms, size_t out_max)
{
    const char *argv[] = {tool, "one", "two words", NULL};

    assert_int_equal(
        chb_tools_run(fake.tools, argv, chb_ms(timeout_ms), out_max, on_done, NULL, NULL), 0);
}

static void test_success(void **state)
{
    (void)state;
    fake_tool(&fake, "good", "printf '%s|' \"$@\"; echo oops >&2");
    run("good", 5000, 100);
    assert_int_equal(got.count, 0); /* never from inside of the call */
    fake_wait(&fake, &got.count, 1);
    assert_int_equal(got.outcome, CHB_OUTCOME_DONE);
    assert_int_equal(got.exit_status, 0);
    assert_string_equal(got.out, "one|two words|");
    assert_string_equal(got.err, "oops\n");
    assert_int_equal(chb_tools_pending(fake.tools), 0);
}

static void test_failures(void **state)
{
    (void)state;
    fake_tool(&fake, "bad", "exit 102");
    run("bad", 5000, 100);
    fake_wait(&fake, &got.count, 1);
    assert_int_equal(got.outcome, CHB_OUTCOME_FAILED);
    assert_int_equal(got.exit_status, 102);
    run("missing", 5000, 100);
    fake_wait(&fake, &got.count, 2);
    assert_int_equal(got.outcome, CHB_OUTCOME_FAILED);
    assert_int_equal(got.error, -ENOENT);
    fake_tool(&fake, "suicidal", "kill -TERM $$; sleep 5");
    run("suicidal", 5000, 100);
    fake_wait(&fake, &got.count, 3);
    assert_int_equal(got.outcome, CHB_OUTCOME_UNKNOWN);
}

static void test_deadline_kills_the_whole_group(void **state)
{
    (void)state;
    fake_tool(&fake, "slow", "echo begun; (sleep 2; touch survived) & trap '' TERM; sleep 30");
    run("slow", 300, 100);
    fake_wait(&fake, &got.count, 1);
    assert_int_equal(got.outcome, CHB_OUTCOME_UNKNOWN);
    assert_int_equal(got.error, -ETIME);
    assert_string_equal(got.out, "begun\n");
    assert_true(got.took.ns >= chb_ms(300).ns && got.took.ns < chb_ms(2000).ns);
    fake_run_for(&fake, 2200);
    assert_int_equal(access(fake.folder, F_OK), 0);
    {
        char path[128];
        snprintf(path, sizeof(path), "%s/survived", fake.folder);
        assert_int_equal(access(path, F_OK), -1);
    }
}

/* A child that holds the pipe open does not hold up the result. */
static void test_background_child(void **state)
{
    (void)state;
    fake_tool(&fake, "forks", "sleep 30 & echo done");
    run("forks", 5000, 100);
    fake_wait(&fake, &got.count, 1);
    assert_int_equal(got.outcome, CHB_OUTCOME_DONE);
    assert_string_equal(got.out, "done\n");
    assert_true(got.took.ns < chb_ms(3000).ns);
}

static void test_output_is_bounded(void **state)
{
    (void)state;
    fake_tool(&fake, "loud",
              "head -c 3000000 /dev/zero | tr '\\0' x; "
              "head -c 100000 /dev/zero | tr '\\0' e >&2");
    run("loud", 9000, 1000);
    fake_wait(&fake, &got.count, 1);
    assert_int_equal(got.outcome, CHB_OUTCOME_DONE);
    assert_int_equal(got.out_size, 1000);
    assert_true(got.out_truncated);
    assert_int_equal(strlen(got.err), CHB_TOOL_ERR_MAX);
    run("loud", 9000, 0);
    fake_wait(&fake, &got.count, 2);
    assert_string_equal(got.out, "");
    assert_true(got.out_truncated);
}

static void test_environment_and_descriptors(void **state)
{
    (void)state;
    setenv("CIB_test", "yes", 1);
    setenv("SECRET", "no", 1);
    fake_tool(&fake, "env", "echo \"$CIB_test $SECRET $LC_ALL\"; ls /proc/self/fd | wc -l");
    run("env", 5000, 100);
    fake_wait(&fake, &got.count, 1);
    assert_string_equal(got.out, "yes  C\n4\n"); /* 0, 1, 2 and ls's own */
    unsetenv("CIB_test");
    unsetenv("SECRET");
}

static void test_two_at_once_in_order(void **state)
{
    (void)state;
    fake_tool(&fake, "step", "echo + >> trace; sleep 0.2; echo - >> trace");
    for (int i = 0; i < 6; i++) {
        run("step", 5000, 100);
    }
    assert_int_equal(chb_tools_pending(fake.tools), 6);
    fake_run_for(&fake, 100);
    assert_true(strlen(fake_read(&fake, "trace")) <= 4);
    fake_wait(&fake, &got.count, 6);
    assert_int_equal(strlen(fake_read(&fake, "trace")), 24);
}

static void test_queue_is_bounded(void **state)
{
    const char *argv[] = {"x", NULL};
    int r = 0;
    unsigned accepted = 0;

    (void)state;
    while ((r = chb_tools_run(fake.tools, argv, chb_ms(100), 0, on_done, NULL, NULL)) == 0) {
        accepted++;
    }
    assert_int_equal(r, -ENOBUFS);
    assert_int_equal(accepted, CHB_TOOL_QUEUE_MAX);
    fake_wait(&fake, &got.count, accepted);
}

static void test_cancel(void **state)
{
    const char *argv[] = {"slow", NULL};
    uint64_t ids[3];

    (void)state;
    fake_tool(&fake, "slow", "sleep 30");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(chb_tools_run(fake.tools, argv, chb_ms(9000), 0, on_done, NULL, &ids[i]),
                         0);
    }
    fake_run_for(&fake, 100);
    assert_int_equal(chb_tools_cancel(fake.tools, ids[2]), 0); /* waits */
    assert_int_equal(chb_tools_cancel(fake.tools, ids[0]), 0); /* runs */
    assert_int_equal(chb_tools_cancel(fake.tools, ids[0]), -ENOENT);
    assert_int_equal(chb_tools_pending(fake.tools), 1);
    fake_run_for(&fake, 50);
    assert_int_equal(got.count, 0); /* teardown kills the last one */
}

static void test_bad_arguments(void **state)
{
    const char *none[] = {NULL};
    const char *path[] = {"../x", NULL};
    const char *good[] = {"x", NULL};
    const char *many[CHB_TOOL_ARGS_MAX + 2];
    char big[CHB_TOOL_ARGS_BYTES + 2];
    const char *long_one[] = {"x", big, NULL};

    (void)state;
    for (size_t i = 0; i <= CHB_TOOL_ARGS_MAX; i++) {
        many[i] = "x";
    }
    many[CHB_TOOL_ARGS_MAX + 1] = NULL;
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    assert_int_equal(chb_tools_run(fake.tools, none, chb_ms(1), 0, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(chb_tools_run(fake.tools, path, chb_ms(1), 0, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(chb_tools_run(fake.tools, good, chb_ms(0), 0, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(chb_tools_run(fake.tools, good, chb_ms(1), 2000000, NULL, NULL, NULL),
                     -EINVAL);
    assert_int_equal(chb_tools_run(fake.tools, many, chb_ms(1), 0, NULL, NULL, NULL), -E2BIG);
    assert_int_equal(chb_tools_run(fake.tools, long_one, chb_ms(1), 0, NULL, NULL, NULL), -E2BIG);
    assert_null(chb_tools_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_success, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deadline_kills_the_whole_group, setup, teardown),
        cmocka_unit_test_setup_teardown(test_background_child, setup, teardown),
        cmocka_unit_test_setup_teardown(test_output_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_environment_and_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_at_once_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_arguments, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
