/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes a choice happen. */
#include <tests/sim/explore/choice.h>

#include <stdio.h>
#include <string.h>

#define STEP_NS 1000 /* so that what comes later is later */

/* ---- in words ---- */

static const char *const words[CHB_X_KIND_MAX] = {
    [CHB_X_DELIVER] = "next event from corosync arrives",
    [CHB_X_QUORUM] = "news of quorum arrives",
    [CHB_X_WRITTEN] = "the record is on the disk",
    [CHB_X_EXIT_SEEN] = "the agent sees its QEMU dead",
    [CHB_X_KILLED] = "the killed QEMU is dead",
    [CHB_X_STARTED] = "QEMU runs",
    [CHB_X_START_HEARD] = "the agent hears that QEMU runs",
    [CHB_X_RUN_EFFECT] = "the sequence takes effect",
    [CHB_X_RUN_END] = "the sequence ends",
    [CHB_X_RUN_STUCK] = "the sequence is stuck, and ends as unknown",
    [CHB_X_ENTER] = "QEMU goes into COLO",
    [CHB_X_GIVE_UP] = "QEMU that nobody fills any more ends",
    [CHB_X_BREAK] = "QEMU leaves COLO with an error",
    [CHB_X_MERGED] = "the overlays are merged",
    [CHB_X_TICK] = "a deadline passes",
    [CHB_X_FENCE_ACT] = "its fencer switches the other host off",
    [CHB_X_FENCE_HEARD] = "the answer of the fencer arrives",
    [CHB_X_START] = "Pacemaker starts the resource",
    [CHB_X_PROMOTE] = "Pacemaker promotes",
    [CHB_X_PCMK_FENCE] = "Pacemaker wants the other host fenced",
    [CHB_X_HEAL] = "THE NETWORK HEALS",
    [CHB_X_REPL_HEAL] = "THE REPLICATION NETWORK HEALS",
    [CHB_X_POWER_ON] = "POWER ON",
    [CHB_X_AGENT_ON] = "the agent is started again",
    [CHB_X_COROSYNC_ON] = "corosync is started again",
    [CHB_X_HEARD] = "its agent is heard again",
    [CHB_X_GOES_ON] = "QEMU goes on",
    [CHB_X_DIES] = "QEMU DIES",
    [CHB_X_HANGS] = "QEMU HANGS",
    [CHB_X_POWER_OFF] = "POWER CUT",
    [CHB_X_AGENT_OFF] = "THE AGENT DIES",
    [CHB_X_COROSYNC_OFF] = "COROSYNC DIES",
    [CHB_X_CUT] = "THE NETWORK IS CUT",
    [CHB_X_REPL_CUT] = "THE REPLICATION NETWORK IS CUT",
    [CHB_X_SILENT] = "ITS AGENT FALLS SILENT",
    [CHB_X_WRITE_FAILS] = "THE WRITE FAILS",
    [CHB_X_START_FAILS] = "THE START FAILS",
    [CHB_X_RUN_FAILS] = "THE SEQUENCE FAILS",
    [CHB_X_FENCE_FAILS] = "THE FENCER FAILS",
    [CHB_X_DEMOTE] = "PACEMAKER DEMOTES",
    [CHB_X_OPERATOR_DOWN] = "THE OPERATOR SAYS THAT THE OTHER HOST IS DOWN",
};

static const char *variant_text(struct chb_x_choice choice)
{
    static const char *const power[] = {"", ", the write done", ", the record torn"};
    static const char *const lost[] = {", what it sent is lost",
                                       ", the write done, what it sent is lost",
                                       ", the record torn, what it sent is lost"};
    static const char *const write[] = {", the old record stays", ", the new one is there"};
    static const char *const start[] = {": it dies", ": it lives on", ": it runs, unknown"};
    static const char *const run[] = {", without effect", ", with effect"};
    static const char *const fence[] = {": failed", ": unknown", ": unknown, yet the host is off"};
    static const char *const cut[] = {"", ", messages to n1 lost", ", messages to n2 lost",
                                      ", messages lost"};

    switch (choice.kind) {
    case CHB_X_POWER_OFF:
        return ((choice.variant & 4) != 0 ? lost : power)[(choice.variant & 3) % 3];
    case CHB_X_AGENT_OFF:
        return power[choice.variant & 1];
    case CHB_X_WRITE_FAILS:
        return write[choice.variant & 1];
    case CHB_X_START_FAILS:
        return start[choice.variant % 3];
    case CHB_X_RUN_FAILS:
        return run[choice.variant & 1];
    case CHB_X_FENCE_FAILS:
        return fence[choice.variant % 3];
    case CHB_X_CUT:
        return cut[choice.variant & 3];
    default:
        return "";
    }
}

void chb_x_choice_text(struct chb_x_choice choice, char *ret_text, size_t size)
{
    const char *word = choice.kind < CHB_X_KIND_MAX ? words[choice.kind] : "?";

    if (choice.node != 0) {
        (void)snprintf(ret_text, size, "n%u: %s%s", choice.node, word, variant_text(choice));
    } else {
        (void)snprintf(ret_text, size, "%s%s", word, variant_text(choice));
    }
}

/* ---- fencing ---- */

static void fence_act(struct chb_x_world *world, uint32_t node, enum chb_outcome outcome,
                      bool effective)
{
    struct chb_x_fence *fence = &world->node[node].fence;

    if (effective) {
        chb_x_power_off(world, chb_x_other(node));
    }
    fence->state = CHB_X_FENCE_OVER;
    fence->outcome = outcome;
    fence->off_at.ns = world->node[node].clock_ns;
}

static void fence_heard(struct chb_x_world *world, uint32_t node)
{
    struct chb_x_node *own = &world->node[node];
    struct chb_event event;

    memset(&event, 0, sizeof(event));
    event.kind = own->fence.op != 0 ? CHB_EVENT_FENCE_RESULT : CHB_EVENT_FENCE_NOTICE;
    event.u.fence.op = own->fence.op;
    event.u.fence.node = chb_x_other(node);
    event.u.fence.outcome = own->fence.outcome;
    event.u.fence.not_before = own->fence.off_at;
    if (own->fence.outcome == CHB_OUTCOME_DONE) {
        own->unclean = false;
    }
    memset(&own->fence, 0, sizeof(own->fence));
    if (event.kind == CHB_EVENT_FENCE_RESULT || event.u.fence.outcome != CHB_OUTCOME_UNKNOWN) {
        chb_x_event(world, node, &event);
    }
}

/* ---- QEMU ---- */

static void start_heard(struct chb_x_world *world, uint32_t node, enum chb_outcome outcome)
{
    struct chb_x_node *own = &world->node[node];
    uint64_t id = own->qemu.id;

    chb_x_answer(world, node, CHB_EVENT_QEMU_STARTED, own->qemu.start_op, outcome);
    if (own->qemu.id == id) {
        own->qemu.start_op = 0;
    }
}

static void start_fails(struct chb_x_world *world, uint32_t node, uint32_t variant)
{
    if (variant == 0) {
        chb_x_die(world, node, false);
    } else if (variant == 1) {
        start_heard(world, node, CHB_OUTCOME_FAILED);
    } else {
        chb_x_started(world, node);
        start_heard(world, node, CHB_OUTCOME_UNKNOWN);
    }
}

static void run_end(struct chb_x_world *world, uint32_t node)
{
    bool done = chb_x_sequence_next(world, node) == CHB_X_DONE;
    chb_x_sequence_end(world, node, done ? CHB_OUTCOME_DONE : CHB_OUTCOME_FAILED);
}

static void run_fails(struct chb_x_world *world, uint32_t node, bool effect)
{
    if (effect) {
        chb_x_sequence_effect(world, node);
    }
    chb_x_sequence_end(world, node, effect ? CHB_OUTCOME_UNKNOWN : CHB_OUTCOME_FAILED);
}

static void exit_seen(struct chb_x_world *world, uint32_t node)
{
    struct chb_x_node *own = &world->node[node];
    uint64_t id = own->exits[0];

    own->n_exits--;
    memmove(&own->exits[0], &own->exits[1], own->n_exits * sizeof(own->exits[0]));
    chb_x_event_qemu(world, node, CHB_EVENT_QEMU_EXITED, id);
}

/* ---- disk ---- */

static void write_end(struct chb_x_world *world, uint32_t node, enum chb_outcome outcome,
                      uint32_t fate)
{
    uint32_t op = world->node[node].write.op;

    chb_x_write_cut(world, node, fate);
    chb_x_answer(world, node, CHB_EVENT_PERSISTED, op, outcome);
}

/* ---- all ---- */

static void tell_quorum(struct chb_x_world *world, uint32_t node)
{
    struct chb_event event;

    memset(&event, 0, sizeof(event));
    event.kind = CHB_EVENT_QUORUM;
    event.u.quorate = world->node[node].seen;
    world->node[node].quorum_news = false;
    chb_x_event(world, node, &event);
}

static void go_on(struct chb_x_world *world, struct chb_x_choice choice)
{
    uint32_t node = choice.node;
    struct chb_x_node *own = &world->node[node];

    switch (choice.kind) {
    case CHB_X_DELIVER:
        chb_x_deliver(world, node);
        return;
    case CHB_X_QUORUM:
        tell_quorum(world, node);
        return;
    case CHB_X_WRITTEN:
        write_end(world, node, CHB_OUTCOME_DONE, 1);
        return;
    case CHB_X_EXIT_SEEN:
        exit_seen(world, node);
        return;
    case CHB_X_KILLED:
    case CHB_X_GIVE_UP:
        chb_x_die(world, node, false);
        return;
    case CHB_X_STARTED:
        chb_x_started(world, node);
        return;
    case CHB_X_START_HEARD:
        start_heard(world, node, CHB_OUTCOME_DONE);
        return;
    case CHB_X_RUN_EFFECT:
        chb_x_sequence_effect(world, node);
        return;
    case CHB_X_RUN_END:
        run_end(world, node);
        return;
    case CHB_X_RUN_STUCK:
        chb_x_sequence_end(world, node, CHB_OUTCOME_UNKNOWN);
        return;
    case CHB_X_ENTER:
        chb_x_enter(world, node);
        return;
    case CHB_X_BREAK:
        chb_x_break(world, node);
        return;
    case CHB_X_MERGED:
        own->copy.overlays = false;
        chb_x_event_qemu(world, node, CHB_EVENT_OVERLAYS_MERGED, own->qemu.id);
        return;
    case CHB_X_TICK:
        chb_x_tick(world, node, chb_x_deadline(world, node));
        return;
    case CHB_X_FENCE_ACT:
        fence_act(world, node, CHB_OUTCOME_DONE, true);
        return;
    case CHB_X_FENCE_HEARD:
        fence_heard(world, node);
        return;
    case CHB_X_START:
        chb_x_command(world, node, CHB_EVENT_START, 0);
        return;
    case CHB_X_PROMOTE:
        chb_x_command(world, node, CHB_EVENT_PROMOTE, 0);
        return;
    case CHB_X_PCMK_FENCE:
        own->fence.state = CHB_X_FENCE_ASKED;
        return;
    default:
        return;
    }
}

static void come_back(struct chb_x_world *world, struct chb_x_choice choice)
{
    uint32_t node = choice.node;

    world->heals++;
    switch (choice.kind) {
    case CHB_X_HEAL:
        chb_x_heal(world);
        return;
    case CHB_X_REPL_HEAL:
        world->replication_cut = false;
        return;
    case CHB_X_POWER_ON:
        chb_x_power_on(world, node);
        return;
    case CHB_X_AGENT_ON:
        chb_x_agent_start(world, node);
        return;
    case CHB_X_COROSYNC_ON:
        chb_x_corosync_start(world, node);
        return;
    case CHB_X_HEARD:
        chb_x_silence(world, node, false);
        return;
    case CHB_X_GOES_ON:
        world->node[node].qemu.hung = false;
        return;
    default:
        return;
    }
}

static void fail(struct chb_x_world *world, struct chb_x_choice choice)
{
    uint32_t node = choice.node;
    uint32_t variant = choice.variant;

    world->faults++;
    switch (choice.kind) {
    case CHB_X_DIES:
        chb_x_die(world, node, false);
        return;
    case CHB_X_HANGS:
        world->node[node].qemu.hung = true;
        return;
    case CHB_X_POWER_OFF:
        if ((variant & 4) != 0) {
            chb_x_drop(world, chb_x_other(node));
        }
        chb_x_write_cut(world, node, variant & 3);
        chb_x_power_off(world, node);
        return;
    case CHB_X_AGENT_OFF:
        chb_x_write_cut(world, node, variant);
        chb_x_agent_stop(world, node);
        return;
    case CHB_X_COROSYNC_OFF:
        chb_x_corosync_stop(world, node);
        return;
    case CHB_X_CUT:
        FOR_X(to)
        {
            if ((variant & to) != 0) {
                chb_x_drop(world, to);
            }
        }
        chb_x_cut(world);
        return;
    case CHB_X_REPL_CUT:
        world->replication_cut = true;
        return;
    case CHB_X_SILENT:
        chb_x_silence(world, node, true);
        return;
    case CHB_X_WRITE_FAILS:
        write_end(world, node, variant == 0 ? CHB_OUTCOME_FAILED : CHB_OUTCOME_UNKNOWN, variant);
        return;
    case CHB_X_START_FAILS:
        start_fails(world, node, variant);
        return;
    case CHB_X_RUN_FAILS:
        run_fails(world, node, variant != 0);
        return;
    case CHB_X_FENCE_FAILS:
        fence_act(world, node, variant == 0 ? CHB_OUTCOME_FAILED : CHB_OUTCOME_UNKNOWN,
                  variant == 2);
        return;
    case CHB_X_DEMOTE:
        chb_x_command(world, node, CHB_EVENT_DEMOTE, 0);
        return;
    case CHB_X_OPERATOR_DOWN:
        chb_x_command(world, node, CHB_EVENT_PEER_IS_DOWN, chb_x_other(node));
        return;
    default:
        return;
    }
}

void chb_x_take(struct chb_x_world *world, struct chb_x_choice choice)
{
    FOR_X(node)
    {
        world->node[node].clock_ns += STEP_NS;
    }
    if (chb_x_is_fault(choice.kind)) {
        fail(world, choice);
    } else if (chb_x_is_heal(choice.kind)) {
        come_back(world, choice);
    } else {
        go_on(world, choice);
    }
    chb_x_judge(world);
}
