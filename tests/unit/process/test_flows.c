/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>

#include <cmocka.h>

#include <agent/process/flows.h>

static int ends[2]; /* of one connection; both are ours */

static chb_time now(void)
{
    struct timespec time;
    assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &time), 0);
    return (chb_time){.ns = time.tv_sec * 1000000000LL + time.tv_nsec};
}

static int connect_both(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(ends[0], (struct sockaddr *)&address, size), 0);
    ends[1] = accept(listener, NULL, NULL);
    assert_true(ends[1] >= 0);
    (void)close(listener);
    return 0;
}

static int close_both(void **state)
{
    (void)state;
    (void)close(ends[0]);
    (void)close(ends[1]);
    return 0;
}

/* The flow of ends[0]. */
static struct chb_flow own_flow(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    struct chb_flow flows[8];
    assert_int_equal(getsockname(ends[0], (struct sockaddr *)&address, &size), 0);
    int count = chb_flows_find(getpid(), "127.0.0.1", flows, 8);
    assert_int_equal(count, 2);
    return flows[0].local_port == address.sin_port ? flows[0] : flows[1];
}

static void finds_its_own(void **state)
{
    (void)state;
    struct chb_flow flows[8];
    struct chb_flow flow = own_flow();
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    assert_int_equal(getsockname(ends[0], (struct sockaddr *)&address, &size), 0);
    assert_int_equal(flow.local_port, address.sin_port);
    assert_int_equal(chb_flows_find(getpid(), "127.0.0.1", flows, 1), 1);
    assert_int_equal(chb_flows_find(getpid(), "127.0.0.9", flows, 8), 0);
    assert_int_equal(chb_flows_find(getpid(), "::1", flows, 8), 0);
    assert_int_equal(chb_flows_find(getpid(), "localhost", flows, 8), -EINVAL);
    assert_int_equal(chb_flows_find(0x3ffffffe, "127.0.0.1", flows, 8), -ENOENT);
}

static void one_that_works(void **state)
{
    (void)state;
    struct chb_flow flow = own_flow();
    struct chb_flow_state before = {0};
    struct chb_flow_state after = {0};
    assert_int_equal(chb_flow_read(&flow, &before), 0);
    assert_int_equal(send(ends[0], "abc", 3, 0), 3);
    for (int i = 0; i < 100 && after.acknowledged != before.acknowledged + 3; i++) {
        assert_int_equal(chb_flow_read(&flow, &after), 0);
        (void)usleep(10000);
    }
    assert_int_equal(after.acknowledged, before.acknowledged + 3);
    assert_int_equal(after.outstanding, 0);
    assert_int_equal(chb_flow_stuck(&flow, &after, true, now()).ns, 0);
}

/* The other end's kernel drops all that comes, as a cut cable does. */
static void one_that_is_cut(void **state)
{
    (void)state;
    struct chb_flow flow = own_flow();
    struct chb_flow_state found;
    struct sock_filter nothing = {.code = BPF_RET | BPF_K, .k = 0};
    struct sock_fprog program = {.len = 1, .filter = &nothing};
    chb_span span = chb_ms(0);
    assert_int_equal(setsockopt(ends[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
                     0);
    assert_int_equal(send(ends[0], "abc", 3, 0), 3);
    chb_time sent = now();
    for (int i = 0; i < 500 && span.ns == 0; i++) {
        (void)usleep(10000);
        assert_int_equal(chb_flow_read(&flow, &found), 0);
        span = chb_flow_stuck(&flow, &found, true, now());
    }
    assert_true(chb_span_ms(span) >= 300);
    assert_true(span.ns <= chb_time_since(now(), sent).ns);
    assert_int_equal(close(ends[1]), 0);
    ends[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void is_gone(void **state)
{
    (void)state;
    struct chb_flow flow = own_flow();
    struct chb_flow_state found;
    struct linger hard = {.l_onoff = 1};
    assert_int_equal(setsockopt(ends[0], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(chb_flow_read(&flow, &found), -ENOENT);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* How long it is stuck in the eyes of who looks at @ms. */
static int64_t look(struct chb_flow *flow, uint64_t acknowledged, uint32_t outstanding,
                    uint32_t retransmission, bool heard, int64_t ms)
{
    const struct chb_flow_state state = {acknowledged, outstanding, retransmission};
    const chb_time start = {.ns = 1000000000};
    return chb_span_ms(chb_flow_stuck(flow, &state, heard, chb_time_add(start, chb_ms(ms))));
}

static void is_stuck(void **state)
{
    (void)state;
    struct chb_flow flow = {.stuck_since = CHB_TIME_NEVER};
    assert_int_equal(look(&flow, 10, 1, 0, true, 0), 0);
    assert_int_equal(look(&flow, 10, 1, 1, true, 200), 0); /* one lost frame */
    assert_int_equal(look(&flow, 10, 1, 1, true, 500), 0);
    assert_int_equal(look(&flow, 10, 1, 2, true, 600), 600);
    assert_int_equal(look(&flow, 10, 1, 2, true, 700), 700);
    assert_int_equal(look(&flow, 11, 1, 0, true, 800), 0); /* it moves */
    assert_int_equal(look(&flow, 11, 1, 1, true, 1000), 0);
    assert_int_equal(look(&flow, 11, 0, 0, true, 1100), 0); /* all is there */
    assert_int_equal(look(&flow, 11, 1, 1, true, 9000), 0);
    assert_int_equal(look(&flow, 11, 1, 2, true, 9400), 400);
}

/* The whole network was gone for two seconds: the retransmission that comes through is the next. */
static void nothing_is_heard(void **state)
{
    (void)state;
    struct chb_flow flow = {.stuck_since = CHB_TIME_NEVER};
    assert_int_equal(look(&flow, 10, 1, 0, true, 0), 0);
    assert_int_equal(look(&flow, 10, 1, 1, true, 200), 0);
    assert_int_equal(look(&flow, 10, 1, 2, false, 600), 0);
    assert_int_equal(look(&flow, 10, 1, 3, false, 1400), 0);
    assert_int_equal(look(&flow, 10, 1, 3, true, 2100), 0);
    assert_int_equal(look(&flow, 10, 1, 3, true, 2900), 0);
    assert_int_equal(look(&flow, 20, 0, 0, true, 3000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_its_own, connect_both, close_both),
        cmocka_unit_test_setup_teardown(one_that_works, connect_both, close_both),
        cmocka_unit_test_setup_teardown(one_that_is_cut, connect_both, close_both),
        cmocka_unit_test_setup_teardown(is_gone, connect_both, close_both),
        cmocka_unit_test(is_stuck),
        cmocka_unit_test(nothing_is_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
