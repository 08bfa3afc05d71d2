/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/control/server.h>

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ACCURACY_USEC 1000
#define READ_SIZE 16384

enum client_state {
    CLIENT_FREE,
    CLIENT_READING, /* the request */
    CLIENT_WAITING, /* for the daemon's answer */
    CLIENT_WRITING, /* the reply */
};

struct client {
    struct chb_control_server *server;
    enum client_state state;
    uint64_t id;
    int fd;
    sd_event_source *io;
    sd_event_source *deadline;
    char *bytes; /* request being read, or reply being written */
    size_t size;
    size_t used; /* bytes read, or written */
};

struct chb_control_server {
    sd_event *event;
    int64_t priority;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    char group[64];
    bool has_group;
    int fd;
    sd_event_source *io;
    uint64_t next_id;
    chb_control_fn *fn;
    chb_control_gone_fn *gone;
    void *userdata;
    struct client clients[CHB_CONTROL_CLIENTS_MAX];
};

static void drop(struct client *client)
{
    client->io = sd_event_source_disable_unref(client->io);
    client->deadline = sd_event_source_disable_unref(client->deadline);
    if (client->fd >= 0) {
        (void)close(client->fd);
    }
    free(client->bytes);
    *client = (struct client){.server = client->server, .fd = -1};
}

static void set_deadline(struct client *client)
{
    uint64_t now = 0;
    (void)sd_event_now(client->server->event, CLOCK_BOOTTIME, &now);
    (void)sd_event_source_set_time(client->deadline,
                                   now + (uint64_t)CHB_CONTROL_SEND_TIMEOUT_MS * 1000);
    (void)sd_event_source_set_enabled(client->deadline, SD_EVENT_ONESHOT);
}

static void write_some(struct client *client)
{
    while (client->used < client->size) {
        ssize_t n = send(client->fd, client->bytes + client->used, client->size - client->used,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            (void)sd_event_source_set_io_events(client->io, EPOLLOUT);
            return;
        }
        if (n <= 0) {
            break;
        }
        client->used += (size_t)n;
    }
    drop(client);
}

/* Takes @reply over. */
static void answer(struct client *client, struct json_object *reply)
{
    const char *text =
        reply == NULL ? NULL : json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN);
    free(client->bytes);
    client->bytes = NULL;
    size_t length = text != NULL ? strlen(text) : 0;
    char *bytes = text != NULL ? malloc(length + 1) : NULL;
    if (bytes == NULL) {
        json_object_put(reply);
        drop(client);
        return;
    }
    memcpy(bytes, text, length);
    bytes[length] = '\n';
    json_object_put(reply);
    client->bytes = bytes;
    client->size = length + 1;
    client->used = 0;
    client->state = CLIENT_WRITING;
    set_deadline(client);
    write_some(client);
}

static struct client *find(struct chb_control_server *server, uint64_t id)
{
    for (unsigned i = 0; i < CHB_CONTROL_CLIENTS_MAX; i++) {
        if (server->clients[i].state != CLIENT_FREE && server->clients[i].id == id) {
            return &server->clients[i];
        }
    }
    return NULL;
}

static void take_request(struct client *client, size_t length)
{
    struct chb_control_server *server = client->server;
    struct chb_control_request request;
    char error[256] = "out of memory";
    if (length > 0 && client->bytes[length - 1] == '\r') {
        length--;
    }
    int r = chb_control_request_parse(client->bytes, length, &request, error, sizeof(error));
    free(client->bytes);
    client->bytes = NULL;
    if (r < 0) {
        answer(client, chb_control_error(CHB_CONTROL_INVALID, NULL, error));
        return;
    }
    client->state = CLIENT_WAITING;
    (void)sd_event_source_set_enabled(client->deadline, SD_EVENT_OFF);
    /* from here on only a hang-up matters */
    (void)sd_event_source_set_io_events(client->io, EPOLLRDHUP);
    server->fn(server->userdata, client->id, &request);
    chb_control_request_clear(&request);
}

static void read_some(struct client *client)
{
    if (client->size - client->used < READ_SIZE) {
        size_t size = client->size + READ_SIZE * 2;
        char *bytes = realloc(client->bytes, size);
        if (bytes == NULL) {
            drop(client);
            return;
        }
        client->bytes = bytes;
        client->size = size;
    }
    ssize_t n = recv(client->fd, client->bytes + client->used, READ_SIZE, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        drop(client);
        return;
    }
    char *end = memchr(client->bytes + client->used, '\n', (size_t)n);
    client->used += (size_t)n;
    if (end != NULL) {
        take_request(client, (size_t)(end - client->bytes));
    } else if (client->used > CHB_CONTROL_REQUEST_MAX) {
        answer(client, chb_control_error(CHB_CONTROL_INVALID, NULL, "the request is too long"));
    }
}

static void hang_up(struct client *client)
{
    struct chb_control_server *server = client->server;
    uint64_t id = client->id;
    drop(client);
    if (server->gone != NULL) {
        server->gone(server->userdata, id);
    }
}

static int on_client(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct client *client = userdata;
    (void)source;
    (void)fd;
    switch (client->state) {
    case CLIENT_READING:
        read_some(client);
        return 0;
    case CLIENT_WAITING:
        if ((revents & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) {
            hang_up(client);
        }
        return 0;
    case CLIENT_WRITING:
        write_some(client);
        return 0;
    case CLIENT_FREE:
        break;
    }
    return 0;
}

static int on_client_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct client *client = userdata;
    (void)source;
    (void)usec;
    drop(client);
    return 0;
}

static int add_client(struct chb_control_server *server, struct client *client, int fd)
{
    client->fd = fd;
    client->id = ++server->next_id;
    client->state = CLIENT_READING;
    int r = sd_event_add_io(server->event, &client->io, fd, EPOLLIN, on_client, client);
    if (r >= 0) {
        r = sd_event_add_time(server->event, &client->deadline, CLOCK_BOOTTIME, 0, ACCURACY_USEC,
                              on_client_deadline, client);
    }
    if (r < 0) {
        drop(client);
        return r;
    }
    (void)sd_event_source_set_priority(client->io, server->priority);
    (void)sd_event_source_set_priority(client->deadline, server->priority + 1);
    set_deadline(client);
    return 0;
}

static int on_listen(sd_event_source *source, int listen_fd, uint32_t revents, void *userdata)
{
    struct chb_control_server *server = userdata;
    (void)source;
    (void)revents;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return 0; /* whatever it was, the next connection is another matter */
    }
    struct client *client = NULL;
    for (unsigned i = 0; i < CHB_CONTROL_CLIENTS_MAX && client == NULL; i++) {
        client = server->clients[i].state == CLIENT_FREE ? &server->clients[i] : NULL;
    }
    const char *group = server->has_group ? server->group : NULL;
    if (client == NULL || chb_control_peer_allowed(fd, group) <= 0) {
        (void)close(fd);
        return 0;
    }
    (void)add_client(server, client, fd);
    return 0;
}

/* A socket that nobody listens on any more is a leftover. */
static int clear_path(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    int r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN
                ? -EADDRINUSE
                : 0;
    (void)close(fd);
    if (r == 0 && unlink(address->sun_path) < 0 && errno != ENOENT) {
        r = -errno;
    }
    return r;
}

static int start_listening(struct chb_control_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, server->path, sizeof(server->path));
    int r = clear_path(&address);
    if (r < 0) {
        return r;
    }
    server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->fd < 0) {
        return -errno;
    }
    mode_t old = umask(0177); /* nobody connects before the owner is right */
    r = bind(server->fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    (void)umask(old);
    if (r < 0) {
        return r;
    }
    struct group *group = server->has_group ? getgrnam(server->group) : NULL;
    if (group != NULL &&
        (chown(server->path, (uid_t)-1, group->gr_gid) < 0 || chmod(server->path, 0660) < 0)) {
        return -errno;
    }
    if (listen(server->fd, CHB_CONTROL_CLIENTS_MAX) < 0) {
        return -errno;
    }
    r = sd_event_add_io(server->event, &server->io, server->fd, EPOLLIN, on_listen, server);
    return r < 0 ? r : sd_event_source_set_priority(server->io, server->priority);
}

int chb_control_server_new(sd_event *event, const struct chb_control_config *config,
                           chb_control_fn *fn, chb_control_gone_fn *gone, void *userdata,
                           struct chb_control_server **ret_server)
{
    struct chb_control_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return -ENOMEM;
    }
    server->event = sd_event_ref(event);
    server->priority = config->priority;
    server->fn = fn;
    server->gone = gone;
    server->userdata = userdata;
    server->fd = -1;
    for (unsigned i = 0; i < CHB_CONTROL_CLIENTS_MAX; i++) {
        server->clients[i] = (struct client){.server = server, .fd = -1};
    }
    int r = 0;
    if (strlen(config->path) >= sizeof(server->path)) {
        r = -ENAMETOOLONG;
    } else {
        (void)snprintf(server->path, sizeof(server->path), "%s", config->path);
        server->has_group = config->group != NULL && strlen(config->group) < sizeof(server->group);
        if (server->has_group) {
            (void)snprintf(server->group, sizeof(server->group), "%s", config->group);
        }
        r = start_listening(server);
    }
    if (r < 0) {
        if (r == -EADDRINUSE) {
            server->path[0] = '\0'; /* the socket is the other daemon's */
        }
        chb_control_server_free(server);
        return r;
    }
    *ret_server = server;
    return 0;
}

struct chb_control_server *chb_control_server_free(struct chb_control_server *server)
{
    if (server == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < CHB_CONTROL_CLIENTS_MAX; i++) {
        drop(&server->clients[i]);
    }
    server->io = sd_event_source_disable_unref(server->io);
    if (server->fd >= 0) {
        (void)close(server->fd);
        if (server->path[0] != '\0') {
            (void)unlink(server->path);
        }
    }
    sd_event_unref(server->event);
    free(server);
    return NULL;
}

void chb_control_reply(struct chb_control_server *server, uint64_t client_id,
                       struct json_object *reply)
{
    struct client *client = find(server, client_id);
    if (client == NULL || client->state != CLIENT_WAITING) {
        json_object_put(reply);
        return;
    }
    if (reply == NULL) {
        reply = chb_control_error(CHB_CONTROL_INTERNAL, NULL, "out of memory");
    }
    answer(client, reply);
}
