/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client with its two monitors, pings, the survey, events and capabilities. */
#include <errno.h>

#include <qmp/survey.h>

#include "rig.h"

struct heard {
    bool any;
    unsigned n;
    struct chb_qmp_pong pong;
    enum chb_outcome outcome;
    struct chb_qmp_survey survey;
    struct chb_qmp_caps caps;
    char text[128];
};

static void on_pong(void *userdata, const struct chb_qmp_pong *pong)
{
    struct heard *heard = userdata;
    heard->any = true;
    heard->n++;
    heard->pong = *pong;
}

static void on_survey(void *userdata, enum chb_outcome outcome, const struct chb_qmp_survey *survey,
                      const char *error_text)
{
    struct heard *heard = userdata;
    heard->any = true;
    heard->outcome = outcome;
    (void)snprintf(heard->text, sizeof(heard->text), "%s", error_text);
    if (survey != NULL) {
        heard->survey = *survey;
    }
}

static void on_caps(void *userdata, enum chb_outcome outcome, const struct chb_qmp_caps *caps,
                    const char *error_text)
{
    struct heard *heard = userdata;
    heard->any = true;
    heard->outcome = outcome;
    (void)snprintf(heard->text, sizeof(heard->text), "%s", error_text);
    if (caps != NULL) {
        heard->caps = *caps;
    }
}

static struct heard ping(struct rig *rig, enum chb_qmp_monitor monitor, unsigned ms)
{
    struct heard heard = {0};
    assert_int_equal(chb_qmp_ping(rig->client, monitor, chb_ms(ms), on_pong, &heard), 0);
    assert_true(rig_wait(rig, &heard.any, 2000));
    return heard;
}

static void test_opens_when_qemu_comes_late(void **state)
{
    (void)state;
    struct rig *rig = rig_new_empty();
    rig_open(rig, 3000);
    rig_idle(rig, 30);
    assert_false(rig->ready);
    assert_false(rig->closed);
    rig->fake = fake_qemu_new(rig->event, rig->main_path, rig->oob_path);
    assert_true(rig_wait(rig, &rig->ready, 2000));
    assert_int_equal(rig->version.major, 7);
    assert_true(chb_qmp_client_is_ready(rig->client));
    rig_free(rig);
}

static void test_gives_up_on_a_qemu_that_never_comes(void **state)
{
    (void)state;
    struct rig *rig = rig_new_empty();
    rig_open(rig, 40);
    assert_true(rig_wait(rig, &rig->closed, 2000));
    assert_int_equal(rig->close_error, -ETIMEDOUT);
    rig_free(rig);
}

static void test_needs_out_of_band(void **state)
{
    (void)state;
    struct rig *rig = rig_new_empty();
    rig->fake = fake_qemu_new(rig->event, rig->main_path, rig->oob_path);
    fake_qemu_set_oob(rig->fake, false);
    rig_open(rig, 1000);
    assert_true(rig_wait(rig, &rig->closed, 2000));
    assert_int_equal(rig->close_error, -EOPNOTSUPP);
    rig_free(rig);
}

static void test_pings(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct heard heard = ping(rig, CHB_QMP_MAIN, 300);
    assert_int_equal(heard.pong.outcome, CHB_OUTCOME_DONE);
    assert_int_equal(heard.pong.run_state, CHB_RUN_STATE_RUNNING);
    assert_true(heard.pong.round_trip.ns > 0);
    heard = ping(rig, CHB_QMP_OOB, 100);
    assert_int_equal(heard.pong.outcome, CHB_OUTCOME_DONE);
    assert_string_equal(fake_qemu_log(rig->fake),
                        "main query-status\noob yank {\"instances\":[]}\n");

    /* The main loop hangs, the other monitor still answers. */
    fake_qemu_trick(rig->fake, "query-status", 1, FAKE_HANG, NULL, 0);
    heard = ping(rig, CHB_QMP_MAIN, 30);
    assert_int_equal(heard.pong.outcome, CHB_OUTCOME_UNKNOWN);
    assert_true(heard.pong.round_trip.ns >= chb_ms(30).ns);
    heard = ping(rig, CHB_QMP_OOB, 100);
    assert_int_equal(heard.pong.outcome, CHB_OUTCOME_DONE);
    rig_free(rig);
}

static void test_freed_with_questions_under_way(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct heard heard = {0};
    assert_int_equal(chb_qmp_ping(rig->client, CHB_QMP_MAIN, chb_ms(100), on_pong, &heard), 0);
    assert_int_equal(chb_qmp_survey(rig->client, chb_ms(100), on_survey, &heard), 0);
    assert_int_equal(chb_qmp_caps_probe(rig->client, chb_ms(100), on_caps, &heard), 0);
    rig->client = chb_qmp_client_free(rig->client);
    rig_idle(rig, 20);
    assert_false(heard.any);
    rig_free(rig);
}

static void test_close_of_one_monitor_ends_the_client(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct heard heard = {0};
    fake_qemu_trick(rig->fake, "query-status", 1, FAKE_CLOSE, NULL, 0);
    assert_int_equal(chb_qmp_ping(rig->client, CHB_QMP_MAIN, chb_ms(1000), on_pong, &heard), 0);
    assert_true(rig_wait(rig, &rig->closed, 2000));
    assert_int_equal(heard.n, 1);
    assert_int_equal(heard.pong.outcome, CHB_OUTCOME_UNKNOWN);
    assert_int_equal(rig->close_error, -ECONNRESET);
    assert_int_equal(chb_qmp_ping(rig->client, CHB_QMP_MAIN, chb_ms(10), on_pong, &heard),
                     -ENOTCONN);
    rig_free(rig);
}

static void test_events(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    const struct chb_qmp_colo_facts *colo = chb_qmp_client_colo(rig->client);

    fake_qemu_emit(rig->fake, "VNC_CONNECTED", "{}");
    fake_qemu_emit(rig->fake, "COLO_EXIT", "{\"reason\": 7}");
    fake_qemu_emit(rig->fake, "SHUTDOWN", "{\"guest\": true, \"reason\": \"guest-shutdown\"}");
    rig_idle(rig, 20);
    assert_int_equal(rig->n_events, 1); /* once, though both monitors say it */
    assert_int_equal(rig->last_event.kind, CHB_QMP_EVENT_SHUTDOWN);
    assert_int_equal(
        chb_span_ms(chb_time_since(rig->last_event.received_at, rig->last_event.happened_at)),
        CHB_QMP_LATE_MAX_MS); /* it is of 1970 */
    assert_true(rig->last_event.guest);
    assert_string_equal(rig->last_event.reason, "guest-shutdown");

    fake_qemu_emit(rig->fake, "MIGRATION", "{\"status\": \"colo\"}");
    rig_idle(rig, 10);
    assert_true(chb_time_is_set(colo->entered_at));
    assert_false(chb_time_is_set(colo->settled_at));
    fake_qemu_emit(rig->fake, "RESUME", NULL);
    rig_idle(rig, 10);
    assert_true(chb_time_is_set(colo->settled_at));
    assert_false(chb_time_is_set(colo->exited_at));
    fake_qemu_emit(rig->fake, "COLO_EXIT", "{\"mode\": \"primary\", \"reason\": \"error\"}");
    rig_idle(rig, 10);
    assert_true(chb_time_is_set(colo->exited_at));
    assert_int_equal(rig->last_event.colo_mode, CHB_COLO_MODE_PRIMARY);
    assert_int_equal(rig->last_event.colo_reason, CHB_COLO_REASON_ERROR);
    fake_qemu_emit(rig->fake, "MIGRATION", "{\"status\": \"setup\"}");
    rig_idle(rig, 10);
    assert_false(chb_time_is_set(colo->entered_at));
    rig_free(rig);
}

static void test_survey(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct heard heard = {0};
    struct fake_model *model = fake_qemu_model(rig->fake);

    model->colo_mode = "secondary";
    model->migration = "colo";
    fake_model_add(model, 'n', "disk3-repl");
    fake_model_add(model, 'n', "disk3-hidden");
    assert_int_equal(chb_qmp_survey(rig->client, chb_ms(500), on_survey, &heard), 0);
    assert_true(rig_wait(rig, &heard.any, 2000));
    assert_int_equal(heard.outcome, CHB_OUTCOME_DONE);
    assert_int_equal(heard.survey.run_state, CHB_RUN_STATE_RUNNING);
    assert_int_equal(heard.survey.colo_mode, CHB_COLO_MODE_SECONDARY);
    assert_int_equal(heard.survey.migration, CHB_MIGRATION_COLO);
    assert_true(heard.survey.replication);
    assert_true(heard.survey.overlays);
    assert_false(heard.survey.nbd_child);

    fake_qemu_trick(rig->fake, "query-migrate", 1, FAKE_SILENT, NULL, 0);
    memset(&heard, 0, sizeof(heard));
    assert_int_equal(chb_qmp_survey(rig->client, chb_ms(30), on_survey, &heard), 0);
    assert_true(rig_wait(rig, &heard.any, 2000));
    assert_int_equal(heard.outcome, CHB_OUTCOME_UNKNOWN);
    rig_free(rig);
}

static void test_caps(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct heard heard = {0};
    char reason[160];

    assert_int_equal(chb_qmp_caps_probe(rig->client, chb_ms(500), on_caps, &heard), 0);
    assert_true(rig_wait(rig, &heard.any, 2000));
    assert_int_equal(heard.outcome, CHB_OUTCOME_DONE);
    assert_true(heard.caps.lost_heartbeat && heard.caps.colo_status && heard.caps.x_colo);
    assert_true(heard.caps.checkpoint_delay && heard.caps.yank && heard.caps.block_export_add);
    assert_true(heard.caps.driver_quorum && heard.caps.driver_replication);
    assert_true(heard.caps.object_colo_compare && heard.caps.object_filters);
    assert_false(heard.caps.reconnect_ms);
    assert_int_equal(chb_qmp_caps_check(&heard.caps, reason, sizeof(reason)), 0);
    assert_string_equal(reason, "");

    heard.caps.driver_replication = false;
    assert_int_equal(chb_qmp_caps_check(&heard.caps, reason, sizeof(reason)), -EOPNOTSUPP);
    assert_non_null(strstr(reason, "replication"));

    fake_qemu_trick(rig->fake, "query-qmp-schema", 1, FAKE_ERROR, "no such thing", 0);
    heard.any = false;
    assert_int_equal(chb_qmp_caps_probe(rig->client, chb_ms(500), on_caps, &heard), 0);
    assert_true(rig_wait(rig, &heard.any, 2000));
    assert_int_equal(heard.outcome, CHB_OUTCOME_FAILED);
    assert_string_equal(heard.text, "no such thing");

    struct chb_qmp_caps caps;
    struct json_object *nonsense = json_tokener_parse("[1, {\"name\": 3}, null, []]");
    assert_int_equal(chb_qmp_caps_parse(&rig->version, nonsense, &caps), -EBADMSG);
    json_object_put(nonsense);
    rig_free(rig);
}

static void test_versions(void **state)
{
    (void)state;
    static const struct {
        struct chb_qmp_version version;
        bool good;
    } cases[] = {
        {{.major = 6, .minor = 2}, false},
        {{.major = 7, .minor = 2}, true},
        {{.major = 7, .minor = 2, .micro = 22}, true},
        {{.major = 9, .minor = 2, .micro = 4}, true},
        {{.major = 10}, false},
        {{.major = 10, .micro = 6}, false},
        {{.major = 10, .micro = 7}, true},
        {{.major = 10, .minor = 1, .micro = 0}, false},
        {{.major = 10, .minor = 1, .micro = 1}, false},
        {{.major = 10, .minor = 1, .micro = 2}, true},
        {{.major = 10, .minor = 2}, true},
        {{.major = 11}, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char reason[160];
        const int r = chb_qmp_version_check(&cases[i].version, reason, sizeof(reason));
        assert_int_equal(r, cases[i].good ? 0 : -EOPNOTSUPP);
        assert_int_equal(reason[0] == '\0', cases[i].good);
    }
}

static void test_version_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned numbers[3];
    } good[] = {
        {"QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright", {7, 2, 22}},
        {"QEMU emulator version 10.0.2", {10, 0, 2}},
        {"version 9.1.50.", {9, 1, 50}}, /* what follows is somebody else's */
        {"version 255.255.255", {255, 255, 255}},
        {"version 007.02.0", {7, 2, 0}},
    };
    static const char *const bad[] = {
        "",
        "version",
        "version ",
        "QEMU emulator",
        "QEMU emulator 7.2.22",
        "version 7",
        "version 7.",
        "version 7.2",
        "version 7.2.",
        "version 7.2.x",
        "version 7..22",
        "version .2.22",
        "version 7,2,22",
        "version 7.2-22",
        "version  7.2.22",
        "version 7. 2.22",
        "version +7.2.22",
        "version -7.2.22",
        "version 7.-2.22",
        "version 0x7.2.22",
        "version 256.2.22",
        "version 7.256.22",
        "version 7.2.256",
        "version 4294967303.2.22", /* 7, to whom 32 bits are enough */
        "version 7.2.18446744073709551638",
        "version 99999999999999999999999999999999999999999999999999999999.2.22",
        "version \xff\xb2.2.22",
        "a version of its own, version 7.2.22",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct chb_qmp_version version = {.package = "of before"};
        assert_int_equal(chb_qmp_version_parse(good[i].text, &version), 0);
        assert_int_equal(version.major, good[i].numbers[0]);
        assert_int_equal(version.minor, good[i].numbers[1]);
        assert_int_equal(version.micro, good[i].numbers[2]);
        assert_string_equal(version.package, "");
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct chb_qmp_version version = {.major = 1, .minor = 2, .micro = 3};
        if (chb_qmp_version_parse(bad[i], &version) != -EBADMSG) {
            fail_msg("\"%s\" was taken for %u.%u.%u", bad[i], version.major, version.minor,
                     version.micro);
        }
        assert_true(version.major == 1 && version.minor == 2 && version.micro == 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_when_qemu_comes_late),
        cmocka_unit_test(test_gives_up_on_a_qemu_that_never_comes),
        cmocka_unit_test(test_needs_out_of_band),
        cmocka_unit_test(test_pings),
        cmocka_unit_test(test_freed_with_questions_under_way),
        cmocka_unit_test(test_close_of_one_monitor_ends_the_client),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_survey),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_version_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
