/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/config/bridge.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

bool chb_is_bridge(int fd, const char *name)
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    struct ifreq request = {0};
    (void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    request.ifr_data = (void *)&info;
    return ioctl(fd, SIOCETHTOOL, &request) >= 0 &&
           strncmp(info.driver, "bridge", sizeof(info.driver)) == 0;
}
