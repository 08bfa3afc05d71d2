/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <agent/shell/vm.h>

static struct chb_daemon daemon_state;
static struct chb_vm vm;

static int set_up(void **state)
{
    (void)state;
    memset(&vm, 0, sizeof(vm));
    vm.daemon = &daemon_state;
    (void)strcpy(vm.name, "v");
    daemon_state.n_vms = 1;
    daemon_state.vms[0] = &vm;
    return 0;
}

static void note(int64_t ms, enum chb_note what)
{
    struct chb_ring_entry entry = {
        .at = {.ns = ms * 1000000}, .wall_ns = 1700000000000000000 + ms * 1000000, .note = what};
    chb_ring_add(&vm.history, &entry);
}

static void moment(int64_t ms, enum chb_moment what)
{
    struct chb_ring_entry entry = {.at = {.ns = ms * 1000000}, .moment = what};
    chb_ring_add(&vm.history, &entry);
}

static size_t failovers(struct json_object *result, struct json_object **ret_list)
{
    assert_true(json_object_object_get_ex(result, "failovers", ret_list));
    return json_object_array_length(*ret_list);
}

static const char *step(struct json_object *failover, size_t index)
{
    struct json_object *steps = NULL;
    struct json_object *name = NULL;
    assert_true(json_object_object_get_ex(failover, "steps", &steps));
    if (index >= json_object_array_length(steps)) {
        return "";
    }
    assert_true(json_object_object_get_ex(json_object_array_get_idx(steps, index), "step", &name));
    return json_object_get_string(name);
}

static void one_failover(void **state)
{
    (void)state;
    note(1, CHB_NOTE_PAIRED);
    note(10, CHB_NOTE_PEER_DIED);
    note(10, CHB_NOTE_PROVEN);
    note(10, CHB_NOTE_DECIDED);
    note(12, CHB_NOTE_RECORDED);
    moment(12, CHB_MOMENT_LOST_HEARTBEAT_SENT);
    note(14, CHB_NOTE_PEER_DIED); /* told again */
    moment(20, CHB_MOMENT_RUNNING);
    note(21, CHB_NOTE_SOLO);
    struct json_object *list = NULL;
    struct json_object *result = chb_timeline_json(&vm);
    assert_int_equal(failovers(result, &list), 1);
    struct json_object *first = json_object_array_get_idx(list, 0);
    static const char *const wanted[] = {
        "death", "noticed", "proven", "decided", "recorded", "lost-heartbeat-sent", "vm-running"};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_string_equal(step(first, i), wanted[i]);
    }
    assert_string_equal(step(first, 7), "");
    json_object_put(result);
}

/* A loss that ended without a failover is none. */
static void a_false_alarm(void **state)
{
    (void)state;
    note(1, CHB_NOTE_PAIRED);
    note(10, CHB_NOTE_PEER_LOST);
    note(900, CHB_NOTE_RELEASED);
    struct json_object *list = NULL;
    struct json_object *result = chb_timeline_json(&vm);
    assert_int_equal(failovers(result, &list), 0);
    json_object_put(result);
}

static void a_failover_under_way(void **state)
{
    (void)state;
    note(10, CHB_NOTE_PEER_LOST);
    note(500, CHB_NOTE_PROVEN);
    struct json_object *list = NULL;
    struct json_object *result = chb_timeline_json(&vm);
    assert_int_equal(failovers(result, &list), 1);
    json_object_put(result);
}

static void events_newest_last(void **state)
{
    (void)state;
    for (int64_t i = 1; i <= 10; i++) {
        note(i, CHB_NOTE_SOLO);
    }
    struct json_object *list = NULL;
    struct json_object *when = NULL;
    struct json_object *result = chb_events_json(&daemon_state, NULL, 3);
    assert_true(json_object_object_get_ex(result, "events", &list));
    assert_int_equal(json_object_array_length(list), 3);
    assert_true(json_object_object_get_ex(json_object_array_get_idx(list, 2), "time", &when));
    assert_string_equal(json_object_get_string(when), "2023-11-14T22:13:20.010Z");
    json_object_put(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_failover, set_up),
        cmocka_unit_test_setup(a_false_alarm, set_up),
        cmocka_unit_test_setup(a_failover_under_way, set_up),
        cmocka_unit_test_setup(events_newest_last, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
