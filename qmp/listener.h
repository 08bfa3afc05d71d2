/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TCP socket that listens already when it is given to somebody else. */
#ifndef CHB_QMP_LISTENER_H
#define CHB_QMP_LISTENER_H

#include <stdint.h>

/* @address: numeric, IPv4 or IPv6. @port: 0 lets the kernel choose.
 * @ret_port: what it is. @ret_fd: owned by the caller.
 * Returns 0; -EINVAL for an address that is none; -EADDRINUSE, -EADDRNOTAVAIL and other errors of
 * bind(2). */
int chb_listen_tcp(const char *address, uint16_t port, uint16_t *ret_port, int *ret_fd);

#endif
