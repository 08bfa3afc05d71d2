/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qmp/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int parse(const char *text, uint16_t port, union address *ret_address, socklen_t *ret_size)
{
    union address address = {0};

    if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(port);
        *ret_size = sizeof(address.v4);
    } else if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1) {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(port);
        *ret_size = sizeof(address.v6);
    } else {
        return -EINVAL;
    }
    *ret_address = address;
    return 0;
}

int chb_listen_tcp(const char *address, uint16_t port, uint16_t *ret_port, int *ret_fd)
{
    union address own;
    socklen_t size = 0;
    const int yes = 1;

    const int r = parse(address, port, &own, &size);
    if (r < 0) {
        return r;
    }
    const int fd = socket(own.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    /* As QEMU does itself: a connection of an earlier server in TIME_WAIT is no reason to fail. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, &own.any, size) < 0 || listen(fd, 16) < 0 ||
        getsockname(fd, &own.any, &size) < 0) {
        const int error = errno;
        (void)close(fd);
        return -error;
    }
    *ret_port = ntohs(own.any.sa_family == AF_INET ? own.v4.sin_port : own.v6.sin6_port);
    *ret_fd = fd;
    return 0;
}
