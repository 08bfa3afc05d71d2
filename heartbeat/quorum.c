/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quorum, by notifications alone: asking for it would block. */
#include <heartbeat/cluster_private.h>

void chb_quorum_tell(struct chb_cluster *cluster)
{
    /* Before the group is joined there is nobody to tell; afterwards the first news is told. */
    if (cluster->phase != CHB_CLUSTER_PHASE_UP || !chb_quorum_news_known(&cluster->quorum)) {
        return;
    }
    if (cluster->quorum_told && cluster->status.quorate == cluster->quorum.quorate) {
        return;
    }
    cluster->quorum_told = true;
    cluster->status.quorate = cluster->quorum.quorate;
    struct chb_cluster_event event = {
        .kind = CHB_CLUSTER_QUORUM,
        .u.quorate = cluster->quorum.quorate,
    };
    chb_cluster_report(cluster, &event);
}

void chb_quorum_doubt(struct chb_cluster *cluster)
{
    chb_quorum_news_lost(&cluster->quorum);
    if (cluster->phase != CHB_CLUSTER_PHASE_UP) {
        return;
    }
    cluster->quorum_told = false;
    if (cluster->status.quorate && !chb_quorum_news_known(&cluster->quorum)) {
        cluster->status.quorate = false;
        struct chb_cluster_event event = {.kind = CHB_CLUSTER_QUORUM, .doubt = true};
        chb_cluster_report(cluster, &event);
    }
}

static void on_quorum(quorum_handle_t quorum, uint32_t quorate, struct quorum_ring_id ring_id,
                      uint32_t n_members, const uint32_t *members)
{
    const void *context = NULL;
    (void)n_members;
    (void)members;

    if (quorum_context_get(quorum, &context) != CS_OK || context == NULL) {
        return;
    }
    /* The library gives back as const what it was given as a plain pointer. */
    struct chb_cluster *cluster = (struct chb_cluster *)(uintptr_t)context;
    if (chb_cluster_is_broken(cluster)) {
        return;
    }
    /* Without a provider corosync calls every partition quorate, which is worth nothing here. */
    chb_quorum_news_heard(&cluster->quorum, ring_id.seq,
                          quorate != 0 && cluster->link->connection.topology.has_quorum);
    cluster->status.ring_seq = ring_id.seq;
    chb_quorum_tell(cluster);
}

cs_error_t chb_quorum_initialize(quorum_handle_t *ret_quorum, void *context, uint32_t *ret_type)
{
    quorum_model_v1_data_t model = {
        .model = QUORUM_MODEL_V1,
        .quorum_notify_fn = on_quorum,
    };
    return quorum_model_initialize(ret_quorum, QUORUM_MODEL_V1, (quorum_model_data_t *)&model,
                                   ret_type, context);
}

cs_error_t chb_quorum_dispatch(struct chb_cluster *cluster)
{
    for (int i = 0; i < CHB_CLUSTER_DISPATCH_MAX && !chb_cluster_is_broken(cluster); i++) {
        cs_error_t error =
            quorum_dispatch(cluster->link->connection.quorum, CS_DISPATCH_ONE_NONBLOCKING);
        if (error != CS_OK) {
            return error == CS_ERR_TRY_AGAIN ? CS_OK : error;
        }
    }
    return CS_OK;
}
