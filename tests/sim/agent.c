/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An agent's life: start, take-over, events in their order, deadlines, stalls, crashes. */
#include <tests/sim/sim.h>

#include <string.h>

#define PING_MS 200

chb_time chb_sim_host_time(const struct chb_sim *sim, uint32_t node, int64_t at_ns)
{
    /* Clocks of different hosts have nothing in common, not even the length of a second. */
    int64_t ns = at_ns - sim->host[node].on_at;
    return (chb_time){.ns = ns + ns / 1000000 * sim->host[node].drift_ppm +
                            CHB_SIM_MS(1000) * (1 + node)};
}

/* ---- deadlines ---- */

static void on_tick(struct chb_sim *sim, const struct chb_sim_item *item);

static void plan_tick(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_unit *unit = &CHB_SIM_VM(sim)->unit[node];
    chb_time deadline = chb_core_deadline(&unit->core);

    if (deadline.ns == INT64_MAX) {
        unit->tick_serial++;
        unit->tick_at = INT64_MAX;
        return;
    }
    int64_t delay_ns = deadline.ns - chb_sim_host_time(sim, node, sim->now_ns).ns;
    if (sim->host[node].drift_ppm != 0 && delay_ns > 0) { /* rounded up: not before it is due */
        delay_ns += 2000 - delay_ns / 1000000 * sim->host[node].drift_ppm;
    }
    int64_t at_ns = sim->now_ns + (delay_ns > 0 ? delay_ns : 0);
    if (at_ns == unit->tick_at) {
        return;
    }
    unit->tick_at = at_ns;
    (void)chb_sim_plan(sim, delay_ns + chb_sim_latency(sim, 0, 1, 80), on_tick, node,
                       ++unit->tick_serial);
}

static void on_tick(struct chb_sim *sim, const struct chb_sim_item *item)
{
    const struct chb_sim_agent *agent = &sim->agent[item->node];
    struct chb_sim_unit *unit = &CHB_SIM_VM(sim)->unit[item->node];
    struct chb_event event = {.kind = CHB_EVENT_TICK};

    if (!agent->running || item->tag != unit->tick_serial) {
        return;
    }
    if (agent->stalled_until > sim->now_ns) {
        (void)chb_sim_plan(sim, agent->stalled_until - sim->now_ns, on_tick, item->node, item->tag);
        return;
    }
    unit->tick_at = INT64_MAX;
    chb_sim_agent_event(sim, item->node, &event);
    chb_time now = chb_sim_host_time(sim, item->node, sim->now_ns);
    unit->spins = chb_core_deadline(&unit->core).ns <= now.ns ? unit->spins + 1 : 0;
    if (unit->spins > 3) {
        chb_sim_violate(sim, "no spinning", "n%u: deadline stays in the past", item->node);
    }
}

/* ---- events ---- */

static void remember_losses(struct chb_sim_unit *unit, const struct chb_event *event)
{
    uint32_t id = event->u.node.id;

    if (event->kind == CHB_EVENT_CLUSTER_LOST) {
        memset(unit->told_lost, 1, sizeof(unit->told_lost));
    } else if (event->kind == CHB_EVENT_NODE_DOWN && id < CHB_SIM_SLOTS) {
        unit->told_lost[id] = true;
    } else if (event->kind == CHB_EVENT_NODE_UP && id < CHB_SIM_SLOTS) {
        unit->told_lost[id] = false;
    }
}

static void observe(struct chb_sim *sim, uint32_t node, const struct chb_event *event,
                    const struct chb_actions *actions)
{
    if (sim->trace.observe != NULL) {
        sim->trace.observe(sim->trace.userdata, sim->vm, node, &CHB_SIM_VM(sim)->unit[node].core,
                           event, actions);
    }
}

/* It dies between two actions: the rest of the step is never done. */
static bool dies_here(struct chb_sim *sim, uint32_t node)
{
    if (sim->calm || sim->options.cut_steps == 0 ||
        !chb_sim_rng_chance(&sim->rng, sim->options.cut_steps)) {
        return false;
    }
    sim->stats.cut_steps++;
    chb_sim_agent_crash(sim, node);
    chb_sim_agent_start(sim, node, chb_sim_latency(sim, 20, 1000, 5000));
    return true;
}

static void core_event(struct chb_sim *sim, uint32_t node, const struct chb_event *event)
{
    struct chb_sim_unit *unit = &CHB_SIM_VM(sim)->unit[node];
    struct chb_sim_runtime *runtime = &CHB_SIM_VM(sim)->place[node].runtime;
    struct chb_actions actions;
    struct chb_event stamped = *event;

    if (!sim->agent[node].running || sim->violation.rule != NULL) {
        return;
    }
    stamped.at = chb_sim_host_time(sim, node, sim->now_ns);
    remember_losses(unit, &stamped);
    chb_sim_trace_event(sim, node, &stamped);
    observe(sim, node, &stamped, NULL);
    chb_core_step(&unit->core, &stamped, &actions);
    observe(sim, node, &stamped, &actions);
    sim->stats.events++;
    runtime->started = unit->core.started;
    runtime->promoted = unit->core.promoted;
    runtime->copy_failed = unit->core.copy_failed;
    runtime->settings = unit->core.settings;
    for (uint32_t i = 0; i < actions.count; i++) {
        chb_sim_trace_action(sim, node, &actions.list[i]);
        chb_sim_perform(sim, node, &actions.list[i]);
        if (dies_here(sim, node)) {
            return;
        }
    }
    chb_sim_check_step(sim, node, &stamped, &actions);
    plan_tick(sim, node);
}

/* Of the host or the cluster, so each VM's core is told. */
static bool is_for_all(enum chb_event_kind kind)
{
    return (kind >= CHB_EVENT_CLUSTER_UP && kind <= CHB_EVENT_QUORUM) || kind == CHB_EVENT_SILENT ||
           kind == CHB_EVENT_HEARD || kind == CHB_EVENT_FENCING_SETUP ||
           kind == CHB_EVENT_FENCE_NOTICE || kind == CHB_EVENT_STALLED;
}

void chb_sim_agent_event(struct chb_sim *sim, uint32_t node, const struct chb_event *event)
{
    if (!is_for_all(event->kind)) {
        core_event(sim, node, event);
        return;
    }
    CHB_SIM_FOR_VMS(sim)
    {
        core_event(sim, node, event);
    }
}

static bool is_answer(enum chb_event_kind kind)
{
    return kind == CHB_EVENT_FENCE_RESULT || kind == CHB_EVENT_FENCE_NOTICE ||
           kind == CHB_EVENT_QEMU_STARTED || kind == CHB_EVENT_QEMU_EXITED ||
           kind == CHB_EVENT_SEQUENCE || kind == CHB_EVENT_PERSISTED ||
           kind == CHB_EVENT_COLO_ENTERED || kind == CHB_EVENT_COLO_EXIT;
}

static void on_echo(struct chb_sim *sim, const struct chb_sim_item *item);

static void on_deliver(struct chb_sim *sim, const struct chb_sim_item *item)
{
    const struct chb_sim_agent *agent = &sim->agent[item->node];
    const struct chb_sim_corosync *corosync = &sim->corosync[item->node];

    if (!agent->running || agent->boot != item->tag ||
        (item->arg != 0 && item->arg != corosync->session) ||
        (item->other != 0 && !chb_sim_reaches(sim, item->node, item->other))) {
        return;
    }
    int64_t not_before = agent->stalled_until;
    if (item->arg != 0 && corosync->hung_until > not_before) {
        not_before = corosync->hung_until;
    }
    if (not_before > sim->now_ns) {
        struct chb_sim_item *later =
            chb_sim_plan(sim, not_before - sim->now_ns, item->fn, item->node, item->tag);
        later->arg = item->arg;
        later->other = item->other;
        later->event = item->event;
        return;
    }
    chb_sim_agent_event(sim, item->node, &item->event);
    if (item->fn == on_deliver && is_answer(item->event.kind) && !sim->calm &&
        chb_sim_rng_chance(&sim->rng, sim->options.echo)) {
        struct chb_sim_item *echo =
            chb_sim_plan(sim, chb_sim_latency(sim, 0, 2000, 20000), on_echo, item->node, item->tag);
        echo->arg = item->arg;
        echo->event = item->event;
    }
}

/* An answer that comes again when it is about something that is over. */
static void on_echo(struct chb_sim *sim, const struct chb_sim_item *item)
{
    on_deliver(sim, item);
}

struct chb_sim_item *chb_sim_deliver(struct chb_sim *sim, uint32_t node, int64_t delay_ns,
                                     enum chb_event_kind kind)
{
    struct chb_sim_item *item =
        chb_sim_plan(sim, delay_ns, on_deliver, node, sim->agent[node].boot);
    memset(&item->event, 0, sizeof(item->event));
    item->event.kind = kind;
    return item;
}

/* ---- pings ---- */

static void on_ping(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t node = item->node;
    struct chb_sim_agent *agent = &sim->agent[node];
    struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];

    if (!agent->running || agent->boot != item->tag) {
        return;
    }
    if (agent->stalled_until <= sim->now_ns && chb_sim_qemu_answers(sim, node)) {
        struct chb_sim_item *pong =
            chb_sim_deliver(sim, node, chb_sim_latency(sim, 0, 2, 20), CHB_EVENT_PONG);
        pong->event.u.pong.qemu = qemu->id;
        pong->event.u.pong.oob = true;
        if (!qemu->main_hung) {
            pong = chb_sim_deliver(sim, node, chb_sim_latency(sim, 0, 8, 300), CHB_EVENT_PONG);
            pong->event.u.pong.qemu = qemu->id;
        }
    }
    (void)chb_sim_plan(sim, CHB_SIM_MS(PING_MS), on_ping, node, item->tag);
}

/* ---- life ---- */

static void on_no_checkpoint(struct chb_sim *sim, const struct chb_sim_item *item)
{
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[item->node];
    if (sim->agent[item->node].boot == item->tag && qemu->mode == CHB_SIM_MODE_COLO_PRIMARY &&
        qemu->colo_failed) {
        chb_sim_deliver(sim, item->node, 0, CHB_EVENT_COLO_EXIT)->event.u.qemu.qemu = qemu->id;
    }
}

static void adopt(struct chb_sim *sim, uint32_t node)
{
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];
    struct chb_sim_item *item = chb_sim_deliver(sim, node, 0, CHB_EVENT_ADOPTED);

    item->event.u.adopted.promoted = CHB_SIM_VM(sim)->place[node].runtime.promoted;
    if (qemu->mode == CHB_SIM_MODE_NONE) {
        return;
    }
    bool colo =
        qemu->mode == CHB_SIM_MODE_COLO_PRIMARY || qemu->mode == CHB_SIM_MODE_COLO_SECONDARY;
    bool secondary = qemu->as_secondary && qemu->mode != CHB_SIM_MODE_ALONE &&
                     qemu->mode != CHB_SIM_MODE_COLO_PRIMARY;
    item->event.u.adopted.role = secondary ? CHB_ROLE_SECONDARY : CHB_ROLE_PRIMARY;
    item->event.u.adopted.qemu = qemu->id;
    item->event.u.adopted.was_secondary = qemu->as_secondary;
    item->event.u.adopted.in_colo = colo;
    item->event.u.adopted.frozen = qemu->stopped;
    item->event.u.adopted.copy_failed = CHB_SIM_VM(sim)->place[node].runtime.copy_failed;
    /* COLO that ended while no agent listened looks as if it went on. The shell finds out by asking
     * the primary for a checkpoint, and seeing none. */
    if (qemu->mode == CHB_SIM_MODE_COLO_PRIMARY) {
        (void)chb_sim_plan(sim, chb_sim_latency(sim, 1000, 2000, 4000), on_no_checkpoint, node,
                           sim->agent[node].boot);
    }
}

static void on_load(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (sim->agent[item->node].boot != item->tag || !sim->agent[item->node].running) {
        return;
    }
    chb_sim_disk_settle(sim, item->node);
    struct chb_sim_item *loaded = chb_sim_deliver(sim, item->node, 0, CHB_EVENT_LOADED);
    loaded->event.u.record = CHB_SIM_VM(sim)->place[item->node].record;
}

/* The daemon's part for one VM: what an earlier daemon left, then the record. */
static void start_unit(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_vm *vm = CHB_SIM_VM(sim);
    uint64_t boot = sim->agent[node].boot;
    uint32_t nodes[CHB_SIM_NODES_MAX];

    for (uint32_t i = 0; i < sim->options.n_nodes; i++) {
        nodes[i] = i + 1;
    }
    memset(&vm->unit[node], 0, sizeof(vm->unit[node]));
    vm->unit[node].tick_at = INT64_MAX;
    vm->qemu[node].op = 0; /* numbers begin anew */
    vm->qemu[node].solo_op = 0;
    chb_core_init(&vm->unit[node].core, node, boot, nodes, sim->options.n_nodes);
    if (vm->place[node].runtime.started) {
        struct chb_sim_item *start = chb_sim_deliver(sim, node, 0, CHB_EVENT_START);
        start->event.u.command.settings = vm->place[node].runtime.settings;
    }
    if (vm->place[node].runtime.started || vm->qemu[node].mode != CHB_SIM_MODE_NONE) {
        adopt(sim, node);
    }
    (void)chb_sim_plan(sim, chb_sim_latency(sim, 1, 15, 200), on_load, node, boot);
    (void)chb_sim_plan(sim, CHB_SIM_MS(1), on_ping, node, boot);
    chb_sim_pacemaker_poke(sim, CHB_SIM_MS(50));
}

static void on_start(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t node = item->node;
    struct chb_sim_agent *agent = &sim->agent[node];

    if (!sim->host[node].on || sim->host[node].boot != item->tag || agent->running) {
        return;
    }
    *agent = (struct chb_sim_agent){.running = true, .boot = sim->next_serial++};
    chb_sim_trace(sim, node, "agent starts");
    sim->stats.agent_restarts++;
    CHB_SIM_FOR_VMS(sim)
    {
        start_unit(sim, node);
    }
    chb_sim_deliver(sim, node, chb_sim_latency(sim, 10, 300, 2000), CHB_EVENT_FENCING_SETUP)
        ->event.u.fencing.configured = true;
    chb_sim_corosync_join(sim, node);
}

void chb_sim_agent_start(struct chb_sim *sim, uint32_t node, int64_t delay_ns)
{
    (void)chb_sim_plan(sim, delay_ns, on_start, node, sim->host[node].boot);
}

void chb_sim_agent_crash(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_agent *agent = &sim->agent[node];

    if (!agent->running) {
        return;
    }
    chb_sim_trace(sim, node, "AGENT DIES");
    agent->running = false;
    agent->stalled_until = 0;
    CHB_SIM_FOR_VMS(sim)
    {
        CHB_SIM_VM(sim)->unit[node].run.op = 0; /* QMP commands not yet sent are never sent */
        chb_sim_disk_cut(sim, node, false);
    }
    chb_sim_corosync_leave(sim, node);
}

static void on_resume(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (sim->agent[item->node].running && sim->agent[item->node].boot == item->tag) {
        chb_sim_silence(sim, item->node, false);
    }
}

void chb_sim_agent_stall(struct chb_sim *sim, uint32_t node, int64_t ms)
{
    struct chb_sim_agent *agent = &sim->agent[node];

    if (!agent->running || agent->stalled_until > sim->now_ns) {
        return;
    }
    chb_sim_trace(sim, node, "AGENT STALLS for %lld ms", (long long)ms);
    /* First thing after: it sees that it was late. Then what has waited, in its order. */
    chb_sim_deliver(sim, node, CHB_SIM_MS(ms), CHB_EVENT_STALLED)->event.u.stall = chb_ms(ms);
    agent->stalled_until = sim->now_ns + CHB_SIM_MS(ms);
    (void)chb_sim_plan(sim, CHB_SIM_MS(ms), on_resume, node, agent->boot);
    chb_sim_silence(sim, node, true);
}
