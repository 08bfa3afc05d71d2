/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why something may not, or may, be done. One list for the gate, the log, `explain`, the exit
 * reason and the node attribute; agent/text/reason.c gives each its words.
 */
#ifndef CHB_CORE_REASON_H
#define CHB_CORE_REASON_H

#include <stdbool.h>
#include <stdint.h>

enum chb_proof {
    CHB_PROOF_NONE,
    CHB_PROOF_P1_DEATH_SEEN, /* the peer's agent saw its QEMU die */
    CHB_PROOF_P2_FENCED,     /* the fencer confirms that the peer's node is off */
    CHB_PROOF_P3_OPERATOR,   /* the operator says so by name */
    CHB_PROOF_UNSAFE,        /* require_fencing=false: the operator's signature under R1 and R2 */
    CHB_PROOF_RECORD,        /* cold start: the records say that this copy is the newest */
    CHB_PROOF_MAX,
};

enum chb_reason {
    CHB_REASON_OK,
    /* why a replica may not go solo or be started */
    CHB_REASON_NOT_STARTED, /* the resource is not started here */
    CHB_REASON_NO_REPLICA,  /* spare: no copy here */
    CHB_REASON_ALREADY_SERVING,
    CHB_REASON_FILLING,               /* copy is being filled (R4) */
    CHB_REASON_PEER_ALIVE,            /* pair is whole: nothing to take over */
    CHB_REASON_NO_PROOF_FENCING,      /* peer's node lost, fencing asked for and awaited */
    CHB_REASON_NO_PROOF_FENCE_FAILED, /* ... and has failed so far */
    CHB_REASON_NO_PROOF_NO_QUORUM,    /* ... and cannot be asked for without quorum */
    CHB_REASON_NO_PROOF_NO_FENCING,   /* fencing is not configured: P2 can never come */
    CHB_REASON_NO_PROOF_AGENT,        /* peer's agent is silent or gone, its node is not */
    CHB_REASON_NO_PROOF_SETTLING,     /* replication broken, both agents alive: being settled */
    CHB_REASON_LINK_STUCK,            /* what the guest gets does not reach the peer, which lives */
    CHB_REASON_CLUSTER_LOST,          /* own connection to corosync lost */
    CHB_REASON_RECORD_PENDING,        /* record of the new generation is not yet on disk (R5) */
    CHB_REASON_RECORD_FAILED,         /* ... and could not be written */
    CHB_REASON_RECORD_UNKNOWN,        /* own record is torn or missing: do not know (R5) */
    CHB_REASON_PEER_RECORD_NEEDED, /* paired record: the peer may have gone on; waits for .node */
    CHB_REASON_NEWER_ELSEWHERE,    /* .node has a newer generation */
    CHB_REASON_SERVED_ELSEWHERE,   /* .node serves */
    CHB_REASON_WAS_SECONDARY,      /* both copies are down; .node was primary and goes first */
    CHB_REASON_FIRST_START_NODES, /* first start: waits to hear from every node; .node is missing */
    CHB_REASON_FIRST_START_ASK,   /* first start: several nodes have an image, or none: ask */
    CHB_REASON_FIRST_START_OTHER, /* first start: .node is the one with the data */
    CHB_REASON_DIVERGED,          /* same generation, other author: two histories; ask */
    CHB_REASON_DYING,             /* the old QEMU is not yet gone (R6) */
    CHB_REASON_QEMU_FAILED,       /* QEMU could not be started or did not go solo; shell has text */
    CHB_REASON_GUEST_OFF,         /* the guest switched itself off */
    CHB_REASON_MAX,
};

/* What the gate answers: agent/core/gate.h. */
struct chb_verdict {
    bool allowed;
    enum chb_proof proof;   /* with allowed: what it rests on */
    enum chb_reason reason; /* without: why not */
    uint32_t node;          /* the node that the reason or the proof is about; 0: none */
};

#endif
