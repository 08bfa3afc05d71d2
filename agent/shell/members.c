/* SPDX-License-Identifier: GPL-2.0-or-later */
/* corosync's events to every core, and the judgement of who is silent. */
#include <agent/shell/vm.h>

#include <errno.h>
#include <string.h>

#include <agent/shell/clock.h>
#include <agent/shell/log.h>

#define TELL_ALL_MS 200  /* no more often than that at others' request */
#define MISMATCHES_MAX 3 /* heartbeats in a row with another digest: ask */

static void to_all(struct chb_daemon *daemon, const struct chb_event *event)
{
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        chb_vm_event(daemon->vms[i], event);
    }
}

static struct chb_event node_event(enum chb_event_kind kind, uint32_t node, chb_time at)
{
    struct chb_event event = {.kind = kind, .at = at};
    event.u.node.id = node;
    return event;
}

/* ---- silence ---- */

static void judge(struct chb_daemon *daemon, chb_time now)
{
    struct chb_detector_change change;
    if (!daemon->detecting) {
        return;
    }
    while (chb_detector_poll(&daemon->detector, now, &change)) {
        const char *name = chb_node_name(daemon, change.node);
        chb_log(change.silent ? LOG_WARNING : LOG_NOTICE, "the agent of %s %s",
                name != NULL ? name : "a node",
                change.silent ? "is silent though its node is a member" : "is heard again");
        struct chb_event event =
            node_event(change.silent ? CHB_EVENT_SILENT : CHB_EVENT_HEARD, change.node, now);
        to_all(daemon, &event);
    }
    chb_timer_set(daemon->silence, chb_detector_deadline(&daemon->detector));
}

static int on_silence(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    judge(userdata, chb_now());
    return 0;
}

void chb_members_stalled(struct chb_daemon *daemon, chb_time at, chb_span stall)
{
    if (daemon->detecting) {
        chb_detector_own_stall(&daemon->detector, at, stall);
    }
    struct chb_event event = {.kind = CHB_EVENT_STALLED, .at = at};
    event.u.stall = stall;
    to_all(daemon, &event);
}

static void start_detecting(struct chb_daemon *daemon)
{
    const struct chb_conf *conf = &daemon->options.conf;
    struct chb_detector_config config = {
        .timeout = conf->silence_timeout,
        .interval = conf->heartbeat_interval,
    };
    int r = chb_detector_init(&daemon->detector, daemon->self, daemon->boot, &config);
    if (r < 0) {
        chb_log(LOG_ERR, "silent agents cannot be found: %s", strerror(-r));
        return;
    }
    daemon->detecting = true;
}

/* ---- other protocols ---- */

bool chb_members_is_foreign(const struct chb_daemon *daemon, uint32_t node)
{
    for (uint32_t i = 0; node != 0 && i < CHB_NODES_MAX; i++) {
        if (daemon->foreign[i] == node) {
            return true;
        }
    }
    return false;
}

/* The cores know such an agent as one that is silent; why, the status lines say. */
static void set_foreign(struct chb_daemon *daemon, uint32_t node, bool foreign)
{
    uint32_t old = foreign ? 0 : node;
    if (node == 0 || chb_members_is_foreign(daemon, node) == foreign) {
        return;
    }
    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        if (daemon->foreign[i] == old) {
            daemon->foreign[i] = foreign ? node : 0;
            break;
        }
    }
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        chb_vm_line_update(daemon->vms[i]);
    }
}

/* ---- membership ---- */

/* A host that has never had a VM has no record, runs nothing and will not unless it is asked to. */
static const struct chb_state_msg nothing_here = {.record = {.kind = CHB_RECORD_NONE}};

uint64_t chb_members_digest(const struct chb_daemon *daemon)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        sum += daemon->vms[i]->state_sent ? daemon->vms[i]->sent_digest : 0;
    }
    for (uint32_t i = 0; i < daemon->strangers.count; i++) {
        sum += chb_wire_state_digest(&daemon->strangers.list[i], &nothing_here);
    }
    return sum;
}

static void tell_strangers(struct chb_daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->strangers.count; i++) {
        (void)chb_cluster_send_state(daemon->cluster, &daemon->strangers.list[i], &nothing_here);
    }
}

/* Nodes that corosync does not count as members are lost; it tells of them only when that changes.
 */
static void report_absent(struct chb_daemon *daemon, struct chb_vm *only, chb_time at)
{
    struct chb_cluster_member members[CHB_NODES_MAX];
    size_t n = chb_cluster_members(daemon->cluster, members, CHB_NODES_MAX);
    n = n < CHB_NODES_MAX ? n : CHB_NODES_MAX;
    for (uint32_t i = 0; i < daemon->n_nodes; i++) {
        bool in_ring = daemon->nodes[i] == daemon->self;
        for (size_t j = 0; j < n; j++) {
            in_ring = in_ring || (members[j].node == daemon->nodes[i] && members[j].in_ring);
        }
        if (in_ring) {
            continue;
        }
        struct chb_event event = node_event(CHB_EVENT_NODE_DOWN, daemon->nodes[i], at);
        if (only != NULL) {
            chb_vm_event(only, &event);
        } else {
            to_all(daemon, &event);
        }
    }
}

static void quorum(struct chb_daemon *daemon, const struct chb_cluster_event *event)
{
    bool first = !daemon->quorum_heard;
    bool before = daemon->quorate || daemon->was_quorate;
    daemon->quorate = event->u.quorate;
    daemon->was_quorate = event->doubt && before;
    struct chb_event told = {.kind = CHB_EVENT_QUORUM, .at = event->at};
    told.u.quorate = daemon->quorate;
    to_all(daemon, &told);
    if (event->doubt) {
        return; /* it is told in a moment what it is */
    }
    daemon->quorum_heard = true;
    if (first) {
        report_absent(daemon, NULL, event->at);
    }
    if (!first && before == daemon->quorate) {
        return;
    }
    chb_log(LOG_NOTICE, "the cluster is %s", daemon->quorate ? "quorate" : "without quorum");
    if (daemon->quorate) {
        chb_fences_refresh(daemon);
        for (uint32_t i = 0; i < daemon->n_vms; i++) {
            chb_cib_read(daemon->vms[i]);
        }
    }
}

static void up(struct chb_daemon *daemon, const struct chb_cluster_event *event)
{
    chb_log(LOG_NOTICE, "joined the cluster as %s (node %u)", daemon->name, daemon->self);
    daemon->cluster_up = true;
    daemon->quorum_heard = false;
    daemon->want_states = true;
    daemon->mismatches = 0;
    if (!daemon->detecting) {
        start_detecting(daemon);
    }
    struct chb_event told = {.kind = CHB_EVENT_CLUSTER_UP, .at = event->at};
    to_all(daemon, &told);
    if (daemon->attributes != NULL) {
        chb_attributes_republish(daemon->attributes, true);
    }
}

static void down(struct chb_daemon *daemon, const struct chb_cluster_event *event)
{
    chb_log(LOG_WARNING, "cut off from the cluster: %s", event->text);
    daemon->cluster_up = false;
    daemon->quorate = false;
    daemon->was_quorate = false;
    daemon->digests.count = 0;
    memset(daemon->foreign, 0, sizeof(daemon->foreign));
    if (daemon->detecting) {
        chb_detector_reset(&daemon->detector);
        chb_timer_set(daemon->silence, CHB_TIME_FOREVER);
    }
    struct chb_event told = {.kind = CHB_EVENT_CLUSTER_LOST, .at = event->at};
    to_all(daemon, &told);
}

static void node_changed(struct chb_daemon *daemon, const struct chb_cluster_event *event,
                         enum chb_event_kind kind)
{
    const char *name = chb_node_name(daemon, event->node);
    chb_log(LOG_NOTICE, "%s%s", name != NULL ? name : "a node",
            kind == CHB_EVENT_NODE_UP     ? ": its agent is here"
            : kind == CHB_EVENT_NODE_DOWN ? " has left the cluster"
                                          : ": its agent has gone, the node has not");
    chb_digests_forget(&daemon->digests, event->node);
    set_foreign(daemon, event->node, false);
    if (event->node == daemon->self) {
        return;
    }
    if (kind == CHB_EVENT_NODE_UP) {
        if (daemon->detecting) {
            (void)chb_detector_joined(&daemon->detector, event->node, event->at);
        }
        chb_fences_alive(daemon, event->node);
        tell_strangers(daemon); /* the cores tell their own */
    } else if (daemon->detecting) {
        chb_detector_left(&daemon->detector, event->node);
    }
    struct chb_event told = node_event(kind, event->node, event->at);
    to_all(daemon, &told);
}

/* ---- messages ---- */

static void tell_all(struct chb_daemon *daemon)
{
    chb_time now = chb_now();
    if (chb_time_before(now, chb_time_add(daemon->told_all_at, chb_ms(TELL_ALL_MS)))) {
        return;
    }
    daemon->told_all_at = now;
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        chb_vm_tell_again(daemon->vms[i]);
    }
    tell_strangers(daemon);
}

static void refused(struct chb_daemon *daemon, const struct chb_cluster_event *event)
{
    /* The status says it for as long as it lasts. */
    bool known = chb_members_is_foreign(daemon, event->node);
    chb_log(known ? LOG_DEBUG : LOG_WARNING, "%s", event->text);
    if (event->error == -EPROTONOSUPPORT) {
        set_foreign(daemon, event->node, true);
    }
}

static void heard(struct chb_daemon *daemon, const struct chb_cluster_event *event)
{
    set_foreign(daemon, event->node, false);
    if (!daemon->detecting) {
        return;
    }
    enum chb_detector_heard what =
        chb_detector_heard(&daemon->detector, event->node, event->boot, event->sequence, event->at);
    if (what == CHB_HEARD_AFTER_GAP || what == CHB_HEARD_INCARNATION) {
        daemon->want_states = true;
    }
}

static void heartbeat(struct chb_daemon *daemon, const struct chb_cluster_event *event)
{
    const struct chb_heartbeat_msg *message = &event->u.heartbeat;
    if (event->own) {
        return;
    }
    if (daemon->detecting) {
        chb_detector_lateness(&daemon->detector, event->node, message->lateness_ms);
    }
    if ((message->flags & CHB_HEARTBEAT_WANTS_STATES) != 0) {
        tell_all(daemon);
    }
    if (chb_digests_sum(&daemon->digests, event->node) == message->digest) {
        daemon->mismatches = 0;
    } else if (++daemon->mismatches >= MISMATCHES_MAX) {
        daemon->mismatches = 0;
        daemon->want_states = true;
    }
}

static void state(struct chb_daemon *daemon, const struct chb_cluster_event *event)
{
    if (event->own) {
        return;
    }
    chb_digests_set(&daemon->digests, event->node, &event->u.state.vm,
                    chb_wire_state_digest(&event->u.state.vm, &event->u.state.state));
    struct chb_vm *vm = chb_vm_of_key(daemon, &event->u.state.vm);
    if (vm == NULL) {
        if (chb_strangers_add(&daemon->strangers, &event->u.state.vm)) {
            (void)chb_cluster_send_state(daemon->cluster, &event->u.state.vm, &nothing_here);
        }
        return;
    }
    struct chb_event told = {.kind = CHB_EVENT_STATE, .at = event->at};
    told.u.msg.from = event->node;
    told.u.msg.boot = event->boot;
    told.u.msg.state = event->u.state.state;
    chb_vm_event(vm, &told);
}

static void request(struct chb_daemon *daemon, const struct chb_cluster_event *event)
{
    struct chb_vm *vm = chb_vm_of_key(daemon, &event->u.request.vm);
    if (vm == NULL || event->own) {
        return;
    }
    struct chb_event told = {.kind = CHB_EVENT_REQUEST, .at = event->at};
    told.u.request.from = event->node;
    told.u.request.request = event->u.request.request;
    chb_vm_event(vm, &told);
}

static void topology(struct chb_daemon *daemon)
{
    bool first = daemon->self == 0;
    chb_identity_update(daemon, chb_cluster_topology(daemon->cluster));
    if (daemon->attributes == NULL && daemon->self != 0) {
        int r = chb_cib_start(daemon);
        if (r == 0) {
            r = chb_fences_start(daemon);
        }
        if (r < 0) {
            chb_log(LOG_ERR, "Pacemaker cannot be reached: %s", strerror(-r));
        }
    }
    chb_resolve_all(daemon, true);
    if (first && daemon->self != 0) {
        chb_adopt_all(daemon); /* now it is known whose they are */
        chb_command_adopted(daemon);
    }
}

static void on_cluster(const struct chb_cluster_event *event, void *userdata)
{
    struct chb_daemon *daemon = userdata;
    switch (event->kind) {
    case CHB_CLUSTER_UP:
        up(daemon, event);
        break;
    case CHB_CLUSTER_DOWN:
        down(daemon, event);
        break;
    case CHB_CLUSTER_NODE_UP:
        node_changed(daemon, event, CHB_EVENT_NODE_UP);
        break;
    case CHB_CLUSTER_NODE_DOWN:
        node_changed(daemon, event, CHB_EVENT_NODE_DOWN);
        break;
    case CHB_CLUSTER_AGENT_DOWN:
        node_changed(daemon, event, CHB_EVENT_AGENT_DOWN);
        break;
    case CHB_CLUSTER_QUORUM:
        quorum(daemon, event);
        break;
    case CHB_CLUSTER_TOPOLOGY:
        topology(daemon);
        break;
    case CHB_CLUSTER_HEARTBEAT:
        heard(daemon, event);
        heartbeat(daemon, event);
        break;
    case CHB_CLUSTER_STATE:
        heard(daemon, event);
        state(daemon, event);
        break;
    case CHB_CLUSTER_REQUEST:
        heard(daemon, event);
        request(daemon, event);
        break;
    case CHB_CLUSTER_BAD_MESSAGE:
        refused(daemon, event);
        break;
    case CHB_CLUSTER_EVENT_MAX:
        break;
    }
    judge(daemon, event->at);
}

/* ---- for others ---- */

void chb_members_brief(struct chb_daemon *daemon, struct chb_vm *vm)
{
    if (!daemon->cluster_up) {
        return;
    }
    chb_time now = chb_now();
    struct chb_event event = {.kind = CHB_EVENT_CLUSTER_UP, .at = now};
    chb_vm_event(vm, &event);
    struct chb_cluster_member members[CHB_NODES_MAX];
    size_t n = chb_cluster_members(daemon->cluster, members, CHB_NODES_MAX);
    for (size_t i = 0; i < n && i < CHB_NODES_MAX; i++) {
        if (members[i].pid != 0 && members[i].node != daemon->self) {
            event = node_event(CHB_EVENT_NODE_UP, members[i].node, now);
            chb_vm_event(vm, &event);
        }
    }
    if (daemon->quorum_heard) {
        event = (struct chb_event){.kind = CHB_EVENT_QUORUM, .at = now};
        event.u.quorate = daemon->quorate;
        chb_vm_event(vm, &event);
        report_absent(daemon, vm, now);
    }
    daemon->want_states = true; /* what the others told before, they tell again */
}

int chb_members_start(struct chb_daemon *daemon)
{
    struct chb_cluster_config config = {
        .boot = daemon->boot,
        .io_priority = CHB_PRIORITY_CLUSTER,
        .timer_priority = CHB_PRIORITY_TIMERS,
    };
    int r = chb_timer_new(daemon, CHB_PRIORITY_DEADLINE, on_silence, daemon, &daemon->silence);
    return r < 0 ? r
                 : chb_cluster_new(daemon->event, &config, on_cluster, daemon, &daemon->cluster);
}

void chb_members_stop(struct chb_daemon *daemon)
{
    daemon->silence = sd_event_source_disable_unref(daemon->silence);
    daemon->cluster = chb_cluster_free(daemon->cluster);
}
