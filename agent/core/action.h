/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the core wants done: an ordered, bounded list. The shell carries it out in this order. */
#ifndef CHB_CORE_ACTION_H
#define CHB_CORE_ACTION_H

#include <stdbool.h>
#include <stdint.h>

#include <agent/core/limits.h>
#include <agent/core/message.h>
#include <agent/core/reason.h>
#include <agent/core/record.h>

enum chb_action_kind {
    CHB_ACTION_SEND_STATE,     /* broadcast u.state to every agent (and to ourselves) */
    CHB_ACTION_SEND_REQUEST,   /* u.request */
    CHB_ACTION_PERSIST,        /* write u.persist.record, answer with PERSISTED */
    CHB_ACTION_CIB_RECORD,     /* tell the cluster, after the fact: u.persist.record, no answer */
    CHB_ACTION_QEMU_START,     /* start QEMU in u.qemu.role, answer with QEMU_STARTED */
    CHB_ACTION_QEMU_KILL,      /* SIGKILL; QEMU_EXITED follows */
    CHB_ACTION_QEMU_FREEZE,    /* SIGSTOP (R7) */
    CHB_ACTION_QEMU_THAW,      /* SIGCONT */
    CHB_ACTION_SEQUENCE,       /* run a QMP sequence, answer with SEQUENCE */
    CHB_ACTION_SEQUENCE_ABORT, /* stop the one that runs; no answer for it any more */
    CHB_ACTION_FENCE,          /* ask Pacemaker's fencer, answer with FENCE_RESULT */
    CHB_ACTION_SCORE,          /* promotion score of this node */
    CHB_ACTION_REPLY,          /* answer to a command */
    CHB_ACTION_NOTE,           /* something worth telling: log, history, timeline, attribute */
    CHB_ACTION_RESOURCE_OFF,   /* the guest is off by its own will: tell Pacemaker */
    CHB_ACTION_MAX,
};

enum chb_sequence {
    CHB_SEQUENCE_NONE,
    CHB_SEQUENCE_SECONDARY_PREPARE,
    CHB_SEQUENCE_JOIN,
    CHB_SEQUENCE_JOIN_ABORT, /* back to serving alone, as before the join */
    CHB_SEQUENCE_SOLO_PRIMARY,
    CHB_SEQUENCE_SOLO_SECONDARY,
    CHB_SEQUENCE_POWERDOWN, /* asks the guest to switch itself off */
    CHB_SEQUENCE_MAX,
};

enum chb_note {
    CHB_NOTE_PHASE,        /* arg: old phase; value: new phase */
    CHB_NOTE_QEMU_DIED,    /* pidfd seen; value: generation */
    CHB_NOTE_PEER_DIED,    /* P1 received; node, value: generation */
    CHB_NOTE_PEER_LOST,    /* membership lost; node */
    CHB_NOTE_AGENT_LOST,   /* peer's agent gone; node */
    CHB_NOTE_FENCE_ASKED,  /* node */
    CHB_NOTE_FENCED,       /* node */
    CHB_NOTE_FENCE_FAILED, /* node, value: tries */
    CHB_NOTE_PROVEN,       /* node, arg: enum chb_proof */
    CHB_NOTE_DECIDED,      /* value: new generation */
    CHB_NOTE_RECORDED,     /* value: generation on disk */
    CHB_NOTE_SOLO,         /* serves alone; value: generation */
    CHB_NOTE_HOLDING,      /* silent; arg: enum chb_reason, node */
    CHB_NOTE_RELEASED,     /* holding ended without a failover: peer is back */
    CHB_NOTE_HANG,         /* own QEMU killed because it did not answer; value: ms silent */
    CHB_NOTE_JOIN_STARTED, /* node: the one that is filled */
    CHB_NOTE_JOIN_FAILED,  /* node: the one that was filled; arg: enum chb_reason */
    CHB_NOTE_PAIRED,       /* node, value: generation */
    CHB_NOTE_SWITCHOVER,   /* node */
    CHB_NOTE_LOST_LINE, /* own replica is of a lost line and is killed; node: who has the newer */
    CHB_NOTE_STALLED,   /* value: ms */
    CHB_NOTE_GUEST_OFF,
    CHB_NOTE_BROKEN, /* replication broken, being settled; arg: chb_fitness(); value: generation */
    CHB_NOTE_UNFIT,  /* own replica gives way; node: the fitter one; arg: enum chb_role, own */
    CHB_NOTE_MAX,
};

/* SCORE: one of these, so that no arithmetic can make the wrong one the highest. */
enum chb_score {
    CHB_SCORE_NEVER,     /* -INFINITY: no true copy here */
    CHB_SCORE_SECONDARY, /* true copy, the peer serves */
    CHB_SCORE_BEST,      /* serves, or is the copy to be started */
    CHB_SCORE_MAX,
};

struct chb_action {
    enum chb_action_kind kind;
    union {
        struct chb_state_msg state;
        struct chb_request_msg request;
        struct {
            uint32_t op;
            struct chb_record record;
        } persist;
        struct {
            uint32_t op;
            enum chb_role role;
            uint64_t qemu; /* identity of this QEMU: chosen by the core, unique per host boot */
            bool merge_overlays;                /* START of a primary: complete the image first */
            uint64_t disk_bytes[CHB_DISKS_MAX]; /* START of a secondary: sizes of absent images */
        } qemu;
        struct {
            uint32_t op;
            enum chb_sequence sequence;
            uint32_t peer;          /* node at the other end */
            bool yank;              /* peer cannot be reached: yank first */
            bool was_secondary;     /* this QEMU has a rewriter */
            struct chb_ports ports; /* JOIN: where the peer listens */
        } sequence;
        struct {
            uint32_t op;
            uint32_t node;
        } fence;
        enum chb_score score;
        struct {
            uint32_t id;
            bool ok;
            enum chb_reason reason;
            uint32_t node;
        } reply;
        struct {
            enum chb_note note;
            uint32_t node;
            uint32_t arg;
            uint64_t value;
        } note;
    } u;
};

struct chb_actions {
    uint32_t count;
    struct chb_action list[CHB_ACTIONS_MAX];
};

#endif
