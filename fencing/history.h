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
 * An operation that was under way when the node was noted alive is of the past even if it ends
 * later: its device may have cut the power before the node came back, and only now say so. It
 * counts as one that was there before. See chb_history_stale().
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
/* Clients with operations against one node under way. More than a few are an odd cluster. */
#define CHB_HISTORY_ASKERS_MAX 16

struct chb_history_kind {
    uint64_t digest;   /* of action, executioner, origin and client */
    uint64_t asker;    /* of origin and client alone */
    uint32_t count;    /* completed entries of this kind */
    int64_t newest_ns; /* completion of the newest */
    bool manual;
};

/* Who has operations under way. Their action is no matter: the fencer shows an "off" or "on" for a
 * reboot that it does in two steps. */
struct chb_history_asker {
    uint64_t digest; /* of origin and client */
    uint32_t count;  /* operations under way */
    bool may_end;    /* the asking node is there; else nobody will ever finish them */
};

/* One node's history as the fencer told it, condensed. All zeros is an empty history. */
struct chb_history {
    size_t count;
    size_t askers_count;
    bool overflowed; /* there were more kinds: nothing can be proved with this history */
    bool crowded;    /* there were more askers: anything may be under way */
    struct chb_history_kind kinds[CHB_HISTORY_KINDS_MAX];
    struct chb_history_asker askers[CHB_HISTORY_ASKERS_MAX];
};

/*
 * Adds one SAY_ENTRY. Entries that failed or that do not cut the power count for nothing.
 * asker_is_there: the node that asked is a member of the cluster. The fencer finishes no operation
 * whose asking node is gone (fenced_remote.c, merge_duplicates(): "originator is dead").
 */
void chb_history_add(struct chb_history *history, const struct chb_fencing_message *entry,
                     bool asker_is_there);

/* Whether any operation is under way that may still end. */
bool chb_history_is_pending(const struct chb_history *history);

/*
 * Whether operations that were under way in `before` may be under way still in `now`. As long as
 * they are, no success can be told from theirs: the fencer gives the result of an operation to
 * every identical request that came while it was under way (merge_duplicates()).
 */
bool chb_history_stale(const struct chb_history *now, const struct chb_history *before);

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
