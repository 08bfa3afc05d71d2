/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The judge of this world. It sees every process and disk, shares no code with the core, and
 * believes nothing that the core says about itself, but for what it sends. */
#include <tests/sim/explore/world.h>

#include <stdarg.h>
#include <stdio.h>

void chb_x_violate(struct chb_x_world *world, const char *rule, const char *format, ...)
{
    va_list args;

    if (world->rule != NULL) {
        return;
    }
    world->rule = rule;
    va_start(args, format);
    (void)vsnprintf(world->text, sizeof(world->text), format, args);
    va_end(args);
}

static bool is_history(const struct chb_record *record)
{
    return record->kind == CHB_RECORD_SOLO || record->kind == CHB_RECORD_PAIRED;
}

static bool has_guest(const struct chb_x_qemu *qemu)
{
    return qemu->mode == CHB_X_ALONE || qemu->mode == CHB_X_PRIMARY ||
           qemu->mode == CHB_X_SECONDARY;
}

uint32_t chb_x_server(const struct chb_x_world *world)
{
    FOR_X(node)
    {
        if (chb_x_serves(world, node)) {
            return node;
        }
    }
    return 0;
}

bool chb_x_is_pair(const struct chb_x_world *world)
{
    uint32_t primary = chb_x_server(world);
    uint32_t secondary = chb_x_other(primary);

    if (primary == 0 || !chb_x_in_step(world, primary)) {
        return false;
    }
    const struct chb_x_node *a = &world->node[primary];
    const struct chb_x_node *b = &world->node[secondary];
    return a->record.kind == CHB_RECORD_PAIRED && b->record.kind == CHB_RECORD_PAIRED &&
           a->record.generation == b->record.generation && a->core.phase == CHB_PHASE_PAIRED &&
           b->core.phase == CHB_PHASE_PAIRED;
}

/* ---- at every moment ---- */

/* R5: after a power cut at this moment the records alone must lead back here. */
static void judge_record(struct chb_x_world *world, uint32_t node)
{
    const struct chb_record *own = &world->node[node].record;
    uint32_t other = chb_x_other(node);
    const struct chb_record *theirs = &world->node[other].record;
    bool alone = world->node[node].qemu.mode == CHB_X_ALONE;

    if (own->kind != CHB_RECORD_SOLO && (alone || own->kind != CHB_RECORD_PAIRED)) {
        chb_x_violate(world, "R5", "n%u serves%s with a record of kind %d on its disk", node,
                      alone ? " alone" : "", (int)own->kind);
    }
    if (!is_history(theirs)) {
        return;
    }
    bool pair = own->kind == CHB_RECORD_PAIRED && theirs->kind == CHB_RECORD_PAIRED &&
                own->peer == other && theirs->peer == node;
    if (theirs->generation > own->generation || (theirs->generation == own->generation && !pair)) {
        chb_x_violate(world, "R5", "n%u serves with generation %llu, n%u's disk has %llu", node,
                      (unsigned long long)own->generation, other,
                      (unsigned long long)theirs->generation);
    }
}

/* A guest that is alone speaks at every moment, so what it says is in no other copy; in COLO what
 * is let out is in both, and held until it is. That is the worst case for R2. */
static void speak(struct chb_x_world *world)
{
    FOR_X(node)
    {
        if (chb_x_serves(world, node) && world->node[node].qemu.mode == CHB_X_ALONE) {
            world->node[chb_x_other(node)].copy.current = false;
        }
    }
}

void chb_x_judge(struct chb_x_world *world)
{
    if (chb_x_serves(world, 1) && chb_x_serves(world, 2)) {
        chb_x_violate(world, "R1", "both n1 and n2 serve");
    }
    FOR_X(node)
    {
        const struct chb_x_copy *copy = &world->node[node].copy;
        if (!chb_x_serves(world, node)) {
            continue;
        }
        if (!copy->valid || !copy->current) {
            chb_x_violate(world, "R2", "n%u serves, and its copy is %s", node,
                          copy->valid ? "not the newest" : "half filled");
        }
        judge_record(world, node);
    }
    speak(world);
}

/* ---- at the moment of going on alone, cold or warm ---- */

void chb_x_judge_solo(struct chb_x_world *world, uint32_t node)
{
    const struct chb_x_node *own = &world->node[node];
    const struct chb_x_node *theirs = &world->node[chb_x_other(node)];
    /* In COLO without a record of the pair it can go nowhere. */
    bool harmless =
        theirs->qemu.mode == CHB_X_SECONDARY && theirs->record.kind == CHB_RECORD_FILLING;

    if (has_guest(&theirs->qemu) && !harmless) {
        chb_x_violate(world, "R3", "n%u goes on alone while the replica of n%u lives", node,
                      chb_x_other(node));
    }
    if (!own->copy.valid) {
        chb_x_violate(world, "R4", "n%u goes on with a half-filled copy", node);
    }
    if (!own->copy.current) {
        chb_x_violate(world, "R2", "n%u goes on with an old copy", node);
    }
    if (own->record.kind != CHB_RECORD_SOLO) {
        chb_x_violate(world, "R5", "n%u goes on alone with a record of kind %d on its disk", node,
                      (int)own->record.kind);
    }
}

void chb_x_judge_fill(struct chb_x_world *world, uint32_t node)
{
    const struct chb_record *record = &world->node[node].record;
    if (record->kind != CHB_RECORD_FILLING) {
        chb_x_violate(world, "R4", "n%u is filled, and its record of kind %d says nothing of it",
                      node, (int)record->kind);
    }
}

/* ---- after each step of an agent ---- */

/* P1 must be the truth: the other goes solo on it. */
static void judge_word(struct chb_x_world *world, uint32_t node, const struct chb_state_msg *said)
{
    const struct chb_x_node *own = &world->node[node];

    if (has_guest(&own->qemu) && is_history(&own->record) &&
        said->dead_generation >= own->record.generation) {
        chb_x_violate(world, "R3", "n%u says that generation %llu is dead here, and it lives", node,
                      (unsigned long long)said->dead_generation);
    }
}

/* R6: told of a newer line, nothing comes before the end of one's own. */
static void judge_loser(struct chb_x_world *world, uint32_t node, const struct chb_event *event)
{
    const struct chb_x_node *own = &world->node[node];
    const struct chb_record *theirs = &event->u.msg.state.record;

    if (event->kind == CHB_EVENT_STATE && own->core.loaded && is_history(&own->record) &&
        has_guest(&own->qemu) && is_history(theirs) &&
        theirs->generation > own->record.generation && !own->qemu.killed) {
        chb_x_violate(world, "R6", "n%u has generation %llu, hears of %llu, and lives on", node,
                      (unsigned long long)own->record.generation,
                      (unsigned long long)theirs->generation);
    }
}

/* R8: a start or a way to go solo that may have failed leaves no QEMU behind. */
static void judge_unknown(struct chb_x_world *world, uint32_t node, const struct chb_event *event)
{
    const struct chb_x_qemu *qemu = &world->node[node].qemu;
    bool bad = event->u.result.outcome != CHB_OUTCOME_DONE && event->u.result.qemu == qemu->id;

    if (qemu->mode == CHB_X_NONE || qemu->killed || !bad) {
        return;
    }
    if (event->kind == CHB_EVENT_QEMU_STARTED && event->u.result.op == qemu->start_op) {
        chb_x_violate(world, "R8", "n%u keeps a QEMU whose start did not succeed", node);
    }
    if (event->kind == CHB_EVENT_SEQUENCE && qemu->solo_op != 0 &&
        event->u.result.op == qemu->solo_op) {
        chb_x_violate(world, "R8", "n%u keeps a QEMU that may not have gone solo", node);
    }
}

/* R7: told that the other is lost, a primary is silent at the end of that very step, unless it is
 * on its way with proof; then chb_x_judge_solo() judges, too. */
static void judge_silence(struct chb_x_world *world, uint32_t node)
{
    const struct chb_x_node *own = &world->node[node];
    const struct chb_x_qemu *qemu = &own->qemu;
    bool on_its_way = own->core.phase == CHB_PHASE_GOING_SOLO && qemu->link != CHB_X_LINKED;

    if (own->core.loaded && qemu->mode == CHB_X_PRIMARY && !qemu->killed && !qemu->stopped &&
        qemu->told_pair && own->told_lost && !on_its_way) {
        chb_x_violate(world, "R7", "n%u knows that n%u is lost, and lets frames out", node,
                      chb_x_other(node));
    }
}

void chb_x_judge_step(struct chb_x_world *world, uint32_t node, const struct chb_event *event,
                      const struct chb_actions *actions)
{
    struct chb_x_node *own = &world->node[node];

    for (uint32_t i = 0; i < actions->count; i++) {
        if (actions->list[i].kind == CHB_ACTION_SEND_STATE) {
            judge_word(world, node, &actions->list[i].u.state);
            own->qemu.told_pair = actions->list[i].u.state.record.kind == CHB_RECORD_PAIRED &&
                                  own->qemu.mode == CHB_X_PRIMARY;
        }
    }
    judge_loser(world, node, event);
    judge_unknown(world, node, event);
    judge_silence(world, node);
}
