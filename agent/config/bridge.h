/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is it a bridge? */
#ifndef CHB_CONFIG_BRIDGE_H
#define CHB_CONFIG_BRIDGE_H

#include <stdbool.h>

/* Is there an interface @name, and is it a bridge? @fd: any socket of the network that is meant.
 * The kernel is asked, and not sysfs, which shows the network of whoever mounted it. To be asked
 * before any of the bridges' own ioctls: their number is SIOCDEVPRIVATE, with which a tunnel writes
 * its parameters over the arguments and says that all is well. */
bool chb_is_bridge(int fd, const char *name);

#endif
