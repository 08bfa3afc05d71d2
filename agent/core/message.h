/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What agents tell each other about one VM.
 *
 * There are two messages. A state says all that its sender knows and wants, so it may be lost,
 * repeated or late without harm: the newest one replaces the older ones. A request carries an
 * operator's wish to the node that can fulfil it. heartbeat/wire.h gives both their bytes.
 */
#ifndef CHB_CORE_MESSAGE_H
#define CHB_CORE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <agent/core/limits.h>
#include <agent/core/record.h>

/* The phases of a replica. The order is that of a life, not of importance. */
enum chb_phase {
    CHB_PHASE_STOPPED,    /* the resource is not started on this node */
    CHB_PHASE_SPARE,      /* started, no QEMU */
    CHB_PHASE_BOOTING,    /* cold start: record being written, then QEMU being started */
    CHB_PHASE_SOLO,       /* serves alone; may be filling a secondary at the same time */
    CHB_PHASE_FILLING,    /* secondary that is started, prepared and filled */
    CHB_PHASE_PAIRED,     /* in COLO; the role says which side */
    CHB_PHASE_HOLDING,    /* in COLO, peer lost, no proof: silent (R7) */
    CHB_PHASE_GOING_SOLO, /* proof at hand: record being written, then QMP sequence running */
    CHB_PHASE_DYING,      /* SIGKILL sent, pidfd not yet readable */
    CHB_PHASE_MAX,
};

/* Where a join stands, seen from the side that sends the state. */
enum chb_join {
    CHB_JOIN_NONE,
    CHB_JOIN_WANTED,  /* primary: asks join.node to become its secondary */
    CHB_JOIN_READY,   /* secondary: listens on the ports given */
    CHB_JOIN_RUNNING, /* primary: sequence runs */
    CHB_JOIN_FAILED,  /* either: this attempt is over */
    CHB_JOIN_MAX,
};

/* What two hosts may differ in so that they would show the guest different machines
 * (agent/config/spec_hash.c). Only for words: spec_hash decides. */
enum chb_spec_part {
    CHB_SPEC_IDENTITY, /* name, UUID */
    CHB_SPEC_MEMORY,
    CHB_SPEC_CPUS,    /* number, model */
    CHB_SPEC_MACHINE, /* type, accelerator */
    CHB_SPEC_DISKS,
    CHB_SPEC_NICS,
    CHB_SPEC_ARGUMENTS, /* qemu_args */
    CHB_SPEC_RULES,     /* replication_link, ipv6, require_fencing */
    CHB_SPEC_PARTS,
};

struct chb_ports {
    uint16_t nbd;
    uint16_t migration;
    uint16_t mirror[CHB_NICS_MAX];
    uint16_t compare[CHB_NICS_MAX];
};

struct chb_state_msg {
    struct chb_record record; /* as last known to be on disk */

    enum chb_phase phase;
    enum chb_role role;
    uint64_t generation; /* of the running replica; 0 without one */

    /* P1: every QEMU of this VM on this node that belonged to a generation up to this one is dead,
     * seen by the kernel, and none will be started for one of them again. 0: says nothing. */
    uint64_t dead_generation;

    /* Replication of this generation is broken as far as the sender can see. 0: it is not. */
    uint64_t broken_generation;

    enum chb_join join;
    uint32_t join_node; /* the other side of the join */
    uint64_t join_id;   /* chosen by the primary, rising, echoed by the secondary */
    struct chb_ports ports;

    uint64_t disk_bytes[CHB_DISKS_MAX]; /* virtual sizes of the images here; 0: absent */
    uint64_t spec_hash; /* what this node would run: compared before a join, for QEMU does not */
    uint16_t spec_parts[CHB_SPEC_PARTS]; /* a short hash of each part, to name what differs */
    uint32_t qemu_version;               /* major<<16 | minor<<8 | micro; 0 unknown */
    uint8_t health;     /* 0 unusable .. 100 well; with broken_generation: settle.c's fitness */
    bool image_present; /* every disk's image exists here */
    bool seeded;        /* the operator named this node as the one with the data */
    bool oob_alive;     /* QEMU's out-of-band monitor answers in time */
    bool main_alive;    /* QEMU's main loop answers in time */
};

enum chb_request {
    CHB_REQUEST_NONE,
    CHB_REQUEST_SWITCHOVER, /* to the primary's node: let the peer take over */
    CHB_REQUEST_RESYNC,     /* to the secondary's node: break the pair up and be filled again */
    CHB_REQUEST_MAX,
};

struct chb_request_msg {
    enum chb_request request;
    uint32_t node; /* who is meant */
};

#endif
