/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has a bridge a way out? */
#ifndef CHB_PROCESS_BRIDGE_H
#define CHB_PROCESS_BRIDGE_H

/* Looks at the ports of @bridge that are not taps of ours (names that begin with @own_prefix).
 * Returns 1 when one of them has a carrier, or when there is none at all, so that the bridge is for
 * this host alone; 0 when there are some and none has; -ENODEV when this host has no such bridge,
 * and others when it cannot be said.
 * The kernel is asked by ioctl, because sysfs shows the network of whoever mounted it. */
int chb_bridge_has_uplink(const char *bridge, const char *own_prefix);

#endif
