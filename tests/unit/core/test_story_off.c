/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest switches itself off, by its own will or as Pacemaker's stop asks it to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "story.h"

static void switch_guest_off(struct chb_sim *sim)
{
    for (uint32_t node = 1; node <= 2; node++) {
        chb_sim_deliver(sim, node, 0, CHB_EVENT_GUEST_OFF)->event.u.qemu.qemu =
            CHB_SIM_VM(sim)->qemu[node].id;
    }
}

static void guest_switches_itself_off(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    switch_guest_off(sim);
    story_run(sim, 5000);
    assert_int_equal(CHB_SIM_VM(sim)->qemu[1].mode, CHB_SIM_MODE_NONE);
    assert_int_equal(CHB_SIM_VM(sim)->qemu[2].mode, CHB_SIM_MODE_NONE);
    CHB_SIM_VM(sim)->pacemaker.target_stopped = false;
    (void)story_until(sim, 20000, chb_sim_is_pair);
    story_end(sim);
}

static bool is_told(const struct chb_sim *sim)
{
    return CHB_SIM_VM(sim)->pacemaker.target_stopped;
}

static bool is_off(const struct chb_sim *sim)
{
    return CHB_SIM_VM(sim)->unit[1].core.guest_off && CHB_SIM_VM(sim)->unit[2].core.guest_off;
}

static bool is_on(const struct chb_sim *sim)
{
    return chb_sim_is_pair(sim); /* with the guest on */
}

/* Enabled again before Pacemaker has stopped it: no agent is told of that, and it is heard. */
static void enabled_too_early(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    CHB_SIM_VM(sim)->pacemaker.maintenance = true;
    switch_guest_off(sim);
    story_run(sim, 2000);
    assert_true(is_told(sim));
    CHB_SIM_VM(sim)->pacemaker.target_stopped = false;
    CHB_SIM_VM(sim)->pacemaker.maintenance = false;
    story_run(sim, 56000);
    assert_true(is_off(sim)); /* it might yet be stopped */
    (void)story_until(sim, 40000, is_on);
    story_end(sim);
}

/* A guest that is off and that nobody has been told of is not started behind anybody's back. */
static void untold_it_stays_off(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    struct chb_core *core = &CHB_SIM_VM(sim)->unit[1].core;
    struct chb_event event = {.kind = CHB_EVENT_GUEST_OFF, .at = core->now};
    struct chb_actions actions;
    event.u.qemu.qemu = core->qemu;
    chb_core_step(core, &event, &actions); /* what it wants to be done is not done */
    story_run(sim, 100000);
    assert_true(core->guest_off);
    assert_int_equal(chb_core_monitor(core), CHB_MONITOR_PROMOTED);
    story_end(sim);
}

static void guest_that_is_to_be_restarted(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    sim->options.restart_guest = true;
    for (uint32_t node = 1; node <= 2; node++) {
        CHB_SIM_VM(sim)->unit[node].core.settings.restart_guest = true;
    }
    switch_guest_off(sim);
    (void)story_until(sim, 1000, is_off);
    assert_int_equal(chb_core_monitor(&CHB_SIM_VM(sim)->unit[1].core), CHB_MONITOR_FAILED);
    assert_int_equal(chb_core_monitor(&CHB_SIM_VM(sim)->unit[2].core), CHB_MONITOR_USELESS);
    (void)story_until(sim, 30000, is_on);
    assert_false(is_told(sim));
    story_end(sim);
}

static bool all_stopped(const struct chb_sim *sim)
{
    return CHB_SIM_VM(sim)->unit[1].core.phase == CHB_PHASE_STOPPED &&
           CHB_SIM_VM(sim)->unit[2].core.phase == CHB_PHASE_STOPPED;
}

/* Of a pair, the last replica's guest is asked to switch itself off, and has its time for it. */
static void stop_asks_the_guest(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    sim->options.patience_ms = 30000;
    CHB_SIM_VM(sim)->pacemaker.target_stopped = true;
    chb_sim_pacemaker_poke(sim, 0);
    (void)story_until(sim, 20000, all_stopped);
    assert_int_equal(sim->stats.powered_down, 1);
    CHB_SIM_VM(sim)->pacemaker.target_stopped = false;
    chb_sim_pacemaker_poke(sim, 0);
    (void)story_until(sim, 20000, chb_sim_is_pair);
    story_end(sim);
}

/* A guest that does not listen is killed when its time is over, and stop succeeds. */
static void stop_kills_a_deaf_guest(void **state)
{
    (void)state;
    struct chb_sim *sim = story_pair(2);
    sim->options.patience_ms = 20000;
    sim->options.deaf_guest = 1000;
    CHB_SIM_VM(sim)->pacemaker.target_stopped = true;
    chb_sim_pacemaker_poke(sim, 0);
    assert_in_range(story_until(sim, 30000, all_stopped), 20000, 30000);
    assert_int_equal(sim->stats.powered_down, 0);
    assert_int_equal(sim->stats.fences, 0);
    story_end(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guest_switches_itself_off),
        cmocka_unit_test(enabled_too_early),
        cmocka_unit_test(untold_it_stays_off),
        cmocka_unit_test(guest_that_is_to_be_restarted),
        cmocka_unit_test(stop_asks_the_guest),
        cmocka_unit_test(stop_kills_a_deaf_guest),
    };
    return cmocka_run_group_tests_name("stories of a guest that is off", tests, NULL, NULL);
}
