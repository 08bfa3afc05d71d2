/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memberships are written as corosync delivers them. */
#include "test.h"

#include <heartbeat/members.h>

#define SELF_PID 100
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static struct chb_members members;
static struct chb_members_changes changes;

static void assert_changes(const struct chb_members_change *expected, size_t n)
{
    assert_int_equal(changes.count, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(changes.list[i].kind, expected[i].kind);
        assert_int_equal(changes.list[i].node, expected[i].node);
    }
}

#define EXPECT(...)                                                                                \
    do {                                                                                           \
        const struct chb_members_change expected_[] = {__VA_ARGS__};                               \
        assert_changes(expected_, COUNT(expected_));                                               \
    } while (0)

static void left(uint32_t node, uint32_t pid, bool node_lost)
{
    const struct chb_member_process process = {node, pid, node_lost};
    chb_members_group(&members, NULL, 0, &process, 1, NULL, 0, &changes);
}

static void joined(uint32_t node, uint32_t pid)
{
    const struct chb_member_process process = {node, pid, false};
    chb_members_group(&members, NULL, 0, NULL, 0, &process, 1, &changes);
}

/* Nodes 1 (we), 2 and 3 (agents there), ring of 1 to 4. */
static int setup(void **state)
{
    const struct chb_member_process present[] = {
        {3, 300, false}, {1, SELF_PID, false}, {2, 200, false}};
    const uint32_t ring[] = {1, 2, 3, 4};
    (void)state;

    chb_members_init(&members, 1, SELF_PID);
    chb_members_group(&members, present, 3, NULL, 0, &present[1], 1, &changes);
    EXPECT({CHB_MEMBERS_SELF_IN, 1}, {CHB_MEMBERS_NODE_UP, 3}, {CHB_MEMBERS_NODE_UP, 2});
    chb_members_ring(&members, ring, 4, &changes);
    assert_int_equal(changes.count, 0);
    return 0;
}

static void others_before_us_are_not_told(void **state)
{
    (void)state;
    const struct chb_member_process other = {1, SELF_PID + 1, false};

    chb_members_init(&members, 1, SELF_PID);
    chb_members_group(&members, &other, 1, NULL, 0, &other, 1, &changes);
    assert_int_equal(changes.count, 0);
    assert_false(members.joined);
}

static void agent_dies(void **state)
{
    (void)state;
    left(2, 200, false);
    EXPECT({CHB_MEMBERS_AGENT_DOWN, 2});
    assert_false(chb_members_is_agent(&members, 2, 200));
    left(2, 200, false);
    assert_int_equal(changes.count, 0);
    joined(2, 201);
    EXPECT({CHB_MEMBERS_NODE_UP, 2});
    assert_true(chb_members_is_agent(&members, 2, 201));
}

static void node_is_lost_once(void **state)
{
    (void)state;
    const uint32_t ring[] = {1, 3, 4};

    left(2, 200, true);
    EXPECT({CHB_MEMBERS_NODE_DOWN, 2});
    chb_members_ring(&members, ring, 3, &changes);
    assert_int_equal(changes.count, 0);
}

static void node_without_agent_is_lost(void **state)
{
    (void)state;
    const uint32_t ring[] = {1, 3};

    left(2, 200, false);
    EXPECT({CHB_MEMBERS_AGENT_DOWN, 2});
    chb_members_ring(&members, ring, 2, &changes); /* 4 never had an agent */
    EXPECT({CHB_MEMBERS_NODE_DOWN, 2}, {CHB_MEMBERS_NODE_DOWN, 4});
}

static void node_back_within_one_membership(void **state)
{
    (void)state;
    const struct chb_member_process gone = {2, 200, true};
    const struct chb_member_process back = {2, 55, false};
    const uint32_t ring[] = {1, 2, 3, 4};

    chb_members_group(&members, NULL, 0, &gone, 1, &back, 1, &changes);
    EXPECT({CHB_MEMBERS_NODE_DOWN, 2}, {CHB_MEMBERS_NODE_UP, 2});
    chb_members_ring(&members, ring, 4, &changes);
    assert_int_equal(changes.count, 0);
}

static void new_agent_before_the_old_one_is_gone(void **state)
{
    (void)state;
    joined(2, 201);
    EXPECT({CHB_MEMBERS_AGENT_DOWN, 2}, {CHB_MEMBERS_NODE_UP, 2});
    left(2, 200, false); /* late news of the old one */
    assert_int_equal(changes.count, 0);
    assert_true(chb_members_is_agent(&members, 2, 201));
    assert_false(chb_members_is_agent(&members, 2, 200));
    left(2, 200, true); /* but a lost node is lost whoever says so */
    EXPECT({CHB_MEMBERS_NODE_DOWN, 2});
}

static void we_are_put_out(void **state)
{
    (void)state;
    left(1, SELF_PID, false);
    EXPECT({CHB_MEMBERS_SELF_OUT, 1});
}

static void second_agent_of_our_node_is_nobody(void **state)
{
    (void)state;
    joined(1, 7);
    assert_int_equal(changes.count, 0);
    assert_false(chb_members_is_agent(&members, 1, 7));
    assert_true(chb_members_is_agent(&members, 1, SELF_PID));
    left(1, 7, false);
    assert_int_equal(changes.count, 0);
}

static void too_many_nodes_are_left_out(void **state)
{
    (void)state;
    for (uint32_t node = 5; node < 40; node++) {
        joined(node, node * 10);
    }
    assert_true(members.overflow);
    assert_false(chb_members_is_agent(&members, 39, 390));
    assert_true(chb_members_is_agent(&members, 5, 50));
    left(39, 390, true);
    assert_int_equal(changes.count, 0);
}

/* corosync is trusted more than a network, but nothing it says may break us. */
static void noise(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        struct chb_member_process list[3][20];
        uint32_t ring[20];
        for (size_t j = 0; j < 20; j++) {
            for (size_t k = 0; k < 3; k++) {
                list[k][j] = (struct chb_member_process){(uint32_t)(test_random(&seed) % 24),
                                                         (uint32_t)(test_random(&seed) % 3),
                                                         test_random(&seed) & 1};
            }
            ring[j] = (uint32_t)(test_random(&seed) % 24);
        }
        chb_members_group(&members, list[0], test_random(&seed) % 20, list[1],
                          test_random(&seed) % 20, list[2], test_random(&seed) % 20, &changes);
        assert_true(changes.count <= CHB_MEMBERS_CHANGES_MAX);
        chb_members_ring(&members, ring, test_random(&seed) % 20, &changes);
        for (uint32_t j = 0; j < changes.count; j++) {
            assert_int_equal(changes.list[j].kind, CHB_MEMBERS_NODE_DOWN);
            assert_int_not_equal(changes.list[j].node, 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_before_us_are_not_told),
        cmocka_unit_test_setup(agent_dies, setup),
        cmocka_unit_test_setup(node_is_lost_once, setup),
        cmocka_unit_test_setup(node_without_agent_is_lost, setup),
        cmocka_unit_test_setup(node_back_within_one_membership, setup),
        cmocka_unit_test_setup(new_agent_before_the_old_one_is_gone, setup),
        cmocka_unit_test_setup(we_are_put_out, setup),
        cmocka_unit_test_setup(second_agent_of_our_node_is_nobody, setup),
        cmocka_unit_test_setup(too_many_nodes_are_left_out, setup),
        cmocka_unit_test_setup(noise, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
