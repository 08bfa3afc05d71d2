/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One thread, one poll loop: two replicas that receive the same bytes answer the same bytes. */
#define _GNU_SOURCE
#include "guest.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define LISTENER 0
#define BUTTON 1
#define SHOUT 2
#define FIRST 3

struct connection {
    char line[GUEST_LINE_MAX];
    size_t used;
};

static struct pollfd fds[FIRST + CONNECTIONS_MAX];
static struct connection connections[FIRST + CONNECTIONS_MAX];
static nfds_t fds_count = FIRST;

static int listen_on(uint16_t port)
{
    const int one = 1;
    struct sockaddr_in6 any = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT};
    struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *address = (const struct sockaddr *)&any;
    socklen_t size = sizeof(any);

    if (fd < 0) { /* ipv6.disable=1 */
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        address = (const struct sockaddr *)&any4;
        size = sizeof(any4);
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, address, size) != 0 || listen(fd, 16) != 0) {
        printf("guest: listen: %m\n");
    }
    return fd;
}

static void accept_one(void)
{
    const int one = 1;
    const int fd = accept4(fds[LISTENER].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        return;
    }
    if (fds_count == FIRST + CONNECTIONS_MAX) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    connections[fds_count].used = 0;
    fds[fds_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void drop(nfds_t i)
{
    close(fds[i].fd);
    fds_count--;
    fds[i] = fds[fds_count];
    connections[i] = connections[fds_count];
}

/* Answers every complete line. False: the connection is over. */
static bool serve(nfds_t i)
{
    struct connection *connection = &connections[i];
    char answer[GUEST_LINE_MAX + 2];
    const ssize_t size = read(fds[i].fd, connection->line + connection->used,
                              sizeof(connection->line) - connection->used);

    if (size <= 0) {
        return false;
    }
    connection->used += (size_t)size;
    for (char *end; (end = memchr(connection->line, '\n', connection->used)) != NULL;) {
        const size_t taken = (size_t)(end - connection->line) + 1;

        *end = '\0';
        const size_t length = command_run(connection->line, answer, sizeof(answer));

        if (send(fds[i].fd, answer, length, MSG_NOSIGNAL) != (ssize_t)length) {
            return false;
        }
        connection->used -= taken;
        memmove(connection->line, connection->line + taken, connection->used);
    }
    return connection->used < sizeof(connection->line);
}

void server_run(uint16_t port, int power_button)
{
    fds[LISTENER] = (struct pollfd){.fd = listen_on(port), .events = POLLIN};
    fds[BUTTON] = (struct pollfd){.fd = power_button, .events = POLLIN};
    fds[SHOUT] = (struct pollfd){.fd = shout_timer(), .events = POLLIN};
    for (;;) {
        if (poll(fds, fds_count, -1) <= 0) {
            continue;
        }
        /* From the last to the first, so that dropping one moves only those already seen. */
        for (nfds_t i = fds_count - 1; i >= FIRST; i--) {
            if (fds[i].revents != 0 && !serve(i)) {
                drop(i);
            }
        }
        if (fds[LISTENER].revents != 0) {
            accept_one();
        }
        if (fds[SHOUT].revents != 0) {
            shout(fds[SHOUT].fd);
        }
        if (fds[BUTTON].revents != 0 && boot_power_button_pressed(power_button)) {
            boot_power_off();
        }
    }
}
