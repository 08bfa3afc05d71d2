/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cluster's part of the simulated world (sim.h): cables, corosync, Pacemaker, fencer. */
#ifndef CHB_SIM_CLUSTER_H
#define CHB_SIM_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include <agent/core/core.h>

#define CHB_SIM_NODES_MAX 5
#define CHB_SIM_SLOTS (CHB_SIM_NODES_MAX + 1) /* indexed by node id, from 1 */
#define CHB_SIM_OUTBOX_MAX 32
#define CHB_SIM_FENCE_WAITERS_MAX 32

/* ---- cables ---- */

/* Each member: a bit per node, for each node or for itself. */
struct chb_sim_net {
    uint32_t side[CHB_SIM_SLOTS]; /* nodes on the same side of the cuts reach each other */
    uint32_t deaf[CHB_SIM_SLOTS]; /* whose cluster traffic does not arrive here */
    uint32_t replication_deaf[CHB_SIM_SLOTS]; /* whose replication traffic does not */
    uint32_t replication_cut;
    uint32_t clients_mute; /* frames of guests there get lost on their way to the clients */
    uint32_t clients_deaf; /* ... and those of clients on their way to the guests */
    uint32_t qnetd_cut;    /* cannot reach the quorum device's host */
    uint32_t flaps;        /* new rings that a cut without clear sides will yet cause */
};

/* ---- corosync ---- */

struct chb_sim_message {
    uint32_t vm;
    struct chb_event event;
};

struct chb_sim_corosync {
    bool running;
    uint64_t incarnation;
    uint64_t session; /* of the agent's connection; what is of an older one is not delivered */
    bool joined;      /* the agent is in the group */
    bool in_ring;
    uint32_t ring;
    uint32_t members; /* bit per node */
    uint64_t member_incarnation[CHB_SIM_SLOTS];
    uint64_t agents[CHB_SIM_SLOTS]; /* incarnations, as told to the agent here */
    uint32_t silent;                /* bit per node, as told to the agent here */
    int64_t delivered_at;           /* last delivery planned: the order is total */
    int64_t hung_until;             /* SIGSTOP: it neither sends nor hears nor tells */
    int64_t loss_heard_at;          /* when the agent here has found out that corosync died */
    int64_t busy_until;             /* sending fails with TRY_AGAIN */
    int64_t quorum_at;
    bool quorate;       /* as last told to the agent, or on its way there */
    bool known_quorate; /* as Pacemaker has heard */
    bool all_seen;      /* two_node: wait_for_all is over */
    uint32_t n_outbox;
    struct chb_sim_message outbox[CHB_SIM_OUTBOX_MAX];
};

/* ---- Pacemaker ---- */

enum chb_sim_op {
    CHB_SIM_OP_NONE,
    CHB_SIM_OP_START,
    CHB_SIM_OP_STOP,
    CHB_SIM_OP_PROMOTE,
    CHB_SIM_OP_DEMOTE,
};

struct chb_sim_pacemaker_node {
    bool online;
    bool started;
    bool promoted;
    bool standby;
    bool recover;     /* monitor failed: demote, stop, start */
    bool stop_failed; /* to be fenced */
    enum chb_score score;
    bool has_score;
    enum chb_score wanted; /* as last asked for by the agent */
    bool has_wanted;
    enum chb_sim_op op;
    uint32_t op_id;   /* 0: not yet asked for */
    uint64_t op_boot; /* of the agent that was asked */
    uint64_t op_serial;
    int64_t op_since;
    int64_t not_before; /* pause after a failure */
    uint32_t unclean;   /* bit per node: lost and not fenced, as this node's partition knows */
    uint32_t fence_tries[CHB_SIM_SLOTS];
    int64_t fence_not_before[CHB_SIM_SLOTS];
    uint64_t cib_generation;
    uint32_t cib_node;
    uint64_t cib_told;   /* to the agent */
    uint64_t cib_wanted; /* generation that the agent here wants written, and could not yet be */
};

struct chb_sim_pacemaker {
    struct chb_sim_pacemaker_node node[CHB_SIM_SLOTS];
    bool target_stopped;
    bool maintenance;   /* it looks on: no operations, no monitors; it fences all the same */
    uint32_t banned;    /* bit per node: may not be promoted, a user says (ban) */
    uint32_t preferred; /* node that a user wants promoted (move); 0: none */
    bool evaluate_planned;
    uint32_t next_op;
};

/* ---- fencer ---- */

enum chb_sim_fence_mode {
    CHB_SIM_FENCE_WORKS,
    CHB_SIM_FENCE_FAILS,
    CHB_SIM_FENCE_UNKNOWN,           /* no answer, no effect */
    CHB_SIM_FENCE_UNKNOWN_EFFECTIVE, /* no answer, and yet the node is off */
    CHB_SIM_FENCE_LATE,              /* no answer, and the node goes off later */
};

struct chb_sim_fence_waiter {
    uint32_t node; /* 0: unused */
    uint32_t op;   /* 0: Pacemaker itself */
    uint32_t vm;
    uint64_t boot;
};

struct chb_sim_fence {
    bool active;
    uint32_t executor;
    uint64_t executor_boot;
    uint64_t serial;
    int64_t off_at; /* when the node was seen off */
    struct chb_sim_fence_waiter waiters[CHB_SIM_FENCE_WAITERS_MAX];
};

#endif
