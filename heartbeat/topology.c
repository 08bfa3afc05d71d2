/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include <heartbeat/topology.h>

const struct chb_topology_node *chb_topology_node(const struct chb_topology *topology, uint32_t id)
{
    for (uint32_t i = 0; i < topology->n_nodes; i++) {
        if (topology->nodes[i].id == id) {
            return &topology->nodes[i];
        }
    }
    return NULL;
}

const struct chb_topology_node *chb_topology_named(const struct chb_topology *topology,
                                                   const char *name)
{
    for (uint32_t i = 0; i < topology->n_nodes; i++) {
        if (strcmp(topology->nodes[i].name, name) == 0) {
            return &topology->nodes[i];
        }
    }
    return NULL;
}

int chb_topology_last_link(const struct chb_topology *topology)
{
    for (int link = CHB_LINKS_MAX - 1; link >= 0; link--) {
        uint32_t have = 0;
        for (uint32_t i = 0; i < topology->n_nodes; i++) {
            if (topology->nodes[i].address[link][0] != '\0') {
                have++;
            }
        }
        if (have > 0 && have == topology->n_nodes) {
            return link;
        }
    }
    return -ENOENT;
}

const char *chb_topology_address(const struct chb_topology *topology, uint32_t id, int link)
{
    const struct chb_topology_node *node = chb_topology_node(topology, id);

    if (link == CHB_LINK_LAST) {
        link = chb_topology_last_link(topology);
    }
    if (node == NULL || link < 0 || link >= CHB_LINKS_MAX || node->address[link][0] == '\0') {
        return NULL;
    }
    return node->address[link];
}

static bool nodes_are_equal(const struct chb_topology_node *a, const struct chb_topology_node *b)
{
    if (a->id != b->id || strcmp(a->name, b->name) != 0) {
        return false;
    }
    for (size_t link = 0; link < CHB_LINKS_MAX; link++) {
        if (strcmp(a->address[link], b->address[link]) != 0) {
            return false;
        }
    }
    return true;
}

bool chb_topology_equal(const struct chb_topology *a, const struct chb_topology *b)
{
    if (a->self != b->self || a->n_nodes != b->n_nodes || a->truncated != b->truncated ||
        a->two_node != b->two_node || a->has_quorum != b->has_quorum ||
        a->token_ms != b->token_ms || strcmp(a->cluster_name, b->cluster_name) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        if (!nodes_are_equal(&a->nodes[i], &b->nodes[i])) {
            return false;
        }
    }
    return true;
}
