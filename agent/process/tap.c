/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/process/tap.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(int error, const char *what, const char *name, char *ret_error)
{
    (void)snprintf(ret_error, CHB_TAP_ERROR_SIZE, "%s %s: %s", what, name, strerror(-error));
    return error;
}

static void set_name(struct ifreq *request, const char *name)
{
    *request = (struct ifreq){0};
    (void)snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
}

static int open_tap(const char *name)
{
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    struct ifreq request;
    set_name(&request, name);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        int r = -errno;
        (void)close(fd);
        return r;
    }
    return fd;
}

static int set_persistent(const char *name, bool persistent)
{
    int fd = open_tap(name);
    if (fd < 0) {
        return fd;
    }
    int r = ioctl(fd, TUNSETPERSIST, persistent ? 1UL : 0UL) < 0 ? -errno : 0;
    (void)close(fd);
    return r;
}

/* The host itself has no business on the tap: no router solicitations from it. Best effort. */
static void silence_host(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (write(fd, "1", 1) < 0) {
            /* a kernel without IPv6 has nothing to silence */
        }
        (void)close(fd);
    }
}

static int copy_mtu(int fd, const char *bridge, const char *name)
{
    struct ifreq request;
    set_name(&request, bridge);
    if (ioctl(fd, SIOCGIFMTU, &request) < 0) {
        return -errno;
    }
    int mtu = request.ifr_mtu;
    set_name(&request, name);
    request.ifr_mtu = mtu;
    return ioctl(fd, SIOCSIFMTU, &request) < 0 ? -errno : 0;
}

static int bridge_port(int fd, const char *bridge, unsigned index, unsigned long what)
{
    struct ifreq request;
    set_name(&request, bridge);
    request.ifr_ifindex = (int)index;
    return ioctl(fd, what, &request) < 0 ? -errno : 0;
}

/* A port of some bridge already, left over from earlier: out of it, whichever it is. sysfs is not
 * asked, because it shows the network of whoever mounted it. */
static void leave_any_bridge(int fd, unsigned index)
{
    struct if_nameindex *all = if_nameindex();
    for (struct if_nameindex *at = all; at != NULL && at->if_index != 0; at++) {
        if (bridge_port(fd, at->if_name, index, SIOCBRDELIF) == 0) {
            break;
        }
    }
    if (all != NULL) {
        if_freenameindex(all);
    }
}

static int enslave(int fd, const char *bridge, unsigned index)
{
    int r = bridge_port(fd, bridge, index, SIOCBRADDIF);
    if (r == -EBUSY) {
        leave_any_bridge(fd, index);
        r = bridge_port(fd, bridge, index, SIOCBRADDIF);
    }
    return r;
}

static int set_up(int fd, const char *name)
{
    struct ifreq request;
    set_name(&request, name);
    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) {
        return -errno;
    }
    request.ifr_flags |= IFF_UP;
    return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

static int configure(int fd, const char *name, const char *bridge, bool drop_ipv6, char *ret_error)
{
    unsigned index = if_nametoindex(name);
    if (index == 0) {
        return fail(-errno, "look up tap", name, ret_error);
    }
    silence_host(name);
    int r = copy_mtu(fd, bridge, name);
    if (r < 0) {
        return fail(r, "set the bridge's MTU on tap", name, ret_error);
    }
    r = chb_tap_filter_ipv6(index, drop_ipv6);
    if (r < 0) {
        return fail(r, drop_ipv6 ? "install the IPv6 filter on tap" : "remove the filter of tap",
                    name, ret_error);
    }
    r = enslave(fd, bridge, index);
    if (r < 0) {
        return fail(r, "put the tap into bridge", bridge, ret_error);
    }
    r = set_up(fd, name);
    return r < 0 ? fail(r, "set up tap", name, ret_error) : 0;
}

int chb_tap_create(const char *name, const char *bridge, bool drop_ipv6, char *ret_error)
{
    if (name[0] == '\0' || strlen(name) >= IFNAMSIZ || strlen(bridge) >= IFNAMSIZ) {
        return fail(-EINVAL, "name of tap", name, ret_error);
    }
    if (if_nametoindex(bridge) == 0) {
        return fail(-ENODEV, "bridge", bridge, ret_error);
    }
    int r = set_persistent(name, true);
    if (r < 0) {
        return fail(r, "create tap", name, ret_error);
    }
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fail(-errno, "open a socket for tap", name, ret_error);
    }
    r = configure(fd, name, bridge, drop_ipv6, ret_error);
    (void)close(fd);
    return r;
}

int chb_tap_remove(const char *name)
{
    if (if_nametoindex(name) == 0) {
        return 0;
    }
    return set_persistent(name, false);
}
