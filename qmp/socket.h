/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP sockets that are made here and used by QEMU.
 *
 * All have TCP_NODELAY: QEMU never sets it on its migration and NBD sockets, and with Nagle's
 * algorithm and delayed acknowledgements a checkpoint's pause was 43 ms instead of 6, the first
 * copy of an empty disk 230 ms instead of 12. None blocks here; a dead peer never blocks QEMU's
 * main loop in connect() either.
 */
#ifndef CHB_QMP_SOCKET_H
#define CHB_QMP_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

/* A socket that listens. What it accepts inherits TCP_NODELAY.
 * @address: numeric, IPv4 or IPv6. @port: 0 lets the kernel choose.
 * @ret_port: what it is. @ret_fd: owned by the caller, non-blocking.
 * Returns 0; -EINVAL for an address that is none; -EADDRINUSE, -EADDRNOTAVAIL and other errors of
 * bind(2). */
int chb_tcp_listen(const char *address, uint16_t port, uint16_t *ret_port, int *ret_fd);

/* A socket that connects: writable when it is done, chb_tcp_connected() says how.
 * Returns 0, -EINVAL, or an error of connect(2) that came at once. */
int chb_tcp_connect(const char *address, uint16_t port, int *ret_fd);

/* 0 when the connection stands, else the error of connect(2). The socket is blocking after success.
 */
int chb_tcp_connected(int fd);

/* One waiting connection of a listening socket, blocking, as QEMU's own sockets are.
 * @peer: numeric address that it must come from; "" for any. Others are closed.
 * Returns 0, -EAGAIN when there is none (from @peer), or another error of accept(2). */
int chb_tcp_accept(int listener, const char *peer, int *ret_fd);

#endif
