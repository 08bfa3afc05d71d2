/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that nobody asked for: a guest that speaks IPv6 by itself, as any real one does. */
#include "guest.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define DISCARD_PORT 9

static int sender = -1;

int shout_timer(void)
{
    char value[16];
    const unsigned long period_ms =
        boot_option("colo_shout", value, sizeof(value)) ? strtoul(value, NULL, 10) : 0;

    if (period_ms == 0) {
        return -1;
    }
    const struct timespec period = {.tv_sec = (time_t)(period_ms / 1000),
                                    .tv_nsec = (long)(period_ms % 1000) * 1000000};
    const struct itimerspec spec = {.it_interval = period, .it_value = period};
    const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

    sender = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (timer < 0 || sender < 0 || timerfd_settime(timer, 0, &spec, NULL) != 0) {
        printf("guest: shout: %m\n");
    }
    return timer;
}

void shout(int timer)
{
    uint64_t expired;
    struct sockaddr_in6 everybody = {.sin6_family = AF_INET6,
                                     .sin6_port = htons(DISCARD_PORT),
                                     .sin6_scope_id = if_nametoindex("eth0")};

    inet_pton(AF_INET6, "ff02::1", &everybody.sin6_addr);
    if (read(timer, &expired, sizeof(expired)) == (ssize_t)sizeof(expired)) {
        /* Fails as long as the address is still being checked for doubles, which is no matter. */
        (void)!sendto(sender, "here", 4, 0, (const struct sockaddr *)&everybody, sizeof(everybody));
    }
}
