/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon is told: events and status. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include <heartbeat/cluster_private.h>

#define REFUSAL_INTERVAL_MS 1000

chb_time chb_cluster_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now); /* cannot fail with a valid clock and pointer */
    return (chb_time){.ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec};
}

void chb_cluster_report(struct chb_cluster *cluster, struct chb_cluster_event *event)
{
    event->at = chb_cluster_now();
    if (event->text == NULL) {
        event->text = "";
    }
    cluster->handler(event, cluster->userdata);
}

void chb_cluster_report_kind(struct chb_cluster *cluster, enum chb_cluster_event_kind kind,
                             uint32_t node, const char *text)
{
    struct chb_cluster_event event = {.kind = kind, .node = node, .text = text};
    chb_cluster_report(cluster, &event);
}

static struct chb_cluster_refusals *refusals_of(struct chb_cluster *cluster, uint32_t node)
{
    for (size_t i = 0; i < CHB_NODES_MAX; i++) {
        struct chb_cluster_refusals *refusals = &cluster->refusals[i];
        if (refusals->node == node || refusals->node == 0) {
            refusals->node = node;
            return refusals;
        }
    }
    return NULL;
}

void chb_cluster_refuse(struct chb_cluster *cluster, uint32_t node, int error, const char *why)
{
    cluster->status.refused++;
    struct chb_cluster_refusals *refusals = refusals_of(cluster, node);
    if (refusals == NULL) {
        return;
    }
    refusals->count++;

    chb_time now = chb_cluster_now();
    if (chb_time_is_set(refusals->told_at) &&
        chb_time_since(now, refusals->told_at).ns < chb_ms(REFUSAL_INTERVAL_MS).ns) {
        return;
    }
    refusals->told_at = now;
    char text[CHB_CLUSTER_TEXT_MAX];
    snprintf(text, sizeof(text), "message from node %" PRIu32 " refused: %s (%" PRIu64 " so far)",
             node, why, refusals->count);
    struct chb_cluster_event event = {
        .kind = CHB_CLUSTER_BAD_MESSAGE,
        .node = node,
        .error = error,
        .text = text,
    };
    chb_cluster_report(cluster, &event);
}

uint32_t chb_cluster_self(const struct chb_cluster *cluster)
{
    return cluster->topology == NULL ? 0 : cluster->topology->self;
}

const struct chb_topology *chb_cluster_topology(const struct chb_cluster *cluster)
{
    return cluster->topology;
}

size_t chb_cluster_members(const struct chb_cluster *cluster,
                           struct chb_cluster_member *ret_members, size_t n_max)
{
    size_t n = 0;

    if (cluster->phase != CHB_CLUSTER_PHASE_UP) {
        return 0;
    }
    for (size_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_members_entry *entry = &cluster->members.list[i];
        if (entry->node == 0 || (!entry->in_ring && entry->pid == 0)) {
            continue;
        }
        if (n < n_max) {
            ret_members[n] = (struct chb_cluster_member){
                .node = entry->node,
                .in_ring = entry->in_ring,
                .pid = entry->pid,
            };
        }
        n++;
    }
    return n;
}

void chb_cluster_get_status(const struct chb_cluster *cluster,
                            struct chb_cluster_status *ret_status)
{
    *ret_status = cluster->status;
    ret_status->up = cluster->phase == CHB_CLUSTER_PHASE_UP;
    ret_status->quorate = ret_status->up && cluster->status.quorate;
    ret_status->in_flight = cluster->outbox.flights_count;
    ret_status->queued = cluster->outbox.count;
    ret_status->sent_again = cluster->outbox.sent_again;
    chb_time oldest = chb_outbox_oldest(&cluster->outbox);
    if (chb_time_is_set(oldest)) {
        ret_status->oldest = chb_time_since(chb_cluster_now(), oldest);
    }
}
