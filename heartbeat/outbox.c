/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <heartbeat/outbox.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

static struct chb_outbox_message *waiting_at(struct chb_outbox *outbox, uint32_t i)
{
    return &outbox->queue[(outbox->first + i) % CHB_OUTBOX_MAX];
}

static struct chb_outbox_flight *flight_at(struct chb_outbox *outbox, uint32_t i)
{
    return &outbox->flights[(outbox->flights_first + i) % CHB_CLUSTER_WINDOW];
}

void chb_outbox_clear(struct chb_outbox *outbox)
{
    outbox->first = 0;
    outbox->count = 0;
    outbox->flights_first = 0;
    outbox->flights_count = 0;
}

/* Does `newer` say all that `older` says, and more recently? */
static bool replaces(const struct chb_outbox_message *newer, const struct chb_outbox_message *older)
{
    if (newer->type != older->type) {
        return false;
    }
    switch (newer->type) {
    case CHB_WIRE_HEARTBEAT:
        return true;
    case CHB_WIRE_STATE:
        return chb_vm_key_equal(&newer->vm, &older->vm);
    case CHB_WIRE_NONE:
    case CHB_WIRE_REQUEST:
    case CHB_WIRE_TYPE_MAX:
        break;
    }
    return false;
}

static uint32_t limit_of(enum chb_wire_type type)
{
    switch (type) {
    case CHB_WIRE_HEARTBEAT:
        return 1;
    case CHB_WIRE_STATE:
        return CHB_CLUSTER_STATES_MAX;
    case CHB_WIRE_REQUEST:
        return CHB_CLUSTER_REQUESTS_MAX;
    case CHB_WIRE_NONE:
    case CHB_WIRE_TYPE_MAX:
        break;
    }
    return 0;
}

int chb_outbox_put(struct chb_outbox *outbox, const struct chb_outbox_message *message)
{
    uint32_t same_type = 0;

    for (uint32_t i = 0; i < outbox->count; i++) {
        struct chb_outbox_message *waiting = waiting_at(outbox, i);
        if (replaces(message, waiting)) {
            *waiting = *message;
            return 0;
        }
        same_type += waiting->type == message->type;
    }
    if (same_type >= limit_of(message->type)) {
        return -ENOBUFS;
    }
    assert(outbox->count < CHB_OUTBOX_MAX); /* the limits of the types sum up to it */
    *waiting_at(outbox, outbox->count) = *message;
    outbox->count++;
    return 0;
}

const struct chb_outbox_message *chb_outbox_next(const struct chb_outbox *outbox)
{
    if (outbox->count == 0 || outbox->flights_count == CHB_CLUSTER_WINDOW) {
        return NULL;
    }
    return &outbox->queue[outbox->first];
}

void chb_outbox_sent(struct chb_outbox *outbox, uint64_t sequence, chb_time now)
{
    assert(outbox->count > 0 && outbox->flights_count < CHB_CLUSTER_WINDOW);
    *flight_at(outbox, outbox->flights_count) = (struct chb_outbox_flight){
        .sequence = sequence,
        .sent_at = now,
        .message = *waiting_at(outbox, 0),
    };
    outbox->flights_count++;
    outbox->first = (outbox->first + 1) % CHB_OUTBOX_MAX;
    outbox->count--;
}

static bool is_overtaken(struct chb_outbox *outbox, const struct chb_outbox_message *message)
{
    for (uint32_t i = 0; i < outbox->flights_count; i++) {
        if (replaces(&flight_at(outbox, i)->message, message)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < outbox->count; i++) {
        if (replaces(waiting_at(outbox, i), message)) {
            return true;
        }
    }
    return false;
}

void chb_outbox_returned(struct chb_outbox *outbox, uint64_t sequence)
{
    struct chb_outbox_message lost[CHB_CLUSTER_WINDOW];
    struct chb_outbox_message delivered = {.type = CHB_WIRE_NONE};
    uint32_t n_lost = 0;

    while (outbox->flights_count > 0 && flight_at(outbox, 0)->sequence <= sequence) {
        const struct chb_outbox_flight *flight = flight_at(outbox, 0);
        if (flight->sequence == sequence) {
            delivered = flight->message;
        } else {
            lost[n_lost++] = flight->message;
        }
        outbox->flights_first = (outbox->flights_first + 1) % CHB_CLUSTER_WINDOW;
        outbox->flights_count--;
    }
    for (uint32_t i = 0; i < n_lost; i++) {
        bool newer_lost = false;
        for (uint32_t j = i + 1; j < n_lost; j++) {
            newer_lost = newer_lost || replaces(&lost[j], &lost[i]);
        }
        if (lost[i].type == CHB_WIRE_HEARTBEAT || newer_lost || replaces(&delivered, &lost[i]) ||
            is_overtaken(outbox, &lost[i])) {
            continue;
        }
        if (chb_outbox_put(outbox, &lost[i]) == 0) {
            outbox->sent_again++;
        }
    }
}

chb_time chb_outbox_oldest(const struct chb_outbox *outbox)
{
    return outbox->flights_count == 0 ? CHB_TIME_NEVER
                                      : outbox->flights[outbox->flights_first].sent_at;
}
