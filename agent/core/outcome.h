/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How something that was asked of the world ended. */
#ifndef CHB_CORE_OUTCOME_H
#define CHB_CORE_OUTCOME_H

/* UNKNOWN is the honest answer to a time-out or a lost connection: what was asked for may have
 * happened, may happen later, or never. It is never treated as success (R8). */
enum chb_outcome {
    CHB_OUTCOME_DONE,
    CHB_OUTCOME_FAILED,
    CHB_OUTCOME_UNKNOWN,
};

#endif
