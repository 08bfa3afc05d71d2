/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pacemaker's fencer: requests of the cores, everybody's fences as evidence, and whether fencing
 * can work at all. */
#include <agent/shell/vm.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <agent/shell/clock.h>
#include <agent/shell/log.h>

#define READ_TIMEOUT_MS 10000
#define DEVICES_TIMEOUT_MS 30000
#define DEFAULT_FENCE_TIMEOUT_MS 60000
#define QUERY_TIMEOUT_MS 2000

/* A request's number carries the VM that asked and the core's own number. */
static uint64_t request_id(const struct chb_vm *vm, uint32_t op)
{
    const struct chb_daemon *daemon = vm->daemon;
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        if (daemon->vms[i] == vm) {
            return (uint64_t)i << 32 | op;
        }
    }
    return op;
}

static void answer(struct chb_vm *vm, uint32_t op, uint32_t node, enum chb_outcome outcome,
                   bool by_human, chb_time not_before)
{
    struct chb_event event = {.kind = CHB_EVENT_FENCE_RESULT};
    event.u.fence.op = op;
    event.u.fence.node = node;
    event.u.fence.outcome = outcome;
    event.u.fence.by_human = by_human;
    event.u.fence.not_before = not_before;
    chb_vm_event(vm, &event);
}

void chb_fences_ask(struct chb_vm *vm, uint32_t op, uint32_t node)
{
    struct chb_daemon *daemon = vm->daemon;
    const char *name = chb_node_name(daemon, node);
    chb_span timeout =
        daemon->fencing.timeout.ns > 0 ? daemon->fencing.timeout : chb_ms(DEFAULT_FENCE_TIMEOUT_MS);
    const char *action = daemon->fencing.action[0] != '\0' ? daemon->fencing.action : "reboot";
    int r = daemon->fencer == NULL || name == NULL
                ? -ENOTCONN
                : chb_fencer_request(daemon->fencer, name, action, request_id(vm, op), timeout);
    if (r < 0) {
        chb_log(LOG_ERR, "%s: fencing of node %u cannot be asked for: %s", vm->name, node,
                strerror(-r));
        answer(vm, op, node, CHB_OUTCOME_FAILED, false, CHB_TIME_NEVER);
    }
}

static void on_result(void *userdata, const struct chb_fence_result *result)
{
    struct chb_daemon *daemon = userdata;
    uint32_t index = (uint32_t)(result->request_id >> 32);
    chb_log(result->outcome == CHB_OUTCOME_DONE ? LOG_NOTICE : LOG_WARNING, "fencing of %s: %s: %s",
            result->node, chb_outcome_id(result->outcome), result->text);
    if (index < daemon->n_vms) {
        /* A success of an operation from before the node was last seen alive is true and proves
         * nothing: with no lower bound for its time the core asks again. */
        answer(daemon->vms[index], (uint32_t)result->request_id, chb_node_id(daemon, result->node),
               result->outcome, false, result->settled ? result->asked : CHB_TIME_NEVER);
    }
}

static void notice(struct chb_daemon *daemon, const char *node, bool manual, chb_time not_before)
{
    struct chb_event event = {.kind = CHB_EVENT_FENCE_NOTICE};
    event.u.fence.node = chb_node_id(daemon, node);
    event.u.fence.outcome = CHB_OUTCOME_DONE;
    event.u.fence.by_human = manual;
    event.u.fence.not_before = not_before;
    if (event.u.fence.node == 0) {
        return;
    }
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        chb_vm_event(daemon->vms[i], &event);
    }
}

static void on_event(void *userdata, const struct chb_fence_event *event)
{
    struct chb_daemon *daemon = userdata;
    chb_log(LOG_NOTICE, "fencing of %s (%s, by %s): %s%s%s", event->node, event->action,
            event->executioner, chb_outcome_id(event->outcome), event->text[0] != '\0' ? ": " : "",
            event->text);
    if (event->powered_off && event->settled) {
        notice(daemon, event->node, event->manual, event->not_before);
    }
}

static void on_verdict(void *userdata, const struct chb_fence_verdict *verdict)
{
    struct chb_daemon *daemon = userdata;
    if (verdict->outcome == CHB_OUTCOME_DONE) {
        chb_log(LOG_NOTICE, "the fencer's history has a fence of %s since it was lost",
                verdict->node);
        notice(daemon, verdict->node, verdict->manual, verdict->since);
    }
}

static void on_status(void *userdata, const struct chb_fencer_status *status)
{
    struct chb_daemon *daemon = userdata;
    chb_log(status->connected ? LOG_INFO : LOG_WARNING, "fencer: %s",
            status->connected ? "connected" : status->text);
    if (status->connected && daemon->attributes != NULL) {
        /* Pacemaker was restarted, and has forgotten what does not outlive it. Without our score it
         * would go by one that somebody has left there for good. */
        chb_attributes_republish(daemon->attributes, true);
    }
}

void chb_fences_alive(struct chb_daemon *daemon, uint32_t node)
{
    const char *name = chb_node_name(daemon, node);
    if (daemon->fencer != NULL && name != NULL) {
        (void)chb_fencer_note_alive(daemon->fencer, name);
    }
}

static bool is_there(const struct chb_daemon *daemon, uint32_t node)
{
    struct chb_cluster_member members[CHB_NODES_MAX];
    size_t n =
        daemon->cluster_up ? chb_cluster_members(daemon->cluster, members, CHB_NODES_MAX) : 0;
    for (size_t i = 0; i < n && i < CHB_NODES_MAX; i++) {
        if (members[i].node == node && members[i].in_ring) {
            return true;
        }
    }
    return node == daemon->self;
}

static bool is_member(void *userdata, const char *node)
{
    const struct chb_daemon *daemon = userdata;
    return is_there(daemon, chb_node_id(daemon, node));
}

static bool is_held_against(const struct chb_daemon *daemon, uint32_t node)
{
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        const struct chb_core *core = &daemon->vms[i]->core;
        if (core->phase == CHB_PHASE_HOLDING && core->peer == node) {
            return true;
        }
    }
    return false;
}

void chb_fences_renew(struct chb_daemon *daemon)
{
    for (uint32_t i = 0; daemon->fencer != NULL && i < daemon->n_nodes; i++) {
        uint32_t node = daemon->nodes[i];
        const char *name = chb_node_name(daemon, node);
        /* One that we wait to see fenced is not known to be alive, member or not. */
        if (node != daemon->self && name != NULL && is_there(daemon, node) &&
            !is_held_against(daemon, node)) {
            (void)chb_fencer_renew_alive(daemon->fencer, name);
        }
    }
}

void chb_fences_lost(struct chb_daemon *daemon)
{
    if (daemon->fencer != NULL) {
        chb_fencer_mark(daemon->fencer);
    }
}

void chb_fences_review(struct chb_daemon *daemon)
{
    for (uint32_t i = 0; daemon->fencer != NULL && i < daemon->n_vms; i++) {
        const struct chb_core *core = &daemon->vms[i]->core;
        const struct chb_peer *peer = chb_core_peer(core, core->peer);
        const char *name = chb_node_name(daemon, core->peer);
        if (core->phase == CHB_PHASE_HOLDING && peer != NULL && peer->lost && name != NULL &&
            !chb_time_is_set(peer->fenced_at)) {
            (void)chb_fencer_query(daemon->fencer, name, peer->lost_at, (uint64_t)i + 1,
                                   chb_ms(QUERY_TIMEOUT_MS));
        }
    }
}

/* ---- can it work at all? ---- */

static void tell_setup(struct chb_daemon *daemon)
{
    struct chb_fencing_state *fencing = &daemon->fencing;
    bool configured = fencing->enabled && fencing->n_devices > 0;
    if (!fencing->known || fencing->configured != configured) {
        chb_log(configured ? LOG_NOTICE : LOG_ERR, "%s",
                configured          ? "fencing is configured"
                : !fencing->enabled ? "stonith-enabled is false: the loss of a host can never be "
                                      "proven, and its VMs will stay silent"
                                    : "no fence device can fence another node: the loss of a host "
                                      "can never be proven, and its VMs will stay silent");
    }
    fencing->known = true;
    fencing->configured = configured;
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        chb_fences_brief(daemon, daemon->vms[i]);
    }
}

void chb_fences_brief(struct chb_daemon *daemon, struct chb_vm *vm)
{
    if (!daemon->fencing.known) {
        return;
    }
    struct chb_event event = {.kind = CHB_EVENT_FENCING_SETUP};
    event.u.fencing.configured = daemon->fencing.configured;
    chb_vm_event(vm, &event);
}

static void on_devices(void *userdata, const struct chb_fence_devices *devices)
{
    struct chb_daemon *daemon = userdata;
    struct chb_fencing_state *fencing = &daemon->fencing;
    if (devices->outcome == CHB_OUTCOME_DONE) {
        fencing->answered += (uint32_t)devices->count;
    } else {
        fencing->devices_unknown = true;
    }
    fencing->asking--;
    if (fencing->asking > 0) {
        return;
    }
    /* A fencer that does not answer has said nothing; what was known stays. */
    if (!fencing->devices_unknown || fencing->answered > 0) {
        fencing->n_devices = fencing->answered;
        tell_setup(daemon);
    }
}

static void on_properties(void *userdata, const struct chb_cluster_properties *properties)
{
    struct chb_daemon *daemon = userdata;
    struct chb_fencing_state *fencing = &daemon->fencing;
    fencing->asking--;
    if (properties->outcome != CHB_OUTCOME_DONE) {
        return;
    }
    fencing->enabled = properties->stonith_enabled;
    fencing->timeout = properties->stonith_timeout;
    (void)snprintf(fencing->action, sizeof(fencing->action), "%s", properties->stonith_action);
    fencing->answered = 0;
    fencing->devices_unknown = false;
    for (uint32_t i = 0; i < daemon->n_nodes; i++) {
        const char *name = chb_node_name(daemon, daemon->nodes[i]);
        if (daemon->nodes[i] != daemon->self && name != NULL &&
            chb_cluster_read_devices(daemon->tools, name, chb_ms(DEVICES_TIMEOUT_MS), on_devices,
                                     daemon) == 0) {
            fencing->asking++;
        }
    }
    if (fencing->asking == 0) {
        fencing->n_devices = 0;
        tell_setup(daemon);
    }
}

void chb_fences_refresh(struct chb_daemon *daemon)
{
    if (daemon->fencing.asking == 0 && daemon->tools != NULL &&
        chb_cluster_read_properties(daemon->tools, chb_ms(READ_TIMEOUT_MS), on_properties,
                                    daemon) == 0) {
        daemon->fencing.asking = 1;
    }
}

int chb_fences_start(struct chb_daemon *daemon)
{
    static const struct chb_fencer_callbacks callbacks = {.status = on_status,
                                                          .result = on_result,
                                                          .event = on_event,
                                                          .verdict = on_verdict,
                                                          .is_member = is_member};
    struct chb_fencer_config config = {
        .servant_path = daemon->options.fencing_servant,
        .local_node = daemon->name,
        .io_priority = CHB_PRIORITY_FENCER,
        .timer_priority = CHB_PRIORITY_TIMERS,
    };
    int r = chb_fencer_new(daemon->event, &config, &callbacks, daemon, &daemon->fencer);
    if (r == 0) {
        chb_fences_refresh(daemon);
    }
    return r;
}

void chb_fences_stop(struct chb_daemon *daemon)
{
    daemon->fencer = chb_fencer_free(daemon->fencer);
}
