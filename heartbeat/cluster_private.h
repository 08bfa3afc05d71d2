/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the transport share. Private to this folder.
 *
 *   cluster.c  life of the connection: connect, lose, back off
 *   send.c     what the daemon sends
 *   cpg.c      memberships and messages
 *   quorum.c   quorum
 *   cmap.c     configuration
 *   report.c   events and status for the daemon
 *   connect.c  opening and closing (servant thread)
 *   servant.c  the servant thread
 */
#ifndef CHB_HEARTBEAT_CLUSTER_PRIVATE_H
#define CHB_HEARTBEAT_CLUSTER_PRIVATE_H

#include <corosync/cmap.h>
#include <corosync/corotypes.h>
#include <corosync/cpg.h>
#include <corosync/quorum.h>

#include <heartbeat/cluster.h>
#include <heartbeat/members.h>
#include <heartbeat/outbox.h>
#include <heartbeat/quorum_news.h>
#include <heartbeat/servant.h>

enum chb_cluster_phase {
    CHB_CLUSTER_PHASE_IDLE,       /* waits until the backoff is over */
    CHB_CLUSTER_PHASE_CONNECTING, /* the servant is at it */
    CHB_CLUSTER_PHASE_JOINING,    /* connected; own membership not yet delivered */
    CHB_CLUSTER_PHASE_UP,
};

/* Bad messages of one node. */
struct chb_cluster_refusals {
    uint32_t node;
    uint64_t count;
    chb_time told_at;
};

struct chb_cluster {
    sd_event *loop;
    struct chb_cluster_config config; /* `group` points at `group` below */
    char group[CPG_MAX_NAME_LENGTH];
    chb_cluster_handler handler;
    void *userdata;

    struct chb_servant *servant;
    sd_event_source *servant_source;
    struct chb_servant_job *link; /* the connection in use; NULL unless JOINING or UP */
    sd_event_source *cpg_source;
    sd_event_source *quorum_source;
    sd_event_source *cmap_source;

    enum chb_cluster_phase phase;
    chb_time phase_since;
    sd_event_source *retry_timer;    /* IDLE: connect again */
    sd_event_source *flush_timer;    /* corosync said TRY_AGAIN, or `broken` waits */
    sd_event_source *watch_timer;    /* corosync that hangs */
    sd_event_source *topology_timer; /* gathers the changes of one reload */
    chb_span backoff;
    bool broken; /* a call found the connection dead; dropped at the next safe moment */
    bool topology_dirty;
    bool topology_reading;

    struct chb_topology *topology;
    struct chb_members members;
    struct chb_outbox outbox;
    uint64_t sequence; /* of the last message sent */
    struct chb_quorum_news quorum;
    bool quorum_told; /* since UP, or since a node left */

    struct chb_cluster_refusals refusals[CHB_NODES_MAX];
    struct chb_cluster_status status; /* counters and texts; the rest is made on demand */
};

/* cluster.c */

/* Notes that the connection is of no use any more; it is dropped when no callback of corosync's
 * libraries is on the stack. `call` is a string constant. */
void chb_cluster_break(struct chb_cluster *cluster, const char *call, cs_error_t error);

/* The connection is to be dropped: no more dispatching. */
bool chb_cluster_is_broken(const struct chb_cluster *cluster);

/* Own membership was delivered. */
void chb_cluster_joined(struct chb_cluster *cluster);

/* cmap says that the configuration changes. */
void chb_cluster_topology_changed(struct chb_cluster *cluster);

/* Sends what may be sent now. */
void chb_cluster_flush(struct chb_cluster *cluster);

/* cpg.c */
cs_error_t chb_cpg_initialize(cpg_handle_t *ret_cpg, void *context); /* servant */
/* At most CHB_CLUSTER_DISPATCH_MAX; `ret_drained`: nothing more waits. */
cs_error_t chb_cpg_dispatch(struct chb_cluster *cluster, bool *ret_drained);
cs_error_t chb_cpg_send(struct chb_cluster *cluster, const struct chb_outbox_message *message,
                        chb_time now);

/* quorum.c */
cs_error_t chb_quorum_initialize(quorum_handle_t *ret_quorum, void *context,
                                 uint32_t *ret_type); /* servant */
cs_error_t chb_quorum_dispatch(struct chb_cluster *cluster);
/* Reports what is known of quorum, if that was not told already. */
void chb_quorum_tell(struct chb_cluster *cluster);
/* A node has left, which is about to be reported. */
void chb_quorum_doubt(struct chb_cluster *cluster);

/* cmap.c */
cs_error_t chb_cmap_track(cmap_handle_t cmap, void *context);                /* servant */
cs_error_t chb_cmap_read(cmap_handle_t cmap, struct chb_topology *topology); /* servant */
cs_error_t chb_cmap_dispatch(cmap_handle_t cmap);

/* report.c */
chb_time chb_cluster_now(void); /* CLOCK_BOOTTIME */
void chb_cluster_report(struct chb_cluster *cluster, struct chb_cluster_event *event);
void chb_cluster_report_kind(struct chb_cluster *cluster, enum chb_cluster_event_kind kind,
                             uint32_t node, const char *text);
void chb_cluster_refuse(struct chb_cluster *cluster, uint32_t node, int error, const char *why);

#endif
