/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/process/bridge.h>

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <agent/config/bridge.h>

#define PORTS_MAX 1024

static int list_ports(int fd, const char *bridge, int *ports)
{
    if (!chb_is_bridge(fd, bridge)) {
        return -ENODEV;
    }
    unsigned long arguments[4] = {BRCTL_GET_PORT_LIST, (unsigned long)(uintptr_t)ports, PORTS_MAX,
                                  0};
    struct ifreq request = {0};
    (void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", bridge);
    request.ifr_data = (void *)arguments;
    return ioctl(fd, SIOCDEVPRIVATE, &request) < 0 ? -errno : 0;
}

/* 1: up and with a carrier; 0: not, or gone in the meantime. */
static int runs(int fd, const char *name)
{
    struct ifreq request = {0};
    (void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) {
        return 0;
    }
    return (request.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING) ? 1 : 0;
}

int chb_bridge_has_uplink(const char *bridge, const char *own_prefix)
{
    int ports[PORTS_MAX] = {0}; /* by port number: index of the interface, 0 for none */
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int r = list_ports(fd, bridge, ports);
    unsigned others = 0;
    unsigned running = 0;
    for (unsigned i = 0; r == 0 && i < PORTS_MAX; i++) {
        char name[IF_NAMESIZE];
        if (ports[i] <= 0 || if_indextoname((unsigned)ports[i], name) == NULL ||
            strncmp(name, own_prefix, strlen(own_prefix)) == 0) {
            continue;
        }
        others++;
        running += runs(fd, name) == 1 ? 1 : 0;
    }
    (void)close(fd);
    if (r < 0) {
        return r;
    }
    return others == 0 || running > 0 ? 1 : 0;
}
