/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include <heartbeat/topology.h>

static struct chb_topology two_nodes(void)
{
    struct chb_topology topology = {
        .self = 1,
        .n_nodes = 2,
        .nodes =
            {
                {.id = 1, .name = "n1", .address = {"10.0.0.1", "10.1.0.1", "", "10.3.0.1"}},
                {.id = 2, .name = "n2", .address = {"10.0.0.2", "10.1.0.2"}},
            },
    };
    return topology;
}

static void nodes_are_found(void **state)
{
    (void)state;
    struct chb_topology topology = two_nodes();

    assert_string_equal(chb_topology_node(&topology, 2)->name, "n2");
    assert_null(chb_topology_node(&topology, 3));
    assert_null(chb_topology_node(&topology, 0));
    assert_int_equal(chb_topology_named(&topology, "n1")->id, 1);
    assert_null(chb_topology_named(&topology, "N1"));
}

static void last_link_is_one_that_all_have(void **state)
{
    (void)state;
    struct chb_topology topology = two_nodes();

    assert_int_equal(chb_topology_last_link(&topology), 1);
    assert_string_equal(chb_topology_address(&topology, 1, CHB_LINK_LAST), "10.1.0.1");
    assert_string_equal(chb_topology_address(&topology, 1, 3), "10.3.0.1");
    assert_string_equal(chb_topology_address(&topology, 2, 0), "10.0.0.2");
    assert_null(chb_topology_address(&topology, 2, 3));
    assert_null(chb_topology_address(&topology, 2, CHB_LINKS_MAX));
    assert_null(chb_topology_address(&topology, 2, -2));
    assert_null(chb_topology_address(&topology, 9, 0));
    topology.nodes[1].address[0][0] = '\0';
    topology.nodes[1].address[1][0] = '\0';
    assert_int_equal(chb_topology_last_link(&topology), -ENOENT);
    assert_null(chb_topology_address(&topology, 1, CHB_LINK_LAST));
    topology.n_nodes = 0;
    assert_int_equal(chb_topology_last_link(&topology), -ENOENT);
}

static void every_change_is_seen(void **state)
{
    (void)state;
    struct chb_topology a = two_nodes();
    struct chb_topology b = two_nodes();

    assert_true(chb_topology_equal(&a, &b));
    strcpy(b.nodes[1].address[7], "x");
    assert_false(chb_topology_equal(&a, &b));
    b = two_nodes();
    strcpy(b.nodes[0].name, "n3");
    assert_false(chb_topology_equal(&a, &b));
    b = two_nodes();
    b.token_ms = 1;
    assert_false(chb_topology_equal(&a, &b));
    b = two_nodes();
    b.two_node = true;
    assert_false(chb_topology_equal(&a, &b));
    b = two_nodes();
    b.n_nodes = 1;
    assert_false(chb_topology_equal(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_found),
        cmocka_unit_test(last_link_is_one_that_all_have),
        cmocka_unit_test(every_change_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
