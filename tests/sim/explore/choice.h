/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may happen next. Every order of these is an interleaving.
 *
 * Three kinds: what goes on by itself, what comes back (network, power, agents), and faults, which
 * are counted. A choice is three bytes, so that a path is short.
 */
#ifndef CHB_SIM_EXPLORE_CHOICE_H
#define CHB_SIM_EXPLORE_CHOICE_H

#include <stddef.h>

#include <tests/sim/explore/world.h>

#define CHB_X_CHOICES_MAX 96

enum chb_x_kind {
    /* by itself */
    CHB_X_DELIVER,     /* next event or message from corosync */
    CHB_X_QUORUM,      /* news of quorum, by a way of its own */
    CHB_X_WRITTEN,     /* record is on the disk, and the agent hears of it */
    CHB_X_EXIT_SEEN,   /* pidfd */
    CHB_X_KILLED,      /* SIGKILL has worked */
    CHB_X_STARTED,     /* QEMU runs */
    CHB_X_START_HEARD, /* ... and the agent hears of it */
    CHB_X_RUN_EFFECT,  /* the sequence has done its deed */
    CHB_X_RUN_END,     /* ... and the agent hears of it; or of a failure that must be */
    CHB_X_RUN_STUCK,   /* it moves no more, and ends as unknown */
    CHB_X_ENTER,       /* QEMU goes into COLO */
    CHB_X_GIVE_UP,     /* secondary that nobody fills any more ends */
    CHB_X_BREAK,       /* QEMU leaves COLO with an error */
    CHB_X_MERGED,      /* overlays are merged */
    CHB_X_TICK,        /* the next deadline passes */
    CHB_X_FENCE_ACT,   /* the fencer switches the other host off */
    CHB_X_FENCE_HEARD, /* ... and the agent hears of it */
    CHB_X_START,       /* Pacemaker starts the resource */
    CHB_X_PROMOTE,     /* Pacemaker promotes */
    CHB_X_PCMK_FENCE,  /* Pacemaker wants the lost node fenced */
    /* comes back */
    CHB_X_HEAL,
    CHB_X_REPL_HEAL,
    CHB_X_POWER_ON,
    CHB_X_AGENT_ON,
    CHB_X_COROSYNC_ON,
    CHB_X_HEARD,   /* a silent agent is heard again */
    CHB_X_GOES_ON, /* a hung QEMU */
    /* faults */
    CHB_X_DIES,
    CHB_X_HANGS,
    CHB_X_POWER_OFF, /* variant: fate of a write, and 4: what it had sent is lost */
    CHB_X_AGENT_OFF, /* variant: fate of a write */
    CHB_X_COROSYNC_OFF,
    CHB_X_CUT, /* variant: bit for each node: messages to it are lost */
    CHB_X_REPL_CUT,
    CHB_X_SILENT,
    CHB_X_WRITE_FAILS,   /* variant: fate */
    CHB_X_START_FAILS,   /* variant 0: dies, 1: lives on half dead, 2: runs and is not known to */
    CHB_X_RUN_FAILS,     /* variant 0: without effect, 1: with it */
    CHB_X_FENCE_FAILS,   /* variant 0: failed, 1: unknown, 2: unknown and yet the node is off */
    CHB_X_DEMOTE,        /* Pacemaker, or an operator who wants the other side to serve */
    CHB_X_OPERATOR_DOWN, /* P3, and true */
    CHB_X_KIND_MAX,
};

struct chb_x_choice {
    uint8_t kind;
    uint8_t node;
    uint8_t variant;
};

struct chb_x_choices {
    uint32_t count;
    struct chb_x_choice list[CHB_X_CHOICES_MAX];
};

static inline bool chb_x_is_fault(uint8_t kind)
{
    return kind >= CHB_X_DIES;
}

static inline bool chb_x_is_heal(uint8_t kind)
{
    return kind >= CHB_X_HEAL && kind < CHB_X_DIES;
}

/* Everything that may happen next; faults only if `faults`. */
void chb_x_list(const struct chb_x_world *world, bool faults, struct chb_x_choices *ret_choices);

/* Makes it happen, and has it judged. The choice must be of the list. */
void chb_x_take(struct chb_x_world *world, struct chb_x_choice choice);

/* In words. */
void chb_x_choice_text(struct chb_x_choice choice, char *ret_text, size_t size);

/* Everything that can goes on, in turn, without faults. With `back`: and what is missing comes back
 * first, and the end is when nothing is left to do but to wait, and `done` says so; without: as
 * soon as `done` says so. */
bool chb_x_go_on(struct chb_x_world *world, bool back, bool (*done)(const struct chb_x_world *),
                 int64_t *ret_passed_ns);

/* All faults are over, everything comes back and is delivered in turn (R10). True if in the end the
 * VM is a pair, if need be after a question to a person, who knows where the data is. */
bool chb_x_calm(struct chb_x_world *world);

#endif
