/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening and closing the three connections to corosync. Everything here may block for as long as
 * corosync is stopped, so only the servant thread calls it. Private to this folder.
 */
#ifndef CHB_HEARTBEAT_CONNECT_H
#define CHB_HEARTBEAT_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include <corosync/cmap.h>
#include <corosync/corotypes.h>
#include <corosync/cpg.h>
#include <corosync/quorum.h>

#include <heartbeat/cluster.h>
#include <heartbeat/topology.h>

struct chb_connection {
    /* in: set by whoever asks for it */
    char group[CPG_MAX_NAME_LENGTH];
    void *context; /* what the callbacks of cpg.c, quorum.c and cmap.c get */

    /* out */
    bool has_cpg;
    bool has_quorum;
    bool has_cmap;
    cpg_handle_t cpg;
    quorum_handle_t quorum;
    cmap_handle_t cmap;
    int cpg_fd; /* owned by their handles */
    int quorum_fd;
    int cmap_fd;
    struct chb_topology topology;    /* complete, own node id included */
    char text[CHB_CLUSTER_TEXT_MAX]; /* why it failed */
};

/*
 * Connects, asks for notifications, reads the topology and joins the group. Blocks. On failure
 * nothing stays open and `text` says which call failed. Returns 0, or
 *   -ECONNREFUSED  corosync does not run, or died while we connected
 *   -EAGAIN        corosync is not ready: try again later
 *   -EIO           anything else
 */
int chb_connection_open(struct chb_connection *connection);

/* Leaves the group and closes what is open. Blocks. */
void chb_connection_close(struct chb_connection *connection);

/* Reads the topology over a connection of its own into `topology`, which keeps its `self` and
 * `has_quorum`. Blocks. Results as above; `topology` is unspecified on failure. */
int chb_connection_read_topology(struct chb_connection *connection);

/* Words for a corosync error. A string constant. Pure. */
const char *chb_cs_text(cs_error_t error);

#endif
