/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <tests/sim/recording.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void broken(struct chb_recording_judge *judge, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void broken(struct chb_recording_judge *judge, const char *format, ...)
{
    va_list args;
    if (judge->broken[0] == '\0') {
        va_start(args, format);
        (void)vsnprintf(judge->broken, sizeof(judge->broken), format, args);
        va_end(args);
    }
}

static bool is_history(const struct chb_record *record)
{
    return record->kind == CHB_RECORD_SOLO || record->kind == CHB_RECORD_PAIRED;
}

void chb_recording_judge_begin(struct chb_recording_judge *judge, const struct chb_core *core)
{
    memset(judge, 0, sizeof(*judge));
    judge->disk = core->record;
    judge->writing = core->record_next;
    judge->write_op = core->pending.persist;
    judge->start_op = core->pending.start;
    if (core->pending.sequence_kind == CHB_SEQUENCE_SOLO_PRIMARY ||
        core->pending.sequence_kind == CHB_SEQUENCE_SOLO_SECONDARY) {
        judge->solo_op = core->pending.sequence;
    }
    judge->last_op = core->next_op;
    judge->qemu = core->qemu_alive ? core->qemu : 0;
    judge->killed = core->phase == CHB_PHASE_DYING;
    judge->frozen = core->frozen;
    judge->fence_not_needed = !core->settings.require_fencing;
    judge->paired_primary = core->phase == CHB_PHASE_PAIRED && core->role == CHB_ROLE_PRIMARY;
    for (unsigned i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_peer *peer = &core->peers[i];
        if (peer->node != 0 && peer->node == judge->disk.peer) {
            judge->peer_dead = peer->dead_generation >= judge->disk.generation;
            judge->peer_off = chb_time_is_set(peer->fenced_at) || peer->operator_says_down;
        }
    }
}

/* ---- what is known by what was said ---- */

static void hear_peer(struct chb_recording_judge *judge, const struct chb_event *event)
{
    uint32_t peer = judge->disk.peer;
    if (peer == 0) {
        return;
    }
    if (event->kind == CHB_EVENT_STATE && event->u.msg.from == peer &&
        event->u.msg.state.dead_generation >= judge->disk.generation) {
        judge->peer_dead = true;
    }
    if ((event->kind == CHB_EVENT_FENCE_RESULT || event->kind == CHB_EVENT_FENCE_NOTICE) &&
        event->u.fence.node == peer && event->u.fence.outcome == CHB_OUTCOME_DONE) {
        judge->peer_off = true;
    }
    if (event->kind == CHB_EVENT_PEER_IS_DOWN && event->u.command.node == peer) {
        judge->peer_off = true;
    }
    if (event->kind == CHB_EVENT_NODE_UP && event->u.node.id == peer) {
        judge->peer_off = false;
    }
}

static void hear(struct chb_recording_judge *judge, const struct chb_event *event)
{
    hear_peer(judge, event);
    if (event->kind == CHB_EVENT_START) {
        judge->fence_not_needed = !event->u.command.settings.require_fencing;
    } else if (event->kind == CHB_EVENT_LOADED) {
        judge->disk = event->u.record;
    } else if (event->kind == CHB_EVENT_ADOPTED && event->u.adopted.role != CHB_ROLE_NONE) {
        judge->qemu = event->u.adopted.qemu;
        judge->frozen = event->u.adopted.frozen;
    } else if (event->kind == CHB_EVENT_QEMU_EXITED && event->u.qemu.qemu == judge->qemu) {
        judge->qemu = 0;
    } else if (event->kind == CHB_EVENT_PERSISTED && judge->write_op != 0 &&
               event->u.result.op == judge->write_op) {
        if (event->u.result.outcome == CHB_OUTCOME_DONE) {
            judge->peer_dead = judge->peer_dead && judge->writing.peer == judge->disk.peer &&
                               judge->writing.generation == judge->disk.generation;
            judge->disk = judge->writing;
        }
        judge->write_op = 0;
    }
}

/* ---- what was done ---- */

static void check_op(struct chb_recording_judge *judge, uint32_t op)
{
    if (op <= judge->last_op) {
        broken(judge, "number %u of an action is used a second time", op);
    }
    judge->last_op = op;
}

/* R3: out of a pair with a living replica only with proof. R5: generations never fall. */
static void check_persist(struct chb_recording_judge *judge, uint32_t op,
                          const struct chb_record *record)
{
    check_op(judge, op);
    if (record->kind == CHB_RECORD_SOLO && judge->disk.kind == CHB_RECORD_PAIRED &&
        judge->qemu != 0 && !judge->peer_dead && !judge->peer_off && !judge->fence_not_needed) {
        broken(judge, "R3: leaves the pair of generation %llu without proof that n%u is dead",
               (unsigned long long)judge->disk.generation, judge->disk.peer);
    }
    if (is_history(record) && is_history(&judge->disk) &&
        record->generation < judge->disk.generation) {
        broken(judge, "R5: generation %llu is written over %llu",
               (unsigned long long)record->generation, (unsigned long long)judge->disk.generation);
    }
    judge->writing = *record;
    judge->write_op = op;
}

static void check_alone(struct chb_recording_judge *judge, const char *what)
{
    if (judge->disk.kind != CHB_RECORD_SOLO) {
        broken(judge, "R5: %s with a record of kind %d on the disk", what, (int)judge->disk.kind);
    }
}

static void see(struct chb_recording_judge *judge, const struct chb_action *action)
{
    enum chb_sequence sequence = action->u.sequence.sequence;
    if (action->kind == CHB_ACTION_PERSIST) {
        check_persist(judge, action->u.persist.op, &action->u.persist.record);
    } else if (action->kind == CHB_ACTION_QEMU_START) {
        check_op(judge, action->u.qemu.op);
        if (action->u.qemu.role == CHB_ROLE_PRIMARY) {
            check_alone(judge, "starts a primary");
        }
        judge->qemu = action->u.qemu.qemu;
        judge->start_op = action->u.qemu.op;
        judge->killed = false;
        judge->frozen = false;
    } else if (action->kind == CHB_ACTION_SEQUENCE) {
        check_op(judge, action->u.sequence.op);
        bool solo =
            sequence == CHB_SEQUENCE_SOLO_PRIMARY || sequence == CHB_SEQUENCE_SOLO_SECONDARY;
        judge->solo_op = solo ? action->u.sequence.op : 0;
        if (solo) {
            check_alone(judge, "goes solo");
        }
    } else if (action->kind == CHB_ACTION_QEMU_KILL) {
        judge->killed = true;
    } else if (action->kind == CHB_ACTION_QEMU_FREEZE || action->kind == CHB_ACTION_QEMU_THAW) {
        judge->frozen = action->kind == CHB_ACTION_QEMU_FREEZE;
    } else if (action->kind == CHB_ACTION_SEND_STATE && judge->qemu != 0 &&
               is_history(&judge->disk) && judge->start_op == 0 &&
               action->u.state.dead_generation >= judge->disk.generation) {
        broken(judge, "R3: says that generation %llu is dead here, and its QEMU was not seen dead",
               (unsigned long long)action->u.state.dead_generation);
    }
}

/* ---- at the end of the step ---- */

/* R6 */
static void check_loser(struct chb_recording_judge *judge, const struct chb_event *event,
                        const struct chb_core *core)
{
    if (event->kind != CHB_EVENT_STATE || !core->loaded || !is_history(&judge->disk)) {
        return;
    }
    const struct chb_record *theirs = &event->u.msg.state.record;
    if (judge->qemu != 0 && !judge->killed && is_history(theirs) &&
        theirs->generation > judge->disk.generation && judge->write_op == 0) {
        broken(judge, "R6: hears of generation %llu with %llu on the disk, and lives on",
               (unsigned long long)theirs->generation, (unsigned long long)judge->disk.generation);
    }
}

/* R7 */
static void check_silence(struct chb_recording_judge *judge, const struct chb_event *event)
{
    bool lost = event->kind == CHB_EVENT_CLUSTER_LOST ||
                (event->kind == CHB_EVENT_NODE_DOWN && event->u.node.id == judge->disk.peer);
    bool proven = judge->peer_dead || judge->peer_off || judge->fence_not_needed;
    if (lost && judge->paired_primary && judge->qemu != 0 && !judge->killed && !judge->frozen &&
        !proven) {
        broken(judge, "R7: the secondary on n%u is lost, and frames go out", judge->disk.peer);
    }
}

/* R8 */
static void check_unknown(struct chb_recording_judge *judge, const struct chb_event *event)
{
    bool start = event->kind == CHB_EVENT_QEMU_STARTED && event->u.result.op == judge->start_op;
    bool solo = event->kind == CHB_EVENT_SEQUENCE && event->u.result.op == judge->solo_op;
    if (!start && !solo) {
        return;
    }
    judge->start_op = start ? 0 : judge->start_op;
    judge->solo_op = solo ? 0 : judge->solo_op;
    if (event->u.result.op != 0 && event->u.result.outcome != CHB_OUTCOME_DONE &&
        judge->qemu != 0 && !judge->killed) {
        broken(judge, "R8: %s did not succeed, and QEMU is kept",
               start ? "its start" : "going solo");
    }
}

bool chb_recording_judge_step(struct chb_recording_judge *judge, const struct chb_event *event,
                              const struct chb_actions *actions, const struct chb_core *core)
{
    hear(judge, event);
    for (uint32_t i = 0; i < actions->count; i++) {
        see(judge, &actions->list[i]);
    }
    check_loser(judge, event, core);
    check_silence(judge, event);
    check_unknown(judge, event);
    bool spins = event->kind == CHB_EVENT_TICK && chb_core_deadline(core).ns <= core->now.ns;
    judge->spins = spins ? judge->spins + 1 : 0;
    if (judge->spins > 3) {
        broken(judge, "no spinning: the deadline stays in the past");
    }
    judge->paired_primary = core->phase == CHB_PHASE_PAIRED && core->role == CHB_ROLE_PRIMARY;
    return judge->broken[0] == '\0';
}
