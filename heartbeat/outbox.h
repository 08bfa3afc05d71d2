/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Own messages: those that wait to be sent, and those that are sent and have not come back.
 *
 * CPG delivers our own messages to us in the total order, first in, first out. So a message that
 * comes back while an older one has not shows that corosync dropped the older one. The state is
 * plain data of fixed size; all functions are pure. Private to this folder.
 */
#ifndef CHB_HEARTBEAT_OUTBOX_H
#define CHB_HEARTBEAT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <agent/core/time.h>
#include <heartbeat/cluster.h>
#include <heartbeat/wire.h>

#define CHB_OUTBOX_MAX (CHB_CLUSTER_STATES_MAX + CHB_CLUSTER_REQUESTS_MAX + 1)

/* One message without what is known only when it leaves: sender, boot id, sequence, time. */
struct chb_outbox_message {
    enum chb_wire_type type;
    struct chb_vm_key vm;
    union {
        struct chb_heartbeat_msg heartbeat;
        struct chb_state_msg state;
        struct chb_request_msg request;
    } u;
};

struct chb_outbox_flight {
    uint64_t sequence;
    chb_time sent_at;
    struct chb_outbox_message message;
};

struct chb_outbox {
    uint32_t first; /* index in `queue` of the oldest waiting one */
    uint32_t count;
    uint32_t flights_first;
    uint32_t flights_count;
    uint64_t sent_again;
    struct chb_outbox_message queue[CHB_OUTBOX_MAX];
    struct chb_outbox_flight flights[CHB_CLUSTER_WINDOW];
};

/* Forgets everything but the count of messages sent again. */
void chb_outbox_clear(struct chb_outbox *outbox);

/*
 * Queues a message. A STATE takes the place of a waiting one of the same VM, a HEARTBEAT that of a
 * waiting one. Returns 0, or -ENOBUFS if CHB_CLUSTER_STATES_MAX or CHB_CLUSTER_REQUESTS_MAX wait.
 */
int chb_outbox_put(struct chb_outbox *outbox, const struct chb_outbox_message *message);

/* The message to be sent now, or NULL if none waits or CHB_CLUSTER_WINDOW are under way. Points
 * into `outbox`, valid until it is changed. */
const struct chb_outbox_message *chb_outbox_next(const struct chb_outbox *outbox);

/* What chb_outbox_next() gave was sent with this number, which is higher than all before it. */
void chb_outbox_sent(struct chb_outbox *outbox, uint64_t sequence, chb_time now);

/* An own message came back. What is older and has not is lost, and is queued again: a request, and
 * a state if no newer one of its VM waits or is under way. */
void chb_outbox_returned(struct chb_outbox *outbox, uint64_t sequence);

/* When the oldest message that is under way was sent; never if there is none. */
chb_time chb_outbox_oldest(const struct chb_outbox *outbox);

#endif
