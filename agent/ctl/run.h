/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a program and keeps what it prints. */
#ifndef CHB_CTL_RUN_H
#define CHB_CTL_RUN_H

#include <stddef.h>

#include <agent/core/time.h>

/*
 * argv: NULL-terminated; argv[0] is looked up in PATH and in /usr/sbin. input: for its standard
 * input; NULL: /dev/null. ret_output: standard output, terminated; what exceeds size is dropped.
 * Standard error is dropped. At the limit the program is killed.
 * Returns its exit status, 128 + signal, or -ENOENT, -ETIMEDOUT and other errnos.
 */
int chb_ctl_run(const char *const *argv, const char *input, chb_span limit, char *ret_output,
                size_t size);

#endif
