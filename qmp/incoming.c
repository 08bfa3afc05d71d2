/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qmp/incoming.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "qmp/json.h"
#include "qmp/sequence.h"
#include "qmp/socket.h"

#define ANSWER_MS 5000

struct chb_incoming {
    struct chb_qmp_client *client;
    sd_event_source *io;
    int listener;
    char peer[CHB_SEQ_ADDRESS_SIZE];
};

static void stop_listening(struct chb_incoming *incoming)
{
    incoming->io = sd_event_source_disable_unref(incoming->io);
    if (incoming->listener >= 0) {
        (void)close(incoming->listener);
        incoming->listener = -1;
    }
}

struct chb_incoming *chb_incoming_free(struct chb_incoming *incoming)
{
    if (incoming != NULL) {
        stop_listening(incoming);
        free(incoming);
    }
    return NULL;
}

/* Both commands in one write; QEMU's copy of the socket is the only one that stays. */
static void hand_over(struct chb_qmp_client *client, int fd)
{
    struct json_object *name = json_object_new_object();
    struct json_object *uri = json_object_new_object();

    json_object_object_add(name, "fdname", json_object_new_string("mig"));
    json_object_object_add(uri, "uri", json_object_new_string("fd:mig"));
    chb_qmp_client_hold(client, CHB_QMP_MAIN);
    const int r = chb_qmp_client_send_fd(client, CHB_QMP_MAIN, "getfd", name, fd, chb_ms(ANSWER_MS),
                                         NULL, NULL, NULL);
    if (r == 0) {
        (void)chb_qmp_client_send(client, CHB_QMP_MAIN, "migrate-incoming", uri, chb_ms(ANSWER_MS),
                                  NULL, NULL, NULL);
    }
    chb_qmp_client_release(client, CHB_QMP_MAIN);
    json_object_put(name);
    json_object_put(uri);
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)events;
    struct chb_incoming *incoming = userdata;
    int connection = -1;

    const int r = chb_tcp_accept(fd, incoming->peer, &connection);
    if (r == -EAGAIN) {
        return 0; /* somebody else, or gone already */
    }
    stop_listening(incoming);
    if (r == 0) {
        hand_over(incoming->client, connection);
        (void)close(connection);
    }
    return 0;
}

int chb_incoming_new(struct chb_qmp_client *client, int64_t priority, int listener,
                     const char *peer, struct chb_incoming **ret_incoming)
{
    struct chb_incoming *incoming = calloc(1, sizeof(*incoming));
    if (incoming == NULL) {
        (void)close(listener);
        return -ENOMEM;
    }
    incoming->client = client;
    incoming->listener = listener;
    chb_text_copy(peer, incoming->peer, sizeof(incoming->peer));
    int r = sd_event_add_io(chb_qmp_client_event(client), &incoming->io, listener, EPOLLIN,
                            on_connection, incoming);
    if (r >= 0) {
        r = sd_event_source_set_priority(incoming->io, priority);
    }
    if (r < 0) {
        (void)chb_incoming_free(incoming);
        return r;
    }
    *ret_incoming = incoming;
    return 0;
}
