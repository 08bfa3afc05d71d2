/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The taps of a VM: persistent, so that QEMU only opens them by name, and a QEMU that dies leaves
 * them standing in their bridge.
 */
#ifndef CHB_PROCESS_TAP_H
#define CHB_PROCESS_TAP_H

#include <stdbool.h>
#include <stddef.h>

#define CHB_TAP_ERROR_SIZE 256

/* Makes the tap @name, gives it the bridge's MTU, puts it into @bridge and sets it up. One that
 * exists already is put right. With @drop_ipv6 IPv6 frames from and to the guest are dropped at the
 * tap (rule R7: COLO does not hold them back).
 * @ret_error: CHB_TAP_ERROR_SIZE bytes, set on failure: what was tried with what, and why it
 * failed. Returns 0; -ENODEV without such a bridge; -EBUSY when another process has the tap open;
 * other errors of /dev/net/tun and of the ioctls. */
int chb_tap_create(const char *name, const char *bridge, bool drop_ipv6, char *ret_error);

/* Removes the tap @name. One that does not exist is fine. Returns 0, -EBUSY while it is open. */
int chb_tap_remove(const char *name);

/* With @drop_ipv6: drops IPv6 frames in both directions on the interface @index, VLAN-tagged ones
 * too (tap_filter.c). Without: ends that, and does nothing where there is nothing to end. Repeating
 * it does nothing. Returns 0; -EOPNOTSUPP and others when the kernel cannot. */
int chb_tap_filter_ipv6(unsigned index, bool drop_ipv6);

#endif
