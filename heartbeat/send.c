/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon sends: checked, queued, and gone at once if it may be. */
#include <errno.h>

#include <heartbeat/cluster_private.h>
#include <heartbeat/wire_body.h>

static int send_message(struct chb_cluster *cluster, const struct chb_outbox_message *message,
                        const struct chb_wire_message *body)
{
    bool agent_wide = message->type == CHB_WIRE_HEARTBEAT;

    if (!chb_wire_body_is_valid(body) || chb_vm_key_is_none(&message->vm) != agent_wide) {
        return -EINVAL;
    }
    if (cluster->phase != CHB_CLUSTER_PHASE_UP || chb_cluster_is_broken(cluster)) {
        return -ENOTCONN;
    }
    int r = chb_outbox_put(&cluster->outbox, message);
    if (r < 0) {
        return r;
    }
    chb_cluster_flush(cluster);
    return 0;
}

int chb_cluster_send_state(struct chb_cluster *cluster, const struct chb_vm_key *vm,
                           const struct chb_state_msg *state)
{
    struct chb_outbox_message message = {.type = CHB_WIRE_STATE, .vm = *vm, .u.state = *state};
    struct chb_wire_message body = {.type = CHB_WIRE_STATE, .u.state = *state};
    return send_message(cluster, &message, &body);
}

int chb_cluster_send_request(struct chb_cluster *cluster, const struct chb_vm_key *vm,
                             const struct chb_request_msg *request)
{
    struct chb_outbox_message message = {
        .type = CHB_WIRE_REQUEST,
        .vm = *vm,
        .u.request = *request,
    };
    struct chb_wire_message body = {.type = CHB_WIRE_REQUEST, .u.request = *request};
    return send_message(cluster, &message, &body);
}

int chb_cluster_send_heartbeat(struct chb_cluster *cluster,
                               const struct chb_heartbeat_msg *heartbeat)
{
    struct chb_outbox_message message = {.type = CHB_WIRE_HEARTBEAT, .u.heartbeat = *heartbeat};
    struct chb_wire_message body = {.type = CHB_WIRE_HEARTBEAT, .u.heartbeat = *heartbeat};
    return send_message(cluster, &message, &body);
}
