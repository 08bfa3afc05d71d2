/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon of this world: hands events to the core, and carries out what it wants. */
#include <tests/sim/explore/world.h>

#include <string.h>

#include <agent/text/names.h>
#include <agent/text/note.h>

/* ---- actions ---- */

static void tell_action(const struct chb_x_world *world, uint32_t node,
                        const struct chb_action *action)
{
    char text[CHB_TEXT_SIZE];
    struct chb_text_about about = {.vm = "vm", .self = node};
    const struct chb_state_msg *state = &action->u.state;

    if (action->kind == CHB_ACTION_NOTE) {
        chb_x_say(world, node, "  ** %s",
                  chb_text_note(action->u.note.note, action->u.note.node, action->u.note.arg,
                                action->u.note.value, &about, NULL, text, sizeof(text)));
    } else if (action->kind == CHB_ACTION_SEND_STATE) {
        chb_x_say(world, node, "  -> says: %s %s g%llu, record %s g%llu, dead g%llu, join %s%s",
                  chb_phase_id(state->phase), chb_role_id(state->role),
                  (unsigned long long)state->generation, chb_record_kind_id(state->record.kind),
                  (unsigned long long)state->record.generation,
                  (unsigned long long)state->dead_generation, chb_join_id(state->join),
                  state->broken_generation != 0 ? ", broken" : "");
    } else if (action->kind == CHB_ACTION_PERSIST) {
        chb_x_say(world, node, "  -> writes: %s g%llu",
                  chb_record_kind_id(action->u.persist.record.kind),
                  (unsigned long long)action->u.persist.record.generation);
    } else if (action->kind == CHB_ACTION_SEQUENCE) {
        chb_x_say(world, node, "  -> sequence %s", chb_sequence_id(action->u.sequence.sequence));
    } else {
        chb_x_say(world, node, "  -> %s", chb_action_id(action->kind));
    }
}

static void persist(struct chb_x_world *world, uint32_t node, const struct chb_action *action)
{
    struct chb_x_write *write = &world->node[node].write;

    if (write->op != 0) {
        chb_x_violate(world, "actions", "n%u writes two records at a time", node);
    }
    write->op = action->u.persist.op;
    write->record = action->u.persist.record;
}

static void sequence(struct chb_x_world *world, uint32_t node, const struct chb_action *action)
{
    struct chb_x_node *own = &world->node[node];

    if (own->run.op != 0) {
        chb_x_violate(world, "actions", "n%u runs two sequences at a time", node);
    }
    memset(&own->run, 0, sizeof(own->run));
    own->run.op = action->u.sequence.op;
    own->run.kind = action->u.sequence.sequence;
    own->run.yank = action->u.sequence.yank;
    if (own->run.kind == CHB_SEQUENCE_SOLO_PRIMARY ||
        own->run.kind == CHB_SEQUENCE_SOLO_SECONDARY) {
        own->qemu.solo_op = own->run.op;
    }
}

static void send(struct chb_x_world *world, uint32_t node, const struct chb_action *action)
{
    struct chb_x_item item;

    memset(&item, 0, sizeof(item));
    item.boot = world->node[node].core.boot;
    if (action->kind == CHB_ACTION_SEND_STATE) {
        item.kind = CHB_EVENT_STATE;
        item.state = action->u.state;
    } else {
        item.kind = CHB_EVENT_REQUEST;
        item.request = action->u.request.request;
    }
    chb_x_send(world, node, &item);
}

static void kill_qemu(struct chb_x_world *world, uint32_t node, uint64_t id)
{
    struct chb_x_node *own = &world->node[node];

    if (own->qemu.mode != CHB_X_NONE && own->qemu.id == id) {
        own->qemu.killed = true;
    } else if (own->n_exits == 0) { /* it is dead already, and that was heard of */
        own->exits[own->n_exits++] = id;
    }
}

static void perform(struct chb_x_world *world, uint32_t node, const struct chb_action *action)
{
    struct chb_x_node *own = &world->node[node];

    switch (action->kind) {
    case CHB_ACTION_SEND_STATE:
    case CHB_ACTION_SEND_REQUEST:
        send(world, node, action);
        return;
    case CHB_ACTION_PERSIST:
        persist(world, node, action);
        return;
    case CHB_ACTION_QEMU_START:
        chb_x_start(world, node, action);
        return;
    case CHB_ACTION_QEMU_KILL:
        kill_qemu(world, node, action->u.qemu.qemu);
        return;
    case CHB_ACTION_QEMU_FREEZE:
    case CHB_ACTION_QEMU_THAW:
        if (own->qemu.id == action->u.qemu.qemu) {
            own->qemu.stopped = action->kind == CHB_ACTION_QEMU_FREEZE;
        }
        return;
    case CHB_ACTION_SEQUENCE:
        sequence(world, node, action);
        return;
    case CHB_ACTION_SEQUENCE_ABORT:
        own->run.op = 0;
        return;
    case CHB_ACTION_FENCE:
        if (action->u.fence.node != chb_x_other(node)) {
            chb_x_violate(world, "actions", "n%u fences n%u", node, action->u.fence.node);
        }
        if (own->fence.state == CHB_X_FENCE_NONE) {
            own->fence.state = CHB_X_FENCE_ASKED;
        }
        own->fence.op = action->u.fence.op; /* the fencer makes one fence of two requests */
        return;
    case CHB_ACTION_CIB_RECORD:
    case CHB_ACTION_SCORE:
    case CHB_ACTION_REPLY:
    case CHB_ACTION_NOTE:
    case CHB_ACTION_RESOURCE_OFF:
    case CHB_ACTION_MAX:
        return;
    }
}

/* ---- events ---- */

void chb_x_event(struct chb_x_world *world, uint32_t node, const struct chb_event *event)
{
    struct chb_x_node *own = &world->node[node];
    struct chb_event stamped = *event;
    struct chb_actions actions;

    if (!own->agent || world->rule != NULL) {
        return;
    }
    stamped.at.ns = own->clock_ns;
    if (event->kind == CHB_EVENT_CLUSTER_LOST || event->kind == CHB_EVENT_NODE_DOWN) {
        own->told_lost = true;
    } else if (event->kind == CHB_EVENT_NODE_UP) {
        own->told_lost = false;
    }
    chb_x_say(world, node, "  <- %s", chb_event_id(event->kind));
    chb_core_step(&own->core, &stamped, &actions);
    own->started = own->core.started;
    own->promoted = own->core.promoted;
    for (uint32_t i = 0; i < actions.count; i++) {
        if (world->tell) {
            tell_action(world, node, &actions.list[i]);
        }
        perform(world, node, &actions.list[i]);
    }
    chb_x_judge_step(world, node, &stamped, &actions);
}

void chb_x_event_qemu(struct chb_x_world *world, uint32_t node, enum chb_event_kind kind,
                      uint64_t qemu)
{
    struct chb_event event;

    memset(&event, 0, sizeof(event));
    event.kind = kind;
    event.u.qemu.qemu = qemu;
    chb_x_event(world, node, &event);
}

void chb_x_answer(struct chb_x_world *world, uint32_t node, enum chb_event_kind kind, uint32_t op,
                  enum chb_outcome outcome)
{
    struct chb_event event;

    memset(&event, 0, sizeof(event));
    event.kind = kind;
    event.u.result.op = op;
    event.u.result.outcome = outcome;
    event.u.result.qemu = world->node[node].qemu.id;
    event.u.result.ports.nbd = 10809;
    chb_x_event(world, node, &event);
}

void chb_x_command(struct chb_x_world *world, uint32_t node, enum chb_event_kind kind,
                   uint32_t about)
{
    struct chb_event event;

    memset(&event, 0, sizeof(event));
    event.kind = kind;
    event.u.command.id = 1;
    event.u.command.node = about;
    event.u.command.settings.spec_hash = 4711;
    event.u.command.settings.disk_bytes[0] = 1u << 30;
    event.u.command.settings.hang_timeout = chb_ms(1000);
    event.u.command.settings.require_fencing = true;
    event.u.command.settings.image_present = world->node[node].copy.present;
    chb_x_event(world, node, &event);
}

void chb_x_deliver(struct chb_x_world *world, uint32_t node)
{
    struct chb_x_node *own = &world->node[node];
    struct chb_x_item item = own->items[0];
    struct chb_event event;

    own->n_items--;
    memmove(&own->items[0], &own->items[1], own->n_items * sizeof(own->items[0]));
    memset(&event, 0, sizeof(event));
    event.kind = item.kind;
    if (item.kind == CHB_EVENT_STATE) {
        event.u.msg.from = chb_x_other(node);
        event.u.msg.boot = item.boot;
        event.u.msg.state = item.state;
    } else if (item.kind == CHB_EVENT_REQUEST) {
        event.u.request.from = chb_x_other(node);
        event.u.request.request.request = item.request;
        event.u.request.request.node = node;
    } else {
        event.u.node.id = item.kind == CHB_EVENT_CLUSTER_UP ? node : chb_x_other(node);
    }
    chb_x_event(world, node, &event);
}

/* ---- time ---- */

chb_time chb_x_deadline(const struct chb_x_world *world, uint32_t node)
{
    const struct chb_x_node *own = &world->node[node];

    if (!own->agent) {
        return CHB_TIME_FOREVER;
    }
    if (!chb_x_answers(world, node)) {
        return chb_core_deadline(&own->core);
    }
    struct chb_core core = own->core;
    core.oob_pong_at = CHB_TIME_FOREVER;
    core.main_pong_at = CHB_TIME_FOREVER;
    return chb_core_deadline(&core);
}

void chb_x_tick(struct chb_x_world *world, uint32_t node, chb_time at)
{
    struct chb_x_node *own = &world->node[node];
    struct chb_event event;

    if (own->clock_ns < at.ns) {
        own->clock_ns = at.ns;
    }
    memset(&event, 0, sizeof(event));
    if (chb_x_answers(world, node)) {
        event.kind = CHB_EVENT_PONG;
        event.u.pong.qemu = own->qemu.id;
        chb_x_event(world, node, &event);
        event.u.pong.oob = true;
        chb_x_event(world, node, &event);
        memset(&event, 0, sizeof(event));
    }
    event.kind = CHB_EVENT_TICK;
    chb_x_event(world, node, &event);
    if (own->agent && chb_x_deadline(world, node).ns <= own->clock_ns) {
        chb_x_event(world, node, &event);
        if (chb_x_deadline(world, node).ns <= own->clock_ns) {
            chb_x_violate(world, "no spinning", "n%u: its deadline stays in the past", node);
        }
    }
}
