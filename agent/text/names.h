/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The short, stable names of the core's enums (for JSON, scripts and the history): lower-case words
 * joined by '-', the enum's name without its prefix. And how a node is called. Pure.
 */
#ifndef CHB_TEXT_NAMES_H
#define CHB_TEXT_NAMES_H

#include <stdint.h>

#include <agent/core/action.h>
#include <agent/core/core.h>
#include <agent/core/event.h>
#include <agent/core/message.h>
#include <agent/core/outcome.h>
#include <agent/core/reason.h>
#include <agent/core/record.h>

/* Each gives a static string; "?" for a value outside of the enum. */
const char *chb_reason_id(enum chb_reason reason);         /* "no-proof-fencing" */
const char *chb_proof_id(enum chb_proof proof);            /* "p2-fenced" */
const char *chb_phase_id(enum chb_phase phase);            /* "going-solo" */
const char *chb_role_id(enum chb_role role);               /* "primary" */
const char *chb_note_id(enum chb_note note);               /* "qemu-died" */
const char *chb_join_id(enum chb_join join);               /* "running" */
const char *chb_record_kind_id(enum chb_record_kind kind); /* "paired" */
const char *chb_sequence_id(enum chb_sequence sequence);   /* "solo-primary" */
const char *chb_outcome_id(enum chb_outcome outcome);      /* "done" */
const char *chb_score_id(enum chb_score score);            /* "best" */
const char *chb_event_id(enum chb_event_kind kind);        /* "qemu-exited" */
const char *chb_action_id(enum chb_action_kind kind);      /* "qemu-start" */
const char *chb_monitor_id(enum chb_monitor monitor);      /* "promoted", as vm-monitor's "ocf" */

/* The parameters of a part, as the user writes them: "cpus or cpu". */
const char *chb_spec_part_text(enum chb_spec_part part);

/* How nodes are called. name: the name of a node id, or NULL when it is not known; borrowed until
 * the next call. */
struct chb_text_names {
    const char *(*name)(void *userdata, uint32_t node);
    void *userdata;
};

#define CHB_TEXT_NODE_SIZE 64

/* The node's name, or "node 3" without one; "another node" for 0. Cut to fit, always terminated.
 * names: may be NULL. Returns ret_text. */
char *chb_text_node(const struct chb_text_names *names, uint32_t node,
                    char ret_text[static CHB_TEXT_NODE_SIZE]);

#endif
