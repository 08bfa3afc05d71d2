/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is there: from corosync's two kinds of membership to changes that mean something.
 *
 * CPG's memberships say which processes are in the group, totem's which nodes are in the ring. Both
 * are needed: an agent that died before its node did is not in the group when the node is lost, so
 * only the ring tells. The state is plain data; all functions are pure. Private to this folder.
 *
 * Source: corosync 3.1.7 exec/cpg.c: those who left are told first, then those who joined, then the
 * ring (cpg_sync_activate); a process that joins is told its group, then the ring.
 */
#ifndef CHB_HEARTBEAT_MEMBERS_H
#define CHB_HEARTBEAT_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <agent/core/limits.h>

/* A process of the group, as corosync names it. */
struct chb_member_process {
    uint32_t node;
    uint32_t pid;
    bool node_lost; /* of one that left: its node left with it */
};

enum chb_members_change_kind {
    CHB_MEMBERS_SELF_IN,    /* we are in the group; those who were there before follow */
    CHB_MEMBERS_SELF_OUT,   /* we were put out of it */
    CHB_MEMBERS_NODE_UP,    /* an agent joined */
    CHB_MEMBERS_NODE_DOWN,  /* a node left the ring */
    CHB_MEMBERS_AGENT_DOWN, /* an agent left, its node did not */
};

struct chb_members_change {
    enum chb_members_change_kind kind;
    uint32_t node;
};

/* One membership can change each node three times (an old agent leaves, its node too, a new agent
 * joins), and ourselves once. */
#define CHB_MEMBERS_CHANGES_MAX (3 * CHB_NODES_MAX + 1)

struct chb_members_changes {
    uint32_t count;
    struct chb_members_change list[CHB_MEMBERS_CHANGES_MAX];
};

struct chb_members_entry {
    uint32_t node; /* 0: unused */
    bool in_ring;
    uint32_t pid; /* of its agent; 0: not in the group */
};

struct chb_members {
    uint32_t self;
    uint32_t self_pid;
    bool joined;
    bool overflow; /* more nodes than CHB_NODES_MAX: the rest is not seen */
    struct chb_members_entry list[CHB_NODES_MAX];
};

/* Nobody is there, not even we. `self` and `self_pid` are not 0. */
void chb_members_init(struct chb_members *ret_members, uint32_t self, uint32_t self_pid);

/*
 * A membership of the group was delivered: everybody in it, who left, who joined.
 * `ret_changes` is overwritten, in the order in which it is to be told.
 */
void chb_members_group(struct chb_members *members, const struct chb_member_process *present,
                       size_t n_present, const struct chb_member_process *left, size_t n_left,
                       const struct chb_member_process *joined, size_t n_joined,
                       struct chb_members_changes *ret_changes);

/* A membership of the ring was delivered. As above. */
void chb_members_ring(struct chb_members *members, const uint32_t *nodes, size_t n_nodes,
                      struct chb_members_changes *ret_changes);

/* Is this process the agent of its node, as the last membership says? */
bool chb_members_is_agent(const struct chb_members *members, uint32_t node, uint32_t pid);

#endif
