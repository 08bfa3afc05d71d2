/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The secondary's end of the migration: we listen, and hand the primary's connection to QEMU.
 *
 * It outlives the sequence that made it, for the primary comes later, and ends with the client. It
 * takes one connection. What becomes of it is seen on the other side: a QEMU that does not take it
 * closes it.
 */
#ifndef CHB_QMP_INCOMING_H
#define CHB_QMP_INCOMING_H

#include "qmp/client.h"

struct chb_incoming;

/* @listener: taken over, closed in every case. @peer: numeric address, "" for any; copied.
 * Returns 0, -ENOMEM. */
int chb_incoming_new(struct chb_qmp_client *client, int64_t priority, int listener,
                     const char *peer, struct chb_incoming **ret_incoming);

/* NULL is fine. Returns NULL. */
struct chb_incoming *chb_incoming_free(struct chb_incoming *incoming);

#endif
