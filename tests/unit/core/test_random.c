/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events that mean nothing, in any order, with any values: no trap, no flood, no spinning, and the
 * few promises that hold whatever is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <agent/core/internal.h>
#include <tests/sim/rng.h>

#define STEPS_DEFAULT 400000
#define STEPS_OF_A_LIFE 2000

struct life {
    struct chb_sim_rng rng;
    struct chb_core core;
    int64_t now_ns;
    uint32_t wild;     /* permille of values that make no sense at all */
    bool polite;       /* most events fit to what goes on */
    uint32_t ops[4];   /* last of persist, start, sequence, fence */
    uint64_t qemu;     /* last started */
    uint32_t spins;    /* deadlines in the past, one after the other */
    bool qemu_started; /* and not yet dead */
};

static uint32_t below(struct life *life, uint32_t n)
{
    return chb_sim_rng_below(&life->rng, n);
}

static bool coin(struct life *life)
{
    return below(life, 2) == 1;
}

static uint32_t value_of(struct life *life, uint32_t max)
{
    return chb_sim_rng_chance(&life->rng, life->wild) ? (uint32_t)chb_sim_rng_next(&life->rng)
                                                      : below(life, max);
}

static uint64_t generation_of(struct life *life)
{
    if (chb_sim_rng_chance(&life->rng, life->wild)) {
        return chb_sim_rng_next(&life->rng);
    }
    uint64_t around =
        life->core.generation != 0 ? life->core.generation : life->core.record.generation;
    uint32_t offset = below(life, 4);
    return offset == 0 ? 0 : around + offset - 2;
}

static struct chb_record record_of(struct life *life)
{
    return (struct chb_record){
        .generation = generation_of(life),
        .author = value_of(life, 4),
        .peer = value_of(life, 4),
        .kind = (enum chb_record_kind)value_of(life, CHB_RECORD_KIND_MAX),
        .role = (enum chb_role)value_of(life, CHB_ROLE_MAX),
        .overlays_pending = coin(life),
    };
}

static struct chb_state_msg state_of(struct life *life)
{
    const struct chb_core *core = &life->core;
    struct chb_state_msg state = {
        .record = record_of(life),
        .phase = (enum chb_phase)value_of(life, CHB_PHASE_MAX),
        .role = (enum chb_role)value_of(life, CHB_ROLE_MAX),
        .generation = generation_of(life),
        .dead_generation = generation_of(life),
        .broken_generation = coin(life) ? generation_of(life) : 0,
        .join = (enum chb_join)value_of(life, CHB_JOIN_MAX),
        .join_node = coin(life) ? core->self : value_of(life, 4),
        .join_id = coin(life) ? core->join_id : value_of(life, 1000),
        .spec_hash = coin(life) ? core->settings.spec_hash : 1,
        .health = (uint8_t)value_of(life, 101),
        .image_present = coin(life),
        .seeded = below(life, 8) == 0,
        .oob_alive = coin(life),
        .main_alive = coin(life),
    };
    if (below(life, 3) == 0) { /* says what makes sense to this core */
        state.record = core->record;
        state.record.peer = core->self;
        state.generation = core->generation;
        state.join_node = core->self;
        state.join_id = core->join_id;
    }
    return state;
}

/* What a well-meaning peer would say to this core now; so that lives get far enough to matter. */
static struct chb_state_msg polite_state_of(struct life *life)
{
    const struct chb_core *core = &life->core;
    struct chb_state_msg state = state_of(life);
    uint64_t own = core->record.generation;

    bool in_pair = core->phase == CHB_PHASE_PAIRED || core->phase == CHB_PHASE_HOLDING;
    state.dead_generation = in_pair && below(life, 20) == 0 ? core->generation : 0;
    state.broken_generation = below(life, 20) == 0 ? core->generation : 0;
    state.spec_hash = core->settings.spec_hash;
    state.health = (uint8_t)(100 - below(life, 2));
    state.oob_alive = below(life, 10) != 0;
    state.main_alive = below(life, 10) != 0;
    state.join = CHB_JOIN_NONE;
    state.join_node = core->self;
    state.record = (struct chb_record){.author = core->record.author, .peer = core->self};
    if (core->phase == CHB_PHASE_BOOTING || (core->phase == CHB_PHASE_SPARE && coin(life))) {
        state.phase = CHB_PHASE_SPARE; /* its copy is not the one that is to be started */
        state.generation = 0;
    } else if (core->phase == CHB_PHASE_SPARE || (core->phase == CHB_PHASE_FILLING && coin(life))) {
        state.phase = CHB_PHASE_SOLO;
        state.join = CHB_JOIN_WANTED;
        state.join_id = core->phase == CHB_PHASE_SPARE ? 1 + below(life, 1000) : core->join_id;
        state.record.kind = CHB_RECORD_SOLO;
        state.generation = core->phase == CHB_PHASE_SPARE ? own + 1 : own;
    } else if (core->phase == CHB_PHASE_SOLO) {
        state.phase = core->join == CHB_JOIN_NONE ? CHB_PHASE_SPARE : CHB_PHASE_FILLING;
        state.join = core->join == CHB_JOIN_NONE ? CHB_JOIN_NONE : CHB_JOIN_READY;
        state.join_id = core->join_id;
        state.record.kind = CHB_RECORD_FILLING;
        state.record.generation = core->generation;
        state.generation = 0;
        return state;
    } else {
        state.phase = CHB_PHASE_PAIRED;
        state.record.kind = CHB_RECORD_PAIRED;
        state.generation = core->phase == CHB_PHASE_FILLING ? own + 1 : core->generation;
    }
    state.record.generation = state.generation;
    return state;
}

static uint32_t op_of(struct life *life, size_t which)
{
    return below(life, 5) == 0 ? value_of(life, 50) : life->ops[which];
}

static enum chb_outcome outcome_of(struct life *life)
{
    return below(life, 3) != 0 ? CHB_OUTCOME_DONE : (enum chb_outcome)value_of(life, 4);
}

static void fill_result(struct life *life, struct chb_event *event, size_t which)
{
    event->u.result.op = op_of(life, which);
    event->u.result.outcome = outcome_of(life);
    event->u.result.qemu = life->qemu;
}

static void fill_command(struct life *life, struct chb_event *event)
{
    event->u.command.id = below(life, 100);
    event->u.command.node = value_of(life, 4);
    event->u.command.patience.ns = coin(life) ? (int64_t)value_of(life, 2000000000) : 0;
    event->u.command.settings.hang_timeout.ns = chb_sim_rng_chance(&life->rng, life->wild)
                                                    ? (int64_t)chb_sim_rng_next(&life->rng)
                                                    : 1000000000;
    event->u.command.settings.require_fencing = below(life, 4) != 0;
    event->u.command.settings.restart_guest = below(life, 4) == 0;
    event->u.command.settings.image_present = coin(life);
}

static void fill_fence(struct life *life, struct chb_event *event)
{
    event->u.fence.op = op_of(life, 3);
    event->u.fence.node = value_of(life, 4);
    event->u.fence.outcome = outcome_of(life);
    event->u.fence.not_before.ns =
        coin(life) ? life->now_ns : (int64_t)chb_sim_rng_next(&life->rng);
}

static void fill(struct life *life, struct chb_event *event)
{
    enum chb_event_kind kind = event->kind;

    if (kind == CHB_EVENT_ADOPTED) {
        event->u.adopted.role = (enum chb_role)value_of(life, CHB_ROLE_MAX);
        event->u.adopted.qemu = value_of(life, 3);
        event->u.adopted.was_secondary = coin(life);
        event->u.adopted.in_colo = coin(life);
        event->u.adopted.frozen = coin(life);
        event->u.adopted.promoted = coin(life);
        event->u.adopted.copy_failed = coin(life);
    } else if (kind == CHB_EVENT_LOADED) {
        event->u.record = record_of(life);
    } else if (kind >= CHB_EVENT_START && kind <= CHB_EVENT_RESYNC) {
        fill_command(life, event);
    } else if (kind == CHB_EVENT_QUORUM) {
        event->u.quorate = below(life, 4) != 0;
    } else if (kind == CHB_EVENT_STATE) {
        uint32_t other = life->core.join_node != 0 ? life->core.join_node : 2;
        event->u.msg.from = life->polite && other != 1 ? other : value_of(life, 4);
        event->u.msg.boot = value_of(life, 4);
        event->u.msg.state = life->polite ? polite_state_of(life) : state_of(life);
    } else if (kind == CHB_EVENT_REQUEST) {
        event->u.request.from = value_of(life, 4);
        event->u.request.request.request = (enum chb_request)value_of(life, CHB_REQUEST_MAX);
        event->u.request.request.node = value_of(life, 4);
    } else if (kind == CHB_EVENT_CIB) {
        event->u.cib.known = coin(life);
        event->u.cib.generation = below(life, 4) == 0 ? generation_of(life) : 0;
        event->u.cib.node = value_of(life, 4);
    } else if (kind == CHB_EVENT_FENCING_SETUP) {
        event->u.fencing.configured = below(life, 4) != 0;
    } else if (kind == CHB_EVENT_FENCE_RESULT || kind == CHB_EVENT_FENCE_NOTICE) {
        fill_fence(life, event);
    } else if (kind == CHB_EVENT_QEMU_STARTED) {
        fill_result(life, event, 1);
    } else if (kind == CHB_EVENT_SEQUENCE) {
        fill_result(life, event, 2);
    } else if (kind == CHB_EVENT_PERSISTED) {
        fill_result(life, event, 0);
    } else if (kind == CHB_EVENT_PONG) {
        event->u.pong.qemu = life->qemu;
        event->u.pong.oob = coin(life);
    } else if (kind == CHB_EVENT_LINK) {
        event->u.link.qemu = life->qemu;
        event->u.link.stuck = coin(life);
    } else if (kind == CHB_EVENT_STALLED) {
        event->u.stall.ns = (int64_t)value_of(life, 1000000000) - 1000;
    } else if (kind == CHB_EVENT_HEALTH) {
        event->u.health = (uint8_t)value_of(life, 101);
    } else if (kind >= CHB_EVENT_NODE_UP && kind <= CHB_EVENT_HEARD) {
        event->u.node.id = value_of(life, 4);
    } else {
        event->u.qemu.qemu = below(life, 5) == 0 ? value_of(life, 50) : life->qemu;
    }
}

static void watch_action(struct life *life, const struct chb_action *action)
{
    assert_true(action->kind < CHB_ACTION_MAX);
    if (action->kind == CHB_ACTION_PERSIST) {
        life->ops[0] = action->u.persist.op;
        assert_true(action->u.persist.record.kind < CHB_RECORD_KIND_MAX);
    } else if (action->kind == CHB_ACTION_QEMU_START) {
        assert_false(life->qemu_started); /* one at a time */
        life->qemu_started = true;
        life->ops[1] = action->u.qemu.op;
        life->qemu = action->u.qemu.qemu;
    } else if (action->kind == CHB_ACTION_SEQUENCE) {
        life->ops[2] = action->u.sequence.op;
        assert_true(life->core.qemu_alive);
    } else if (action->kind == CHB_ACTION_FENCE) {
        life->ops[3] = action->u.fence.op;
        assert_int_not_equal(action->u.fence.node, life->core.self);
    }
}

static enum chb_event_kind kind_of(struct life *life)
{
    static const enum chb_event_kind common[] = {
        CHB_EVENT_STATE,     CHB_EVENT_STATE,        CHB_EVENT_STATE,
        CHB_EVENT_PERSISTED, CHB_EVENT_QEMU_STARTED, CHB_EVENT_SEQUENCE,
        CHB_EVENT_PONG,      CHB_EVENT_COLO_ENTERED, CHB_EVENT_NODE_UP,
        CHB_EVENT_HEARD,     CHB_EVENT_CLUSTER_UP,   CHB_EVENT_START,
        CHB_EVENT_PROMOTE,   CHB_EVENT_COLO_EXIT,    CHB_EVENT_LOADED,
        CHB_EVENT_QUORUM,    CHB_EVENT_LINK,         CHB_EVENT_OVERLAYS_MERGED};

    if (life->polite && life->core.phase == CHB_PHASE_DYING && coin(life)) {
        return CHB_EVENT_QEMU_EXITED;
    }
    if (life->polite && life->core.phase == CHB_PHASE_SOLO && below(life, 100) == 0) {
        return CHB_EVENT_STOP;
    }
    if (life->polite && below(life, 100) < 97) {
        return common[below(life, sizeof(common) / sizeof(common[0]))];
    }
    return (enum chb_event_kind)value_of(life, CHB_EVENT_MAX + 1);
}

static void step(struct life *life)
{
    struct chb_event event;
    struct chb_actions actions;
    chb_time deadline = chb_core_deadline(&life->core);

    memset(&event, 0, sizeof(event));
    if (below(life, 3) == 0 && deadline.ns != INT64_MAX) {
        life->now_ns = deadline.ns > life->now_ns ? deadline.ns : life->now_ns;
        event.kind = CHB_EVENT_TICK;
    } else {
        event.kind = kind_of(life);
        life->now_ns += (int64_t)below(life, 50) * 1000000;
        fill(life, &event);
    }
    event.at.ns = below(life, 50) == 0 ? (int64_t)below(life, 1000) : life->now_ns; /* or back */
    if (event.kind == CHB_EVENT_QEMU_EXITED && event.u.qemu.qemu == life->core.qemu) {
        life->qemu_started = false;
    }
    chb_core_step(&life->core, &event, &actions);
    assert_true(actions.count <= CHB_ACTIONS_MAX);
    for (uint32_t i = 0; i < actions.count; i++) {
        watch_action(life, &actions.list[i]);
    }
    if (event.kind == CHB_EVENT_TICK && actions.count == 0 &&
        chb_core_deadline(&life->core).ns <= life->core.now.ns) {
        assert_true(++life->spins < 3);
    } else {
        life->spins = 0;
    }
    assert_true(!chb_core_serves(&life->core) || life->core.qemu_alive);
    (void)chb_core_monitor(&life->core);
    (void)chb_core_probe(&life->core);
}

static void begin(struct life *life, uint64_t seed)
{
    const uint32_t nodes[] = {1, 2, 3};

    memset(life, 0, sizeof(*life));
    chb_sim_rng_init(&life->rng, seed, 9);
    chb_core_init(&life->core, 1, 1 + below(life, 100), nodes, 3);
    life->now_ns = 1000000;
    life->wild = (const uint32_t[]){0, 5, 100}[below(life, 3)];
    life->polite = below(life, 3) != 0;
    if (life->polite) {
        life->wild = 0;
    }
}

static void random_events(void **state)
{
    (void)state;
    static struct life life;
    const char *wanted = getenv("CHB_RANDOM_STEPS");
    uint64_t steps = wanted != NULL ? strtoull(wanted, NULL, 10) : STEPS_DEFAULT;
    uint64_t seen[CHB_PHASE_MAX] = {0};
    uint64_t powerdowns = 0;

    for (uint64_t i = 0; i < steps; i++) {
        if (i % STEPS_OF_A_LIFE == 0) {
            begin(&life, i);
        }
        step(&life);
        seen[life.core.phase]++;
        powerdowns += life.core.powerdown_asked ? 1 : 0;
    }
    if (steps >= STEPS_DEFAULT) { /* lives that never get anywhere prove nothing */
        for (uint32_t phase = 0; phase < CHB_PHASE_MAX; phase++) {
            assert_true(seen[phase] >= steps / 2000);
        }
        assert_true(powerdowns > 0);
    }
}

/* The same state and event give the same state and actions. */
static void pure(void **state)
{
    (void)state;
    static struct life a;
    static struct life b;

    begin(&a, 5);
    begin(&b, 5);
    for (uint32_t i = 0; i < 20000; i++) {
        step(&a);
        step(&b);
        struct chb_state_msg said[2];
        chb_core_state(&a.core, &said[0]);
        chb_core_state(&b.core, &said[1]);
        assert_memory_equal(&said[0], &said[1], sizeof(said[0]));
        assert_int_equal(chb_core_deadline(&a.core).ns, chb_core_deadline(&b.core).ns);
        assert_int_equal(a.core.next_op, b.core.next_op);
        assert_int_equal(a.core.pending.sequence, b.core.pending.sequence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_events),
        cmocka_unit_test(pure),
    };
    return cmocka_run_group_tests_name("random events", tests, NULL, NULL);
}
