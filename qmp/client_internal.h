/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the sequences and questions that live on a client. */
#ifndef CHB_QMP_CLIENT_INTERNAL_H
#define CHB_QMP_CLIENT_INTERNAL_H

#include "qmp/client.h"

/* A second listener, for the one sequence that may run. It hears of an event before on_event does,
 * and of the end before on_closed. */
struct chb_client_tap {
    void (*on_event)(void *userdata, const struct chb_qmp_event *event);
    void (*on_closed)(void *userdata, int error);
    void *userdata;
};

/* @tap: borrowed; NULL takes it away. Returns -EBUSY when there is another. */
int chb_client_set_tap(struct chb_qmp_client *client, const struct chb_client_tap *tap);

/* Forgets what events said about COLO: a new migration begins. */
void chb_client_forget_colo(struct chb_qmp_client *client);

/* The priority of timers that judge this client's silence. */
int64_t chb_client_timer_priority(const struct chb_qmp_client *client);

/* Hands the next connection from @peer to @listener to QEMU as its incoming migration; see
 * incoming.h. Ends an earlier one. @listener: taken over; -1 only ends. Returns 0, -ENOMEM. */
int chb_client_set_incoming(struct chb_qmp_client *client, int listener, const char *peer);

/* First member of every question under way; its memory dies with the client if no answer comes
 * before. */
struct chb_client_request {
    struct chb_client_request *next;
    struct chb_qmp_client *client;
};

/* @size: of the whole question. Returns zeroed memory that belongs to @client, or NULL. */
void *chb_client_request_new(struct chb_qmp_client *client, size_t size);

/* The question is answered. */
void chb_client_request_free(struct chb_client_request *request);

#endif
