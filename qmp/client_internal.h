/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of questions under way, which dies with the client if no answer comes before. */
#ifndef CHB_QMP_CLIENT_INTERNAL_H
#define CHB_QMP_CLIENT_INTERNAL_H

#include "qmp/client.h"

/* First member of every such question. */
struct chb_client_request {
    struct chb_client_request *next;
    struct chb_qmp_client *client;
};

/* @size: of the whole question. Returns zeroed memory that belongs to @client, or NULL. */
void *chb_client_request_new(struct chb_qmp_client *client, size_t size);

/* The question is answered. */
void chb_client_request_free(struct chb_client_request *request);

#endif
