/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A production daemon's recording, walked through with the same core. */
#ifndef CHB_SIM_RECORDING_H
#define CHB_SIM_RECORDING_H

#include <stdbool.h>

#include <agent/core/core.h>

/*
 * The judge of one core: the rules that can be seen from what one host is told and does. It shares
 * no code with the core. What was before the recording it takes from its first state.
 */
struct chb_recording_judge {
    struct chb_record disk;    /* on this host's disk, as far as was answered */
    struct chb_record writing; /* with write_op */
    uint32_t write_op;
    uint32_t solo_op; /* the sequence that goes solo */
    uint32_t start_op;
    uint32_t last_op;
    uint64_t qemu; /* runs, or may run; 0: none */
    bool killed;
    bool frozen;
    bool paired_primary;   /* before the step */
    bool fence_not_needed; /* require_fencing=false */
    bool peer_dead;        /* P1 for the generation on disk */
    bool peer_off;         /* P2, P3: since the peer was last up */
    unsigned spins;        /* steps after which the deadline was in the past */
    char broken[200];      /* what is wrong, or "" */
};

void chb_recording_judge_begin(struct chb_recording_judge *judge, const struct chb_core *core);

/* After each step. @core: after it. Returns whether all is well; else `broken` says what is not. */
bool chb_recording_judge_step(struct chb_recording_judge *judge, const struct chb_event *event,
                              const struct chb_actions *actions, const struct chb_core *core);

/* The whole of `colo-sim replay --recording FILE`. @quiet: says something only if all is not well.
 * Returns the exit code. */
int chb_recording_replay(const char *path, bool trace, bool quiet);

#endif
