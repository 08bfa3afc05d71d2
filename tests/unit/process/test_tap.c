/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In a network namespace of its own; skipped where that, or /dev/net/tun, is not to be had. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include <agent/process/bridge.h>
#include <agent/process/tap.h>

static bool usable;

static int set_up(void **state)
{
    (void)state;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    usable = access("/dev/net/tun", R_OK | W_OK) == 0 && unshare(CLONE_NEWNET) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    usable = usable && ioctl(fd, SIOCBRADDBR, "br0") == 0 && ioctl(fd, SIOCBRADDBR, "br1") == 0;
    struct ifreq request = {.ifr_name = "br0"};
    request.ifr_mtu = 1400;
    (void)ioctl(fd, SIOCSIFMTU, &request);
    request.ifr_flags = IFF_UP;
    (void)ioctl(fd, SIOCSIFFLAGS, &request);
    (void)close(fd);
    return 0;
}

static int open_tap(const char *name)
{
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    struct ifreq request = {0};
    (void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
    return fd;
}

static void life_of_a_tap(void **state)
{
    (void)state;
    if (!usable) {
        skip();
    }
    char error[CHB_TAP_ERROR_SIZE];
    assert_int_equal(chb_tap_create("chbtest0", "br0", false, error), 0);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "chbtest0"};
    assert_int_equal(ioctl(fd, SIOCGIFMTU, &request), 0);
    assert_int_equal(request.ifr_mtu, 1400);
    assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
    assert_true((request.ifr_flags & IFF_UP) != 0);
    /* again, and into another bridge */
    assert_int_equal(chb_tap_create("chbtest0", "br0", false, error), 0);
    assert_int_equal(chb_tap_create("chbtest0", "br1", false, error), 0);
    struct ifreq port = {.ifr_name = "br1"};
    port.ifr_ifindex = (int)if_nametoindex("chbtest0");
    assert_int_equal(ioctl(fd, SIOCBRDELIF, &port), 0);
    (void)close(fd);
    /* in use */
    int held = open_tap("chbtest0");
    assert_int_equal(chb_tap_create("chbtest0", "br0", false, error), -EBUSY);
    assert_int_equal(chb_tap_remove("chbtest0"), -EBUSY);
    (void)close(held);
    assert_int_equal(chb_tap_remove("chbtest0"), 0);
    assert_int_equal(if_nametoindex("chbtest0"), 0);
    assert_int_equal(chb_tap_remove("chbtest0"), 0);
}

static void no_bridge(void **state)
{
    (void)state;
    if (!usable) {
        skip();
    }
    char error[CHB_TAP_ERROR_SIZE];
    assert_int_equal(chb_tap_create("chbtest1", "nobr", false, error), -ENODEV);
    assert_string_equal(error, "bridge nobr: No such device");
    assert_int_equal(if_nametoindex("chbtest1"), 0);
}

/* Sends a frame out of the guest and says whether it came out on the host side of the bridge. */
static bool passes(int tap, int listener, uint16_t type, bool tagged)
{
    uint8_t frame[12 + 80] = {0}; /* vnet header, then the frame */
    uint8_t *ethernet = frame + 10;
    /* to the bridge itself: its multicast snooping drops what is no proper packet */
    struct ifreq request = {.ifr_name = "br0"};
    assert_int_equal(ioctl(listener, SIOCGIFHWADDR, &request), 0);
    memcpy(ethernet, request.ifr_hwaddr.sa_data, 6);
    memcpy(ethernet + 6, "\x52\x54\x00\x01\x02\x03", 6);
    size_t at = 12;
    if (tagged) {
        uint16_t tag[2] = {htons(ETH_P_8021Q), htons(5)};
        memcpy(ethernet + at, tag, sizeof(tag));
        at += sizeof(tag);
    }
    uint16_t wire_type = htons(type);
    memcpy(ethernet + at, &wire_type, sizeof(wire_type));
    at += sizeof(wire_type);
    if (type == ETH_P_IPV6) {
        /* a proper header without a payload, or the bridge's firewall hooks drop it */
        static const uint8_t header[8] = {0x60, 0, 0, 0, 0, 0, 59, 64};
        memcpy(ethernet + at, header, sizeof(header));
    }
    assert_int_equal(write(tap, frame, 10 + 70), 10 + 70);
    struct pollfd wait = {.fd = listener, .events = POLLIN};
    bool got = false;
    while (poll(&wait, 1, got ? 0 : 100) > 0) {
        uint8_t bytes[256];
        struct sockaddr_ll from;
        socklen_t size = sizeof(from);
        ssize_t n = recvfrom(listener, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size);
        got = got || (n > 12 && memcmp(bytes + 6, "\x52\x54\x00\x01\x02\x03", 6) == 0);
    }
    return got;
}

/* Sends a frame to everybody out of the bridge and says whether the guest got it. */
static bool arrives(int tap, int sender, uint16_t type)
{
    uint8_t frame[60] = {0};
    struct ifreq request = {.ifr_name = "br0"};
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("br0"), .sll_halen = 6};
    assert_int_equal(ioctl(sender, SIOCGIFHWADDR, &request), 0);
    memset(frame, 0xff, 6);
    memcpy(frame + 6, request.ifr_hwaddr.sa_data, 6);
    uint16_t wire_type = htons(type);
    memcpy(frame + 12, &wire_type, sizeof(wire_type));
    frame[14] = 0x60;
    memcpy(to.sll_addr, frame, 6);
    to.sll_protocol = wire_type;
    assert_int_equal(sendto(sender, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)),
                     60);
    struct pollfd wait = {.fd = tap, .events = POLLIN};
    bool got = false;
    while (poll(&wait, 1, got ? 0 : 100) > 0) {
        uint8_t bytes[256];
        ssize_t n = read(tap, bytes, sizeof(bytes)); /* vnet header, then the frame */
        got = got || (n > 24 && memcmp(bytes + 10, frame, 14) == 0);
    }
    return got;
}

static void ipv6_is_dropped(void **state)
{
    (void)state;
    if (!usable) {
        skip();
    }
    char error[CHB_TAP_ERROR_SIZE] = "";
    assert_int_equal(chb_tap_create("chbtest2", "br0", false, error), 0);
    int tap = open_tap("chbtest2");
    int listener = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = (int)if_nametoindex("br0"),
    };
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    (void)usleep(50000);
    assert_true(passes(tap, listener, ETH_P_IPV6, false)); /* without the filter */
    assert_true(arrives(tap, listener, ETH_P_IPV6));
    (void)close(tap);
    int r = chb_tap_create("chbtest2", "br0", true, error);
    if (r == -EOPNOTSUPP || r == -EPERM || r == -ENOENT) {
        print_message("no filter on this kernel: %s\n", error);
        skip();
    }
    assert_int_equal(r, 0);
    assert_int_equal(chb_tap_create("chbtest2", "br0", true, error), 0);
    tap = open_tap("chbtest2");
    (void)usleep(50000);
    assert_true(passes(tap, listener, ETH_P_ARP, false));
    assert_false(passes(tap, listener, ETH_P_IPV6, false));
    assert_true(passes(tap, listener, ETH_P_ARP, true));
    assert_false(passes(tap, listener, ETH_P_IPV6, true));
    assert_true(arrives(tap, listener, ETH_P_ARP));
    assert_false(arrives(tap, listener, ETH_P_IPV6));
    (void)close(tap);
    assert_int_equal(chb_tap_create("chbtest2", "br0", false, error), 0); /* and without it again */
    tap = open_tap("chbtest2");
    (void)usleep(50000);
    assert_true(passes(tap, listener, ETH_P_IPV6, false));
    assert_true(arrives(tap, listener, ETH_P_IPV6));
    (void)close(listener);
    (void)close(tap);
    assert_int_equal(chb_tap_remove("chbtest2"), 0);
}

/* The kernel tells of a lost carrier up to a second later. */
static void wait_uplink(const char *bridge, int wanted)
{
    for (int i = 0; i < 300 && chb_bridge_has_uplink(bridge, "eth") != wanted; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(chb_bridge_has_uplink(bridge, "eth"), wanted);
}

static void uplink(void **state)
{
    (void)state;
    if (!usable) {
        skip();
    }
    char error[CHB_TAP_ERROR_SIZE] = "";
    assert_int_equal(chb_bridge_has_uplink("nobr", "chb"), -ENODEV);
    assert_int_equal(chb_bridge_has_uplink("lo", "chb"), -ENODEV); /* not asked for its ports */
    assert_int_equal(chb_bridge_has_uplink("br1", "chb"), 1);      /* no port at all */
    assert_int_equal(chb_tap_create("chbtest3", "br1", false, error), 0);
    assert_int_equal(chb_bridge_has_uplink("br1", "chb"), 1); /* only our own */
    wait_uplink("br1", 0);                                    /* as if it were somebody's */
    int held = open_tap("chbtest3");
    wait_uplink("br1", 1); /* open: it has a carrier */
    (void)close(held);
    assert_int_equal(chb_tap_remove("chbtest3"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life_of_a_tap),
        cmocka_unit_test(no_bridge),
        cmocka_unit_test(uplink),
        cmocka_unit_test(ipv6_is_dropped),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
