/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thing that goes wrong, as plain data: what chance has chosen can be struck again. */
#ifndef CHB_SIM_FAULT_H
#define CHB_SIM_FAULT_H

#include <stdint.h>

#define CHB_SIM_FAULTS_MAX 2048

/* One thing that goes wrong. */
struct chb_sim_fault {
    int64_t at_ns;
    int64_t ms;    /* how long it lasts; 0: as its seed says */
    uint64_t seed; /* of all that it leaves to chance */
    uint32_t kind; /* index into the table of faults.c */
    uint32_t node;
    uint32_t vm;
};

struct chb_sim_faults {
    uint32_t n; /* more than CHB_SIM_FAULTS_MAX: the last ones were not kept */
    struct chb_sim_fault list[CHB_SIM_FAULTS_MAX];
};

#endif
