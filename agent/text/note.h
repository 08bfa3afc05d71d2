/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words for what the core finds worth telling (CHB_ACTION_NOTE): the log, the history, events.
 * Pure. */
#ifndef CHB_TEXT_NOTE_H
#define CHB_TEXT_NOTE_H

#include <stddef.h>
#include <stdint.h>

#include <agent/core/action.h>
#include <agent/text/reason.h>

/*
 * One line: "QEMU died (generation 7)", "phase paired -> holding".
 * node, arg, value: as the action has them. about: for the reasons that some notes carry (node is
 * taken from the argument, not from here); may be NULL. Bounds as in agent/text/reason.h.
 */
char *chb_text_note(enum chb_note note, uint32_t node, uint32_t arg, uint64_t value,
                    const struct chb_text_about *about, const struct chb_text_names *names,
                    char *ret_text, size_t size);

/* How loud a note is: a syslog level, LOG_ERR to LOG_DEBUG. */
int chb_note_level(enum chb_note note);

/* Name of the step that a note is in a failover's time ledger ("noticed", "proven", "decided",
 * "recorded", "vm-running"), or NULL when it is none. */
const char *chb_note_step(enum chb_note note);

#endif
