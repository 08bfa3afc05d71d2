/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of the connection, as phases:
 *
 *   IDLE --backoff over--> CONNECTING --servant: open--> JOINING --own membership--> UP
 *    ^                         |                            |                        |
 *    +------- failed ----------+---- died, hangs, broken ---+------------------------+
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <heartbeat/cluster_private.h>
#include <heartbeat/wire_body.h>

#define ACCURACY_USEC 1000 /* 0 would mean 250 ms */
#define BACKOFF_MS 50      /* first wait; doubles up to the configured one */
#define BACKOFF_MS_MAX_DEFAULT 1000
#define FLUSH_MS 5      /* corosync said TRY_AGAIN */
#define TOPOLOGY_MS 100 /* a reload changes many keys */
#define TOPOLOGY_RETRY_MS 1000
#define TOKEN_MS_DEFAULT 3000
#define HANG_LIMIT_MS_MIN 200
#define HANG_LIMIT_MS_MAX 600000

/* One-shot, from now. Fails only if the loop is not ours any more (fork), ignoring that. */
static void arm(sd_event_source *timer, chb_span span)
{
    uint64_t usec = span.ns > 0 ? (uint64_t)(span.ns / 1000) : 0;
    (void)sd_event_source_set_time_relative(timer, usec);
    (void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static void disarm(sd_event_source *timer)
{
    (void)sd_event_source_set_enabled(timer, SD_EVENT_OFF);
}

static void enter(struct chb_cluster *cluster, enum chb_cluster_phase phase)
{
    cluster->phase = phase;
    cluster->phase_since = chb_cluster_now();
}

static chb_span hang_limit(const struct chb_cluster *cluster)
{
    if (cluster->config.hang_limit.ns != 0) {
        return cluster->config.hang_limit;
    }
    uint32_t token_ms = cluster->topology == NULL ? 0 : cluster->topology->token_ms;
    return chb_ms(INT64_C(3) * (token_ms == 0 ? TOKEN_MS_DEFAULT : token_ms) + 1000);
}

static void back_off(struct chb_cluster *cluster)
{
    enter(cluster, CHB_CLUSTER_PHASE_IDLE);
    arm(cluster->retry_timer, cluster->backoff);
    cluster->backoff.ns *= 2;
    if (cluster->backoff.ns > cluster->config.backoff_max.ns) {
        cluster->backoff = cluster->config.backoff_max;
    }
}

/* Gives up the connection. Never called with one of corosync's callbacks on the stack. */
static void drop(struct chb_cluster *cluster)
{
    bool was_up = cluster->phase == CHB_CLUSTER_PHASE_UP;

    cluster->cpg_source = sd_event_source_disable_unref(cluster->cpg_source);
    cluster->quorum_source = sd_event_source_disable_unref(cluster->quorum_source);
    cluster->cmap_source = sd_event_source_disable_unref(cluster->cmap_source);
    if (cluster->link != NULL) {
        cluster->link->task = CHB_SERVANT_CLOSE;
        chb_servant_submit(cluster->servant, cluster->link);
        cluster->link = NULL;
    }
    disarm(cluster->flush_timer);
    disarm(cluster->watch_timer);
    disarm(cluster->topology_timer);
    cluster->broken = false;
    cluster->topology_dirty = false;
    cluster->quorum = (struct chb_quorum_news){0};
    cluster->quorum_told = false;
    cluster->status.ring_seq = 0;
    chb_outbox_clear(&cluster->outbox);
    back_off(cluster);
    if (was_up) {
        cluster->status.since = chb_cluster_now();
        chb_cluster_report_kind(cluster, CHB_CLUSTER_DOWN, 0, cluster->status.text);
    }
}

void chb_cluster_break(struct chb_cluster *cluster, const char *call, cs_error_t error)
{
    if (cluster->broken) {
        return;
    }
    cluster->broken = true;
    snprintf(cluster->status.text, sizeof(cluster->status.text), "%s: %s (corosync error %d)", call,
             chb_cs_text(error), (int)error);
    arm(cluster->flush_timer, (chb_span){0});
}

bool chb_cluster_is_broken(const struct chb_cluster *cluster)
{
    return cluster->broken || cluster->link == NULL;
}

void chb_cluster_joined(struct chb_cluster *cluster)
{
    enter(cluster, CHB_CLUSTER_PHASE_UP);
    cluster->backoff = chb_ms(BACKOFF_MS);
    cluster->status.attempts = 0;
    cluster->status.quorate = false;
    cluster->status.since = cluster->phase_since;
    cluster->status.text[0] = '\0';
    chb_cluster_report_kind(cluster, CHB_CLUSTER_UP, 0, "");
}

void chb_cluster_topology_changed(struct chb_cluster *cluster)
{
    cluster->topology_dirty = true;
    if (!cluster->topology_reading) {
        arm(cluster->topology_timer, chb_ms(TOPOLOGY_MS));
    }
}

void chb_cluster_flush(struct chb_cluster *cluster)
{
    const struct chb_outbox_message *message;

    while (cluster->phase == CHB_CLUSTER_PHASE_UP && !chb_cluster_is_broken(cluster) &&
           (message = chb_outbox_next(&cluster->outbox)) != NULL) {
        chb_time now = chb_cluster_now();
        cs_error_t error = chb_cpg_send(cluster, message, now);
        if (error == CS_ERR_TRY_AGAIN) {
            arm(cluster->flush_timer, chb_ms(FLUSH_MS));
            return;
        }
        if (error != CS_OK) {
            chb_cluster_break(cluster, "cpg_mcast_joined", error);
            return;
        }
        cluster->sequence++;
        cluster->status.sent++;
        chb_outbox_sent(&cluster->outbox, cluster->sequence, now);
    }
}

/* What every handler ends with. */
static int settle(struct chb_cluster *cluster, const char *call, cs_error_t error)
{
    if (error != CS_OK) {
        chb_cluster_break(cluster, call, error);
    }
    if (cluster->broken) {
        drop(cluster);
    } else {
        chb_cluster_flush(cluster);
    }
    return 0;
}

static int on_cpg(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct chb_cluster *cluster = userdata;
    bool drained;
    (void)source;
    (void)fd;
    (void)events;
    return settle(cluster, "cpg_dispatch", chb_cpg_dispatch(cluster, &drained));
}

static int on_quorum(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct chb_cluster *cluster = userdata;
    (void)source;
    (void)fd;
    (void)events;
    return settle(cluster, "quorum_dispatch", chb_quorum_dispatch(cluster));
}

static int on_cmap(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct chb_cluster *cluster = userdata;
    (void)source;
    (void)fd;
    (void)events;
    return settle(cluster, "cmap_dispatch", chb_cmap_dispatch(cluster->link->connection.cmap));
}

static int on_flush(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_cluster *cluster = userdata;
    (void)source;
    (void)usec;
    return settle(cluster, "flush", CS_OK);
}

/* Does corosync still deliver? What has arrived is read before anything is said about it. */
static int on_watch(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_cluster *cluster = userdata;
    chb_span limit = hang_limit(cluster);
    bool drained = false;
    (void)source;

    cs_error_t error = chb_cpg_dispatch(cluster, &drained);
    if (error != CS_OK || cluster->broken) {
        return settle(cluster, "cpg_dispatch", error);
    }
    chb_time now = chb_cluster_now();
    chb_time due = {.ns = (int64_t)usec * 1000};
    chb_time oldest = cluster->phase == CHB_CLUSTER_PHASE_JOINING
                          ? cluster->phase_since
                          : chb_outbox_oldest(&cluster->outbox);
    if (!chb_time_is_set(oldest)) {
        arm(cluster->watch_timer, limit);
        return settle(cluster, "watch", CS_OK);
    }
    chb_span age = chb_time_since(now, oldest);
    if (age.ns < limit.ns) {
        arm(cluster->watch_timer, (chb_span){limit.ns - age.ns});
        return settle(cluster, "watch", CS_OK);
    }
    /* If this process itself was late, so may corosync have been: it gets another chance. */
    if (!drained || chb_time_since(now, due).ns > limit.ns / 4) {
        arm(cluster->watch_timer, (chb_span){limit.ns / 4});
        return settle(cluster, "watch", CS_OK);
    }
    snprintf(cluster->status.text, sizeof(cluster->status.text),
             "corosync does not answer: own messages did not come back for %" PRId64 " ms",
             chb_span_ms(age));
    drop(cluster);
    return 0;
}

static void connect_now(struct chb_cluster *cluster)
{
    struct chb_servant_job *job = calloc(1, sizeof(*job));
    cluster->status.attempts++;
    if (job == NULL) {
        back_off(cluster);
        return;
    }
    job->task = CHB_SERVANT_CONNECT;
    strcpy(job->connection.group, cluster->group);
    job->connection.context = cluster;
    enter(cluster, CHB_CLUSTER_PHASE_CONNECTING);
    chb_servant_submit(cluster->servant, job);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    connect_now(userdata);
    return 0;
}

static int on_topology(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_cluster *cluster = userdata;
    (void)source;
    (void)usec;

    if (cluster->link == NULL || cluster->topology_reading) {
        return 0;
    }
    struct chb_servant_job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        arm(cluster->topology_timer, chb_ms(TOPOLOGY_RETRY_MS));
        return 0;
    }
    job->task = CHB_SERVANT_TOPOLOGY;
    job->connection.topology = cluster->link->connection.topology;
    cluster->topology_dirty = false;
    cluster->topology_reading = true;
    chb_servant_submit(cluster->servant, job);
    return 0;
}

/* Takes a topology that was read. Returns 0 or -ENOMEM. */
static int take_topology(struct chb_cluster *cluster, const struct chb_topology *topology)
{
    if (cluster->topology != NULL && chb_topology_equal(cluster->topology, topology)) {
        return 0;
    }
    struct chb_topology *copy = malloc(sizeof(*copy));
    if (copy == NULL) {
        return -ENOMEM;
    }
    *copy = *topology;
    struct chb_topology *old = cluster->topology;
    cluster->topology = copy;
    chb_cluster_report_kind(cluster, CHB_CLUSTER_TOPOLOGY, copy->self, "");
    free(old); /* only now: whoever kept the old pointer has been told */
    return 0;
}

static int add_source(struct chb_cluster *cluster, int fd, sd_event_io_handler_t handler,
                      sd_event_source **ret_source)
{
    int r = sd_event_add_io(cluster->loop, ret_source, fd, EPOLLIN, handler, cluster);
    if (r < 0) {
        return r;
    }
    return sd_event_source_set_priority(*ret_source, cluster->config.io_priority);
}

static void connected(struct chb_cluster *cluster, struct chb_servant_job *job)
{
    const struct chb_connection *connection = &job->connection;

    cluster->link = job;
    cluster->broken = false;
    chb_members_init(&cluster->members, connection->topology.self, (uint32_t)getpid());
    enter(cluster, CHB_CLUSTER_PHASE_JOINING);

    int r = add_source(cluster, connection->cpg_fd, on_cpg, &cluster->cpg_source);
    if (r >= 0) {
        r = add_source(cluster, connection->quorum_fd, on_quorum, &cluster->quorum_source);
    }
    if (r >= 0) {
        r = add_source(cluster, connection->cmap_fd, on_cmap, &cluster->cmap_source);
    }
    if (r >= 0) {
        r = take_topology(cluster, &connection->topology);
    }
    if (r < 0) {
        snprintf(cluster->status.text, sizeof(cluster->status.text), "watching corosync: %s",
                 strerror(-r));
        drop(cluster);
        return;
    }
    arm(cluster->watch_timer, hang_limit(cluster));
}

static void connect_done(struct chb_cluster *cluster, struct chb_servant_job *job)
{
    if (job->result == 0) {
        connected(cluster, job);
        return;
    }
    memcpy(cluster->status.text, job->connection.text, sizeof(cluster->status.text));
    free(job);
    back_off(cluster);
}

static void topology_done(struct chb_cluster *cluster, struct chb_servant_job *job)
{
    int r = job->result;

    cluster->topology_reading = false;
    if (r == 0 && cluster->link != NULL) {
        cluster->link->connection.topology = job->connection.topology;
        r = take_topology(cluster, &job->connection.topology);
    }
    free(job);
    if (cluster->link != NULL && (r < 0 || cluster->topology_dirty)) {
        arm(cluster->topology_timer, chb_ms(r < 0 ? TOPOLOGY_RETRY_MS : TOPOLOGY_MS));
    }
}

static int on_servant(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct chb_cluster *cluster = userdata;
    struct chb_servant_job *job;
    (void)source;
    (void)fd;
    (void)events;

    while ((job = chb_servant_collect(cluster->servant)) != NULL) {
        switch (job->task) {
        case CHB_SERVANT_CONNECT:
            connect_done(cluster, job);
            break;
        case CHB_SERVANT_TOPOLOGY:
            topology_done(cluster, job);
            break;
        case CHB_SERVANT_CLOSE: /* has no result */
            free(job);
            break;
        }
    }
    return 0;
}

static int add_timer(struct chb_cluster *cluster, sd_event_time_handler_t handler,
                     sd_event_source **ret_timer)
{
    int r = sd_event_add_time_relative(cluster->loop, ret_timer, CLOCK_BOOTTIME, 0, ACCURACY_USEC,
                                       handler, cluster);
    if (r >= 0) {
        r = sd_event_source_set_enabled(*ret_timer, SD_EVENT_OFF);
    }
    if (r >= 0) {
        r = sd_event_source_set_priority(*ret_timer, cluster->config.timer_priority);
    }
    return r < 0 ? r : 0;
}

static int start(struct chb_cluster *cluster)
{
    int r = chb_servant_new(&cluster->servant);
    if (r >= 0) {
        r = add_source(cluster, chb_servant_fd(cluster->servant), on_servant,
                       &cluster->servant_source);
    }
    if (r >= 0) {
        r = add_timer(cluster, on_retry, &cluster->retry_timer);
    }
    if (r >= 0) {
        r = add_timer(cluster, on_flush, &cluster->flush_timer);
    }
    if (r >= 0) {
        r = add_timer(cluster, on_watch, &cluster->watch_timer);
    }
    if (r >= 0) {
        r = add_timer(cluster, on_topology, &cluster->topology_timer);
    }
    return r < 0 ? r : 0;
}

static bool is_within(chb_span span, int64_t low_ms, int64_t high_ms)
{
    return span.ns >= chb_ms(low_ms).ns && span.ns <= chb_ms(high_ms).ns;
}

int chb_cluster_new(sd_event *loop, const struct chb_cluster_config *config,
                    chb_cluster_handler handler, void *userdata, struct chb_cluster **ret_cluster)
{
    const char *group = config->group == NULL ? CHB_CLUSTER_GROUP : config->group;
    chb_span backoff_max = config->backoff_max;

    if (backoff_max.ns == 0) {
        backoff_max = chb_ms(BACKOFF_MS_MAX_DEFAULT);
    }
    if (loop == NULL || handler == NULL || config->boot == 0 || group[0] == '\0' ||
        strlen(group) >= CPG_MAX_NAME_LENGTH || config->timer_priority <= config->io_priority ||
        !is_within(backoff_max, BACKOFF_MS, 60000) ||
        (config->hang_limit.ns != 0 &&
         !is_within(config->hang_limit, HANG_LIMIT_MS_MIN, HANG_LIMIT_MS_MAX))) {
        return -EINVAL;
    }
    struct chb_cluster *cluster = calloc(1, sizeof(*cluster));
    if (cluster == NULL) {
        return -ENOMEM;
    }
    cluster->loop = sd_event_ref(loop);
    cluster->config = *config;
    cluster->config.backoff_max = backoff_max;
    strcpy(cluster->group, group);
    cluster->config.group = cluster->group;
    cluster->handler = handler;
    cluster->userdata = userdata;
    cluster->backoff = chb_ms(BACKOFF_MS);
    cluster->status.since = chb_cluster_now();

    int r = start(cluster);
    if (r < 0) {
        chb_cluster_free(cluster);
        return r;
    }
    connect_now(cluster);
    *ret_cluster = cluster;
    return 0;
}

struct chb_cluster *chb_cluster_free(struct chb_cluster *cluster)
{
    if (cluster == NULL) {
        return NULL;
    }
    sd_event_source_disable_unref(cluster->cpg_source);
    sd_event_source_disable_unref(cluster->quorum_source);
    sd_event_source_disable_unref(cluster->cmap_source);
    sd_event_source_disable_unref(cluster->servant_source);
    sd_event_source_disable_unref(cluster->retry_timer);
    sd_event_source_disable_unref(cluster->flush_timer);
    sd_event_source_disable_unref(cluster->watch_timer);
    sd_event_source_disable_unref(cluster->topology_timer);
    if (cluster->link != NULL) {
        cluster->link->task = CHB_SERVANT_CLOSE;
        chb_servant_submit(cluster->servant, cluster->link);
    }
    chb_servant_free(cluster->servant);
    sd_event_unref(cluster->loop);
    free(cluster->topology);
    free(cluster);
    return NULL;
}
