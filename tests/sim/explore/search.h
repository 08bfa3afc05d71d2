/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All interleavings, breadth first: so the first violation that is found has a shortest path.
 *
 * Of a state only its key, its parent and the choice that led to it are kept; the world itself is
 * made again by taking the choices of its path.
 */
#ifndef CHB_SIM_EXPLORE_SEARCH_H
#define CHB_SIM_EXPLORE_SEARCH_H

#include <tests/sim/explore/choice.h>

#define CHB_X_DEPTH_MAX 200
#define CHB_X_ASSERT "assert" /* the rule that a trap in the core breaks */
#define CHB_X_ASSERT_TEXT "the core has stopped itself"

struct chb_x_limits {
    uint32_t depth;  /* choices, at most CHB_X_DEPTH_MAX */
    uint32_t states; /* kept */
    uint32_t faults; /* of each path */
    uint32_t
        sample; /* the calm is tried from the first states, and from one in so many; 0: never */
};

struct chb_x_report {
    uint64_t states;
    uint64_t transitions;
    uint32_t depth;      /* every state up to this many choices was looked at */
    bool exhausted;      /* ... and there are no others with so many faults */
    bool full;           /* stopped because of the limit of states */
    bool no_memory;      /* stopped because there is no more */
    uint64_t last_level; /* states at that depth */
    uint64_t with_two;   /* states first reached with two faults or more */
    uint64_t with_heal;  /* ... of them, with something that came back */
    uint64_t solo;       /* states in which a replica serves alone after a fault */
    uint64_t calms;
    uint64_t asked; /* of the calms, those that needed a person's word */
    uint64_t overflows;
    uint64_t bytes;
    double seconds;
    bool violated;
    const char *rule;
    char text[CHB_X_TEXT];
};

/* Everything that may follow `root`. Prints the story of a violation. True if none was found. False
 * with `violated` unset: `no_memory`. */
bool chb_x_search(const struct chb_x_world *root, const struct chb_x_limits *limits,
                  struct chb_x_report *ret_report);

#endif
