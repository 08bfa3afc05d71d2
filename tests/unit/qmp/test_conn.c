/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>

#include <qmp/conn.h>

#include "rig.h"

struct answers {
    struct rig *rig;
    struct chb_qmp_conn *conn;
    unsigned n;
    bool any;
    bool ready;
    bool closed;
    int close_error;
    unsigned n_events;
    bool free_on_answer;
    char order[64];
    struct chb_qmp_reply last;
    char text[128];
};

static void conn_ready(void *userdata, const struct chb_qmp_version *version)
{
    struct answers *answers = userdata;
    assert_int_equal(version->major, 7);
    assert_string_equal(version->package, "fake");
    answers->ready = true;
}

static void conn_event(void *userdata, const char *name, struct json_object *data, chb_time at,
                       chb_span late)
{
    struct answers *answers = userdata;
    (void)data;
    assert_true(chb_time_is_set(at));
    assert_in_range(chb_span_ms(late), 0, CHB_QMP_LATE_MAX_MS);
    answers->n_events++;
    (void)snprintf(answers->order + strlen(answers->order),
                   sizeof(answers->order) - strlen(answers->order), "%s ", name);
}

static void conn_closed(void *userdata, int error)
{
    struct answers *answers = userdata;
    assert_false(answers->closed);
    answers->closed = true;
    answers->close_error = error;
}

static const struct chb_qmp_conn_callbacks callbacks = {conn_ready, conn_event, conn_closed};

static void on_answer(void *userdata, const struct chb_qmp_reply *reply)
{
    struct answers *answers = userdata;
    answers->n++;
    answers->any = true;
    answers->last = *reply;
    (void)snprintf(answers->text, sizeof(answers->text), "%s", reply->error_text);
    const char *word = reply->outcome == CHB_OUTCOME_DONE     ? "done "
                       : reply->outcome == CHB_OUTCOME_FAILED ? "failed "
                                                              : "unknown ";
    (void)snprintf(answers->order + strlen(answers->order),
                   sizeof(answers->order) - strlen(answers->order), "%s", word);
    if (answers->free_on_answer && answers->conn != NULL) {
        answers->conn = chb_qmp_conn_free(answers->conn);
    }
}

static void set_up(struct answers *answers, bool oob)
{
    memset(answers, 0, sizeof(*answers));
    answers->rig = rig_new_empty();
    answers->rig->fake =
        fake_qemu_new(answers->rig->event, answers->rig->main_path, answers->rig->oob_path);
    assert_int_equal(chb_qmp_conn_open(answers->rig->event,
                                       oob ? answers->rig->oob_path : answers->rig->main_path, 0,
                                       oob, chb_ms(300), &callbacks, answers, &answers->conn),
                     0);
}

static void set_up_ready(struct answers *answers, bool oob)
{
    set_up(answers, oob);
    assert_int_equal(
        chb_qmp_conn_send(answers->conn, "query-status", NULL, chb_ms(100), NULL, NULL, NULL),
        -ENOTCONN);
    assert_true(rig_wait(answers->rig, &answers->ready, 1000));
}

static void tear_down(struct answers *answers)
{
    answers->conn = chb_qmp_conn_free(answers->conn);
    rig_free(answers->rig);
}

static void ask(struct answers *answers, const char *command, unsigned ms)
{
    answers->any = false;
    assert_int_equal(
        chb_qmp_conn_send(answers->conn, command, NULL, chb_ms(ms), on_answer, answers, NULL), 0);
}

static void test_answers_in_order_and_back_to_back(void **state)
{
    (void)state;
    struct answers a;
    set_up_ready(&a, false);
    fake_qemu_trick(a.rig->fake, "cont", 1, FAKE_ERROR, "no", 0);
    chb_qmp_conn_hold(a.conn);
    ask(&a, "query-status", 500);
    ask(&a, "cont", 500);
    ask(&a, "stop", 500);
    chb_qmp_conn_release(a.conn);
    while (a.n < 3) {
        assert_true(rig_wait(a.rig, &a.any, 1000));
    }
    assert_string_equal(a.order, "done failed STOP done ");
    assert_string_equal(fake_qemu_log(a.rig->fake), "main query-status\nmain cont\nmain stop\n");
    assert_true(a.last.answered_at.ns >= a.last.sent_at.ns);
    tear_down(&a);
}

static void test_event_before_the_answer(void **state)
{
    (void)state;
    struct answers a;
    set_up_ready(&a, false);
    fake_qemu_trick(a.rig->fake, "cont", 1, FAKE_EVENT_FIRST, "RESET", 0);
    ask(&a, "cont", 500);
    assert_true(rig_wait(a.rig, &a.any, 1000));
    assert_string_equal(a.order, "RESET done ");
    tear_down(&a);
}

static void test_late_answer_is_unknown_and_dropped(void **state)
{
    (void)state;
    struct answers a;
    set_up_ready(&a, false);
    fake_qemu_trick(a.rig->fake, "cont", 1, FAKE_LATE, NULL, 60);
    ask(&a, "cont", 20);
    assert_true(rig_wait(a.rig, &a.any, 1000));
    assert_int_equal(a.last.outcome, CHB_OUTCOME_UNKNOWN);
    assert_int_equal(a.last.error, -ETIMEDOUT);
    assert_true(chb_time_since(a.last.answered_at, a.last.sent_at).ns >= chb_ms(20).ns);
    rig_idle(a.rig, 100);
    assert_int_equal(a.n, 1);
    assert_false(a.closed);
    ask(&a, "query-status", 500);
    assert_true(rig_wait(a.rig, &a.any, 1000));
    assert_int_equal(a.last.outcome, CHB_OUTCOME_DONE);
    tear_down(&a);
}

static void test_each_deadline_is_its_own(void **state)
{
    (void)state;
    struct answers a;
    set_up_ready(&a, false);
    fake_qemu_trick(a.rig->fake, "cont", 1, FAKE_SILENT, NULL, 0);
    fake_qemu_trick(a.rig->fake, "stop", 1, FAKE_LATE, NULL, 60);
    ask(&a, "cont", 30);
    ask(&a, "stop", 500);
    while (a.n < 2) {
        assert_true(rig_wait(a.rig, &a.any, 1000));
    }
    assert_non_null(strstr(a.order, "unknown"));
    assert_int_equal(a.last.outcome, CHB_OUTCOME_DONE);
    tear_down(&a);
}

static void test_close_makes_all_unknown(void **state)
{
    (void)state;
    struct answers a;
    set_up_ready(&a, false);
    fake_qemu_trick(a.rig->fake, "cont", 1, FAKE_SILENT, NULL, 0);
    fake_qemu_trick(a.rig->fake, "stop", 1, FAKE_CLOSE, NULL, 0);
    ask(&a, "cont", 5000);
    ask(&a, "stop", 5000);
    assert_true(rig_wait(a.rig, &a.closed, 1000));
    assert_int_equal(a.n, 2);
    assert_int_equal(a.last.outcome, CHB_OUTCOME_UNKNOWN);
    assert_int_equal(a.last.error, -ECONNRESET);
    assert_int_equal(a.close_error, -ECONNRESET);
    assert_int_equal(chb_qmp_conn_send(a.conn, "cont", NULL, chb_ms(10), NULL, NULL, NULL),
                     -ENOTCONN);
    tear_down(&a);
}

static void close_by(enum fake_trick trick, int error)
{
    struct answers a;
    set_up_ready(&a, false);
    fake_qemu_trick(a.rig->fake, "cont", 1, trick, NULL, 0);
    ask(&a, "cont", 5000);
    assert_true(rig_wait(a.rig, &a.closed, 3000));
    assert_int_equal(a.close_error, error);
    assert_int_equal(a.last.outcome, CHB_OUTCOME_UNKNOWN);
    tear_down(&a);
}

static void test_hostile_input_closes(void **state)
{
    (void)state;
    close_by(FAKE_GARBAGE, -EPROTO);
    close_by(FAKE_DEEP, -EPROTO);
    close_by(FAKE_OVERSIZE, -EMSGSIZE);
}

static void test_no_greeting(void **state)
{
    (void)state;
    struct answers a;
    memset(&a, 0, sizeof(a));
    a.rig = rig_new_empty();
    a.rig->fake = fake_qemu_new(a.rig->event, a.rig->main_path, a.rig->oob_path);
    fake_qemu_set_greeting(a.rig->fake, false);
    assert_int_equal(chb_qmp_conn_open(a.rig->event, a.rig->main_path, 0, false, chb_ms(40),
                                       &callbacks, &a, &a.conn),
                     0);
    assert_true(rig_wait(a.rig, &a.closed, 1000));
    assert_int_equal(a.close_error, -ETIMEDOUT);
    assert_false(a.ready);
    tear_down(&a);
}

static void test_out_of_band(void **state)
{
    (void)state;
    struct answers a;
    set_up_ready(&a, true);
    ask(&a, "yank", 500);
    assert_true(rig_wait(a.rig, &a.any, 1000));
    assert_string_equal(fake_qemu_log(a.rig->fake), "oob yank\n");
    tear_down(&a);

    memset(&a, 0, sizeof(a));
    a.rig = rig_new_empty();
    a.rig->fake = fake_qemu_new(a.rig->event, a.rig->main_path, a.rig->oob_path);
    fake_qemu_set_oob(a.rig->fake, false);
    assert_int_equal(chb_qmp_conn_open(a.rig->event, a.rig->oob_path, 0, true, chb_ms(500),
                                       &callbacks, &a, &a.conn),
                     0);
    assert_true(rig_wait(a.rig, &a.closed, 1000));
    assert_int_equal(a.close_error, -EOPNOTSUPP);
    tear_down(&a);
}

static void test_cancelled_command_stays_silent(void **state)
{
    (void)state;
    struct answers a;
    uint64_t id = 0;
    set_up_ready(&a, false);
    assert_int_equal(chb_qmp_conn_send(a.conn, "cont", NULL, chb_ms(20), on_answer, &a, &id), 0);
    chb_qmp_conn_cancel(a.conn, id);
    rig_idle(a.rig, 50);
    assert_int_equal(a.n, 0);
    assert_false(a.closed);
    tear_down(&a);
}

static void test_freed_from_a_callback(void **state)
{
    (void)state;
    struct answers a;
    set_up_ready(&a, false);
    a.free_on_answer = true;
    ask(&a, "query-status", 500);
    ask(&a, "query-status", 500);
    assert_true(rig_wait(a.rig, &a.any, 1000));
    rig_idle(a.rig, 20);
    assert_int_equal(a.n, 1);
    assert_false(a.closed);
    tear_down(&a);

    set_up_ready(&a, false);
    a.free_on_answer = true;
    fake_qemu_trick(a.rig->fake, "cont", 1, FAKE_SILENT, NULL, 0);
    ask(&a, "cont", 20);
    ask(&a, "cont", 20);
    assert_true(rig_wait(a.rig, &a.any, 1000));
    assert_int_equal(a.n, 1);
    tear_down(&a);
}

static void test_bounds_of_sending(void **state)
{
    (void)state;
    struct answers a;
    set_up_ready(&a, false);
    fake_qemu_trick(a.rig->fake, "cont", 0, FAKE_SILENT, NULL, 0);
    for (unsigned i = 0; i < CHB_QMP_OUTSTANDING_MAX; i++) {
        assert_int_equal(chb_qmp_conn_send(a.conn, "cont", NULL, chb_ms(50), on_answer, &a, NULL),
                         0);
    }
    assert_int_equal(chb_qmp_conn_send(a.conn, "cont", NULL, chb_ms(50), on_answer, &a, NULL),
                     -EBUSY);
    while (a.n < CHB_QMP_OUTSTANDING_MAX) {
        assert_true(rig_wait(a.rig, &a.any, 2000));
    }
    assert_int_equal(a.n, CHB_QMP_OUTSTANDING_MAX);

    /* A QEMU that reads nothing. */
    char *big = malloc(60000);
    memset(big, 'x', 59999);
    big[59999] = '\0';
    struct json_object *arguments = json_object_new_object();
    json_object_object_add(arguments, "text", json_object_new_string(big));
    int r = 0;
    for (unsigned i = 0; i < 100 && r == 0; i++) {
        r = chb_qmp_conn_send(a.conn, "cont", arguments, chb_ms(5000), NULL, NULL, NULL);
    }
    assert_int_equal(r, -ENOBUFS);
    json_object_put(arguments);
    free(big);
    tear_down(&a);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    struct rig *rig = rig_new_empty();
    struct chb_qmp_conn *conn = NULL;
    assert_int_equal(chb_qmp_conn_open(rig->event, rig->main_path, 0, false, chb_ms(100),
                                       &callbacks, NULL, &conn),
                     -ENOENT);
    char path[200];
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(
        chb_qmp_conn_open(rig->event, path, 0, false, chb_ms(100), &callbacks, NULL, &conn),
        -ENAMETOOLONG);
    rig_free(rig);
}

static void test_descriptor_travels_with_its_command(void **state)
{
    (void)state;
    struct answers a;
    int ends[2];
    set_up_ready(&a, false);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct json_object *name = json_object_new_object();
    json_object_object_add(name, "fdname", json_object_new_string("mig"));
    assert_int_equal(
        chb_qmp_conn_send(a.conn, "query-status", NULL, chb_ms(500), on_answer, &a, NULL), 0);
    assert_int_equal(
        chb_qmp_conn_send_fd(a.conn, "getfd", name, ends[1], chb_ms(500), on_answer, &a, NULL), 0);
    (void)close(ends[1]);
    while (a.n < 2) {
        assert_true(rig_wait(a.rig, &a.any, 1000));
    }
    const int fd = fake_qemu_model(a.rig->fake)->migrate_fd;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "y", 1), 1);
    char byte = 0;
    assert_int_equal(read(ends[0], &byte, 1), 1);
    (void)close(ends[0]);
    json_object_put(name);
    tear_down(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_in_order_and_back_to_back),
        cmocka_unit_test(test_event_before_the_answer),
        cmocka_unit_test(test_late_answer_is_unknown_and_dropped),
        cmocka_unit_test(test_each_deadline_is_its_own),
        cmocka_unit_test(test_close_makes_all_unknown),
        cmocka_unit_test(test_hostile_input_closes),
        cmocka_unit_test(test_no_greeting),
        cmocka_unit_test(test_out_of_band),
        cmocka_unit_test(test_cancelled_command_stays_silent),
        cmocka_unit_test(test_freed_from_a_callback),
        cmocka_unit_test(test_bounds_of_sending),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_descriptor_travels_with_its_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
