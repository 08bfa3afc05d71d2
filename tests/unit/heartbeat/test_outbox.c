/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <heartbeat/outbox.h>

static struct chb_outbox outbox;
static uint64_t sequence;

static int setup(void **state)
{
    (void)state;
    memset(&outbox, 0, sizeof(outbox));
    sequence = 0;
    return 0;
}

static struct chb_outbox_message state_of(unsigned int vm, uint64_t generation)
{
    char name[16];
    struct chb_outbox_message message = {.type = CHB_WIRE_STATE};
    snprintf(name, sizeof(name), "vm%u", vm);
    assert_int_equal(chb_vm_key_make(name, &message.vm), 0);
    message.u.state.generation = generation;
    return message;
}

static int put_state(unsigned int vm, uint64_t generation)
{
    struct chb_outbox_message message = state_of(vm, generation);
    return chb_outbox_put(&outbox, &message);
}

static int put_heartbeat(uint64_t digest)
{
    struct chb_outbox_message message = {.type = CHB_WIRE_HEARTBEAT, .u.heartbeat.digest = digest};
    return chb_outbox_put(&outbox, &message);
}

static int put_request(uint32_t node)
{
    struct chb_outbox_message message = {.type = CHB_WIRE_REQUEST, .u.request.node = node};
    assert_int_equal(chb_vm_key_make("vm1", &message.vm), 0);
    return chb_outbox_put(&outbox, &message);
}

/* Sends one; returns it. */
static struct chb_outbox_message send_one(void)
{
    const struct chb_outbox_message *next = chb_outbox_next(&outbox);
    assert_non_null(next);
    struct chb_outbox_message message = *next;
    sequence++;
    chb_outbox_sent(&outbox, sequence, (chb_time){.ns = (int64_t)sequence * 1000});
    return message;
}

static void newest_state_goes_out_in_its_place(void **state)
{
    (void)state;
    assert_int_equal(put_state(1, 1), 0);
    assert_int_equal(put_heartbeat(1), 0);
    assert_int_equal(put_state(2, 1), 0);
    assert_int_equal(put_state(1, 2), 0);
    assert_int_equal(put_heartbeat(2), 0);
    assert_int_equal(outbox.count, 3);
    assert_int_equal(send_one().u.state.generation, 2);
    assert_int_equal(send_one().u.heartbeat.digest, 2);
    assert_int_equal(send_one().u.state.generation, 1);
    assert_null(chb_outbox_next(&outbox));
}

static void queue_is_bounded_by_type(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < CHB_CLUSTER_STATES_MAX; i++) {
        assert_int_equal(put_state(i, 1), 0);
    }
    assert_int_equal(put_state(CHB_CLUSTER_STATES_MAX, 1), -ENOBUFS);
    assert_int_equal(put_state(7, 2), 0); /* of a VM that waits anyway */
    for (uint32_t i = 0; i < CHB_CLUSTER_REQUESTS_MAX; i++) {
        assert_int_equal(put_request(i), 0);
    }
    assert_int_equal(put_request(0), -ENOBUFS);
    assert_int_equal(put_heartbeat(1), 0);
    assert_int_equal(put_heartbeat(2), 0);
    assert_int_equal(outbox.count, CHB_OUTBOX_MAX);
    struct chb_outbox_message none = {.type = CHB_WIRE_NONE};
    assert_int_equal(chb_outbox_put(&outbox, &none), -ENOBUFS);
}

static void window_is_bounded(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < CHB_CLUSTER_WINDOW + 5; i++) {
        assert_int_equal(put_state(i, 1), 0);
    }
    for (unsigned int i = 0; i < CHB_CLUSTER_WINDOW; i++) {
        send_one();
    }
    assert_null(chb_outbox_next(&outbox));
    assert_int_equal(chb_outbox_oldest(&outbox).ns, 1000);
    chb_outbox_returned(&outbox, 1);
    assert_int_equal(chb_outbox_oldest(&outbox).ns, 2000);
    send_one();
    assert_null(chb_outbox_next(&outbox));
    chb_outbox_returned(&outbox, 1); /* twice: nothing */
    assert_null(chb_outbox_next(&outbox));
    assert_int_equal(outbox.sent_again, 0);
}

static void what_corosync_dropped_is_sent_again(void **state)
{
    (void)state;
    put_state(1, 1);
    put_request(9);
    put_heartbeat(1);
    put_state(2, 1);
    for (int i = 0; i < 4; i++) {
        send_one();
    }
    chb_outbox_returned(&outbox, 4); /* 1 to 3 are lost */
    assert_int_equal(outbox.flights_count, 0);
    assert_false(chb_time_is_set(chb_outbox_oldest(&outbox)));
    assert_int_equal(outbox.sent_again, 2);
    assert_int_equal(send_one().u.state.generation, 1);
    assert_int_equal(send_one().u.request.node, 9);
    assert_null(chb_outbox_next(&outbox));
}

static void an_old_state_is_never_sent_after_a_newer_one(void **state)
{
    (void)state;
    put_state(1, 1);
    send_one();
    put_state(1, 2);
    send_one();
    put_state(2, 1);
    send_one();
    put_state(2, 2);
    send_one();
    put_state(3, 1);
    send_one();
    put_state(3, 2);                 /* waits */
    chb_outbox_returned(&outbox, 2); /* vm1's first is lost, its second is back */
    assert_int_equal(outbox.count, 1);
    put_heartbeat(1);
    assert_int_equal(send_one().u.state.generation, 2); /* vm3's, number 6 */
    send_one();                                         /* number 7 */
    chb_outbox_returned(&outbox, 5); /* vm2's both are lost: only the newer is worth it */
    assert_int_equal(outbox.sent_again, 1);
    assert_int_equal(send_one().u.state.generation, 2);
    chb_outbox_returned(&outbox, 7);
    assert_int_equal(outbox.count, 1); /* vm3's second was lost, and has no successor */
}

static void clearing_forgets(void **state)
{
    (void)state;
    put_state(1, 1);
    send_one();
    put_state(2, 1);
    chb_outbox_clear(&outbox);
    assert_null(chb_outbox_next(&outbox));
    assert_false(chb_time_is_set(chb_outbox_oldest(&outbox)));
    chb_outbox_returned(&outbox, 1);
    assert_int_equal(outbox.count, 0);
}

/* A lossy corosync: in the end the last state of every VM was delivered, and never an older after a
 * newer one. */
static void every_last_state_arrives(void **state)
{
    (void)state;
    uint64_t seed = 1;
    uint64_t newest[8] = {0};
    uint64_t arrived[8] = {0};
    struct {
        uint64_t sequence;
        unsigned int vm;
        uint64_t generation;
    } wire[CHB_CLUSTER_WINDOW];
    size_t n_wire = 0;

    for (int i = 0; i < 100000; i++) {
        bool ending = i > 90000;
        if (!ending && test_random(&seed) % 3 == 0) {
            unsigned int vm = (unsigned int)(test_random(&seed) % 8);
            assert_int_equal(put_state(vm, ++newest[vm]), 0);
        }
        if (ending && i % 50 == 0) {
            put_heartbeat(1); /* something must follow for a loss to be seen */
        }
        if (chb_outbox_next(&outbox) != NULL) {
            struct chb_outbox_message message = send_one();
            unsigned int vm = 8;
            for (unsigned int j = 0; j < 8 && message.type == CHB_WIRE_STATE; j++) {
                struct chb_outbox_message same = state_of(j, 0);
                vm = chb_vm_key_equal(&same.vm, &message.vm) ? j : vm;
            }
            if (ending || test_random(&seed) % 4 != 0) { /* else dropped */
                assert_true(n_wire < CHB_CLUSTER_WINDOW);
                wire[n_wire].sequence = sequence;
                wire[n_wire].vm = vm;
                wire[n_wire++].generation = message.u.state.generation;
            }
        }
        if (n_wire > 0 && (ending || test_random(&seed) % 2 == 0)) {
            if (wire[0].vm < 8) {
                assert_true(wire[0].generation >= arrived[wire[0].vm]);
                arrived[wire[0].vm] = wire[0].generation;
            }
            chb_outbox_returned(&outbox, wire[0].sequence);
            memmove(&wire[0], &wire[1], --n_wire * sizeof(wire[0]));
        } else if (n_wire == 0 && outbox.flights_count == CHB_CLUSTER_WINDOW) {
            chb_outbox_clear(&outbox); /* all lost: the transport would call it a hang */
            for (unsigned int j = 0; j < 8; j++) {
                put_state(j, newest[j]);
            }
        }
    }
    assert_memory_equal(newest, arrived, sizeof(newest));
    assert_true(outbox.sent_again > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(newest_state_goes_out_in_its_place, setup),
        cmocka_unit_test_setup(queue_is_bounded_by_type, setup),
        cmocka_unit_test_setup(window_is_bounded, setup),
        cmocka_unit_test_setup(what_corosync_dropped_is_sent_again, setup),
        cmocka_unit_test_setup(an_old_state_is_never_sent_after_a_newer_one, setup),
        cmocka_unit_test_setup(clearing_forgets, setup),
        cmocka_unit_test_setup(every_last_state_arrives, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
