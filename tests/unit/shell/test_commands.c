/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that come before the daemon knows what runs here: the core gets them when it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <agent/shell/clock.h>
#include <agent/shell/vm.h>

#define CLIENT 42

static struct chb_event given[4];
static unsigned n_given;
static unsigned n_replies;

void __wrap_chb_vm_event(struct chb_vm *vm, const struct chb_event *event);
void __wrap_chb_vm_event(struct chb_vm *vm, const struct chb_event *event)
{
    (void)vm;
    assert_true(n_given < 4);
    given[n_given++] = *event;
}

void __wrap_chb_control_reply(struct chb_control_server *server, uint64_t client,
                              struct json_object *reply);
void __wrap_chb_control_reply(struct chb_control_server *server, uint64_t client,
                              struct json_object *reply)
{
    (void)server;
    assert_int_equal(client, CLIENT);
    n_replies++;
    json_object_put(reply);
}

struct world {
    struct chb_daemon daemon;
    struct chb_vm vm;
    struct chb_vm other;
};

static struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    world->vm.daemon = &world->daemon;
    world->other.daemon = &world->daemon;
    n_given = 0;
    n_replies = 0;
    return world;
}

static void give(struct chb_vm *vm, enum chb_event_kind kind, int64_t timeout_ms)
{
    struct chb_event event = {.kind = kind};
    event.u.command.patience = chb_ms(700);
    event.u.command.node = 3;
    chb_command_give(vm, CLIENT, &event, chb_ms(timeout_ms));
}

static void at_once_when_it_is_known(void **state)
{
    (void)state;
    struct world *world = world_new();
    world->vm.core.loaded = true;
    give(&world->vm, CHB_EVENT_DEMOTE, 1000);
    assert_int_equal(n_given, 1);
    assert_int_equal(given[0].kind, CHB_EVENT_DEMOTE);
    assert_non_null(chb_command_take(&world->daemon, given[0].u.command.id));
    chb_command_loaded(&world->vm);
    assert_int_equal(n_given, 1);
    free(world);
}

static void held_until_it_is_known(void **state)
{
    (void)state;
    struct world *world = world_new();
    give(&world->vm, CHB_EVENT_DEMOTE, 1000);
    give(&world->other, CHB_EVENT_PROMOTE, 1000);
    give(&world->vm, CHB_EVENT_STOP, 1000);
    assert_int_equal(n_given, 0);
    world->vm.core.loaded = true;
    chb_command_loaded(&world->vm);
    assert_int_equal(n_given, 2);
    assert_int_equal(given[0].kind, CHB_EVENT_DEMOTE);
    assert_int_equal(given[0].u.command.patience.ns, chb_ms(700).ns);
    assert_int_equal(given[0].u.command.node, 3);
    assert_int_equal(given[1].kind, CHB_EVENT_STOP);
    /* Their answers find their way. */
    assert_int_equal(chb_command_take(&world->daemon, given[1].u.command.id)->client, CLIENT);
    assert_int_equal(chb_command_take(&world->daemon, given[0].u.command.id)->client, CLIENT);
    chb_command_loaded(&world->vm);
    assert_int_equal(n_given, 2);
    assert_int_equal(n_replies, 0);
    free(world);
}

static void too_late_is_not_done(void **state)
{
    (void)state;
    struct world *world = world_new();
    give(&world->vm, CHB_EVENT_STOP, 0);
    chb_command_expire(&world->daemon);
    assert_int_equal(n_replies, 1);
    world->vm.core.loaded = true;
    chb_command_loaded(&world->vm);
    assert_int_equal(n_given, 0);
    free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_once_when_it_is_known),
        cmocka_unit_test(held_until_it_is_known),
        cmocka_unit_test(too_late_is_not_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
