/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU and the QMP sequences, as one step after another (tests/sim/qemu.c and sequence.c tell the
 * same with latencies). */
#include <tests/sim/explore/world.h>

#include <string.h>

static bool in_colo(const struct chb_x_qemu *qemu)
{
    return qemu->mode == CHB_X_PRIMARY || qemu->mode == CHB_X_SECONDARY;
}

static bool linked(const struct chb_x_world *world)
{
    return world->node[1].qemu.link == CHB_X_LINKED && world->node[2].qemu.link == CHB_X_LINKED;
}

bool chb_x_answers(const struct chb_x_world *world, uint32_t node)
{
    const struct chb_x_qemu *qemu = &world->node[node].qemu;
    return qemu->mode != CHB_X_NONE && qemu->mode != CHB_X_STARTING && !qemu->stopped &&
           !qemu->hung;
}

/* Frames of the guest can reach clients from here. */
bool chb_x_serves(const struct chb_x_world *world, uint32_t node)
{
    const struct chb_x_qemu *qemu = &world->node[node].qemu;
    return (qemu->mode == CHB_X_ALONE || qemu->mode == CHB_X_PRIMARY) && !qemu->stopped &&
           !qemu->hung;
}

bool chb_x_in_step(const struct chb_x_world *world, uint32_t primary)
{
    const struct chb_x_qemu *qemu = &world->node[primary].qemu;
    const struct chb_x_qemu *other = &world->node[chb_x_other(primary)].qemu;

    return qemu->mode == CHB_X_PRIMARY && other->mode == CHB_X_SECONDARY && linked(world) &&
           !qemu->colo_failed && !other->colo_failed && !qemu->killed && !other->killed &&
           chb_x_answers(world, primary) && chb_x_answers(world, chb_x_other(primary)) &&
           chb_x_replicates(world);
}

/* ---- the end of replication ---- */

bool chb_x_breaks(const struct chb_x_world *world, uint32_t node)
{
    const struct chb_x_qemu *qemu = &world->node[node].qemu;
    const struct chb_x_qemu *other = &world->node[chb_x_other(node)].qemu;

    if (!in_colo(qemu) || !chb_x_answers(world, node)) {
        return false;
    }
    if (qemu->colo_failed) {
        return qemu->exit_untold && world->node[node].agent;
    }
    bool whole = linked(world) && chb_x_replicates(world) && !other->colo_failed &&
                 (in_colo(other) || other->mode == CHB_X_INCOMING);
    return !whole;
}

void chb_x_break(struct chb_x_world *world, uint32_t node)
{
    struct chb_x_qemu *qemu = &world->node[node].qemu;

    qemu->colo_failed = true;
    qemu->exit_untold = !world->node[node].agent && qemu->mode == CHB_X_PRIMARY;
    chb_x_event_qemu(world, node, CHB_EVENT_COLO_EXIT, qemu->id);
}

/* ---- life ---- */

void chb_x_die(struct chb_x_world *world, uint32_t node, bool host_died)
{
    struct chb_x_node *own = &world->node[node];
    struct chb_x_qemu *other = &world->node[chb_x_other(node)].qemu;
    uint64_t id = own->qemu.id;

    if (own->qemu.mode == CHB_X_NONE) {
        return;
    }
    if (other->link == CHB_X_LINKED) {
        other->link = CHB_X_LINK_GONE;
    }
    memset(&own->qemu, 0, sizeof(own->qemu));
    if (!host_died && own->agent && own->n_exits < CHB_X_EXITS_MAX) {
        own->exits[own->n_exits++] = id;
    }
}

void chb_x_start(struct chb_x_world *world, uint32_t node, const struct chb_action *action)
{
    struct chb_x_qemu *qemu = &world->node[node].qemu;

    if (qemu->mode != CHB_X_NONE) {
        chb_x_violate(world, "actions", "n%u starts a second QEMU", node);
    }
    memset(qemu, 0, sizeof(*qemu));
    qemu->id = action->u.qemu.qemu;
    qemu->start_op = action->u.qemu.op;
    qemu->mode = CHB_X_STARTING;
    qemu->as_secondary = action->u.qemu.role == CHB_ROLE_SECONDARY;
    qemu->merge = action->u.qemu.merge_overlays;
}

void chb_x_started(struct chb_x_world *world, uint32_t node)
{
    struct chb_x_node *own = &world->node[node];

    if (own->qemu.as_secondary) {
        own->qemu.mode = CHB_X_INCOMING;
        return;
    }
    if (own->qemu.merge) {
        own->copy.overlays = false;
    }
    own->qemu.mode = CHB_X_ALONE;
    chb_x_judge_solo(world, node);
    if (own->copy.overlays) {
        chb_x_violate(world, "R2", "n%u starts its image without its overlays", node);
    }
}

/* ---- into COLO ---- */

bool chb_x_enters(const struct chb_x_world *world, uint32_t node)
{
    const struct chb_x_qemu *qemu = &world->node[node].qemu;
    const struct chb_x_qemu *other = &world->node[chb_x_other(node)].qemu;
    bool able = linked(world) && chb_x_replicates(world) && chb_x_answers(world, node) &&
                chb_x_answers(world, chb_x_other(node));

    if (qemu->mode == CHB_X_ALONE) {
        return able && qemu->migrating && other->mode == CHB_X_INCOMING && !qemu->killed &&
               !other->killed;
    }
    return able && qemu->mode == CHB_X_INCOMING && qemu->entering && other->mode == CHB_X_PRIMARY;
}

void chb_x_enter(struct chb_x_world *world, uint32_t node)
{
    struct chb_x_node *own = &world->node[node];
    struct chb_x_node *theirs = &world->node[chb_x_other(node)];

    own->qemu.colo_failed = false;
    if (own->qemu.mode == CHB_X_ALONE) {
        own->qemu.mode = CHB_X_PRIMARY;
        own->qemu.migrating = false;
        theirs->qemu.entering = true;
        return;
    }
    own->qemu.mode = CHB_X_SECONDARY;
    own->qemu.entering = false;
    own->copy.valid = true;
    own->copy.present = true;
    own->copy.overlays = false;
    own->copy.current = theirs->copy.current;
    chb_x_event_qemu(world, node, CHB_EVENT_COLO_ENTERED, own->qemu.id);
}

bool chb_x_gives_up(const struct chb_x_world *world, uint32_t node)
{
    const struct chb_x_qemu *qemu = &world->node[node].qemu;
    return qemu->mode == CHB_X_INCOMING && qemu->entering &&
           (!linked(world) || !chb_x_replicates(world) ||
            world->node[chb_x_other(node)].qemu.mode != CHB_X_PRIMARY);
}

/* ---- sequences ---- */

/* Without yank, a command that touches a peer that neither answers nor is gone never returns. */
static bool sticks(const struct chb_x_world *world, uint32_t node)
{
    const struct chb_x_qemu *other = &world->node[chb_x_other(node)].qemu;
    return !world->node[node].run.yank &&
           (!chb_x_replicates(world) || (linked(world) && (other->hung || other->stopped)));
}

static enum chb_x_next join_next(const struct chb_x_world *world, uint32_t node)
{
    const struct chb_x_node *own = &world->node[node];
    const struct chb_x_qemu *other = &world->node[chb_x_other(node)].qemu;

    if (!own->run.effect) {
        if (!chb_x_replicates(world)) {
            return CHB_X_STUCK;
        }
        return own->qemu.mode == CHB_X_ALONE && other->mode == CHB_X_INCOMING && other->listening
                   ? CHB_X_EFFECT
                   : CHB_X_FAILS;
    }
    if (own->qemu.mode == CHB_X_PRIMARY) {
        return CHB_X_DONE;
    }
    if (own->qemu.link != CHB_X_LINKED && chb_x_replicates(world)) {
        return CHB_X_FAILS;
    }
    return chb_x_enters(world, node) ? CHB_X_WAITS : CHB_X_STUCK;
}

enum chb_x_next chb_x_sequence_next(const struct chb_x_world *world, uint32_t node)
{
    const struct chb_x_node *own = &world->node[node];
    const struct chb_x_qemu *qemu = &own->qemu;
    bool secondary = own->run.kind == CHB_SEQUENCE_SOLO_SECONDARY;

    if (own->run.op == 0) {
        return CHB_X_IDLE;
    }
    if (qemu->mode == CHB_X_NONE) {
        return CHB_X_FAILS;
    }
    if (!chb_x_answers(world, node)) {
        return CHB_X_STUCK;
    }
    if (own->run.kind == CHB_SEQUENCE_JOIN) {
        return join_next(world, node);
    }
    if (own->run.effect) {
        return CHB_X_DONE;
    }
    switch ((int)own->run.kind) {
    case CHB_SEQUENCE_SECONDARY_PREPARE:
        return qemu->mode == CHB_X_INCOMING ? CHB_X_DONE : CHB_X_FAILS;
    case CHB_SEQUENCE_JOIN_ABORT:
        return CHB_X_EFFECT;
    case CHB_SEQUENCE_SOLO_PRIMARY:
    case CHB_SEQUENCE_SOLO_SECONDARY:
        if (sticks(world, node)) {
            return CHB_X_STUCK;
        }
        return qemu->mode == (secondary ? CHB_X_SECONDARY : CHB_X_PRIMARY) ? CHB_X_EFFECT
                                                                           : CHB_X_FAILS;
    default:
        return CHB_X_FAILS; /* the guest never switches itself off here */
    }
}

static void unlink_qemu(struct chb_x_world *world, uint32_t node)
{
    world->node[node].qemu.link = CHB_X_NO_LINK;
    world->node[node].qemu.migrating = false;
    world->node[node].qemu.colo_failed = false;
    world->node[node].qemu.exit_untold = false;
}

void chb_x_sequence_effect(struct chb_x_world *world, uint32_t node)
{
    struct chb_x_node *own = &world->node[node];
    struct chb_x_node *theirs = &world->node[chb_x_other(node)];

    own->run.effect = true;
    if (own->run.kind == CHB_SEQUENCE_JOIN) {
        chb_x_judge_fill(world, chb_x_other(node));
        theirs->copy.valid = false;
        theirs->copy.present = true;
        own->qemu.link = CHB_X_LINKED;
        theirs->qemu.link = CHB_X_LINKED;
        own->qemu.migrating = true;
    } else if (own->run.kind == CHB_SEQUENCE_JOIN_ABORT) {
        if (own->qemu.mode == CHB_X_PRIMARY) {
            if (linked(world) && theirs->record.kind == CHB_RECORD_PAIRED) {
                chb_x_violate(world, "R3", "n%u leaves a pair that n%u may go on with", node,
                              chb_x_other(node));
            }
            own->qemu.mode = CHB_X_ALONE;
        }
        unlink_qemu(world, node);
    } else {
        chb_x_judge_solo(world, node);
        if (own->run.kind == CHB_SEQUENCE_SOLO_SECONDARY) {
            own->copy.overlays = true;
        }
        own->qemu.mode = CHB_X_ALONE;
        unlink_qemu(world, node);
    }
}

void chb_x_sequence_end(struct chb_x_world *world, uint32_t node, enum chb_outcome outcome)
{
    struct chb_x_node *own = &world->node[node];
    uint32_t op = own->run.op;

    if (own->run.kind == CHB_SEQUENCE_SECONDARY_PREPARE && outcome == CHB_OUTCOME_DONE) {
        own->qemu.listening = true;
    }
    own->run.op = 0;
    chb_x_answer(world, node, CHB_EVENT_SEQUENCE, op, outcome);
}
