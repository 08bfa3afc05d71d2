/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transport where no corosync runs: it waits, says why, and ends at once. With a corosync it is
 * tried in the lab, by cluster_probe.c. */
#include "test.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include <heartbeat/cluster.h>

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_event(const struct chb_cluster_event *event, void *userdata)
{
    int *count = userdata;
    assert_true(event->kind < CHB_CLUSTER_EVENT_MAX);
    (*count)++;
}

static const struct chb_cluster_config good = {
    .group = "colo-hbd-unit-test",
    .boot = 7,
    .io_priority = 0,
    .timer_priority = 10,
};

static void configuration_is_checked(void **state)
{
    (void)state;
    sd_event *loop = NULL;
    struct chb_cluster *cluster = NULL;
    char long_group[200];
    int events = 0;

    assert_true(sd_event_new(&loop) >= 0);
    memset(long_group, 'g', sizeof(long_group));
    long_group[sizeof(long_group) - 1] = '\0';
    struct chb_cluster_config bad[6] = {good, good, good, good, good, good};
    bad[0].boot = 0;
    bad[1].group = long_group;
    bad[2].timer_priority = 0;
    bad[3].backoff_max = chb_ms(49);
    bad[4].hang_limit = chb_ms(600001);
    bad[5].group = "";
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(chb_cluster_new(loop, &bad[i], on_event, &events, &cluster), -EINVAL);
    }
    assert_int_equal(chb_cluster_new(loop, &good, NULL, NULL, &cluster), -EINVAL);
    assert_null(cluster);
    assert_null(chb_cluster_free(NULL));
    sd_event_unref(loop);
}

static void waits_for_corosync(void **state)
{
    (void)state;
    sd_event *loop = NULL;
    struct chb_cluster *cluster = NULL;
    struct chb_cluster_status status;
    struct chb_vm_key vm;
    struct chb_state_msg message = {.health = 100};
    int events = 0;

    /* libqb's sockets are abstract: a network namespace of our own has no corosync for sure. */
    if (unshare(CLONE_NEWNET) < 0) {
        skip();
    }
    assert_true(sd_event_new(&loop) >= 0);
    assert_int_equal(chb_cluster_new(loop, &good, on_event, &events, &cluster), 0);
    int64_t start = now_ms();
    int turns = 0;
    while (now_ms() - start < 700) {
        assert_true(sd_event_run(loop, 50000) >= 0);
        turns++;
    }
    chb_cluster_get_status(cluster, &status);
    assert_false(status.up);
    assert_in_range(status.attempts, 2, 6); /* after 0, 50, 150, 350 and 750 ms */
    assert_true(turns < 60);
    assert_non_null(strstr(status.text, "corosync error"));
    assert_int_equal(events, 0);
    assert_int_equal(chb_cluster_self(cluster), 0);
    assert_null(chb_cluster_topology(cluster));
    assert_int_equal(chb_cluster_members(cluster, NULL, 0), 0);

    assert_int_equal(chb_vm_key_make("vm", &vm), 0);
    assert_int_equal(chb_cluster_send_state(cluster, &vm, &message), -ENOTCONN);
    message.health = 101;
    assert_int_equal(chb_cluster_send_state(cluster, &vm, &message), -EINVAL);
    start = now_ms();
    assert_null(chb_cluster_free(cluster));
    assert_true(now_ms() - start < 400);
    sd_event_unref(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configuration_is_checked),
        cmocka_unit_test(waits_for_corosync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
