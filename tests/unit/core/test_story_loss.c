/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Something is lost: a QEMU, an agent, a host, a link (doc/SAFETY.md, "What can fail"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "story.h"

static void primary_qemu_dies(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    uint64_t seen = CHB_SIM_VM(sim)->let_out;
    chb_sim_qemu_die(sim, 1, false);
    assert_in_range(story_until_serves(sim, 1000, 2), 0, 60);
    assert_true(CHB_SIM_VM(sim)->let_out >= seen);
    assert_int_equal(sim->stats.proofs[CHB_PROOF_P1_DEATH_SEEN], 0); /* QMP is not yet done */
    (void)story_until_pair(sim, 10000, 2);
    assert_int_equal(sim->stats.proofs[CHB_PROOF_P1_DEATH_SEEN], 1);
    assert_int_equal(CHB_SIM_VM(sim)->place[2].record.generation,
                     4); /* 1 solo, 2 pair, 3 solo, 4 pair */
    assert_int_equal(sim->stats.recoveries, 0);
    assert_int_equal(sim->stats.fences, 0);
    story_end(sim);
}

static void secondary_qemu_dies(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_qemu_die(sim, 2, false);
    story_run(sim, 60);
    assert_int_equal(chb_sim_server(sim), 1);
    assert_int_equal(CHB_SIM_VM(sim)->qemu[1].mode, CHB_SIM_MODE_ALONE);
    (void)story_until_pair(sim, 10000, 1);
    assert_int_equal(sim->stats.proofs[CHB_PROOF_P1_DEATH_SEEN], 1);
    story_end(sim);
}

static void primary_qemu_hangs(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_qemu_hang(sim, 1, true, true);
    assert_in_range(story_until_serves(sim, 3000, 2), 500, 1300);
    assert_int_equal(sim->stats.hangs, 1);
    (void)story_until_pair(sim, 10000, 2);
    assert_int_equal(sim->stats.fences, 0);
    story_end(sim);
}

static void secondary_qemu_hangs(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_qemu_hang(sim, 2, true, true);
    story_run(sim, 1300);
    assert_int_equal(CHB_SIM_VM(sim)->qemu[1].mode, CHB_SIM_MODE_ALONE);
    (void)story_until_pair(sim, 10000, 1);
    assert_int_equal(sim->stats.hangs, 1);
    story_end(sim);
}

static void main_loop_hangs(void **state)
{
    (void)state;
    for (uint32_t victim = 1; victim <= 2; victim++) {
        struct chb_sim *sim = story_pair(2);
        chb_sim_qemu_hang(sim, victim, false, true);
        assert_in_range(story_until_pair(sim, 15000, 3 - victim), 2500, 8000);
        assert_int_equal(sim->stats.hangs, 1);
        story_end(sim);
    }
}

static void short_hang_is_forgiven(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_qemu_hang(sim, 1, true, true);
    story_run(sim, 600);
    chb_sim_qemu_hang(sim, 1, true, false);
    story_run(sim, 3000);
    assert_true(chb_sim_is_pair(sim));
    assert_int_equal(sim->stats.qemu_deaths, 0);
    story_end(sim);
}

static void both_hang_is_the_machine(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_qemu_hang(sim, 1, true, true);
    chb_sim_qemu_hang(sim, 2, true, true);
    story_run(sim, 5000);
    assert_int_equal(sim->stats.qemu_deaths, 0);
    chb_sim_qemu_hang(sim, 1, true, false);
    chb_sim_qemu_hang(sim, 2, true, false);
    story_run(sim, 3000);
    assert_true(chb_sim_is_pair(sim));
    assert_int_equal(sim->stats.qemu_deaths, 0);
    story_end(sim);
}

static void primary_host_dies(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_host_off(sim, 1);
    int64_t ms = story_until_serves(sim, 5000, 2);
    assert_in_range(ms, 600, sim->options.token_ms * 11 / 10 + sim->options.fence_ms + 300);
    story_run(sim, 100);
    assert_int_equal(sim->stats.proofs[CHB_PROOF_P2_FENCED], 1);
    (void)story_until_pair(sim, 40000, 2); /* the fenced host boots again */
    story_end(sim);
}

static void secondary_host_dies(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_host_off(sim, 2);
    int64_t ms = story_until_phase(sim, 5000, 1, CHB_PHASE_SOLO);
    assert_in_range(ms, 600, sim->options.token_ms * 11 / 10 + sim->options.fence_ms + 300);
    assert_int_equal(sim->stats.proofs[CHB_PROOF_P2_FENCED], 1);
    (void)story_until_pair(sim, 40000, 1);
    story_end(sim);
}

static void fencing_fails_then_works(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    sim->options.fence_mode = CHB_SIM_FENCE_FAILS;
    chb_sim_host_off(sim, 1);
    (void)story_until_phase(sim, 2000, 2, CHB_PHASE_HOLDING);
    story_run(sim, 50); /* quorum is told a little after the loss */
    assert_int_equal(story_reason(sim, 2), CHB_REASON_NO_PROOF_FENCING);
    story_run(sim, 8000);
    assert_int_equal(chb_sim_server(sim), 0);
    assert_int_equal(story_reason(sim, 2), CHB_REASON_NO_PROOF_FENCE_FAILED);
    sim->options.fence_mode = CHB_SIM_FENCE_WORKS;
    (void)story_until_serves(sim, 5000, 2);
    (void)story_until_pair(sim, 40000, 2);
    assert_int_equal(sim->stats.proofs[CHB_PROOF_P2_FENCED], 1);
    story_end(sim);
}

/* "Unknown" is not success, even where the node is off in truth. */
static void unknown_fence_is_no_proof(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    sim->options.fence_mode = CHB_SIM_FENCE_UNKNOWN_EFFECTIVE;
    sim->options.fence_reboots = false;
    chb_sim_cut(sim, 1, 1);
    story_run(sim, 15000);
    assert_false(sim->host[1].on && sim->host[2].on); /* each has fenced the other, or one has */
    assert_int_equal(sim->stats.proofs[CHB_PROOF_P2_FENCED], 0);
    assert_int_equal(chb_sim_server(sim), 0);
    story_end(sim);
}

/* The lost host comes back before anybody could fence it: its new agent is witness enough. */
static void lost_host_returns(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    sim->options.fence_mode = CHB_SIM_FENCE_FAILS;
    chb_sim_host_off(sim, 1);
    story_run(sim, 3000);
    chb_sim_host_on(sim, 1);
    (void)story_until_serves(sim, 10000, 2);
    (void)story_until_pair(sim, 20000, 2);
    assert_int_equal(sim->stats.proofs[CHB_PROOF_P1_DEATH_SEEN], 1);
    story_end(sim);
}

static void operator_says_so(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_command(sim, 2, CHB_EVENT_PEER_IS_DOWN, 0, 1); /* refused: it talks */
    story_run(sim, 100);
    sim->options.fence_mode = CHB_SIM_FENCE_FAILS;
    chb_sim_host_off(sim, 1);
    story_run(sim, 3000);
    assert_int_equal(chb_sim_server(sim), 0);
    chb_sim_command(sim, 2, CHB_EVENT_PEER_IS_DOWN, 0, 1);
    assert_in_range(story_until_serves(sim, 1000, 2), 0, 60);
    story_run(sim, 100);
    assert_int_equal(sim->stats.proofs[CHB_PROOF_P3_OPERATOR], 1);
    story_end(sim);
}

/* Neither side may say a word, and with working fencing one of them goes on. */
static void network_splits(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    sim->options.fence_mode = CHB_SIM_FENCE_FAILS;
    chb_sim_cut(sim, 1, 1);
    (void)story_until_phase(sim, 2000, 1, CHB_PHASE_HOLDING);
    assert_int_equal(chb_sim_server(sim), 0);
    story_run(sim, 300);
    assert_int_equal(CHB_SIM_VM(sim)->unit[2].core.phase, CHB_PHASE_HOLDING);
    sim->options.fence_mode = CHB_SIM_FENCE_WORKS;
    story_run(sim, 8000);
    assert_true(chb_sim_server(sim) != 0);
    chb_sim_heal(sim);
    (void)story_until(sim, 60000, chb_sim_is_pair);
    story_end(sim);
}

/* A cut of the cluster's links that ends before anybody was fenced leaves the pair as it was. */
static void network_heals(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    sim->options.fence_mode = CHB_SIM_FENCE_FAILS;
    chb_sim_deafen(sim, 2, 1u << 1, 0);
    (void)story_until_phase(sim, 3000, 1, CHB_PHASE_HOLDING);
    chb_sim_heal(sim);
    (void)story_until_phase(sim, 5000, 1, CHB_PHASE_PAIRED);
    (void)story_until_pair(sim, 5000, 1);
    assert_true(sim->stats.released >= 1);
    assert_int_equal(sim->stats.qemu_deaths, 0);
    story_end(sim);
}

/* The network is back, replication is not: one side must go, and nobody speaks before. */
static void network_heals_too_late(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    sim->options.fence_mode = CHB_SIM_FENCE_FAILS;
    chb_sim_cut(sim, 2, 2);
    chb_sim_qemu_break(sim, 2, CHB_SIM_MS(100));
    (void)story_until_phase(sim, 2000, 1, CHB_PHASE_HOLDING);
    story_run(sim, 200);
    chb_sim_heal(sim);
    (void)story_until_phase(sim, 5000, 1, CHB_PHASE_SOLO);
    assert_int_equal(sim->stats.released, 0);
    assert_int_equal(sim->stats.qemu_deaths, 1);
    assert_int_equal(sim->stats.fences, 0);
    story_end(sim);
}

static void replication_link_is_cut(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_replication_cut(sim, 2, true);
    chb_sim_qemu_break(sim, 1, CHB_SIM_MS(200)); /* the primary notices; nobody tells the other */
    story_run(sim, 1000);
    assert_int_equal(CHB_SIM_VM(sim)->qemu[1].mode,
                     CHB_SIM_MODE_ALONE); /* a tie: the primary wins */
    assert_int_equal(sim->stats.broken, 2);
    chb_sim_replication_cut(sim, 2, false);
    (void)story_until_pair(sim, 40000, 1);
    assert_int_equal(sim->stats.fences, 0);
    story_end(sim);
}

static void agent_gone_then_its_qemu_dies(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_agent_crash(sim, 1); /* for good */
    story_run(sim, 3000);
    assert_true(chb_sim_in_step(sim, CHB_SIM_VM(sim), 1)); /* R9: nothing happens */
    chb_sim_qemu_die(sim, 1, false);
    int64_t ms = story_until_serves(sim, 5000, 2);
    assert_in_range(ms, CHB_SIM_MS(1000) / 1000000, 1000 + 150 + sim->options.fence_ms + 900);
    story_run(sim, 100);
    assert_int_equal(sim->stats.proofs[CHB_PROOF_P2_FENCED], 1);
    (void)story_until_pair(sim, 40000, 2);
    story_end(sim);
}

static void agent_hangs_then_its_qemu_dies(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_agent_stall(sim, 1, 60000);
    story_run(sim, 3000);
    assert_true(chb_sim_in_step(sim, CHB_SIM_VM(sim), 1));
    chb_sim_qemu_die(sim, 1, false);
    (void)story_until_serves(sim, 4000, 2);
    (void)story_until_pair(sim, 40000, 2);
    story_end(sim);
}

static void both_qemus_die(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_qemu_die(sim, 1, false);
    chb_sim_qemu_die(sim, 2, false);
    (void)story_until_serves(sim, 15000, 1); /* the last primary, from its disk */
    (void)story_until_pair(sim, 20000, 1);
    story_end(sim);
}

static void a_spare_takes_the_place(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(3);
    sim->options.fence_reboots = false;
    chb_sim_host_off(sim, 2);
    (void)story_until_pair(sim, 15000, 1);
    assert_int_equal(CHB_SIM_VM(sim)->qemu[1].partner, 3);
    chb_sim_host_on(sim, 2); /* for the quorum; the pair is not touched */
    story_run(sim, 8000);
    assert_int_equal(CHB_SIM_VM(sim)->qemu[1].partner, 3);
    chb_sim_host_off(sim, 1);
    (void)story_until_serves(sim, 5000, 3);
    (void)story_until_pair(sim, 30000, 3);
    assert_int_equal(CHB_SIM_VM(sim)->qemu[3].partner, 2);
    story_end(sim);
}

static void tell_link(struct chb_sim *sim, uint32_t node, bool stuck)
{
    struct chb_sim_item *item = chb_sim_deliver(sim, node, 0, CHB_EVENT_LINK);
    item->event.u.link.qemu = CHB_SIM_VM(sim)->qemu[node].id;
    item->event.u.link.stuck = stuck;
}

/* R2.4: while the secondary's host does not acknowledge, the primary stands still, and as soon as
 * it does the pair goes on as it was. A secondary lets nothing out that could run ahead. */
static void primary_waits_for_its_link(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    const uint64_t joins = sim->stats.joins;
    tell_link(sim, 2, true);
    story_run(sim, 100);
    assert_int_equal(CHB_SIM_VM(sim)->unit[2].core.phase, CHB_PHASE_PAIRED);
    tell_link(sim, 2, false);
    tell_link(sim, 1, true);
    story_run(sim, 20);
    uint64_t seen = CHB_SIM_VM(sim)->let_out;
    story_run(sim, 500);
    assert_true(CHB_SIM_VM(sim)->unit[1].core.frozen);
    assert_int_equal(CHB_SIM_VM(sim)->let_out, seen);
    assert_int_equal(story_reason(sim, 1), CHB_REASON_LINK_STUCK);
    tell_link(sim, 1, false);
    story_run(sim, 500);
    assert_int_equal(CHB_SIM_VM(sim)->unit[1].core.phase, CHB_PHASE_PAIRED);
    assert_true(CHB_SIM_VM(sim)->let_out > seen + 5);
    assert_int_equal(sim->stats.joins, joins); /* nothing had to be filled again */
    story_end(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primary_qemu_dies),
        cmocka_unit_test(secondary_qemu_dies),
        cmocka_unit_test(primary_qemu_hangs),
        cmocka_unit_test(secondary_qemu_hangs),
        cmocka_unit_test(main_loop_hangs),
        cmocka_unit_test(short_hang_is_forgiven),
        cmocka_unit_test(both_hang_is_the_machine),
        cmocka_unit_test(primary_host_dies),
        cmocka_unit_test(secondary_host_dies),
        cmocka_unit_test(fencing_fails_then_works),
        cmocka_unit_test(unknown_fence_is_no_proof),
        cmocka_unit_test(lost_host_returns),
        cmocka_unit_test(operator_says_so),
        cmocka_unit_test(network_splits),
        cmocka_unit_test(network_heals),
        cmocka_unit_test(network_heals_too_late),
        cmocka_unit_test(replication_link_is_cut),
        cmocka_unit_test(primary_waits_for_its_link),
        cmocka_unit_test(agent_gone_then_its_qemu_dies),
        cmocka_unit_test(agent_hangs_then_its_qemu_dies),
        cmocka_unit_test(both_qemus_die),
        cmocka_unit_test(a_spare_takes_the_place),
    };
    return cmocka_run_group_tests_name("stories of loss", tests, NULL, NULL);
}
