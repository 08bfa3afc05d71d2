/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hostile events straight into one core: any kind, any values that fit into the fields, in any
 * order, at any time, back too. It must not trap, overflow, flood or spin, must give the same for
 * the same, and keeps the promises below whatever it is told.
 *
 * Input: world (1 byte), then events: kind (1 byte), and for each field a value: one byte that
 * stands for a small number or for something that the core has in hand (its generation, its QEMU,
 * what it waits for), or announces eight raw bytes.
 */
#include <stdbool.h>

#include <agent/core/core.h>
#include <agent/recorder/codec.h>

#include "fuzz.h"

#define EVENTS_MAX 600
#define SELF 1
/* Event bytes from here on are answers that fit, so that lives get far. */
#define FITTING 200

struct life {
    struct chb_fuzz_bytes bytes;
    struct chb_core core;
    int64_t now_ns;
    uint32_t spins;
    bool qemu_started;
    bool proof_possible; /* something was said that may count as a proof, ever */
};

/* ---- values ---- */

static uint64_t value_of(struct life *life)
{
    const struct chb_core *core = &life->core;
    const uint8_t tag = chb_fuzz_u8(&life->bytes);
    const uint64_t known[] = {
        core->generation,
        core->generation + 1,
        core->generation - 1,
        core->record.generation,
        core->record.generation + 1,
        core->record.generation - 1,
        core->dead_generation,
        core->qemu,
        core->pending.persist,
        core->pending.start,
        core->pending.sequence,
        core->pending.fence,
        core->join_id,
        core->join_node,
        core->peer,
        core->settings.spec_hash,
        (uint64_t)core->now.ns,
        (uint64_t)core->lost_at.ns,
        INT64_MAX,
        INT64_MAX - 1,
        (uint64_t)INT64_MIN,
        UINT64_MAX,
        UINT32_MAX,
        UINT64_C(1) << 32,
        1000000000,
    };
    if (tag < 128) {
        return tag;
    }
    if (tag < 240) {
        return known[(tag - 128U) % (sizeof(known) / sizeof(known[0]))];
    }
    return chb_fuzz_u64(&life->bytes);
}

static uint32_t number_of(struct life *life)
{
    return (uint32_t)value_of(life);
}

static bool coin(struct life *life)
{
    return (chb_fuzz_u8(&life->bytes) & 1) != 0;
}

static struct chb_record record_of(struct life *life)
{
    return (struct chb_record){
        .generation = value_of(life),
        .author = number_of(life),
        .peer = number_of(life),
        .kind = (enum chb_record_kind)number_of(life),
        .role = (enum chb_role)number_of(life),
        .overlays_pending = coin(life),
    };
}

static void state_of(struct life *life, struct chb_state_msg *ret_state)
{
    const uint8_t flags = chb_fuzz_u8(&life->bytes);

    memset(ret_state, 0, sizeof(*ret_state));
    ret_state->record = record_of(life);
    ret_state->phase = (enum chb_phase)number_of(life);
    ret_state->role = (enum chb_role)number_of(life);
    ret_state->generation = value_of(life);
    ret_state->dead_generation = value_of(life);
    ret_state->broken_generation = value_of(life);
    ret_state->join = (enum chb_join)number_of(life);
    ret_state->join_node = number_of(life);
    ret_state->join_id = value_of(life);
    ret_state->spec_hash = value_of(life);
    ret_state->qemu_version = number_of(life);
    ret_state->health = (uint8_t)number_of(life);
    ret_state->disk_bytes[0] = (flags & 16) != 0 ? value_of(life) : 0;
    ret_state->image_present = (flags & 1) != 0;
    ret_state->seeded = (flags & 2) != 0;
    ret_state->oob_alive = (flags & 4) != 0;
    ret_state->main_alive = (flags & 8) != 0;
}

/* What a well-meaning peer would say to this core now. */
static void fitting_state(struct life *life, struct chb_state_msg *ret_state)
{
    const struct chb_core *core = &life->core;
    const uint8_t variant = chb_fuzz_u8(&life->bytes);

    memset(ret_state, 0, sizeof(*ret_state));
    ret_state->spec_hash = core->settings.spec_hash;
    ret_state->qemu_version = core->settings.qemu_version;
    ret_state->health = (uint8_t)(100 - (variant & 1));
    ret_state->oob_alive = (variant & 2) == 0;
    ret_state->main_alive = (variant & 4) == 0;
    ret_state->image_present = true;
    ret_state->record.peer = core->self;
    ret_state->join_node = core->self;
    ret_state->join_id = core->join_id;
    if (core->phase == CHB_PHASE_SPARE || core->phase == CHB_PHASE_FILLING) {
        const bool done = core->phase == CHB_PHASE_FILLING && (variant & 8) != 0;
        ret_state->phase = done ? CHB_PHASE_PAIRED : CHB_PHASE_SOLO;
        ret_state->join = done ? CHB_JOIN_NONE : CHB_JOIN_WANTED;
        ret_state->join_id = core->phase == CHB_PHASE_SPARE ? core->join_id + 1 : core->join_id;
        ret_state->record.kind = done ? CHB_RECORD_PAIRED : CHB_RECORD_SOLO;
        ret_state->role = CHB_ROLE_PRIMARY;
        ret_state->generation =
            core->record.generation + (done || core->phase == CHB_PHASE_SPARE ? 1 : 0);
        ret_state->record.generation = ret_state->generation;
    } else if (core->phase == CHB_PHASE_SOLO) {
        ret_state->phase = core->join == CHB_JOIN_NONE ? CHB_PHASE_SPARE : CHB_PHASE_FILLING;
        ret_state->join = core->join == CHB_JOIN_NONE ? CHB_JOIN_NONE : CHB_JOIN_READY;
        ret_state->record.kind = CHB_RECORD_FILLING;
        ret_state->record.generation = core->generation;
    } else {
        ret_state->phase = CHB_PHASE_PAIRED;
        ret_state->record.kind = CHB_RECORD_PAIRED;
        ret_state->generation = core->generation;
        ret_state->record.generation = core->generation;
        ret_state->broken_generation = (variant & 16) != 0 ? core->generation : 0;
        ret_state->dead_generation = (variant & 32) != 0 ? core->generation : 0;
    }
}

/* ---- events ---- */

static void fill_command(struct life *life, struct chb_event *event)
{
    event->u.command.id = number_of(life);
    event->u.command.node = number_of(life);
    if (event->kind == CHB_EVENT_START) {
        struct chb_settings *settings = &event->u.command.settings;
        settings->spec_hash = value_of(life);
        settings->hang_timeout.ns = (int64_t)value_of(life);
        settings->disk_bytes[0] = value_of(life);
        settings->require_fencing = !coin(life);
        settings->restart_guest = coin(life);
        settings->image_present = coin(life);
    }
}

static void fill_cluster(struct life *life, struct chb_event *event)
{
    if (event->kind == CHB_EVENT_QUORUM) {
        event->u.quorate = coin(life);
    } else if (event->kind == CHB_EVENT_STATE) {
        event->u.msg.from = number_of(life);
        event->u.msg.boot = value_of(life);
        state_of(life, &event->u.msg.state);
    } else if (event->kind == CHB_EVENT_REQUEST) {
        event->u.request.from = number_of(life);
        event->u.request.request.request = (enum chb_request)number_of(life);
        event->u.request.request.node = number_of(life);
    } else if (event->kind == CHB_EVENT_CIB) {
        event->u.cib.known = coin(life);
        event->u.cib.generation = value_of(life);
        event->u.cib.node = number_of(life);
    } else if (event->kind == CHB_EVENT_FENCING_SETUP) {
        event->u.fencing.configured = coin(life);
    } else if (event->kind == CHB_EVENT_FENCE_RESULT || event->kind == CHB_EVENT_FENCE_NOTICE) {
        event->u.fence.op = number_of(life);
        event->u.fence.node = number_of(life);
        event->u.fence.outcome = (enum chb_outcome)number_of(life);
        event->u.fence.by_human = coin(life);
        event->u.fence.not_before.ns = (int64_t)value_of(life);
    } else {
        event->u.node.id = number_of(life);
    }
}

static void fill(struct life *life, struct chb_event *event)
{
    if (event->kind == CHB_EVENT_ADOPTED) {
        event->u.adopted.role = (enum chb_role)number_of(life);
        event->u.adopted.qemu = value_of(life);
        event->u.adopted.was_secondary = coin(life);
        event->u.adopted.in_colo = coin(life);
        event->u.adopted.promoted = coin(life);
        event->u.adopted.frozen = coin(life);
        event->u.adopted.copy_failed = coin(life);
    } else if (event->kind == CHB_EVENT_LOADED) {
        event->u.record = record_of(life);
    } else if (event->kind >= CHB_EVENT_START && event->kind <= CHB_EVENT_PROBED) {
        fill_command(life, event);
    } else if (event->kind >= CHB_EVENT_CLUSTER_UP && event->kind <= CHB_EVENT_FENCE_NOTICE) {
        fill_cluster(life, event);
    } else if (event->kind == CHB_EVENT_QEMU_STARTED || event->kind == CHB_EVENT_SEQUENCE ||
               event->kind == CHB_EVENT_PERSISTED) {
        event->u.result.op = number_of(life);
        event->u.result.outcome = (enum chb_outcome)number_of(life);
        event->u.result.qemu = value_of(life);
        event->u.result.ports.nbd = (uint16_t)number_of(life);
    } else if (event->kind == CHB_EVENT_PONG) {
        event->u.pong.qemu = value_of(life);
        event->u.pong.oob = coin(life);
    } else if (event->kind == CHB_EVENT_STALLED) {
        event->u.stall.ns = (int64_t)value_of(life);
    } else if (event->kind == CHB_EVENT_HEALTH) {
        event->u.health = (uint8_t)number_of(life);
    } else {
        event->u.qemu.qemu = value_of(life);
    }
}

static void fit_answer(struct life *life, struct chb_event *event, enum chb_event_kind kind,
                       uint32_t op)
{
    event->kind = kind;
    event->u.result.op = op;
    event->u.result.qemu = life->core.qemu;
}

/* An event that goes well with what this core waits for. */
static void fit(struct life *life, struct chb_event *event, uint8_t which)
{
    const struct chb_core *core = &life->core;
    const uint32_t other = core->join_node != 0 ? core->join_node : 2;

    switch (which % 12) {
    case 0:
        fit_answer(life, event, CHB_EVENT_PERSISTED, core->pending.persist);
        return;
    case 1:
        fit_answer(life, event, CHB_EVENT_QEMU_STARTED, core->pending.start);
        return;
    case 2:
        fit_answer(life, event, CHB_EVENT_SEQUENCE, core->pending.sequence);
        return;
    case 3:
        event->kind = CHB_EVENT_STATE;
        event->u.msg.from = other;
        event->u.msg.boot = 5;
        fitting_state(life, &event->u.msg.state);
        return;
    case 4:
        event->kind = CHB_EVENT_TICK;
        if (chb_core_deadline(core).ns != INT64_MAX) { /* else it waits for nothing */
            event->at = chb_core_deadline(core);
        }
        return;
    case 5:
        event->kind = CHB_EVENT_PONG;
        event->u.pong.qemu = core->qemu;
        event->u.pong.oob = coin(life);
        return;
    case 6:
        event->kind = CHB_EVENT_COLO_ENTERED;
        event->u.qemu.qemu = core->qemu;
        return;
    case 7:
        event->kind = CHB_EVENT_QEMU_EXITED;
        event->u.qemu.qemu = core->qemu;
        return;
    case 8:
        event->kind = coin(life) ? CHB_EVENT_NODE_UP : CHB_EVENT_NODE_DOWN;
        event->u.node.id = other;
        return;
    case 9:
        event->kind = CHB_EVENT_FENCE_RESULT;
        event->u.fence.op = core->pending.fence;
        event->u.fence.node = core->peer;
        event->u.fence.not_before = core->now;
        return;
    case 10:
        event->kind = CHB_EVENT_COLO_EXIT;
        event->u.qemu.qemu = core->qemu;
        return;
    default:
        event->kind = CHB_EVENT_LINK;
        event->u.link.qemu = core->qemu;
        event->u.link.stuck = !core->link_stuck;
        return;
    }
}

static void make_event(struct life *life, struct chb_event *event)
{
    const uint8_t byte = chb_fuzz_u8(&life->bytes);
    const uint8_t time = chb_fuzz_u8(&life->bytes);

    memset(event, 0, sizeof(*event));
    if (time < 250 && life->now_ns < INT64_MAX / 2) {
        life->now_ns += (int64_t)time * 1000000;
    }
    event->at.ns = life->now_ns;
    if (time >= 253) {
        event->at.ns = (int64_t)value_of(life); /* any time at all */
    }
    if (byte >= FITTING) {
        fit(life, event, byte);
        if (event->at.ns > life->now_ns) {
            life->now_ns = event->at.ns;
        }
        return;
    }
    event->kind = (enum chb_event_kind)(byte % (CHB_EVENT_MAX + 2));
    fill(life, event);
}

/* ---- promises ---- */

/* A proof has to have been said by somebody: weak, but shares nothing with the gate. */
static void note_proof(struct life *life, const struct chb_event *event)
{
    life->proof_possible |=
        (event->kind == CHB_EVENT_STATE && event->u.msg.state.dead_generation != 0) ||
        ((event->kind == CHB_EVENT_FENCE_RESULT || event->kind == CHB_EVENT_FENCE_NOTICE) &&
         event->u.fence.outcome == CHB_OUTCOME_DONE) ||
        event->kind == CHB_EVENT_PEER_IS_DOWN ||
        (event->kind == CHB_EVENT_START && !event->u.command.settings.require_fencing) ||
        /* an earlier agent had its proof, and wrote that down */
        (event->kind == CHB_EVENT_LOADED && event->u.record.kind == CHB_RECORD_SOLO);
}

static void judge_sequence(const struct life *life, const struct chb_action *action)
{
    const enum chb_sequence sequence = action->u.sequence.sequence;

    CHB_FUZZ_CHECK(life->core.qemu_alive);
    CHB_FUZZ_CHECK(sequence > CHB_SEQUENCE_NONE && sequence < CHB_SEQUENCE_MAX);
    if (sequence == CHB_SEQUENCE_SOLO_PRIMARY || sequence == CHB_SEQUENCE_SOLO_SECONDARY) {
        CHB_FUZZ_CHECK(life->proof_possible);                      /* R3 */
        CHB_FUZZ_CHECK(life->core.record.kind == CHB_RECORD_SOLO); /* R5 */
    }
}

static void judge(struct life *life, const struct chb_event *event,
                  const struct chb_actions *actions, uint64_t dead_before)
{
    CHB_FUZZ_CHECK(actions->count <= CHB_ACTIONS_MAX);
    for (uint32_t i = 0; i < actions->count; i++) {
        const struct chb_action *action = &actions->list[i];
        CHB_FUZZ_CHECK(action->kind < CHB_ACTION_MAX);
        if (action->kind == CHB_ACTION_PERSIST) {
            CHB_FUZZ_CHECK(action->u.persist.op != 0);
        } else if (action->kind == CHB_ACTION_QEMU_START) {
            CHB_FUZZ_CHECK(!life->qemu_started); /* one at a time */
            life->qemu_started = true;
        } else if (action->kind == CHB_ACTION_SEQUENCE) {
            judge_sequence(life, action);
        } else if (action->kind == CHB_ACTION_FENCE) {
            CHB_FUZZ_CHECK(action->u.fence.node != SELF && action->u.fence.node != 0);
        }
    }
    CHB_FUZZ_CHECK(life->core.dead_generation >= dead_before);
    CHB_FUZZ_CHECK(!chb_core_serves(&life->core) || life->core.qemu_alive);
    CHB_FUZZ_CHECK(chb_core_monitor(&life->core) <= CHB_MONITOR_USELESS);
    CHB_FUZZ_CHECK(chb_core_probe(&life->core) <= CHB_MONITOR_FAILED);
    const int64_t deadline_ns = chb_core_deadline(&life->core).ns;
    if (event->kind == CHB_EVENT_TICK && actions->count == 0 && deadline_ns != INT64_MAX &&
        deadline_ns <= life->core.now.ns) {
        CHB_FUZZ_CHECK(++life->spins < 3);
    } else {
        life->spins = 0;
    }
}

/* The same state and event give the same. */
static void judge_pure(const struct chb_core *twin, const struct chb_core *core,
                       const struct chb_actions *twins, const struct chb_actions *actions)
{
    CHB_FUZZ_CHECK(twins->count == actions->count);
    for (uint32_t i = 0; i < actions->count; i++) {
        CHB_FUZZ_CHECK(chb_action_equal(&twins->list[i], &actions->list[i]));
    }
    CHB_FUZZ_CHECK(chb_core_difference(twin, core) == NULL);
    CHB_FUZZ_CHECK(chb_core_deadline(twin).ns == chb_core_deadline(core).ns);
}

static void step(struct life *life)
{
    static struct chb_actions actions;
    static struct chb_actions twins;
    static struct chb_core twin;
    struct chb_event event;

    make_event(life, &event);
    note_proof(life, &event);
    if (event.kind == CHB_EVENT_QEMU_EXITED && event.u.qemu.qemu == life->core.qemu) {
        life->qemu_started = false;
    }
    if (event.kind == CHB_EVENT_ADOPTED && !life->core.loaded && event.u.adopted.qemu != 0 &&
        event.u.adopted.role != CHB_ROLE_NONE) {
        life->qemu_started = true; /* an earlier agent did it */
    }
    const uint64_t dead_before = life->core.dead_generation;
    memcpy(&twin, &life->core, sizeof(twin));
    /* What an earlier step has left behind must not matter. */
    memset(&actions, 0xa5, sizeof(actions));
    memset(&twins, 0x5a, sizeof(twins));
    chb_core_step(&life->core, &event, &actions);
    chb_core_step(&twin, &event, &twins);
    judge_pure(&twin, &life->core, &twins, &actions);
    judge(life, &event, &actions, dead_before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct life life;
    const uint32_t nodes[] = {SELF, 2, 3};

    memset(&life, 0, sizeof(life));
    life.bytes = (struct chb_fuzz_bytes){data, size};
    life.now_ns = 1000000;
    const uint8_t world = chb_fuzz_u8(&life.bytes);
    chb_core_init(&life.core, SELF, 1 + (world & 7U), nodes, (world & 8) != 0 ? 2 : 3);
    for (int i = 0; i < EVENTS_MAX && life.bytes.left > 0; i++) {
        step(&life);
    }
    return 0;
}
