/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fencing client, what it reports, and a servant that plays a part (fake_servant.c). */
#ifndef CHB_TEST_FENCER_RIG_H
#define CHB_TEST_FENCER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <time.h>

#include <fencing/fencer.h>

#define REPORTS_MAX 32

static const char *servant_path; /* set by main() */

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

static inline void begin(const char *part)
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

static inline int end(void **state)
{
    (void)state;
    chb_fencer_free(t.fencer);
    sd_event_unref(t.event);
    memset(&t, 0, sizeof(t));
    t_nobody_is_member = false;
    return 0;
}

/* Runs the loop until *counter is at least `wanted`; fails after 10 s. */
static inline void wait_unsigned(const unsigned *counter, unsigned wanted)
{
    chb_time deadline = chb_time_add(now(), chb_ms(10000));

    while (*counter < wanted) {
        assert_false(chb_time_reached(now(), deadline));
        assert_true(sd_event_run(t.event, 20000) >= 0);
    }
}

static inline void wait_size(const size_t *counter, size_t wanted)
{
    chb_time deadline = chb_time_add(now(), chb_ms(10000));

    while (*counter < wanted) {
        assert_false(chb_time_reached(now(), deadline));
        assert_true(sd_event_run(t.event, 20000) >= 0);
    }
}

static inline void run_for(int64_t ms)
{
    chb_time deadline = chb_time_add(now(), chb_ms(ms));

    while (!chb_time_reached(now(), deadline)) {
        assert_true(sd_event_run(t.event, 5000) >= 0);
    }
}

static inline void ask(const char *node, uint64_t id, int64_t timeout_ms)
{
    assert_int_equal(chb_fencer_request(t.fencer, node, "reboot", id, chb_ms(timeout_ms)), 0);
}

static inline void rig_set_up(const char *path)
{
    sigset_t mask;

    servant_path = path;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
}

#endif
