/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A join with as many disks and NICs as there may be: which of them failed, and how fast they are
 * copied. */
#include "seq_rig.h"

static void eight_of_each(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct chb_seq_params params = some_params(CHB_DISKS_MAX, CHB_NICS_MAX);
    struct outcome join = run_join(rig, &params);
    assert_int_equal(join.result.outcome, CHB_OUTCOME_DONE);
    assert_int_equal(join.result.leg, CHB_SEQ_LEG_NONE);
    for (unsigned i = 0; i < 8; i++) {
        char wanted[64];
        (void)snprintf(wanted, sizeof(wanted), "\"job-id\":\"disk%u-job\"", i);
        assert_non_null(strstr(fake_qemu_log(rig->fake), wanted));
        (void)snprintf(wanted, sizeof(wanted), "\"id\":\"nic%u-comp0\"", i);
        assert_non_null(strstr(fake_qemu_log(rig->fake), wanted));
    }
    rig_free(rig);
}

static void a_failure_names_its_leg(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        unsigned nth;
        enum chb_seq_leg leg;
        unsigned index;
    } cases[] = {
        {"blockdev-mirror", 1, CHB_SEQ_LEG_DISK, 0}, {"blockdev-mirror", 8, CHB_SEQ_LEG_DISK, 7},
        {"blockdev-add", 11, CHB_SEQ_LEG_DISK, 2}, /* the second row of its kind */
        {"chardev-add", 6, CHB_SEQ_LEG_NIC, 5},      {"migrate", 1, CHB_SEQ_LEG_NONE, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig *rig = rig_new();
        struct chb_seq_params params = some_params(CHB_DISKS_MAX, CHB_NICS_MAX);
        fake_qemu_trick(rig->fake, cases[i].command, cases[i].nth, FAKE_ERROR, "boom", 0);
        struct outcome join = run_join(rig, &params);
        assert_int_equal(join.result.outcome, CHB_OUTCOME_FAILED);
        assert_string_equal(join.result.text, "boom");
        assert_int_equal(join.result.leg, cases[i].leg);
        assert_int_equal(join.result.index, cases[i].index);
        rig_free(rig);
    }
}

/* ---- speed ---- */

/* Goes on until the log holds @text. */
static void wait_log(struct rig *rig, const char *text)
{
    for (unsigned turns = 0; strstr(fake_qemu_log(rig->fake), text) == NULL; turns++) {
        assert_true(turns < 5000);
        assert_true(sd_event_run(rig->event, 2000) >= 0);
    }
}

static unsigned count(const struct rig *rig, const char *text)
{
    unsigned found = 0;
    for (const char *p = strstr(fake_qemu_log(rig->fake), text); p != NULL;
         p = strstr(p + 1, text)) {
        found++;
    }
    return found;
}

static void disks_share_the_speed(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct chb_seq_params params = some_params(2, 0);
    struct outcome join = {0};
    params.ports.migrate = 1;
    params.resync_bytes_per_s = 10000001;
    start(rig, &chb_seq_join, &params, &join);
    chb_seq_set_speed(join.seq, 10000001, 0); /* nothing runs yet */
    wait_log(rig, "query-block-jobs");
    assert_int_equal(count(rig, "\"speed\":5000001"), 2);
    chb_seq_set_speed(join.seq, 10000001, 0);
    chb_seq_set_speed(join.seq, 4000000, 4000000);
    chb_seq_set_speed(join.seq, 4000000, 4000000);
    wait_log(rig, "\"device\":\"disk1-job\",\"speed\":2000000");
    chb_seq_set_speed(join.seq, 0, 0);
    wait_log(rig, "\"device\":\"disk1-job\",\"speed\":0");
    assert_int_equal(count(rig, "block-job-set-speed"), 4); /* what does not change is not sent */
    assert_int_equal(count(rig, "max-bandwidth"), 0);
    join.seq = chb_seq_free(join.seq);
    rig_idle(rig, 20); /* their answers find nobody */
    rig_free(rig);
}

static void memory_is_never_too_slow(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct chb_seq_params params = some_params(1, 0);
    struct outcome join = {0};
    const int listener = listen_for_memory(&params);
    start(rig, &chb_seq_join, &params, &join);
    wait_log(rig, "query-block-jobs");
    chb_seq_set_speed(join.seq, 2000000, 2000000);
    wait_log(rig, "query-migrate");
    assert_int_equal(count(rig, "\"max-bandwidth\":50000000"), 1);
    chb_seq_set_speed(join.seq, 0, 0);
    assert_true(rig_wait(rig, &join.over, 5000));
    assert_int_equal(join.result.outcome, CHB_OUTCOME_DONE);
    assert_int_equal(count(rig, "\"max-bandwidth\":200000000"), 1);
    (void)close(listener);
    rig_free(rig);
}

static void another_sequence_has_no_speed(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct chb_seq_params params = some_params(1, 0);
    struct outcome join = {0};
    start(rig, &chb_seq_powerdown, &params, &join);
    chb_seq_set_speed(join.seq, 1000000, 1000000);
    assert_true(rig_wait(rig, &join.over, 5000));
    assert_int_equal(count(rig, "speed"), 0);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_of_each),
        cmocka_unit_test(a_failure_names_its_leg),
        cmocka_unit_test(disks_share_the_speed),
        cmocka_unit_test(memory_is_never_too_slow),
        cmocka_unit_test(another_sequence_has_no_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
