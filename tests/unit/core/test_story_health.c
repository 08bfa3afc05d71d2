/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hosts and disks that are not what they should be: who of a pair serves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <agent/core/gate.h>
#include <tests/sim/faults.h>

#include "story.h"

static void disk_error_moves_the_guest(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_deliver(sim, 1, 0, CHB_EVENT_DISK_ERROR)->event.u.qemu.qemu =
        CHB_SIM_VM(sim)->qemu[1].id;
    assert_in_range(story_until_serves(sim, 1000, 2), 0, 100);
    story_run(sim, 5000);
    assert_int_equal(CHB_SIM_VM(sim)->unit[1].core.phase, CHB_PHASE_SPARE); /* unwell: not filled */
    chb_sim_deliver(sim, 1, 0, CHB_EVENT_HEALTH)->event.u.health = 100;
    (void)story_until_pair(sim, 40000, 2);
    story_end(sim);
}

static void tell_health(struct chb_sim *sim, uint32_t node, uint8_t health)
{
    chb_sim_deliver(sim, node, 0, CHB_EVENT_HEALTH)->event.u.health = health;
}

/* The fitter host serves, once it is clear that the other's trouble stays; and nothing moves back.
 */
static void fitter_host_takes_over(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    tell_health(sim, 1, 50);
    assert_in_range(story_until_serves(sim, 4000, 2), 2900, 3300);
    (void)story_until_pair(sim, 40000, 2); /* it is fit to be the secondary */
    story_run(sim, 10000);
    tell_health(sim, 1, 100);
    story_run(sim, 10000);
    assert_int_equal(chb_sim_server(sim), 2);
    const uint64_t joins = sim->stats.joins;
    tell_health(sim, 2, 50); /* and now the other way round */
    assert_in_range(story_until_serves(sim, 4000, 1), 2900, 3300);
    (void)story_until_pair(sim, 40000, 1);
    assert_int_equal(sim->stats.joins, joins + 2); /* one, as both sides count */
    story_end(sim);
}

/* What passes by itself, and what both have, moves nothing. */
static void trouble_that_passes_moves_nothing(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    const uint64_t joins = sim->stats.joins;
    for (int i = 0; i < 10; i++) {
        tell_health(sim, 1, 50);
        story_run(sim, 2500);
        tell_health(sim, 1, 100);
        story_run(sim, 500);
    }
    tell_health(sim, 1, 50); /* a switch starts again, and it is that of both */
    story_run(sim, 2500);
    tell_health(sim, 2, 50);
    story_run(sim, 20000);
    tell_health(sim, 2, 100);
    story_run(sim, 2500);
    tell_health(sim, 1, 100);
    story_run(sim, 20000);
    assert_int_equal(chb_sim_server(sim), 1);
    assert_int_equal(sim->stats.joins, joins);
    story_end(sim);
}

/* A secondary that could not be heard would be no help: the spare takes its place. */
static void fitter_spare_is_filled(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(3);
    tell_health(sim, 1, 50);
    (void)story_until_serves(sim, 4000, 2);
    (void)story_until_pair(sim, 40000, 2);
    assert_int_equal(CHB_SIM_VM(sim)->qemu[2].partner, 3);
    story_end(sim);
}

/* It could not follow, and the primary would wait for it. */
static void secondary_without_disk_is_let_go(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_deliver(sim, 2, 0, CHB_EVENT_DISK_ERROR)->event.u.qemu.qemu =
        CHB_SIM_VM(sim)->qemu[2].id;
    assert_in_range(story_until_phase(sim, 4000, 1, CHB_PHASE_SOLO), 2900, 3300);
    story_run(sim, 10000);
    assert_int_equal(CHB_SIM_VM(sim)->unit[2].core.phase, CHB_PHASE_SPARE); /* unwell: not filled */
    assert_int_equal(chb_sim_server(sim), 1);
    tell_health(sim, 2, 100);
    (void)story_until_pair(sim, 40000, 1);
    story_end(sim);
}

/* Be its host ever so fit: what it has is no true copy any more. */
static void secondary_that_missed_a_write_dies(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    tell_health(sim, 1, 50);
    story_run(sim, 1000);
    chb_sim_deliver(sim, 1, 0, CHB_EVENT_COPY_FAILED)->event.u.qemu.qemu =
        CHB_SIM_VM(sim)->qemu[1].id;
    assert_in_range(story_until_phase(sim, 1000, 2, CHB_PHASE_SPARE), 0, 60);
    assert_in_range(story_until_phase(sim, 1000, 1, CHB_PHASE_SOLO), 0, 100);
    assert_int_equal(CHB_SIM_VM(sim)->place[2].record.kind, CHB_RECORD_PAIRED);
    assert_false(chb_gate(&CHB_SIM_VM(sim)->unit[2].core).allowed);
    (void)story_until_pair(sim, 40000, 1); /* filled again, in full */
    story_end(sim);
}

static bool is_broken(const struct chb_sim *sim)
{
    return CHB_SIM_VM(sim)->unit[1].core.broken_generation != 0;
}

/* Replication was broken already, and the secondary's host was about to win. */
static void a_write_is_missed_while_it_is_settled(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    tell_health(sim, 1, 50);
    story_run(sim, 1000);
    for (uint32_t node = 1; node <= 2; node++) {
        chb_sim_deliver(sim, node, 0, CHB_EVENT_COLO_EXIT)->event.u.qemu.qemu =
            CHB_SIM_VM(sim)->qemu[node].id;
    }
    (void)story_until(sim, 1000, is_broken);
    struct chb_core *core = &CHB_SIM_VM(sim)->unit[1].core;
    struct chb_event event = {.kind = CHB_EVENT_COPY_FAILED, .at = core->now};
    struct chb_actions actions;
    event.u.qemu.qemu = core->qemu;
    assert_true(core->broken_fitness < 50);
    chb_core_step(core, &event, &actions);
    assert_int_equal(core->broken_fitness, 100);
    assert_int_equal(core->phase, CHB_PHASE_HOLDING); /* until the other side is dead */
    story_end(sim);
}

static bool is_joining(const struct chb_sim *sim)
{
    return CHB_SIM_VM(sim)->unit[1].core.join == CHB_JOIN_RUNNING &&
           CHB_SIM_VM(sim)->qemu[1].mode == CHB_SIM_MODE_COLO_PRIMARY;
}

/* The disks are in sync already, and the guest goes on writing to both. */
static void a_write_is_missed_while_a_join_runs(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_qemu_die(sim, 2, false);
    (void)story_until_phase(sim, 1000, 1, CHB_PHASE_SOLO);
    (void)story_until(sim, 40000, is_joining);
    struct chb_core *core = &CHB_SIM_VM(sim)->unit[1].core;
    const uint64_t join_id = core->join_id;
    chb_sim_fault_write_missed(sim, 1);
    assert_int_equal(core->phase, CHB_PHASE_SOLO);
    assert_int_not_equal(core->join, CHB_JOIN_RUNNING);
    assert_true(CHB_SIM_VM(sim)->place[2].copy.missed);
    (void)story_until_pair(sim, 40000, 1);
    assert_true(core->join_id != join_id);
    assert_false(CHB_SIM_VM(sim)->place[2].copy.missed); /* filled again, in full */
    story_end(sim);
}

static bool is_committing(const struct chb_sim *sim)
{
    const struct chb_core *core = &CHB_SIM_VM(sim)->unit[1].core;
    return core->join == CHB_JOIN_RUNNING && core->pending.persist != 0;
}

/* The record of the pair is on its way to the disk and cannot be called back: the pair is made, and
 * ends before the other side could win anything with it. */
static void a_write_is_missed_while_a_pair_is_recorded(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    tell_health(sim, 1, 50);
    chb_sim_qemu_die(sim, 2, false);
    (void)story_until_phase(sim, 1000, 1, CHB_PHASE_SOLO);
    (void)story_until(sim, 40000, is_committing);
    chb_sim_fault_write_missed(sim, 1);
    assert_true(CHB_SIM_VM(sim)->place[2].copy.missed);
    (void)story_until_phase(sim, 1000, 1, CHB_PHASE_HOLDING);
    (void)story_until_phase(sim, 1000, 1, CHB_PHASE_SOLO);
    (void)story_until_phase(sim, 1000, 2, CHB_PHASE_SPARE);
    tell_health(sim, 1, 100);
    (void)story_until_pair(sim, 40000, 1);
    story_end(sim);
}

/* Nobody could be told before the agent that knew of it died. The next one knows, too. */
static void a_missed_write_outlives_the_agent(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    struct chb_core *core = &CHB_SIM_VM(sim)->unit[1].core;
    chb_sim_agent_crash(sim, 2);
    chb_sim_fault_write_missed(sim, 1);
    assert_true(CHB_SIM_VM(sim)->place[2].copy.missed);
    assert_true(core->copy_failed);
    chb_sim_agent_crash(sim, 1);
    chb_sim_agent_start(sim, 1, CHB_SIM_MS(200));
    chb_sim_agent_start(sim, 2, CHB_SIM_MS(300));
    (void)story_until_phase(sim, 2000, 2, CHB_PHASE_SPARE);
    (void)story_until_phase(sim, 2000, 1, CHB_PHASE_SOLO);
    (void)story_until_pair(sim, 40000, 1);
    assert_false(CHB_SIM_VM(sim)->place[1].runtime.copy_failed);
    story_end(sim);
}

/* An answer from a copy that has been given up: there is none that it could spoil. */
static void a_missed_write_is_nothing_to_a_replica_alone(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    chb_sim_qemu_die(sim, 2, false);
    (void)story_until_phase(sim, 1000, 1, CHB_PHASE_SOLO);
    struct chb_core *core = &CHB_SIM_VM(sim)->unit[1].core;
    struct chb_event event = {.kind = CHB_EVENT_COPY_FAILED, .at = core->now};
    struct chb_actions actions;
    event.u.qemu.qemu = core->qemu;
    chb_core_step(core, &event, &actions);
    assert_false(core->copy_failed);
    (void)story_until_pair(sim, 40000, 1);
    story_end(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disk_error_moves_the_guest),
        cmocka_unit_test(fitter_host_takes_over),
        cmocka_unit_test(trouble_that_passes_moves_nothing),
        cmocka_unit_test(fitter_spare_is_filled),
        cmocka_unit_test(secondary_without_disk_is_let_go),
        cmocka_unit_test(secondary_that_missed_a_write_dies),
        cmocka_unit_test(a_write_is_missed_while_it_is_settled),
        cmocka_unit_test(a_write_is_missed_while_a_join_runs),
        cmocka_unit_test(a_write_is_missed_while_a_pair_is_recorded),
        cmocka_unit_test(a_missed_write_outlives_the_agent),
        cmocka_unit_test(a_missed_write_is_nothing_to_a_replica_alone),
    };
    return cmocka_run_group_tests_name("stories of health", tests, NULL, NULL);
}
