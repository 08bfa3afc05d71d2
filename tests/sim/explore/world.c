/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hosts, the network, corosync and the lives of agents. */
#include <tests/sim/explore/world.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void chb_x_say(const struct chb_x_world *world, uint32_t node, const char *format, ...)
{
    va_list args;

    if (!world->tell) {
        return;
    }
    printf(node != 0 ? "        n%u  " : "        --  ", node);
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* ---- corosync ---- */

bool chb_x_ring(const struct chb_x_world *world)
{
    return !world->cut && world->node[1].corosync && world->node[2].corosync;
}

bool chb_x_replicates(const struct chb_x_world *world)
{
    return !world->cut && !world->replication_cut && world->node[1].on && world->node[2].on;
}

static bool joined(const struct chb_x_node *own)
{
    return own->agent && own->corosync;
}

static void push(struct chb_x_world *world, uint32_t node, const struct chb_x_item *item)
{
    struct chb_x_node *own = &world->node[node];

    if (!joined(own)) {
        return;
    }
    if (own->n_items == CHB_X_CHANNEL_MAX) {
        world->overflowed = true;
        return;
    }
    own->items[own->n_items++] = *item;
}

static void push_kind(struct chb_x_world *world, uint32_t node, enum chb_event_kind kind)
{
    struct chb_x_item item;
    memset(&item, 0, sizeof(item));
    item.kind = kind;
    push(world, node, &item);
}

/* What is sent while the ring carries nothing is lost: the next ring is one of its own. */
void chb_x_send(struct chb_x_world *world, uint32_t from, const struct chb_x_item *item)
{
    if (chb_x_ring(world) && joined(&world->node[from])) {
        push(world, chb_x_other(from), item);
    }
}

static void see(struct chb_x_world *world, uint32_t node)
{
    struct chb_x_node *own = &world->node[node];

    own->sees = true;
    own->unclean = false;
    own->silent = false;
    if (!own->seen) {
        own->seen = true;
        own->quorum_news = own->agent;
    }
    if (joined(&world->node[chb_x_other(node)])) {
        push_kind(world, node, CHB_EVENT_NODE_UP);
    }
}

static void lose(struct chb_x_world *world, uint32_t node)
{
    struct chb_x_node *own = &world->node[node];

    if (own->sees) {
        own->sees = false;
        own->unclean = true;
        world->node[chb_x_other(node)].silent = false;
        push_kind(world, node, CHB_EVENT_NODE_DOWN);
    }
}

static void ring_up(struct chb_x_world *world)
{
    if (chb_x_ring(world)) {
        see(world, 1);
        see(world, 2);
    }
}

/* The agent of `node` connects to its corosync. */
static void join(struct chb_x_world *world, uint32_t node)
{
    struct chb_x_node *own = &world->node[node];
    uint32_t other = chb_x_other(node);

    own->quorum_news = true;
    push_kind(world, node, CHB_EVENT_CLUSTER_UP);
    if (!own->sees) {
        push_kind(world, node, CHB_EVENT_NODE_DOWN);
    } else if (joined(&world->node[other])) {
        push_kind(world, node, CHB_EVENT_NODE_UP);
        push_kind(world, other, CHB_EVENT_NODE_UP);
    }
}

void chb_x_corosync_start(struct chb_x_world *world, uint32_t node)
{
    struct chb_x_node *own = &world->node[node];

    own->corosync = true;
    own->sees = false;
    own->seen = false;
    own->unclean = false;
    if (own->agent) {
        join(world, node);
    }
    ring_up(world);
}

void chb_x_corosync_stop(struct chb_x_world *world, uint32_t node)
{
    struct chb_x_node *own = &world->node[node];

    own->n_items = 0;
    own->quorum_news = false;
    own->silent = false;
    push_kind(world, node, CHB_EVENT_CLUSTER_LOST); /* while it is still counted as joined */
    own->corosync = false;
    own->sees = false;
    lose(world, chb_x_other(node));
}

/* ---- network ---- */

void chb_x_drop(struct chb_x_world *world, uint32_t node)
{
    struct chb_x_node *own = &world->node[node];
    uint32_t kept = 0;

    for (uint32_t i = 0; i < own->n_items; i++) {
        if (own->items[i].kind != CHB_EVENT_STATE && own->items[i].kind != CHB_EVENT_REQUEST) {
            own->items[kept++] = own->items[i];
        }
    }
    own->n_items = kept;
}

void chb_x_cut(struct chb_x_world *world)
{
    world->cut = true;
    lose(world, 1);
    lose(world, 2);
}

void chb_x_heal(struct chb_x_world *world)
{
    world->cut = false;
    ring_up(world);
}

/* ---- agents ---- */

void chb_x_write_cut(struct chb_x_world *world, uint32_t node, uint32_t fate)
{
    struct chb_x_node *own = &world->node[node];

    if (own->write.op == 0) {
        return;
    }
    if (fate == 1) {
        own->record = own->write.record;
    } else if (fate == 2) {
        memset(&own->record, 0, sizeof(own->record));
        own->record.kind = CHB_RECORD_UNKNOWN;
        world->torn = true;
    }
    own->write.op = 0;
}

static void forget_agent(struct chb_x_node *own)
{
    own->agent = false;
    own->n_items = 0;
    own->n_exits = 0;
    own->quorum_news = false;
    own->silent = false;
    own->told_lost = false;
    own->run.op = 0;
    own->fence.op = 0;
    own->qemu.start_op = 0;
    own->qemu.solo_op = 0;
    own->qemu.exit_untold = own->qemu.colo_failed && own->qemu.mode == CHB_X_PRIMARY;
    memset(&own->core, 0, sizeof(own->core));
}

void chb_x_agent_stop(struct chb_x_world *world, uint32_t node)
{
    bool was = joined(&world->node[node]);

    forget_agent(&world->node[node]);
    if (was && chb_x_ring(world)) {
        push_kind(world, chb_x_other(node), CHB_EVENT_AGENT_DOWN);
    }
}

static void adopted(struct chb_x_world *world, uint32_t node)
{
    const struct chb_x_node *own = &world->node[node];
    const struct chb_x_qemu *qemu = &own->qemu;
    struct chb_event event;

    memset(&event, 0, sizeof(event));
    event.kind = CHB_EVENT_ADOPTED;
    event.u.adopted.promoted = own->promoted;
    if (qemu->mode != CHB_X_NONE) {
        bool secondary = qemu->as_secondary && qemu->mode != CHB_X_ALONE;
        event.u.adopted.role =
            secondary && qemu->mode != CHB_X_PRIMARY ? CHB_ROLE_SECONDARY : CHB_ROLE_PRIMARY;
        event.u.adopted.qemu = qemu->id;
        event.u.adopted.was_secondary = qemu->as_secondary;
        event.u.adopted.in_colo = qemu->mode == CHB_X_PRIMARY || qemu->mode == CHB_X_SECONDARY;
        event.u.adopted.frozen = qemu->stopped;
    }
    chb_x_event(world, node, &event);
}

void chb_x_agent_start(struct chb_x_world *world, uint32_t node)
{
    static const uint32_t nodes[] = {1, 2};
    struct chb_x_node *own = &world->node[node];
    struct chb_event event;
    bool was_started = own->started;

    own->agent = true;
    world->next_boot += (uint64_t)1 << 32;
    chb_core_init(&own->core, node, world->next_boot, nodes, CHB_X_NODES);
    if (was_started) {
        chb_x_command(world, node, CHB_EVENT_START, 0);
    }
    if (was_started || own->qemu.mode != CHB_X_NONE) {
        adopted(world, node);
    }
    memset(&event, 0, sizeof(event));
    event.kind = CHB_EVENT_LOADED;
    event.u.record = own->record;
    chb_x_event(world, node, &event);
    memset(&event, 0, sizeof(event));
    event.kind = CHB_EVENT_FENCING_SETUP;
    event.u.fencing.configured = true;
    chb_x_event(world, node, &event);
    if (own->corosync) {
        join(world, node);
    }
}

/* An agent that hangs sends no heartbeats. What it had sent before is heard first. */
void chb_x_silence(struct chb_x_world *world, uint32_t node, bool silent)
{
    struct chb_event event;

    world->node[node].silent = silent;
    if (!silent) {
        memset(&event, 0, sizeof(event));
        event.kind = CHB_EVENT_STALLED;
        event.u.stall = chb_ms(1000);
        push_kind(world, chb_x_other(node), CHB_EVENT_HEARD);
        chb_x_event(world, node, &event);
    } else {
        push_kind(world, chb_x_other(node), CHB_EVENT_SILENT);
    }
}

/* ---- power ---- */

void chb_x_power_off(struct chb_x_world *world, uint32_t node)
{
    struct chb_x_node *own = &world->node[node];

    if (!own->on) {
        return;
    }
    chb_x_write_cut(world, node, 0);
    chb_x_die(world, node, true);
    own->n_exits = 0;
    forget_agent(own);
    own->on = false;
    own->corosync = false;
    own->sees = false;
    own->seen = false;
    own->unclean = false;
    own->started = false;
    own->promoted = false;
    memset(&own->fence, 0, sizeof(own->fence));
    lose(world, chb_x_other(node));
}

void chb_x_power_on(struct chb_x_world *world, uint32_t node)
{
    world->node[node].on = true;
    chb_x_agent_start(world, node);
    chb_x_corosync_start(world, node);
}

void chb_x_init(struct chb_x_world *world)
{
    memset(world, 0, sizeof(*world));
    FOR_X(node)
    {
        world->node[node].clock_ns = 1000000000;
    }
    world->node[1].copy = (struct chb_x_copy){.valid = true, .present = true, .current = true};
    chb_x_power_on(world, 1);
    chb_x_power_on(world, 2);
}
