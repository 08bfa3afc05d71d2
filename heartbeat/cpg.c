/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPG: memberships and messages, in the order in which corosync delivers them. */
#include <errno.h>
#include <unistd.h>

#include <heartbeat/cluster_private.h>

static struct chb_cluster *cluster_of(cpg_handle_t cpg)
{
    void *context = NULL;
    return cpg_context_get(cpg, &context) == CS_OK ? context : NULL;
}

static void report_message(struct chb_cluster *cluster, const struct chb_wire_message *message,
                           bool own)
{
    struct chb_cluster_event event = {
        .node = message->sender,
        .boot = message->boot,
        .sequence = message->sequence,
        .own = own,
    };
    switch (message->type) {
    case CHB_WIRE_HEARTBEAT:
        event.kind = CHB_CLUSTER_HEARTBEAT;
        event.u.heartbeat = message->u.heartbeat;
        break;
    case CHB_WIRE_STATE:
        event.kind = CHB_CLUSTER_STATE;
        event.u.state.vm = message->vm;
        event.u.state.state = message->u.state;
        break;
    case CHB_WIRE_REQUEST:
        event.kind = CHB_CLUSTER_REQUEST;
        event.u.request.vm = message->vm;
        event.u.request.request = message->u.request;
        break;
    case CHB_WIRE_NONE:
    case CHB_WIRE_TYPE_MAX:
        return;
    }
    cluster->status.delivered++;
    chb_cluster_report(cluster, &event);
}

static void on_deliver(cpg_handle_t cpg, const struct cpg_name *group, uint32_t node, uint32_t pid,
                       void *bytes, size_t size)
{
    struct chb_cluster *cluster = cluster_of(cpg);
    struct chb_wire_message message;
    (void)group;

    if (cluster == NULL || cluster->phase != CHB_CLUSTER_PHASE_UP ||
        chb_cluster_is_broken(cluster)) {
        return;
    }
    if (!chb_members_is_agent(&cluster->members, node, pid)) {
        chb_cluster_refuse(cluster, node, 0, "it is not from the agent of that node");
        return;
    }
    int r = chb_wire_decode(bytes, size, &message);
    if (r < 0) {
        chb_cluster_refuse(cluster, node, r, chb_wire_error_text(r));
        return;
    }
    if (message.sender != node) {
        chb_cluster_refuse(cluster, node, 0, "it names another node as its sender");
        return;
    }
    bool own = node == cluster->members.self;
    if (own && message.boot != cluster->config.boot) {
        chb_cluster_refuse(cluster, node, 0, "it names another incarnation of this agent");
        return;
    }
    if (own) {
        chb_outbox_returned(&cluster->outbox, message.sequence);
    }
    report_message(cluster, &message, own);
}

static void report_changes(struct chb_cluster *cluster, const struct chb_members_changes *changes)
{
    for (uint32_t i = 0; i < changes->count && !chb_cluster_is_broken(cluster); i++) {
        const struct chb_members_change *change = &changes->list[i];
        switch (change->kind) {
        case CHB_MEMBERS_SELF_IN:
            chb_cluster_joined(cluster);
            break;
        case CHB_MEMBERS_SELF_OUT:
            chb_cluster_break(cluster, "membership without this agent", CS_ERR_NOT_EXIST);
            break;
        case CHB_MEMBERS_NODE_UP:
            chb_cluster_report_kind(cluster, CHB_CLUSTER_NODE_UP, change->node, "");
            break;
        case CHB_MEMBERS_NODE_DOWN:
            chb_cluster_report_kind(cluster, CHB_CLUSTER_NODE_DOWN, change->node, "");
            break;
        case CHB_MEMBERS_AGENT_DOWN:
            chb_cluster_report_kind(cluster, CHB_CLUSTER_AGENT_DOWN, change->node, "");
            break;
        }
    }
}

static size_t take_processes(const struct cpg_address *from, size_t n_from,
                             struct chb_member_process ret_to[CPG_MEMBERS_MAX])
{
    size_t n = n_from < CPG_MEMBERS_MAX ? n_from : CPG_MEMBERS_MAX;
    for (size_t i = 0; i < n; i++) {
        ret_to[i] = (struct chb_member_process){
            .node = from[i].nodeid,
            .pid = from[i].pid,
            .node_lost = from[i].reason == CPG_REASON_NODEDOWN,
        };
    }
    return n;
}

static bool has_loss(const struct chb_members_changes *changes)
{
    for (uint32_t i = 0; i < changes->count; i++) {
        if (changes->list[i].kind == CHB_MEMBERS_NODE_DOWN) {
            return true;
        }
    }
    return false;
}

static void on_group(cpg_handle_t cpg, const struct cpg_name *group,
                     const struct cpg_address *members, size_t n_members,
                     const struct cpg_address *left, size_t n_left,
                     const struct cpg_address *joined, size_t n_joined)
{
    struct chb_cluster *cluster = cluster_of(cpg);
    struct chb_member_process present_list[CPG_MEMBERS_MAX];
    struct chb_member_process left_list[CPG_MEMBERS_MAX];
    struct chb_member_process joined_list[CPG_MEMBERS_MAX];
    struct chb_members_changes changes;
    (void)group;

    if (cluster == NULL || chb_cluster_is_broken(cluster)) {
        return;
    }
    n_members = take_processes(members, n_members, present_list);
    n_left = take_processes(left, n_left, left_list);
    n_joined = take_processes(joined, n_joined, joined_list);
    chb_members_group(&cluster->members, present_list, n_members, left_list, n_left, joined_list,
                      n_joined, &changes);
    if (has_loss(&changes)) {
        chb_quorum_doubt(cluster);
    }
    report_changes(cluster, &changes);
    chb_quorum_tell(cluster); /* after UP and all who were there */
}

static void on_ring(cpg_handle_t cpg, struct cpg_ring_id ring_id, uint32_t n_nodes,
                    const uint32_t *nodes)
{
    struct chb_cluster *cluster = cluster_of(cpg);
    struct chb_members_changes changes;

    if (cluster == NULL || chb_cluster_is_broken(cluster)) {
        return;
    }
    cluster->status.ring_seq = ring_id.seq;
    chb_members_ring(&cluster->members, nodes, n_nodes, &changes);
    if (has_loss(&changes)) {
        chb_quorum_doubt(cluster);
    }
    chb_quorum_news_ring(&cluster->quorum, ring_id.seq);
    report_changes(cluster, &changes);
    chb_quorum_tell(cluster);
}

cs_error_t chb_cpg_initialize(cpg_handle_t *ret_cpg, void *context)
{
    cpg_model_v1_data_t model = {
        .model = CPG_MODEL_V1,
        .cpg_deliver_fn = on_deliver,
        .cpg_confchg_fn = on_group,
        .cpg_totem_confchg_fn = on_ring,
        .flags = CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF,
    };
    return cpg_model_initialize(ret_cpg, CPG_MODEL_V1, (cpg_model_data_t *)&model, context);
}

cs_error_t chb_cpg_dispatch(struct chb_cluster *cluster, bool *ret_drained)
{
    *ret_drained = false;
    for (int i = 0; i < CHB_CLUSTER_DISPATCH_MAX && !chb_cluster_is_broken(cluster); i++) {
        cs_error_t error = cpg_dispatch(cluster->link->connection.cpg, CS_DISPATCH_ONE_NONBLOCKING);
        if (error != CS_OK) {
            *ret_drained = error == CS_ERR_TRY_AGAIN;
            return error == CS_ERR_TRY_AGAIN ? CS_OK : error;
        }
    }
    return CS_OK;
}

cs_error_t chb_cpg_send(struct chb_cluster *cluster, const struct chb_outbox_message *message,
                        chb_time now)
{
    struct chb_wire_message whole = {
        .type = message->type,
        .sender = cluster->members.self,
        .boot = cluster->config.boot,
        .sequence = cluster->sequence + 1,
        .sent = now,
        .vm = message->vm,
    };
    switch (message->type) {
    case CHB_WIRE_HEARTBEAT:
        whole.u.heartbeat = message->u.heartbeat;
        break;
    case CHB_WIRE_STATE:
        whole.u.state = message->u.state;
        break;
    case CHB_WIRE_REQUEST:
        whole.u.request = message->u.request;
        break;
    case CHB_WIRE_NONE:
    case CHB_WIRE_TYPE_MAX:
        return CS_ERR_INVALID_PARAM;
    }

    uint8_t bytes[CHB_WIRE_STATE_SIZE];
    int length = chb_wire_encode(&whole, bytes, sizeof(bytes));
    if (length < 0) {
        return CS_ERR_INVALID_PARAM;
    }
    struct iovec iov = {.iov_base = bytes, .iov_len = (size_t)length};
    return cpg_mcast_joined(cluster->link->connection.cpg, CPG_TYPE_AGREED, &iov, 1);
}
