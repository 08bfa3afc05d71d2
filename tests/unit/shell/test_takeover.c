/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU closes its monitors while a new daemon takes it over: it is asked again, and not taken for
 * hung. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <agent/shell/vm.h>

static struct chb_qmp_client_callbacks callbacks;
static sd_event_time_handler_t on_timer;
static unsigned n_opened;
static unsigned n_armed;
static unsigned n_given_up;

/* Objects that nobody looks into. */
static sd_event_source *const timer = (sd_event_source *)&callbacks;
static struct chb_qmp_client *const client = (struct chb_qmp_client *)&callbacks;
static struct chb_child *const child = (struct chb_child *)&callbacks;

int __wrap_chb_qmp_client_open(sd_event *event, const char *main_path, const char *oob_path,
                               int64_t priority, chb_span timeout,
                               const struct chb_qmp_client_callbacks *given, void *userdata,
                               struct chb_qmp_client **ret_client);
int __wrap_chb_qmp_client_open(sd_event *event, const char *main_path, const char *oob_path,
                               int64_t priority, chb_span timeout,
                               const struct chb_qmp_client_callbacks *given, void *userdata,
                               struct chb_qmp_client **ret_client)
{
    (void)event;
    (void)main_path;
    (void)oob_path;
    (void)priority;
    (void)timeout;
    (void)userdata;
    callbacks = *given;
    *ret_client = client;
    n_opened++;
    return 0;
}

struct chb_qmp_client *__wrap_chb_qmp_client_free(struct chb_qmp_client *freed);
struct chb_qmp_client *__wrap_chb_qmp_client_free(struct chb_qmp_client *freed)
{
    (void)freed;
    return NULL;
}

int __wrap_chb_timer_new(struct chb_daemon *daemon, enum chb_priority priority,
                         sd_event_time_handler_t handler, void *userdata,
                         sd_event_source **ret_timer);
int __wrap_chb_timer_new(struct chb_daemon *daemon, enum chb_priority priority,
                         sd_event_time_handler_t handler, void *userdata,
                         sd_event_source **ret_timer)
{
    (void)daemon;
    (void)priority;
    (void)userdata;
    on_timer = handler;
    *ret_timer = timer;
    return 0;
}

void __wrap_chb_timer_set(sd_event_source *set, chb_time at);
void __wrap_chb_timer_set(sd_event_source *set, chb_time at)
{
    n_armed += set == timer && at.ns != CHB_TIME_FOREVER.ns;
}

void __wrap_chb_adopt_monitors(struct chb_vm *vm, bool ready);
void __wrap_chb_adopt_monitors(struct chb_vm *vm, bool ready)
{
    (void)vm;
    n_given_up += !ready;
}

static void closed_while_taken_over(void **state)
{
    (void)state;
    struct chb_daemon *daemon = calloc(1, sizeof(*daemon));
    struct chb_vm *vm = calloc(1, sizeof(*vm));
    assert_non_null(daemon);
    assert_non_null(vm);
    vm->daemon = daemon;
    (void)snprintf(vm->name, sizeof(vm->name), "vm");
    (void)snprintf(daemon->options.conf.runtime_dir, sizeof(daemon->options.conf.runtime_dir),
                   "/run");
    vm->qemu.stage = CHB_QEMU_RUNNING;
    vm->qemu.child = child;
    vm->adopting = true;
    assert_int_equal(chb_qemu_connect(vm, chb_ms(1000)), 0);
    assert_int_equal(n_opened, 1);
    assert_int_equal(n_armed, 0);

    callbacks.on_closed(vm, -ECONNRESET);
    assert_null(vm->qemu.client);
    assert_int_equal(n_armed, 1);
    assert_int_equal(n_given_up, 0);
    assert_true(vm->adopting);

    assert_int_equal(on_timer(timer, 0, vm), 0);
    assert_int_equal(n_opened, 2);
    assert_ptr_equal(vm->qemu.client, client);
    free(vm);
    free(daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_while_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
