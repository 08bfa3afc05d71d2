/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gate against a deliberately dumb twin, over every combination of the facts that it may look
 * at: nothing but the listed proofs opens it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <agent/core/gate.h>

#define GENERATION 10
#define PEER 2
#define THIRD 3

/* Takes the next `n` values out of a number that counts through all combinations. */
static uint32_t take(uint32_t *rest, uint32_t n)
{
    uint32_t value = *rest % n;
    *rest /= n;
    return value;
}

static struct chb_core new_core(enum chb_phase phase)
{
    const uint32_t nodes[] = {1, PEER, THIRD};
    struct chb_core core;

    chb_core_init(&core, 1, 99, nodes, 3);
    core.now = (chb_time){.ns = 1000000000};
    core.loaded = true;
    core.started = true;
    core.phase = phase;
    core.fencing_known = true;
    core.fencing_configured = true;
    return core;
}

static void check(const struct chb_core *core, bool expected)
{
    struct chb_verdict verdict = chb_gate(core);

    assert_int_equal(verdict.allowed, expected);
    assert_int_equal(verdict.proof != CHB_PROOF_NONE, expected);
    assert_int_equal(verdict.reason == CHB_REASON_OK, expected);
    assert_true(verdict.reason < CHB_REASON_MAX && verdict.proof < CHB_PROOF_MAX);
}

/* ---- a replica in COLO ---- */

static void live_case(enum chb_phase phase, uint32_t facts)
{
    struct chb_core core = new_core(phase);
    struct chb_peer *peer = &core.peers[0];
    struct chb_peer *third = &core.peers[1];

    assert_int_equal(peer->node, PEER);
    core.peer = PEER;
    core.qemu = 5;
    core.qemu_alive = true;
    core.generation = GENERATION;
    core.role = take(&facts, 2) != 0 ? CHB_ROLE_PRIMARY : CHB_ROLE_SECONDARY;
    core.eligible = take(&facts, 2) != 0;
    core.cluster_up = take(&facts, 2) != 0;
    core.quorate = take(&facts, 2) != 0;
    bool settled = take(&facts, 2) != 0; /* a whole second since this agent joined, or nearly */
    core.cluster_up_at.ns = settled ? 0 : 1;
    core.guest_off = take(&facts, 8) == 7;
    core.settings.require_fencing = take(&facts, 2) != 0;
    peer->member = take(&facts, 2) != 0;
    peer->heard = take(&facts, 2) != 0;
    peer->silent = take(&facts, 2) != 0;
    peer->lost = take(&facts, 2) != 0;
    peer->fenced_at.ns = take(&facts, 2) != 0 ? 5 : 0;
    peer->operator_says_down = take(&facts, 2) != 0;
    peer->dead_generation =
        (const uint64_t[]){0, GENERATION - 1, GENERATION, GENERATION + 1}[take(&facts, 4)];
    core.broken_generation = take(&facts, 2) != 0 ? GENERATION : 0;
    uint32_t newer = take(&facts, 3);
    third->msg.record.kind = newer == 1 ? CHB_RECORD_FILLING : CHB_RECORD_NONE;
    third->msg.record.generation = newer == 1 ? GENERATION + 1 : 0;
    third->msg.generation = newer == 2 ? GENERATION + 1 : 0;
    uint32_t cib = take(&facts, 3);
    core.cib_known = cib != 0;
    core.cib_generation = cib == 2 ? GENERATION + 1 : GENERATION;

    bool talks = peer->member && peer->heard && !peer->silent;
    bool proof = peer->dead_generation >= GENERATION ||
                 (!talks && (peer->fenced_at.ns != 0 || peer->operator_says_down ||
                             (!core.settings.require_fencing && peer->lost && core.cluster_up &&
                              core.quorate && settled)));
    check(&core, core.eligible && !core.guest_off && newer == 0 && cib != 2 && proof);
    core.started = false;
    check(&core, false);
    core.started = true;
    core.stop_wanted = true;
    check(&core, false);
}

static void live_replicas(void **state)
{
    (void)state;
    static const enum chb_phase phases[] = {CHB_PHASE_PAIRED, CHB_PHASE_HOLDING,
                                            CHB_PHASE_GOING_SOLO};
    for (size_t i = 0; i < 3; i++) {
        for (uint32_t facts = 0; facts < (1u << 5) * 8 * (1u << 7) * 4 * 2 * 3 * 3; facts++) {
            live_case(phases[i], facts);
        }
    }
}

static void other_phases_never(void **state)
{
    (void)state;
    static const enum chb_phase phases[] = {CHB_PHASE_STOPPED, CHB_PHASE_BOOTING, CHB_PHASE_SOLO,
                                            CHB_PHASE_FILLING, CHB_PHASE_DYING};
    for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
        for (uint32_t facts = 0; facts < 64; facts++) {
            struct chb_core core = new_core(phases[i]);
            core.peer = PEER;
            core.join_node = PEER;
            core.generation = GENERATION;
            core.qemu_alive = (facts & 1) != 0;
            core.eligible = true;
            core.cluster_up = true;
            core.quorate = true;
            core.seeded = (facts & 2) != 0;
            core.peers[0].lost = (facts & 4) != 0;
            core.peers[0].fenced_at.ns = (facts & 8) != 0 ? 5 : 0;
            core.peers[0].operator_says_down = (facts & 16) != 0;
            core.peers[0].dead_generation = (facts & 32) != 0 ? GENERATION + 1 : 0;
            check(&core, false);
        }
    }
}

/* ---- a host without a replica ---- */

struct cold {
    enum chb_record_kind kind;
    enum chb_record_kind theirs;
    int32_t their_offset; /* their generation, from ours */
    bool same_author;
    bool talks;
    bool member;
    enum chb_phase their_phase;
    bool dead;
    bool image;
};

static bool is_history(enum chb_record_kind kind)
{
    return kind == CHB_RECORD_SOLO || kind == CHB_RECORD_PAIRED;
}

/* The twin, for a cluster of this host and PEER. */
static bool may_boot(const struct chb_core *core, const struct cold *cold)
{
    bool serves = cold->their_phase == CHB_PHASE_SOLO || cold->their_phase == CHB_PHASE_PAIRED;
    bool newer = cold->theirs != CHB_RECORD_NONE && cold->theirs != CHB_RECORD_UNKNOWN &&
                 cold->their_offset > 0;
    bool by_word = core->seeded && cold->kind == CHB_RECORD_UNKNOWN;

    if (core->qemu_alive || core->pending.persist != 0 || core->record_unsure ||
        !core->cluster_up || !core->loaded || core->guest_off || (cold->member && !cold->talks) ||
        (cold->talks && serves)) {
        return false;
    }
    if (is_history(cold->kind) && is_history(cold->theirs) && cold->their_offset == 0 &&
        !cold->same_author && !core->seeded) {
        return false; /* diverged */
    }
    if (!by_word &&
        (newer || (core->cib_known && core->cib_generation > core->record.generation))) {
        return false;
    }
    switch (cold->kind) {
    case CHB_RECORD_NONE:
        return core->seeded || (cold->talks && cold->their_phase != CHB_PHASE_STOPPED &&
                                core->settings.image_present && !cold->image);
    case CHB_RECORD_SOLO:
        return true;
    case CHB_RECORD_PAIRED:
        return core->seeded ||
               (cold->talks && cold->theirs != CHB_RECORD_UNKNOWN &&
                cold->theirs != CHB_RECORD_NONE && cold->their_phase != CHB_PHASE_FILLING &&
                core->record.role == CHB_ROLE_PRIMARY &&
                (cold->their_offset < 0 || cold->theirs == CHB_RECORD_FILLING || cold->dead));
    case CHB_RECORD_UNKNOWN:
        return core->seeded;
    case CHB_RECORD_FILLING:
    case CHB_RECORD_KIND_MAX:
        break;
    }
    return false;
}

static void cold_case(uint32_t facts)
{
    static const enum chb_phase phases[] = {CHB_PHASE_STOPPED, CHB_PHASE_SPARE, CHB_PHASE_SOLO,
                                            CHB_PHASE_FILLING};
    struct chb_core core = new_core(CHB_PHASE_SPARE);
    struct chb_peer *peer = &core.peers[0];
    struct cold cold;

    core.peers[1].expected = false; /* a cluster of two */
    core.peers[1].node = 0;
    cold.kind = (enum chb_record_kind)take(&facts, CHB_RECORD_KIND_MAX);
    cold.theirs = (enum chb_record_kind)take(&facts, CHB_RECORD_KIND_MAX);
    cold.their_offset = (int32_t)take(&facts, 3) - 1;
    cold.same_author = take(&facts, 2) != 0;
    cold.member = take(&facts, 2) != 0;
    cold.talks = take(&facts, 2) != 0 && cold.member;
    cold.their_phase = phases[take(&facts, 4)];
    cold.dead = take(&facts, 2) != 0;
    cold.image = take(&facts, 2) != 0;
    core.record.kind = cold.kind;
    bool numbered = is_history(cold.kind) || cold.kind == CHB_RECORD_FILLING;
    core.record.generation = numbered ? GENERATION : 0;
    core.record.author = 1;
    core.record.peer = PEER;
    core.record.role = take(&facts, 2) != 0 ? CHB_ROLE_PRIMARY : CHB_ROLE_SECONDARY;
    core.settings.image_present = take(&facts, 2) != 0;
    core.seeded = take(&facts, 2) != 0;
    core.cluster_up = take(&facts, 2) != 0;
    uint32_t trouble = take(&facts, 6);
    core.qemu_alive = trouble == 1;
    core.pending.persist = trouble == 2 ? 7 : 0;
    core.record_unsure = trouble == 3;
    core.loaded = trouble != 4;
    core.guest_off = trouble == 5;
    uint32_t cib = take(&facts, 3);
    core.cib_known = cib != 0;
    core.cib_generation = cib == 2 ? GENERATION + 1 : 0;
    peer->member = cold.member;
    peer->heard = cold.talks;
    peer->msg.phase = cold.their_phase;
    peer->msg.image_present = cold.image;
    peer->msg.record.kind = cold.theirs;
    bool their_number = is_history(cold.theirs) || cold.theirs == CHB_RECORD_FILLING;
    peer->msg.record.generation =
        their_number ? (uint64_t)((int64_t)GENERATION + cold.their_offset) : 0;
    peer->msg.record.author = cold.same_author ? 1 : PEER;
    peer->dead_generation = cold.dead ? GENERATION : 0;
    if (!numbered && their_number) {
        cold.their_offset = 1; /* anything is newer than nothing */
    } else if (numbered && !their_number) {
        cold.their_offset = -1;
    }
    check(&core, may_boot(&core, &cold));
}

static void cold_starts(void **state)
{
    (void)state;
    for (uint32_t facts = 0; facts < 5 * 5 * 3 * 8 * 4 * 4 * 8 * 2 * 6 * 3; facts++) {
        cold_case(facts);
    }
}

static void before_the_record_is_known(void **state)
{
    (void)state;
    struct chb_core core = new_core(CHB_PHASE_SPARE);
    core.loaded = false;
    core.seeded = true;
    core.cluster_up = true;
    check(&core, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_replicas),
        cmocka_unit_test(other_phases_never),
        cmocka_unit_test(cold_starts),
        cmocka_unit_test(before_the_record_is_known),
    };
    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
