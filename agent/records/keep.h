/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of recordings that are kept: a bounded number for each VM. Blocks: for the servant. */
#ifndef CHB_RECORDS_KEEP_H
#define CHB_RECORDS_KEEP_H

#define CHB_KEPT_MAX 8 /* files for each VM; then the oldest goes */

/* Copies @source to recordings/@name/@file below @dir_fd, as a whole or not at all, and removes the
 * oldest beyond CHB_KEPT_MAX. The order of age is that of the names. @name and @file hold no slash.
 * Returns 0; errors of open, read, write, fsync, rename. */
int chb_keep_copy(int dir_fd, const char *name, const char *source, const char *file);

#endif
