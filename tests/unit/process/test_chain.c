/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <agent/process/chain.h>

static sd_event *event;
static struct chb_tools *tools;
static enum chb_outcome outcome;
static char error[CHB_CHAIN_ERROR_SIZE];
static char outputs[256];
static bool done;

static int set_up(void **state)
{
    (void)state;
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    done = false;
    outputs[0] = '\0';
    struct chb_tools_config config = {.folder = "/bin"};
    if (sd_event_new(&event) < 0) {
        return -1;
    }
    return chb_tools_new(event, &config, &tools);
}

static int tear_down(void **state)
{
    (void)state;
    tools = chb_tools_free(tools);
    event = sd_event_unref(event);
    return 0;
}

static void on_output(void *userdata, size_t index, const char *text)
{
    (void)userdata;
    size_t used = strlen(outputs);
    (void)snprintf(outputs + used, sizeof(outputs) - used, "%zu:%s", index, text);
}

static void on_done(void *userdata, const struct chb_chain_result *result)
{
    assert_ptr_equal(userdata, &done);
    outcome = result->outcome;
    (void)snprintf(error, sizeof(error), "%s", result->error);
    done = true;
}

static void add(struct chb_chain *chain, const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    chb_chain_add(chain, chb_ms(2000), argv);
}

static void run(struct chb_chain *chain)
{
    assert_int_equal(chb_chain_start(chain, on_output, on_done, &done), 0);
    for (unsigned turn = 0; turn < 200 && !done; turn++) {
        assert_true(sd_event_run(event, 50000) >= 0);
    }
    assert_true(done);
}

static void in_order(void **state)
{
    (void)state;
    struct chb_chain *chain = chb_chain_new(tools);
    add(chain, "sleep 0.05; echo a");
    add(chain, "echo b");
    run(chain);
    assert_int_equal(outcome, CHB_OUTCOME_DONE);
    assert_string_equal(outputs, "0:a\n1:b\n");
    assert_string_equal(error, "");
}

static void the_first_failure_ends_it(void **state)
{
    (void)state;
    struct chb_chain *chain = chb_chain_new(tools);
    add(chain, "echo 'no such image' >&2; exit 1");
    add(chain, "echo b");
    run(chain);
    assert_int_equal(outcome, CHB_OUTCOME_FAILED);
    assert_string_equal(outputs, "");
    assert_string_equal(error, "no such image");
}

static void a_hanging_command_is_unknown(void **state)
{
    (void)state;
    struct chb_chain *chain = chb_chain_new(tools);
    const char *argv[] = {"sleep", "100", NULL};
    chb_chain_add(chain, chb_ms(100), argv);
    run(chain);
    assert_int_equal(outcome, CHB_OUTCOME_UNKNOWN);
}

static void freeing_stops_it(void **state)
{
    (void)state;
    struct chb_chain *chain = chb_chain_new(tools);
    add(chain, "sleep 100");
    assert_int_equal(chb_chain_start(chain, NULL, on_done, &done), 0);
    assert_null(chb_chain_free(chain));
    assert_int_equal(chb_tools_pending(tools), 0);
}

static void empty_is_refused(void **state)
{
    (void)state;
    struct chb_chain *chain = chb_chain_new(tools);
    assert_int_equal(chb_chain_start(chain, NULL, on_done, &done), -EINVAL);
    assert_null(chb_chain_free(chain));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_failure_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hanging_command_is_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freeing_stops_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(empty_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
