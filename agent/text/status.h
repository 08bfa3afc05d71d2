/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one-line status of a replica: node attribute (crm_mon -A), `coloctl status`, exit reasons of
 * the monitor. Pure.
 *
 *   primary, in sync with n2, generation 7
 *   holding: peer n1 lost, waiting for fencing (2 tries failed)
 *   solo, generation 8, filling n1: 43 %
 *   solo, generation 8, no peer: n1 is not in the cluster
 *   secondary, in sync with n1, generation 7, no fencing is configured
 */
#ifndef CHB_TEXT_STATUS_H
#define CHB_TEXT_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <agent/core/core.h>
#include <agent/core/message.h>
#include <agent/text/reason.h>

#define CHB_TEXT_LINE_SIZE 256 /* a status line with its NUL */

/* Why a replica that serves alone has no peer. */
enum chb_lonely {
    CHB_LONELY_UNKNOWN,    /* nothing to say */
    CHB_LONELY_NOBODY,     /* no other node in the cluster's list */
    CHB_LONELY_NODE_DOWN,  /* .lonely_node is not in the cluster */
    CHB_LONELY_AGENT_DOWN, /* colo-hbd on it does not run */
    CHB_LONELY_SILENT,     /* ... or does not answer */
    CHB_LONELY_FOREIGN,    /* ... for it speaks another protocol; not from the core */
    CHB_LONELY_STOPPED,    /* the resource is not started there */
    CHB_LONELY_SPEC,       /* would run another machine: parameters differ */
    CHB_LONELY_VERSION,    /* has another QEMU version */
    CHB_LONELY_SIZE,       /* its image of a disk has another size */
    CHB_LONELY_UNHEALTHY,  /* says that it is unfit */
    CHB_LONELY_FAILED,     /* joins with it failed; tried again by itself */
    CHB_LONELY_SOON,       /* about to be joined */
    CHB_LONELY_MAX,
};

/* What a status line is made of. */
struct chb_text_status {
    enum chb_phase phase;
    enum chb_role role;
    uint64_t generation;
    uint32_t peer;
    bool joining; /* phase SOLO: filling `peer` */
    int percent;  /* FILLING, or joining: 0 to 100; -1: not known */
    bool guest_off;
    bool broken;            /* PAIRED: replication is broken as far as this side can see */
    bool peer_silent;       /* PAIRED: colo-hbd of the peer does not answer */
    bool peer_foreign;      /* ... for it speaks another protocol; not from the core */
    bool no_fencing;        /* PAIRED: no fencing is configured, so a lost host means silence */
    enum chb_proof proof;   /* phase SOLO: UNSAFE and P3 are shown */
    enum chb_reason reason; /* HOLDING, SPARE: why it does not go on; OK: not known */
    enum chb_lonely lonely; /* phase SOLO without joining */
    uint32_t lonely_node;
    uint32_t lonely_failures;
    /* SPEC: bit per enum chb_spec_part that differs; SIZE: bit per disk */
    uint32_t lonely_parts;
    struct chb_text_about about; /* for reason */
};

/* The local replica. verdict: the gate's, chb_gate(core), or NULL. percent: -1 if not known. vm is
 * borrowed, may be NULL. */
void chb_text_status_of_core(const struct chb_core *core, const struct chb_verdict *verdict,
                             const char *vm, int percent, struct chb_text_status *ret_status);

/* A replica of another node, as that node's agent tells. */
void chb_text_status_of_state(const struct chb_state_msg *state, uint32_t node,
                              struct chb_text_status *ret_status);

/* The line. At most size bytes, always terminated; returns ret_text. */
char *chb_text_status_line(const struct chb_text_status *status, const struct chb_text_names *names,
                           char *ret_text, size_t size);

#endif
