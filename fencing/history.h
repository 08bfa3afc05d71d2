/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Judges the fencer's history of one node: does it prove a fence after a moment?
 *
 * The history is weak evidence. Each node's fencer stamps an operation with its own wall clock when
 * it hears of its end, and after a restart takes the entries, stamps included, from other nodes;
 * the id of the operation is not in the library's interface. So an entry counts only if it is later
 * than the moment *and* there are more entries like it (same action, executioner, origin and
 * client, whatever their times) than when the node was last noted alive. Both conditions err
 * towards "no".
 *
 * What remains: an entry of the past that this fencer learns of only after the node was noted
 * alive, stamped by a host whose clock is ahead by more than the time since that fence. Keep clocks
 * in step.
 *
 * Pure: no IO, no clock. Memory is bounded and inside of the structs.
 */
#ifndef CHB_FENCING_HISTORY_H
#define CHB_FENCING_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <agent/core/outcome.h>
#include <fencing/message.h>

/* Kinds of entries of one node. The fencer keeps 500 entries for the whole cluster. */
#define CHB_HISTORY_KINDS_MAX 64

struct chb_history_kind {
    uint64_t digest;   /* of action, executioner, origin and client */
    uint32_t count;    /* completed entries of this kind */
    int64_t newest_ns; /* completion of the newest */
    bool manual;
};

/* One node's history as the fencer told it, condensed. All zeros is an empty history. */
struct chb_history {
    size_t count;
    bool overflowed; /* there were more kinds: nothing can be proved with this history */
    bool pending;    /* a fence is under way */
    struct chb_history_kind kinds[CHB_HISTORY_KINDS_MAX];
};

/* Adds one SAY_ENTRY. Entries that failed or that do not cut the power count for nothing. */
void chb_history_add(struct chb_history *history, const struct chb_fencing_message *entry);

struct chb_history_finding {
    enum chb_outcome outcome; /* as in struct chb_fence_verdict */
    int64_t completed_ns;     /* DONE: wall clock */
    bool manual;
    const char *reason; /* static, for people */
};

/*
 * now: what the fencer says. before: what it said when the node was last noted alive; NULL if that
 * was never. since_ns: wall clock, the latest that the moment can have been. now_ns: wall clock.
 */
void chb_history_judge(const struct chb_history *now, const struct chb_history *before,
                       int64_t since_ns, int64_t now_ns, struct chb_history_finding *ret);

#endif
