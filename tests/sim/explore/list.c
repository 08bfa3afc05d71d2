/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may happen next. */
#include <tests/sim/explore/choice.h>

#include <stdlib.h>

static void add(struct chb_x_choices *choices, enum chb_x_kind kind, uint32_t node,
                uint32_t variant)
{
    if (choices->count == CHB_X_CHOICES_MAX) {
        abort(); /* one that is left out is one that is not looked at, and nobody would know */
    }
    choices->list[choices->count++] =
        (struct chb_x_choice){(uint8_t)kind, (uint8_t)node, (uint8_t)variant};
}

static void add_if(bool condition, struct chb_x_choices *choices, enum chb_x_kind kind,
                   uint32_t node)
{
    if (condition) {
        add(choices, kind, node, 0);
    }
}

/* What QEMU, the disk and the fencer do whether or not the agent looks. */
static void list_unseen(const struct chb_x_world *world, uint32_t node,
                        struct chb_x_choices *choices)
{
    const struct chb_x_node *own = &world->node[node];
    const struct chb_x_qemu *qemu = &own->qemu;

    add_if(qemu->mode != CHB_X_NONE && qemu->killed, choices, CHB_X_KILLED, node);
    add_if(qemu->mode == CHB_X_STARTING && !qemu->killed, choices, CHB_X_STARTED, node);
    add_if(chb_x_enters(world, node) && !(own->silent && qemu->mode == CHB_X_INCOMING), choices,
           CHB_X_ENTER, node);
    add_if(chb_x_gives_up(world, node), choices, CHB_X_GIVE_UP, node);
    add_if(own->on && own->fence.state == CHB_X_FENCE_ASKED, choices, CHB_X_FENCE_ACT, node);
    add_if(own->corosync && own->unclean && own->seen && own->fence.state == CHB_X_FENCE_NONE,
           choices, CHB_X_PCMK_FENCE, node);
}

static void list_qemu(const struct chb_x_world *world, uint32_t node, struct chb_x_choices *choices)
{
    const struct chb_x_node *own = &world->node[node];
    const struct chb_x_qemu *qemu = &own->qemu;
    enum chb_x_next next = chb_x_sequence_next(world, node);

    add_if(own->n_exits > 0, choices, CHB_X_EXIT_SEEN, node);
    add_if(qemu->mode != CHB_X_NONE && qemu->mode != CHB_X_STARTING && qemu->start_op != 0, choices,
           CHB_X_START_HEARD, node);
    add_if(next == CHB_X_EFFECT, choices, CHB_X_RUN_EFFECT, node);
    add_if(next == CHB_X_DONE || next == CHB_X_FAILS, choices, CHB_X_RUN_END, node);
    add_if(next == CHB_X_STUCK, choices, CHB_X_RUN_STUCK, node);
    add_if(chb_x_breaks(world, node), choices, CHB_X_BREAK, node);
    add_if(qemu->mode == CHB_X_ALONE && own->copy.overlays && chb_x_answers(world, node), choices,
           CHB_X_MERGED, node);
}

static void list_going_on(const struct chb_x_world *world, uint32_t node,
                          struct chb_x_choices *choices)
{
    const struct chb_x_node *own = &world->node[node];

    list_unseen(world, node, choices);
    if (own->silent) {
        return; /* it hangs */
    }
    add_if(own->n_items > 0, choices, CHB_X_DELIVER, node);
    add_if(own->agent && own->corosync && own->quorum_news, choices, CHB_X_QUORUM, node);
    add_if(own->write.op != 0, choices, CHB_X_WRITTEN, node);
    list_qemu(world, node, choices);
    add_if(chb_x_deadline(world, node).ns != INT64_MAX, choices, CHB_X_TICK, node);
    add_if(own->on && own->fence.state == CHB_X_FENCE_OVER, choices, CHB_X_FENCE_HEARD, node);
    add_if(own->agent && !own->started, choices, CHB_X_START, node);
    /* Elsewhere than on a spare it only sets what recurring monitors answer. */
    add_if(own->agent && own->core.phase == CHB_PHASE_SPARE && own->core.pending.promote_reply == 0,
           choices, CHB_X_PROMOTE, node);
}

static void list_back(const struct chb_x_world *world, struct chb_x_choices *choices)
{
    add_if(world->cut, choices, CHB_X_HEAL, 0);
    add_if(world->replication_cut, choices, CHB_X_REPL_HEAL, 0);
    FOR_X(node)
    {
        const struct chb_x_node *own = &world->node[node];
        add_if(!own->on, choices, CHB_X_POWER_ON, node);
        add_if(own->on && !own->agent, choices, CHB_X_AGENT_ON, node);
        add_if(own->on && !own->corosync, choices, CHB_X_COROSYNC_ON, node);
        add_if(own->silent, choices, CHB_X_HEARD, node);
        add_if(own->qemu.mode != CHB_X_NONE && own->qemu.hung, choices, CHB_X_GOES_ON, node);
    }
}

static bool has_messages(const struct chb_x_node *own)
{
    for (uint32_t i = 0; i < own->n_items; i++) {
        if (own->items[i].kind == CHB_EVENT_STATE || own->items[i].kind == CHB_EVENT_REQUEST) {
            return true;
        }
    }
    return false;
}

static void list_power(const struct chb_x_world *world, uint32_t node,
                       struct chb_x_choices *choices)
{
    const struct chb_x_node *own = &world->node[node];
    bool sent = has_messages(&world->node[chb_x_other(node)]) && chb_x_ring(world);

    for (uint32_t fate = 0; own->on && fate < (own->write.op != 0 ? 3u : 1u); fate++) {
        add(choices, CHB_X_POWER_OFF, node, fate);
        if (sent) {
            add(choices, CHB_X_POWER_OFF, node, fate | 4u);
        }
    }
    for (uint32_t fate = 0; own->agent && fate < (own->write.op != 0 ? 2u : 1u); fate++) {
        add(choices, CHB_X_AGENT_OFF, node, fate);
    }
}

static void list_faults(const struct chb_x_world *world, uint32_t node,
                        struct chb_x_choices *choices)
{
    const struct chb_x_node *own = &world->node[node];
    const struct chb_x_node *theirs = &world->node[chb_x_other(node)];
    const struct chb_x_qemu *qemu = &own->qemu;
    enum chb_x_next next = chb_x_sequence_next(world, node);

    list_power(world, node, choices);
    add_if(qemu->mode != CHB_X_NONE && !qemu->killed, choices, CHB_X_DIES, node);
    add_if(chb_x_answers(world, node) && !qemu->killed, choices, CHB_X_HANGS, node);
    add_if(own->corosync, choices, CHB_X_COROSYNC_OFF, node);
    add_if(own->agent && theirs->agent && chb_x_ring(world) && !own->silent, choices, CHB_X_SILENT,
           node);
    for (uint32_t fate = 0; own->write.op != 0 && fate < 2; fate++) {
        add(choices, CHB_X_WRITE_FAILS, node, fate);
    }
    for (uint32_t i = 0;
         qemu->mode == CHB_X_STARTING && !qemu->killed && qemu->start_op != 0 && i < 3; i++) {
        add(choices, CHB_X_START_FAILS, node, i);
    }
    if (next == CHB_X_EFFECT || next == CHB_X_DONE) {
        add(choices, CHB_X_RUN_FAILS, node, 0);
    }
    if (next == CHB_X_EFFECT) {
        add(choices, CHB_X_RUN_FAILS, node, 1);
    }
    for (uint32_t i = 0; own->on && own->fence.state == CHB_X_FENCE_ASKED && i < 3; i++) {
        add(choices, CHB_X_FENCE_FAILS, node, i);
    }
    add_if(own->agent && own->started && chb_x_serves(world, node), choices, CHB_X_DEMOTE, node);
    add_if(own->agent && !theirs->on && !own->core.peers[0].operator_says_down, choices,
           CHB_X_OPERATOR_DOWN, node);
}

static void list_cut(const struct chb_x_world *world, struct chb_x_choices *choices)
{
    uint32_t may = 0;

    FOR_X(node)
    {
        may |= has_messages(&world->node[node]) ? node : 0;
    }
    for (uint32_t lost = 0; !world->cut && lost < 4; lost++) {
        if ((lost & ~may) == 0) {
            add(choices, CHB_X_CUT, 0, lost);
        }
    }
    add_if(!world->cut && !world->replication_cut, choices, CHB_X_REPL_CUT, 0);
}

void chb_x_list(const struct chb_x_world *world, bool faults, struct chb_x_choices *ret_choices)
{
    ret_choices->count = 0;
    FOR_X(node)
    {
        list_going_on(world, node, ret_choices);
    }
    list_back(world, ret_choices);
    if (!faults) {
        return;
    }
    FOR_X(node)
    {
        list_faults(world, node, ret_choices);
    }
    list_cut(world, ret_choices);
}
