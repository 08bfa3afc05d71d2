/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qmp/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
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

/* A socket of the address's family, non-blocking, without Nagle's algorithm. */
static int new_socket(const union address *address)
{
    const int yes = 1;
    const int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0) {
        const int error = errno;
        (void)close(fd);
        return -error;
    }
    return fd;
}

int chb_tcp_listen(const char *address, uint16_t port, uint16_t *ret_port, int *ret_fd)
{
    union address own;
    socklen_t size = 0;

    const int r = parse(address, port, &own, &size);
    if (r < 0) {
        return r;
    }
    const int fd = new_socket(&own);
    if (fd < 0) {
        return fd;
    }
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

int chb_tcp_connect(const char *address, uint16_t port, int *ret_fd)
{
    union address peer;
    socklen_t size = 0;

    const int r = parse(address, port, &peer, &size);
    if (r < 0) {
        return r;
    }
    const int fd = new_socket(&peer);
    if (fd < 0) {
        return fd;
    }
    if (connect(fd, &peer.any, size) < 0 && errno != EINPROGRESS) {
        const int error = errno;
        (void)close(fd);
        return -error;
    }
    *ret_fd = fd;
    return 0;
}

static int set_blocking(int fd)
{
    const int flags = fcntl(fd, F_GETFL);
    return flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ? -errno : 0;
}

int chb_tcp_connected(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
        return -errno;
    }
    return error != 0 ? -error : set_blocking(fd);
}

static bool is_from(const union address *address, const char *peer)
{
    union address wanted;
    socklen_t size = 0;
    if (peer[0] == '\0') {
        return true;
    }
    if (parse(peer, 0, &wanted, &size) < 0 || wanted.any.sa_family != address->any.sa_family) {
        return false;
    }
    return wanted.any.sa_family == AF_INET
               ? wanted.v4.sin_addr.s_addr == address->v4.sin_addr.s_addr
               : memcmp(&wanted.v6.sin6_addr, &address->v6.sin6_addr, sizeof(struct in6_addr)) == 0;
}

int chb_tcp_accept(int listener, const char *peer, int *ret_fd)
{
    for (;;) {
        union address from;
        socklen_t size = sizeof(from);
        const int fd = accept4(listener, &from.any, &size, SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) {
            continue;
        }
        if (fd < 0) {
            return -errno;
        }
        if (is_from(&from, peer)) {
            *ret_fd = fd;
            return 0;
        }
        (void)close(fd);
    }
}
