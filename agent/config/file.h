/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a small file whole. Private to agent/config. */
#ifndef CHB_CONFIG_FILE_H
#define CHB_CONFIG_FILE_H

#include <stddef.h>

/*
 * Reads a regular file of at most size_max bytes. It cannot block: a pipe or device is refused.
 * ret_text: to be freed, terminated with a NUL that ret_size does not count. Contents may hold
 * NULs. Returns 0, -EFBIG, -EINVAL for what is no regular file, -ENOMEM, and errors of open(2) and
 * read(2).
 */
int chb_read_file(const char *path, size_t size_max, char **ret_text, size_t *ret_size);

#endif
