/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a QEMU binary can run a COLO pair. */
#ifndef CHB_CTL_DOCTOR_QEMU_H
#define CHB_CTL_DOCTOR_QEMU_H

#include <stddef.h>

/*
 * Starts it without a machine, asks for its version and schema over QMP, and ends it (10 s at
 * most). ret_version: "7.2.22", or "" when it did not say. ret_reason: what is missing and what to
 * do. Returns 0, or a negative errno with ret_reason.
 */
int chb_doctor_qemu(const char *binary, char *ret_version, size_t version_size, char *ret_reason,
                    size_t reason_size);

/*
 * Only asks for the version, which takes no longer than starting a program. A version that cannot
 * run COLO: -EOPNOTSUPP with ret_reason. Returns 0 for any other answer, none included: what the
 * daemon needs to know beyond that it asks itself.
 */
int chb_doctor_qemu_version(const char *binary, char *ret_reason, size_t reason_size);

#endif
