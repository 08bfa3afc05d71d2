/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cluster as corosync's configuration describes it. Plain data, read from cmap by
 * heartbeat/cmap.c; the functions here are pure.
 */
#ifndef CHB_HEARTBEAT_TOPOLOGY_H
#define CHB_HEARTBEAT_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

#include <agent/core/limits.h>

#define CHB_LINKS_MAX 8       /* links of knet; corosync's own limit */
#define CHB_HOST_TEXT_MAX 256 /* a name or an address, with the final NUL */

struct chb_topology_node {
    uint32_t id;                                    /* not 0 */
    char name[CHB_HOST_TEXT_MAX];                   /* nodelist's name, else its first address */
    char address[CHB_LINKS_MAX][CHB_HOST_TEXT_MAX]; /* as configured: an address or a host name;
                                                       empty: the node has no such link */
};

struct chb_topology {
    uint32_t self;     /* own node id */
    uint32_t n_nodes;  /* used entries of `nodes` */
    bool truncated;    /* nodelist has more than CHB_NODES_MAX nodes */
    bool two_node;     /* votequorum's two_node is set */
    bool has_quorum;   /* a quorum provider is configured */
    uint32_t token_ms; /* effective totem token time-out; 0: unknown */
    char cluster_name[CHB_HOST_TEXT_MAX];
    struct chb_topology_node nodes[CHB_NODES_MAX]; /* in rising order of id */
};

#define CHB_LINK_LAST (-1)

/* The node with this id, or NULL. Points into `topology`. */
const struct chb_topology_node *chb_topology_node(const struct chb_topology *topology, uint32_t id);

/* The node with this name, or NULL. Points into `topology`. Names compare byte by byte. */
const struct chb_topology_node *chb_topology_named(const struct chb_topology *topology,
                                                   const char *name);

/* The highest link number at which every node has an address, or -ENOENT. */
int chb_topology_last_link(const struct chb_topology *topology);

/*
 * The address of node `id` on link `link` (0 .. CHB_LINKS_MAX-1, or CHB_LINK_LAST), or NULL if the
 * node or the address does not exist. Points into `topology`. It may be a host name: resolving it
 * is the caller's, outside of the event loop.
 */
const char *chb_topology_address(const struct chb_topology *topology, uint32_t id, int link);

/* The same in every field? */
bool chb_topology_equal(const struct chb_topology *a, const struct chb_topology *b);

#endif
