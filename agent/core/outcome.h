/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How something that the shell was asked to do ended. Three ways, never two (R8). */
#ifndef CHB_CORE_OUTCOME_H
#define CHB_CORE_OUTCOME_H

enum chb_outcome {
    CHB_OUTCOME_DONE,
    CHB_OUTCOME_FAILED,
    CHB_OUTCOME_UNKNOWN, /* it may have worked: a time-out, a lost answer */
    CHB_OUTCOME_MAX,
};

#endif
