/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pair's life: first start, filling, switchover, restarts of the agent, cold starts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "story.h"

static void first_start(void **state)
{
    (void)state;
    struct chb_sim *sim = story_new(2);
    (void)story_until_serves(sim, 5000, 1);
    assert_int_equal(sim->stats.proofs[CHB_PROOF_RECORD], 0); /* boots; not yet told */
    (void)story_until_pair(sim, 10000, 1);
    assert_int_equal(CHB_SIM_VM(sim)->place[1].record.generation, 2);
    assert_int_equal(CHB_SIM_VM(sim)->place[2].record.generation, 2);
    assert_int_equal(CHB_SIM_VM(sim)->place[1].record.kind, CHB_RECORD_PAIRED);
    assert_int_equal(sim->stats.joins_failed, 0);
    story_end(sim);
}

static void first_start_asks(void **state)
{
    (void)state;
    struct chb_sim *sim = story_new(2);
    CHB_SIM_VM(sim)->place[2].copy.present = true; /* an image on both: which one is meant? */
    CHB_SIM_VM(sim)->place[2].copy.valid = true;
    story_run(sim, 10000);
    assert_int_equal(chb_sim_server(sim), 0);
    assert_int_equal(story_reason(sim, 1), CHB_REASON_FIRST_START_ASK);
    chb_sim_command(sim, 2, CHB_EVENT_SEED, 0, 0);
    (void)story_until_pair(sim, 10000, 2);
    assert_false(CHB_SIM_VM(sim)->unit[2].core.seeded); /* the word was for that one start */
    story_end(sim);
}

static void first_start_waits_for_all(void **state)
{
    (void)state;
    struct chb_sim *sim = story_new(3);
    chb_sim_host_off(sim, 3);
    story_run(sim, 15000);
    assert_int_equal(chb_sim_server(sim), 0);
    assert_int_equal(story_reason(sim, 1), CHB_REASON_FIRST_START_NODES);
    chb_sim_host_on(sim, 3);
    (void)story_until_pair(sim, 15000, 1);
    story_end(sim);
}

/* R4: a copy that is being filled is worth nothing, whatever else is lost. */
static void primary_host_dies_while_filling(void **state)
{
    (void)state;
    struct chb_sim *sim = story_new(2);
    sim->options.fence_reboots = false;
    (void)story_until_phase(sim, 10000, 2, CHB_PHASE_FILLING);
    story_run(sim, 400);
    chb_sim_host_off(sim, 1);
    story_run(sim, 20000);
    assert_int_equal(chb_sim_server(sim), 0);
    assert_int_equal(story_reason(sim, 2), CHB_REASON_FILLING);
    assert_int_equal(CHB_SIM_VM(sim)->pacemaker.node[2].score, CHB_SCORE_NEVER);
    chb_sim_host_on(sim, 1);
    (void)story_until_serves(sim, 15000, 1);
    (void)story_until_pair(sim, 20000, 1);
    story_end(sim);
}

/* What the core of `node` would do now. Nothing comes of it. */
static void ask(const struct chb_sim *sim, uint32_t node, const struct chb_event *event,
                struct chb_actions *ret_actions)
{
    struct chb_core core = CHB_SIM_VM(sim)->unit[node].core;
    chb_core_step(&core, event, ret_actions);
}

static const struct chb_action *find_note(const struct chb_actions *actions, enum chb_note note)
{
    for (uint32_t i = 0; i < actions->count; i++) {
        if (actions->list[i].kind == CHB_ACTION_NOTE && actions->list[i].u.note.note == note) {
            return &actions->list[i];
        }
    }
    return NULL;
}

/* Both sides name the same host as the one whose filling has failed. */
static void failed_filling_names_its_host(void **state)
{
    (void)state;
    struct chb_sim *sim = story_new(2);
    (void)story_until_phase(sim, 10000, 2, CHB_PHASE_FILLING);
    story_run(sim, 400);
    struct chb_event event = {.kind = CHB_EVENT_QEMU_EXITED};
    struct chb_actions actions;
    event.u.qemu.qemu = CHB_SIM_VM(sim)->unit[2].core.qemu;
    ask(sim, 2, &event, &actions);
    const struct chb_action *failed = find_note(&actions, CHB_NOTE_JOIN_FAILED);
    assert_non_null(failed);
    assert_int_equal(failed->u.note.node, 2);
    event = (struct chb_event){.kind = CHB_EVENT_CLUSTER_LOST};
    for (uint32_t node = 1; node <= 2; node++) {
        ask(sim, node, &event, &actions);
        failed = find_note(&actions, CHB_NOTE_JOIN_FAILED);
        assert_non_null(failed);
        assert_int_equal(failed->u.note.node, 2);
    }
    story_end(sim);
}

/* What a solo rested on is no part of the pair that comes after it, on either side. */
static void pair_rests_on_no_proof(void **state)
{
    (void)state;
    struct chb_sim *sim = story_new(2);
    (void)story_until_serves(sim, 5000, 1);
    story_run(sim, 100);
    assert_int_equal(CHB_SIM_VM(sim)->unit[1].core.proof, CHB_PROOF_RECORD);
    (void)story_until_phase(sim, 10000, 2, CHB_PHASE_FILLING);
    CHB_SIM_VM(sim)->unit[2].core.proof = CHB_PROOF_P3_OPERATOR; /* of an earlier life */
    (void)story_until_pair(sim, 10000, 1);
    assert_int_equal(CHB_SIM_VM(sim)->unit[1].core.proof, CHB_PROOF_NONE);
    assert_int_equal(CHB_SIM_VM(sim)->unit[2].core.proof, CHB_PROOF_NONE);
    chb_sim_qemu_die(sim, 1, false);
    (void)story_until_serves(sim, 1000, 2);
    assert_int_equal(CHB_SIM_VM(sim)->unit[2].core.proof, CHB_PROOF_P1_DEATH_SEEN);
    chb_sim_qemu_die(sim, 2, false);
    story_run(sim, 50);
    assert_int_equal(CHB_SIM_VM(sim)->unit[2].core.proof, CHB_PROOF_NONE); /* it went with it */
    story_run(sim, 20000);
    story_end(sim);
}

static void secondary_dies_while_filling(void **state)
{
    (void)state;
    struct chb_sim *sim = story_new(2);
    (void)story_until_phase(sim, 10000, 2, CHB_PHASE_FILLING);
    story_run(sim, 400);
    uint64_t seen = CHB_SIM_VM(sim)->let_out;
    chb_sim_qemu_die(sim, 2, false);
    story_run(sim, 500);
    assert_true(CHB_SIM_VM(sim)->let_out > seen + 5); /* the primary never stopped serving */
    (void)story_until_pair(sim, 20000, 1);
    story_end(sim);
}

static void switchover_by_operator(void **state)
{
    (void)state;
    for (uint32_t asked = 1; asked <= 2; asked++) {
        struct chb_sim *sim = story_pair(2);
        chb_sim_command(sim, asked, CHB_EVENT_SWITCHOVER, 0, 0);
        assert_in_range(story_until_serves(sim, 1000, 2), 0, 100);
        (void)story_until_pair(sim, 10000, 2);
        assert_int_equal(sim->stats.recoveries, 0);
        assert_int_equal(CHB_SIM_VM(sim)->unit[1].core.proof,
                         CHB_PROOF_NONE); /* of its cold start */
        assert_int_equal(CHB_SIM_VM(sim)->unit[2].core.proof,
                         CHB_PROOF_NONE); /* of its going solo */
        story_end(sim);
    }
}

static void switchover_by_pacemaker(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    CHB_SIM_VM(sim)->pacemaker.node[1].standby = true;
    (void)story_until_serves(sim, 5000, 2);
    story_run(sim, 5000);
    assert_int_equal(CHB_SIM_VM(sim)->unit[1].core.phase, CHB_PHASE_STOPPED);
    assert_true(CHB_SIM_VM(sim)->pacemaker.node[2].promoted);
    CHB_SIM_VM(sim)->pacemaker.node[1].standby = false;
    (void)story_until_pair(sim, 15000, 2);
    story_end(sim);
}

/* What Pacemaker does when it prefers another node: demote comes alone, and must not wait for stop.
 */
static void demote_hands_over(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_command(sim, 1, CHB_EVENT_DEMOTE, 0, 0);
    assert_in_range(story_until_serves(sim, 1000, 2), 0, 100);
    (void)story_until(sim, 20000, chb_sim_is_pair);
    story_end(sim);
}

static void resync_by_operator(void **state)
{
    (void)state;
    for (uint32_t asked = 1; asked <= 2; asked++) {
        struct chb_sim *sim = story_pair(2);
        uint64_t generation = CHB_SIM_VM(sim)->place[1].record.generation;
        chb_sim_command(sim, asked, CHB_EVENT_RESYNC, 0, 0);
        story_run(sim, 100);
        (void)story_until_pair(sim, 10000, 1);
        assert_int_equal(CHB_SIM_VM(sim)->place[1].record.generation, generation + 2);
        story_end(sim);
    }
}

/* A request is for one role: the other neither acts on it nor passes it on. */
static void request_of_another_role(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    for (uint32_t node = 1; node <= 2; node++) {
        struct chb_event event = {.kind = CHB_EVENT_REQUEST};
        struct chb_actions actions;
        event.u.request.from = 3 - node;
        event.u.request.request.node = node;
        event.u.request.request.request = node == 1 ? CHB_REQUEST_RESYNC : CHB_REQUEST_SWITCHOVER;
        ask(sim, node, &event, &actions);
        assert_int_equal(actions.count, 0);
        event.u.request.request.request = node == 1 ? CHB_REQUEST_SWITCHOVER : CHB_REQUEST_RESYNC;
        ask(sim, node, &event, &actions);
        assert_non_null(find_note(&actions, CHB_NOTE_SWITCHOVER));
    }
    story_end(sim);
}

/* R9: a restart of the agent in any phase of either side ends in a pair. */
static void agent_restarts(uint32_t node, enum chb_phase phase, int64_t away_ms)
{
    struct chb_sim *sim = story_new(2);
    (void)story_until_phase(sim, 20000, node, phase);
    chb_sim_agent_crash(sim, node);
    chb_sim_agent_start(sim, node, CHB_SIM_MS(away_ms));
    story_run(sim, away_ms);
    (void)story_until(sim, 60000, chb_sim_is_pair);
    story_end(sim);
}

static void agent_restarts_while_it_starts(void **state)
{
    (void)state;
    for (int64_t away_ms = 10; away_ms < 2000; away_ms *= 3) {
        agent_restarts(1, CHB_PHASE_SPARE, away_ms);
        agent_restarts(2, CHB_PHASE_SPARE, away_ms);
        agent_restarts(1, CHB_PHASE_BOOTING, away_ms);
        agent_restarts(1, CHB_PHASE_SOLO, away_ms);
        agent_restarts(2, CHB_PHASE_FILLING, away_ms);
    }
}

static void agent_restarts_in_a_pair(void **state)
{
    (void)state;
    for (uint32_t node = 1; node <= 2; node++) {
        struct chb_sim *sim = story_pair(2);
        uint64_t seen = CHB_SIM_VM(sim)->let_out;
        chb_sim_agent_crash(sim, node);
        chb_sim_agent_start(sim, node, CHB_SIM_MS(500));
        story_run(sim, 5000);
        assert_true(chb_sim_is_pair(sim));
        assert_int_equal(sim->stats.qemu_deaths, 0);
        assert_int_equal(sim->stats.holds, 0);
        assert_true(CHB_SIM_VM(sim)->let_out >=
                    seen + 120); /* one word in 40 ms: not one was missed */
        story_end(sim);
    }
}

static void agent_restarts_while_holding(void **state)
{
    (void)state;
    for (uint32_t node = 1; node <= 2; node++) {
        struct chb_sim *sim = story_pair(2);
        sim->options.fence_mode = CHB_SIM_FENCE_FAILS;
        chb_sim_cut(sim, 2, 2);
        (void)story_until_phase(sim, 3000, node, CHB_PHASE_HOLDING);
        chb_sim_agent_crash(sim, node);
        chb_sim_agent_start(sim, node, CHB_SIM_MS(300));
        story_run(sim, 1500);
        chb_sim_heal(sim);
        (void)story_until(sim, 60000, chb_sim_is_pair);
        story_end(sim);
    }
}

/* The peer is back before the new agent looks: it must thaw what its predecessor froze. */
static void agent_returns_to_a_frozen_guest(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    sim->options.fence_mode = CHB_SIM_FENCE_FAILS;
    chb_sim_corosync_stop(sim, 2);
    (void)story_until_phase(sim, 3000, 1, CHB_PHASE_HOLDING);
    chb_sim_agent_crash(sim, 1);
    assert_true(CHB_SIM_VM(sim)->qemu[1].stopped);
    chb_sim_corosync_start(sim, 2);
    story_run(sim, 800);
    chb_sim_agent_start(sim, 1, 0);
    (void)story_until(sim, 3000, chb_sim_is_pair);
    assert_int_equal(sim->stats.qemu_deaths, 0);
    story_end(sim);
}

static void agent_restarts_while_going_solo(void **state)
{
    (void)state;
    for (uint32_t victim = 1; victim <= 2; victim++) {
        for (int64_t later_ms = 0; later_ms < 40; later_ms += 3) {
            struct chb_sim *sim = story_pair(2);
            uint32_t node = 3 - victim;
            chb_sim_qemu_die(sim, victim, false);
            (void)story_until_phase(sim, 1000, node, CHB_PHASE_GOING_SOLO);
            story_run(sim, later_ms);
            chb_sim_agent_crash(sim, node);
            chb_sim_agent_start(sim, node, CHB_SIM_MS(200));
            (void)story_until_serves(sim, 10000, node);
            (void)story_until_pair(sim, 60000, node);
            story_end(sim);
        }
    }
}

static void agent_restarts_while_its_qemu_dies(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_command(sim, 1, CHB_EVENT_SWITCHOVER, 0, 0);
    (void)story_until_phase(sim, 1000, 1, CHB_PHASE_DYING);
    chb_sim_agent_crash(sim, 1);
    chb_sim_agent_start(sim, 1, CHB_SIM_MS(400));
    (void)story_until_serves(sim, 10000, 2);
    (void)story_until_pair(sim, 30000, 2);
    story_end(sim);
}

static void corosync_restarts(void **state)
{
    (void)state;
    for (uint32_t node = 1; node <= 2; node++) {
        struct chb_sim *sim = story_pair(2);
        sim->options.fence_mode = CHB_SIM_FENCE_FAILS;
        chb_sim_corosync_stop(sim, node);
        story_run(sim, 50);
        assert_int_equal(CHB_SIM_VM(sim)->unit[node].core.phase, CHB_PHASE_HOLDING);
        chb_sim_corosync_start(sim, node);
        (void)story_until(sim, 20000, chb_sim_is_pair);
        if (node ==
            2) { /* of the primary's node Pacemaker knows nothing for a while: it may swap */
            assert_int_equal(sim->stats.qemu_deaths, 0);
        }
        story_end(sim);
    }
}

static void power_cut_secondary_boots_first(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_host_off(sim, 1);
    chb_sim_host_off(sim, 2);
    story_run(sim, 1000);
    chb_sim_host_on(sim, 2);
    story_run(sim, 20000);
    assert_int_equal(chb_sim_server(sim), 0);
    chb_sim_host_on(sim, 1);
    (void)story_until_serves(sim, 20000, 1);
    (void)story_until_pair(sim, 30000, 1);
    story_end(sim);
}

/* The older disk must not win (R2.2, R5.4). */
static void power_cut_stale_host_boots_first(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    sim->options.fence_reboots = false;
    chb_sim_host_off(sim, 1);
    (void)story_until_serves(sim, 5000, 2);
    story_run(sim, 5000);
    chb_sim_host_off(sim, 2);
    chb_sim_host_on(sim, 1);
    story_run(sim, 20000);
    assert_int_equal(chb_sim_server(sim), 0);
    chb_sim_host_on(sim, 2);
    (void)story_until_serves(sim, 20000, 2);
    (void)story_until_pair(sim, 30000, 2);
    story_end(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_start),
        cmocka_unit_test(first_start_asks),
        cmocka_unit_test(first_start_waits_for_all),
        cmocka_unit_test(primary_host_dies_while_filling),
        cmocka_unit_test(failed_filling_names_its_host),
        cmocka_unit_test(pair_rests_on_no_proof),
        cmocka_unit_test(secondary_dies_while_filling),
        cmocka_unit_test(switchover_by_operator),
        cmocka_unit_test(switchover_by_pacemaker),
        cmocka_unit_test(demote_hands_over),
        cmocka_unit_test(resync_by_operator),
        cmocka_unit_test(request_of_another_role),
        cmocka_unit_test(agent_restarts_while_it_starts),
        cmocka_unit_test(agent_restarts_in_a_pair),
        cmocka_unit_test(agent_restarts_while_holding),
        cmocka_unit_test(agent_returns_to_a_frozen_guest),
        cmocka_unit_test(agent_restarts_while_going_solo),
        cmocka_unit_test(agent_restarts_while_its_qemu_dies),
        cmocka_unit_test(corosync_restarts),
        cmocka_unit_test(power_cut_secondary_boots_first),
        cmocka_unit_test(power_cut_stale_host_boots_first),
    };
    return cmocka_run_group_tests_name("stories of a life", tests, NULL, NULL);
}
