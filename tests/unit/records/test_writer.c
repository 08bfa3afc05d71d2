/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <agent/records/writer.h>

static char folder[32];
static sd_event *event;
static struct chb_writer *writer;
static struct chb_written answers[8];
static unsigned n_answers;

static void on_written(void *userdata, const struct chb_written *written)
{
    assert_ptr_equal(userdata, &n_answers);
    assert_true(n_answers < 8);
    answers[n_answers++] = *written;
}

static void run_until(unsigned count)
{
    for (unsigned turn = 0; turn < 200 && n_answers < count; turn++) {
        assert_true(sd_event_run(event, 50000) >= 0);
    }
    assert_int_equal(n_answers, count);
}

static int start(chb_span limit)
{
    n_answers = 0;
    (void)strcpy(folder, "/tmp/chb-writer-XXXXXX");
    if (mkdtemp(folder) == NULL || sd_event_new(&event) < 0) {
        return -1;
    }
    return chb_writer_new(event, folder, 0, limit, false, &writer);
}

static int set_up(void **state)
{
    (void)state;
    return start(chb_ms(10000));
}

static int set_up_hasty(void **state)
{
    (void)state;
    return start(chb_ms(100));
}

static int tear_down(void **state)
{
    (void)state;
    writer = chb_writer_free(writer);
    event = sd_event_unref(event);
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static const struct chb_record sample = {.generation = 4, .author = 2, .kind = CHB_RECORD_SOLO};

static void saves_and_loads(void **state)
{
    (void)state;
    assert_int_equal(chb_writer_load(writer, "vm", 1, on_written, &n_answers), 0);
    assert_int_equal(chb_writer_save(writer, "vm", &sample, 2, on_written, &n_answers), 0);
    assert_int_equal(chb_writer_load(writer, "vm", 3, on_written, &n_answers), 0);
    run_until(3);
    assert_int_equal(answers[0].id, 1);
    assert_int_equal(answers[0].outcome, CHB_OUTCOME_DONE);
    assert_int_equal(answers[0].record.kind, CHB_RECORD_NONE);
    assert_int_equal(answers[1].outcome, CHB_OUTCOME_DONE);
    assert_int_equal(answers[2].record.generation, 4);
}

static void death_is_unknown_and_mended(void **state)
{
    (void)state;
    assert_int_equal(kill(chb_writer_pid(writer), SIGSTOP), 0);
    assert_int_equal(chb_writer_save(writer, "vm", &sample, 7, on_written, &n_answers), 0);
    assert_int_equal(kill(chb_writer_pid(writer), SIGKILL), 0);
    run_until(1);
    assert_int_equal(answers[0].id, 7);
    assert_int_equal(answers[0].outcome, CHB_OUTCOME_UNKNOWN);
    assert_int_equal(chb_writer_load(writer, "vm", 8, on_written, &n_answers), -ENOTCONN);
    for (unsigned turn = 0; turn < 100 && chb_writer_pid(writer) < 0; turn++) {
        assert_true(sd_event_run(event, 50000) >= 0);
    }
    assert_int_equal(chb_writer_load(writer, "vm", 9, on_written, &n_answers), 0);
    run_until(2);
    assert_int_equal(answers[1].outcome, CHB_OUTCOME_DONE);
}

static void a_hanging_disk_is_unknown_in_time(void **state)
{
    (void)state;
    assert_int_equal(kill(chb_writer_pid(writer), SIGSTOP), 0);
    assert_int_equal(chb_writer_save(writer, "vm", &sample, 7, on_written, &n_answers), 0);
    run_until(1);
    assert_int_equal(answers[0].outcome, CHB_OUTCOME_UNKNOWN);
    assert_int_equal(answers[0].error, -ETIME);
    /* the late answer is nobody's any more */
    assert_int_equal(kill(chb_writer_pid(writer), SIGCONT), 0);
    assert_int_equal(chb_writer_load(writer, "vm", 8, on_written, &n_answers), 0);
    run_until(2);
    assert_int_equal(answers[1].id, 8);
    assert_int_equal(answers[1].record.generation, 4);
}

static void failure_is_told(void **state)
{
    (void)state;
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(chb_writer_save(writer, "vm", &sample, 7, on_written, &n_answers), 0);
    run_until(1);
    assert_int_equal(answers[0].outcome, CHB_OUTCOME_FAILED);
    assert_int_equal(answers[0].error, -ENOENT);
}

static void bad_requests(void **state)
{
    (void)state;
    assert_int_equal(chb_writer_load(writer, "a/b", 1, on_written, &n_answers), -EINVAL);
    assert_int_equal(chb_writer_load(writer, "", 1, on_written, &n_answers), -EINVAL);
    assert_int_equal(chb_writer_append(writer, "..", "x"), -EINVAL);
}

static void history_is_appended(void **state)
{
    (void)state;
    assert_int_equal(chb_writer_append(writer, "vm", "one"), 0);
    assert_int_equal(chb_writer_append(writer, "vm", "two"), 0);
    assert_int_equal(chb_writer_load(writer, "vm", 1, on_written, &n_answers), 0);
    run_until(1);
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/vm.history", folder);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char text[64] = "";
    assert_int_equal(fread(text, 1, sizeof(text) - 1, file), 8);
    (void)fclose(file);
    assert_string_equal(text, "one\ntwo\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(saves_and_loads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(death_is_unknown_and_mended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hanging_disk_is_unknown_in_time, set_up_hasty, tear_down),
        cmocka_unit_test_setup_teardown(failure_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(history_is_appended, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
