/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every sequence, command by command: what went to QEMU is compared with a file in golden/, which
 * was read beside what was measured on real QEMUs. CHB_GOLDEN_WRITE=1 writes the
 * files anew.
 */
#include <errno.h>
#include <sys/socket.h>

#include "seq_rig.h"

#define GOLDEN_MAX_BYTES 131072

static void check_golden(const char *name, const char *log)
{
    char path[512];
    char *golden = calloc(1, GOLDEN_MAX_BYTES);
    (void)snprintf(path, sizeof(path), "%s/%s.txt", CHB_GOLDEN_DIR, name);
    FILE *file = fopen(path, getenv("CHB_GOLDEN_WRITE") != NULL ? "we" : "re");
    assert_non_null(file);
    if (getenv("CHB_GOLDEN_WRITE") != NULL) {
        assert_true(fputs(log, file) >= 0);
    } else {
        golden[fread(golden, 1, GOLDEN_MAX_BYTES - 1, file)] = '\0';
        assert_string_equal(log, golden);
    }
    (void)fclose(file);
    free(golden);
}

static void assert_done(const struct outcome *outcome)
{
    if (outcome->result.outcome != CHB_OUTCOME_DONE) {
        print_error("%s: %s\n", outcome->step, outcome->result.text);
    }
    assert_int_equal(outcome->result.outcome, CHB_OUTCOME_DONE);
    assert_int_equal(outcome->result.error, 0);
    assert_string_equal(outcome->step, "");
    assert_string_equal(outcome->result.text, "");
}

static void test_prepare(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct outcome outcome;
    struct fake_model *model = fake_qemu_model(rig->fake);
    struct chb_seq_params params = some_params(2, 2);
    params.ports = (struct chb_seq_ports){.nbd = 0};

    fake_model_add(model, 'c', "qmp0");
    fake_model_add(model, 'c', "nic0-red0");
    fake_model_add(model, 'c', "nic0-red1");
    fake_model_add(model, 'c', "nic1-red0");
    fake_model_add(model, 'c', "nic1-red1");
    outcome = run(rig, &chb_seq_secondary_prepare, &params);
    assert_done(&outcome);
    check_golden("prepare", fake_qemu_log(rig->fake));
    const struct chb_seq_ports *ports = &outcome.result.ports;
    assert_int_equal(ports->mirror[0], 40001);
    assert_int_equal(ports->compare[1], 40004);
    assert_true(ports->nbd > 0 && ports->migrate > 0 && ports->nbd != ports->migrate);

    /* The primary comes, and QEMU gets its connection. */
    fake_qemu_clear_log(rig->fake);
    int fd = -1;
    assert_int_equal(chb_tcp_connect("127.0.0.1", ports->migrate, &fd), 0);
    rig_idle(rig, 30);
    assert_string_equal(
        fake_qemu_log(rig->fake),
        "main getfd {\"fdname\":\"mig\"}\nmain migrate-incoming {\"uri\":\"fd:mig\"}\n");
    assert_int_equal(send(fd, "c", 1, MSG_NOSIGNAL), 1);
    rig_idle(rig, 10);
    assert_string_equal(model->colo_mode, "secondary");
    assert_true(chb_time_is_set(chb_qmp_client_colo(rig->client)->settled_at));
    (void)close(fd);
    rig_free(rig);
}

static void test_prepare_on_an_old_qemu_and_again(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct outcome outcome;
    struct chb_seq_params params = some_params(1, 0);
    params.ports.nbd = 0;

    rig->caps.block_export_add = false;
    outcome = run(rig, &chb_seq_secondary_prepare, &params);
    assert_done(&outcome);
    check_golden("prepare-old", fake_qemu_log(rig->fake));
    const uint16_t port = outcome.result.ports.migrate;

    /* A wanted port that is taken is told apart. */
    params.ports.migrate = port;
    outcome = run(rig, &chb_seq_secondary_prepare, &params);
    assert_int_equal(outcome.result.outcome, CHB_OUTCOME_FAILED);
    assert_int_equal(outcome.result.error, -EADDRINUSE);
    assert_string_equal(outcome.step, "listen for the migration");
    outcome = run(rig, &chb_seq_secondary_unprepare, &params);
    assert_done(&outcome);
    outcome = run(rig, &chb_seq_secondary_unprepare, &params);
    assert_done(&outcome);
    outcome = run(rig, &chb_seq_secondary_prepare, &params);
    assert_done(&outcome);
    assert_int_equal(outcome.result.ports.migrate, port);
    rig_free(rig);
}

static void test_prepare_takes_only_the_peer(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct outcome outcome;
    struct chb_seq_params params = some_params(1, 0);
    int fd = -1;

    params.ports.nbd = 0;
    (void)snprintf(params.peer_address, sizeof(params.peer_address), "127.0.0.2");
    outcome = run(rig, &chb_seq_secondary_prepare, &params);
    assert_done(&outcome);
    fake_qemu_clear_log(rig->fake);
    assert_int_equal(chb_tcp_connect("127.0.0.1", outcome.result.ports.migrate, &fd), 0);
    rig_idle(rig, 30);
    assert_string_equal(fake_qemu_log(rig->fake), "");
    (void)close(fd);
    rig_free(rig);
}

static void join_and_solo(const char *join_name, const char *solo_name, unsigned n,
                          bool was_secondary, bool reachable)
{
    struct rig *rig = rig_new();
    struct outcome outcome;
    struct chb_seq_params params = some_params(n, n);

    params.was_secondary = was_secondary;
    outcome = run_join(rig, &params);
    assert_done(&outcome);
    check_golden(join_name, fake_qemu_log(rig->fake));
    assert_string_equal(outcome.milestones, "copy-ready stop-sent in-colo true-copy ");
    assert_true(outcome.n_progress > 0);
    assert_string_equal(fake_qemu_model(rig->fake)->colo_mode, "primary");
    for (size_t i = 0; i < outcome.result.n_steps; i++) {
        assert_true(chb_time_is_set(outcome.result.milestones[CHB_SEQ_TRUE_COPY]));
    }

    fake_qemu_clear_log(rig->fake);
    params.peer_reachable = reachable;
    outcome = run(rig, &chb_seq_solo_primary, &params);
    assert_done(&outcome);
    check_golden(solo_name, fake_qemu_log(rig->fake));
    assert_string_equal(outcome.milestones,
                        "lost-heartbeat-sent lost-heartbeat-answered output-open "
                        "solo-running ");
    const chb_time *at = outcome.result.milestones;
    assert_true(at[CHB_SEQ_LOST_HEARTBEAT_SENT].ns <= at[CHB_SEQ_LOST_HEARTBEAT_ANSWERED].ns);
    assert_true(at[CHB_SEQ_LOST_HEARTBEAT_ANSWERED].ns <= at[CHB_SEQ_SOLO_RUNNING].ns);
    assert_int_equal(fake_qemu_model(rig->fake)->n_names, 0); /* nothing is left over */

    /* The next join finds everything free. */
    outcome = run_join(rig, &params);
    assert_done(&outcome);
    rig_free(rig);
}

static void test_join_and_solo_primary(void **state)
{
    (void)state;
    join_and_solo("join-1", "solo-primary-1", 1, false, true);
    join_and_solo("join-2-was-secondary", "solo-primary-2-yank", 2, true, false);
    join_and_solo("join-8", "solo-primary-8", 8, false, true);
}

static void test_join_with_all_parameters(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct outcome outcome;
    struct chb_seq_params params = some_params(1, 1);

    params.vnet_hdr[0] = false;
    params.checkpoint_delay_ms = 5000;
    params.compare_timeout_ms = 1500;
    params.resync_bytes_per_s = 104857600;
    params.migrate_bytes_per_s = 209715200;
    rig->caps.block_job_cancel = false;
    fake_qemu_trick(rig->fake, "job-cancel", 1, FAKE_ERROR,
                    "in this test the fake has no such command", 0);
    outcome = run_join(rig, &params);
    assert_int_equal(outcome.result.outcome, CHB_OUTCOME_FAILED);
    rig->caps.block_job_cancel = true;
    outcome = run(rig, &chb_seq_join_abort, &params);
    assert_done(&outcome);
    fake_qemu_clear_log(rig->fake);
    outcome = run_join(rig, &params);
    assert_done(&outcome);
    check_golden("join-all-parameters", fake_qemu_log(rig->fake));
    rig_free(rig);
}

static void test_join_that_converges_by_itself(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct outcome outcome;
    struct chb_seq_params params = some_params(1, 1);

    fake_qemu_model(rig->fake)->converges = true;
    outcome = run_join(rig, &params);
    assert_done(&outcome);
    assert_string_equal(outcome.milestones, "copy-ready in-colo true-copy ");
    assert_null(strstr(fake_qemu_log(rig->fake), "main stop"));
    check_golden("join-converges", fake_qemu_log(rig->fake));
    rig_free(rig);
}

static void make_secondary(struct rig *rig, bool entry_seen)
{
    struct fake_model *model = fake_qemu_model(rig->fake);
    model->colo_mode = "secondary";
    model->migration = "colo";
    model->nbd_server = true;
    fake_model_add(model, 'o', "nic0-f0");
    fake_model_add(model, 'o', "nic0-f1");
    fake_model_add(model, 'o', "nic0-f2");
    fake_model_add(model, 'o', "nic0-rew0");
    fake_model_add(model, 'c', "nic0-red0");
    fake_model_add(model, 'c', "nic0-red1");
    fake_model_add(model, 'c', "nic0-null0");
    if (entry_seen) {
        fake_qemu_emit(rig->fake, "MIGRATION", "{\"status\": \"colo\"}");
        fake_qemu_emit(rig->fake, "RESUME", NULL);
        rig_idle(rig, 10);
    }
}

static const char solo_secondary_milestones[] =
    "lost-heartbeat-sent output-open lost-heartbeat-answered solo-running ";

static void test_solo_secondary(void **state)
{
    (void)state;
    struct outcome outcome;
    struct chb_seq_params params = some_params(1, 1);

    /* The peer's death was seen by QEMU. */
    struct rig *rig = rig_new();
    make_secondary(rig, true);
    fake_model_colo_exit(rig->fake);
    rig_idle(rig, 10);
    outcome = run(rig, &chb_seq_solo_secondary, &params);
    assert_done(&outcome);
    check_golden("solo-secondary", fake_qemu_log(rig->fake));
    assert_string_equal(outcome.milestones, solo_secondary_milestones);
    assert_int_equal(fake_qemu_model(rig->fake)->n_names, 1); /* the rewriter stays */
    rig_free(rig);

    /* The peer is silent: yank first. */
    rig = rig_new();
    make_secondary(rig, true);
    params.peer_reachable = false;
    outcome = run(rig, &chb_seq_solo_secondary, &params);
    assert_done(&outcome);
    check_golden("solo-secondary-yank", fake_qemu_log(rig->fake));
    rig_free(rig);

    /* It is said to be dead, but QEMU does not notice: yank after a moment. */
    rig = rig_new();
    make_secondary(rig, true);
    params.peer_reachable = true;
    outcome = run(rig, &chb_seq_solo_secondary, &params);
    assert_done(&outcome);
    check_golden("solo-secondary-yank", fake_qemu_log(rig->fake));
    rig_free(rig);
}

static void test_solo_secondary_waits_for_colo_exit(void **state)
{
    (void)state;
    struct outcome outcome;
    struct chb_seq_params params = some_params(1, 1);

    /* COLO does not give up: nothing may be opened. */
    struct rig *rig = rig_new();
    make_secondary(rig, true);
    fake_qemu_model(rig->fake)->colo_exited = true; /* so that the fake does not say it */
    outcome = run(rig, &chb_seq_solo_secondary, &params);
    assert_int_equal(outcome.result.outcome, CHB_OUTCOME_FAILED);
    assert_int_equal(outcome.result.error, -ETIMEDOUT);
    assert_string_equal(outcome.step, "see COLO give up");
    assert_string_equal(outcome.milestones, "");
    assert_null(strstr(fake_qemu_log(rig->fake), "object-del"));
    rig_free(rig);

    /* A client that came after COLO was entered cannot have seen it. */
    rig = rig_new();
    make_secondary(rig, false);
    fake_qemu_model(rig->fake)->colo_exited = true;
    outcome = run(rig, &chb_seq_solo_secondary, &params);
    assert_done(&outcome);
    assert_string_equal(outcome.milestones, solo_secondary_milestones);
    rig_free(rig);
}

static void test_solo_again_after_it_was_done(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct outcome outcome;
    struct chb_seq_params params = some_params(1, 1);

    make_secondary(rig, true);
    fake_model_colo_exit(rig->fake);
    rig_idle(rig, 10);
    outcome = run(rig, &chb_seq_solo_secondary, &params);
    assert_done(&outcome);
    outcome = run(rig, &chb_seq_solo_secondary, &params);
    assert_done(&outcome);
    rig_free(rig);
}

static void test_small_ones(void **state)
{
    (void)state;
    struct rig *rig = rig_new();
    struct outcome outcome;
    const struct chb_seq_params params = some_params(1, 0);

    fake_qemu_model(rig->fake)->run_state = "prelaunch";
    outcome = run(rig, &chb_seq_start_primary, &params);
    assert_done(&outcome);
    outcome = run(rig, &chb_seq_powerdown, &params);
    assert_done(&outcome);
    check_golden("small", fake_qemu_log(rig->fake));
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prepare),
        cmocka_unit_test(test_prepare_on_an_old_qemu_and_again),
        cmocka_unit_test(test_prepare_takes_only_the_peer),
        cmocka_unit_test(test_join_and_solo_primary),
        cmocka_unit_test(test_join_with_all_parameters),
        cmocka_unit_test(test_join_that_converges_by_itself),
        cmocka_unit_test(test_solo_secondary),
        cmocka_unit_test(test_solo_secondary_waits_for_colo_exit),
        cmocka_unit_test(test_solo_again_after_it_was_done),
        cmocka_unit_test(test_small_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
