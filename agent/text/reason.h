/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words for why something may or may not be done. One function per thing said, so that `explain`,
 * the log, the exit reason and the node attribute say it in the same words. Pure.
 *
 * All texts are one line of printable text without a final stop. Every function writes at most
 * @size bytes, always terminates (size at least 1), and returns ret_text.
 */
#ifndef CHB_TEXT_REASON_H
#define CHB_TEXT_REASON_H

#include <stddef.h>
#include <stdint.h>

#include <agent/core/core.h>
#include <agent/core/reason.h>
#include <agent/text/names.h>

#define CHB_TEXT_SIZE 384 /* enough for every text here, with names of ordinary length */

/* What a reason needs besides itself; zero or NULL where it is not known. */
struct chb_text_about {
    const char *vm;       /* for commands in remedies */
    uint32_t self;        /* this node */
    uint32_t node;        /* the node that it is about */
    uint32_t fence_tries; /* failed, since the loss */
    const char *detail;   /* what the shell knows more, for example QEMU's own error text */
};

/* Fills in what the core knows. vm and the verdict may be NULL; vm is borrowed. */
void chb_text_about_core(const struct chb_core *core, const struct chb_verdict *verdict,
                         const char *vm, struct chb_text_about *ret_about);

/* Why not: "peer n1 lost, waiting for fencing (2 tries failed)". For OK: "nothing is in the way".
 */
char *chb_text_reason(enum chb_reason reason, const struct chb_text_about *about,
                      const struct chb_text_names *names, char *ret_text, size_t size);

/* What a person can do about it: "repair the fence device of n1; if n1 is off for certain:
 * coloctl failover colo-vm --peer-is-down n1". "" when there is nothing to be done but wait. */
char *chb_text_remedy(enum chb_reason reason, const struct chb_text_about *about,
                      const struct chb_text_names *names, char *ret_text, size_t size);

/* Reason, and after a colon and a space what to do, if anything: exit reasons, refused commands. */
char *chb_text_reason_and_remedy(enum chb_reason reason, const struct chb_text_about *about,
                                 const struct chb_text_names *names, char *ret_text, size_t size);

/* What the right to serve rests on: "the fencer confirms that n1 is off (P2)". "" for NONE. */
char *chb_text_proof(enum chb_proof proof, const struct chb_text_about *about,
                     const struct chb_text_names *names, char *ret_text, size_t size);

/* The gate's answer: "may serve: the agent of n1 saw its QEMU die (P1)" or "may not serve: …". */
char *chb_text_verdict(const struct chb_verdict *verdict, const struct chb_text_about *about,
                       const struct chb_text_names *names, char *ret_text, size_t size);

#endif
