/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that can happen to one VM on one host, as plain data. The shell makes events from
 * sockets, timers and processes; the simulator makes them up; a recording holds them.
 */
#ifndef CHB_CORE_EVENT_H
#define CHB_CORE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include <agent/core/limits.h>
#include <agent/core/message.h>
#include <agent/core/outcome.h>
#include <agent/core/record.h>
#include <agent/core/time.h>

enum chb_event_kind {
    CHB_EVENT_TICK, /* a deadline passed, or nothing but time */

    /* From the shell's own start, in this order: START for a VM that was started before, ADOPTED if
     * there is anything to adopt, LOADED. The core does nothing before LOADED, because only then is
     * it known that no QEMU of an earlier daemon runs. */
    CHB_EVENT_ADOPTED, /* what an earlier daemon left running: u.adopted */
    CHB_EVENT_LOADED,  /* own record read from disk: u.record */

    /* from Pacemaker and operators, each answered with one CHB_ACTION_REPLY for u.command.id */
    CHB_EVENT_START,
    CHB_EVENT_STOP,
    CHB_EVENT_PROMOTE,
    CHB_EVENT_DEMOTE,
    CHB_EVENT_SWITCHOVER,
    CHB_EVENT_PEER_IS_DOWN, /* P3: u.command.node */
    CHB_EVENT_SEED,         /* first start: the data is on this node */
    CHB_EVENT_RESYNC,

    /* Pacemaker has probed, and was answered with chb_core_probe() a moment ago: that is the role
     * that it takes for the commanded one from now on. No reply. */
    CHB_EVENT_PROBED,

    /* from corosync */
    CHB_EVENT_CLUSTER_UP,   /* joined the group; memberships and quorum follow */
    CHB_EVENT_CLUSTER_LOST, /* connection to corosync gone: cut off */
    CHB_EVENT_NODE_UP,      /* agent of u.node.id joined the group */
    CHB_EVENT_NODE_DOWN,    /* its node left the membership */
    CHB_EVENT_AGENT_DOWN,   /* its agent left or died, its node is still a member */
    CHB_EVENT_QUORUM,       /* u.quorate */
    CHB_EVENT_STATE,        /* u.msg, from another node */
    CHB_EVENT_REQUEST,      /* u.request, from another node */
    CHB_EVENT_SILENT,       /* agent of u.node.id sends no heartbeats though it is a member */
    CHB_EVENT_HEARD,        /* ... and is heard again */

    /* from the CIB and the fencer */
    CHB_EVENT_CIB,           /* newest generation that the CIB knows: u.cib */
    CHB_EVENT_FENCING_SETUP, /* u.fencing */
    CHB_EVENT_FENCE_RESULT,  /* answer to CHB_ACTION_FENCE: u.fence */
    CHB_EVENT_FENCE_NOTICE,  /* somebody's fence was carried out: u.fence */

    /* from QEMU and its process */
    CHB_EVENT_QEMU_STARTED, /* answer to CHB_ACTION_QEMU_START: u.result */
    CHB_EVENT_QEMU_EXITED,  /* pidfd readable: u.qemu */
    CHB_EVENT_SEQUENCE,     /* answer to CHB_ACTION_SEQUENCE: u.result */
    CHB_EVENT_PERSISTED,    /* answer to CHB_ACTION_PERSIST: u.result */
    CHB_EVENT_PONG,         /* a monitor answered its ping: u.pong */
    CHB_EVENT_COLO_ENTERED, /* secondary's QEMU says that it is in COLO: u.qemu */
    CHB_EVENT_COLO_EXIT,    /* QEMU left COLO by itself, with an error: u.qemu */
    CHB_EVENT_LINK,         /* what it sends reaches the peer's kernel, or does not: u.link */
    CHB_EVENT_GUEST_OFF,    /* guest switched itself off: u.qemu */
    CHB_EVENT_GUEST_PANIC,
    CHB_EVENT_OVERLAYS_MERGED, /* the solo replica's image is complete by itself: u.qemu */
    CHB_EVENT_DISK_ERROR,
    CHB_EVENT_COPY_FAILED, /* primary's QEMU says that the secondary has missed a write: u.qemu */
    CHB_EVENT_RESOURCE_IS_OFF, /* answer to CHB_ACTION_RESOURCE_OFF: Pacemaker has it on record */

    CHB_EVENT_STALLED, /* this agent itself was late by u.stall: nobody is to blame for it */
    CHB_EVENT_HEALTH,  /* u.health */
    CHB_EVENT_MAX,
};

/* What the resource's configuration tells the core. */
struct chb_settings {
    uint64_t spec_hash;
    uint64_t disk_bytes[CHB_DISKS_MAX]; /* virtual sizes of the images here; 0: absent */
    uint16_t spec_parts[CHB_SPEC_PARTS];
    chb_span hang_timeout; /* CHB_HANG_TIMEOUT_MIN_MS to _MAX_MS */
    uint32_t qemu_version;
    bool require_fencing;
    bool image_present;
    bool restart_guest; /* one that switches itself off is started again */
};

struct chb_event {
    enum chb_event_kind kind;
    chb_time at;
    union {
        struct chb_record record; /* LOADED */
        struct {
            enum chb_role role; /* NONE: no QEMU is left, only `promoted` counts */
            uint64_t qemu;      /* identity: see CHB_ACTION_QEMU_START */
            bool was_secondary; /* it was started as a secondary */
            bool in_colo;       /* QMP says that it is in COLO mode */
            bool promoted;      /* Pacemaker's last command, from the runtime file */
            bool frozen;        /* the process is stopped */
            bool copy_failed;   /* COPY_FAILED was heard since its last join: the runtime file */
        } adopted;
        struct {
            uint32_t id;                  /* answered by CHB_ACTION_REPLY; 0: nobody waits */
            uint32_t node;                /* PEER_IS_DOWN: who; SWITCHOVER: 0 or the wished node */
            chb_span patience;            /* STOP, DEMOTE: for the guest to switch itself off */
            struct chb_settings settings; /* START */
        } command;
        struct {
            uint32_t id;
        } node;
        bool quorate;
        struct {
            uint32_t from;
            uint64_t boot; /* incarnation of the sending agent: for readers, not for the core */
            struct chb_state_msg state;
        } msg;
        struct {
            uint32_t from;
            struct chb_request_msg request;
        } request;
        struct {
            bool known;          /* the CIB could be read */
            uint64_t generation; /* newest that it has for this VM; 0: none */
            uint32_t node;       /* who holds it */
        } cib;
        struct {
            bool configured; /* fencing is enabled and some device is registered */
        } fencing;
        struct {
            uint32_t op; /* FENCE_RESULT: id of the action */
            uint32_t node;
            enum chb_outcome outcome;
            bool by_human; /* manual confirmation */
            /* The fence was complete at this moment or later, by an operation that began after the
             * node was last noted alive; NEVER: not known to be so. */
            chb_time not_before;
        } fence;
        struct {
            uint32_t op;
            enum chb_outcome outcome;
            uint64_t qemu;          /* which QEMU it was about */
            struct chb_ports ports; /* SECONDARY_PREPARE: where it listens */
        } result;
        struct {
            uint64_t qemu;
        } qemu;
        struct {
            uint64_t qemu;
            bool oob; /* which monitor */
        } pong;
        struct {
            uint64_t qemu;
            bool stuck;
        } link;
        chb_span stall;
        uint8_t health;
    } u;
};

#endif
