/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket's server: bounded clients, bounded lines, bounded time. Whoever connects may
 * send anything; only root and one group may be heard (SO_PEERCRED).
 */
#ifndef CHB_CONTROL_SERVER_H
#define CHB_CONTROL_SERVER_H

#include <stdint.h>

#include <json-c/json.h>
#include <systemd/sd-event.h>

#include <agent/control/request.h>
#include <agent/core/time.h>

#define CHB_CONTROL_CLIENTS_MAX 64
#define CHB_CONTROL_SEND_TIMEOUT_MS 10000 /* to send a request, and to take a reply */

struct chb_control_server;

struct chb_control_config {
    const char *path;  /* of the socket; an old one is replaced; copied */
    const char *group; /* may use it besides root; NULL or unknown: root alone */
    int64_t priority;  /* of its event sources */
};

/* One request. @client: for chb_control_reply(), now or later. @request: borrowed for the time of
 * the call. */
typedef void chb_control_fn(void *userdata, uint64_t client,
                            const struct chb_control_request *request);
/* The client has gone without waiting for the reply. */
typedef void chb_control_gone_fn(void *userdata, uint64_t client);

/* Begins to listen. @gone may be NULL.
 * Returns 0; -EADDRINUSE when another daemon listens there; -ENAMETOOLONG; errors of socket(2). */
int chb_control_server_new(sd_event *event, const struct chb_control_config *config,
                           chb_control_fn *fn, chb_control_gone_fn *gone, void *userdata,
                           struct chb_control_server **ret_server);

/* Closes everything and removes the socket. NULL is fine; returns NULL. */
struct chb_control_server *chb_control_server_free(struct chb_control_server *server);

/* Sends the reply and closes the connection behind it. @reply: taken over, NULL is an internal
 * error. A client that is gone is fine. May be called from inside the request's callback. */
void chb_control_reply(struct chb_control_server *server, uint64_t client,
                       struct json_object *reply);

/* Is the process at the other end of a unix socket root, or in the group? (peer.c)
 * Returns 1, 0, or an error of getsockopt. */
int chb_control_peer_allowed(int fd, const char *group);

#endif
