/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What status says went wrong: a record that could not be written is history once it is, and takes
 * nothing with it that was said later. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <agent/shell/vm.h>

static enum chb_outcome outcome;
static struct chb_event told;

void __wrap_chb_vm_event(struct chb_vm *vm, const struct chb_event *event);
void __wrap_chb_vm_event(struct chb_vm *vm, const struct chb_event *event)
{
    (void)vm;
    told = *event;
}

int __wrap_chb_writer_save(struct chb_writer *writer, const char *name,
                           const struct chb_record *record, uint64_t id, chb_writer_fn *fn,
                           void *userdata);
int __wrap_chb_writer_save(struct chb_writer *writer, const char *name,
                           const struct chb_record *record, uint64_t id, chb_writer_fn *fn,
                           void *userdata)
{
    const struct chb_written written = {
        .id = id,
        .outcome = outcome,
        .error = outcome == CHB_OUTCOME_DONE ? 0 : -ENOSPC,
    };
    (void)writer;
    (void)name;
    (void)record;
    fn(userdata, &written);
    return 0;
}

static struct chb_vm *vm_new(struct chb_daemon *daemon)
{
    struct chb_vm *vm = calloc(1, sizeof(*vm));
    assert_non_null(vm);
    vm->daemon = daemon;
    return vm;
}

static void write_record(struct chb_vm *vm, enum chb_outcome how)
{
    struct chb_action action = {.kind = CHB_ACTION_PERSIST};
    action.u.persist.op = 7;
    outcome = how;
    chb_vm_carry_out(vm, &action);
    assert_int_equal(told.kind, CHB_EVENT_PERSISTED);
    assert_int_equal(told.u.result.op, 7);
    assert_int_equal(told.u.result.outcome, how);
}

static bool is_of_record(const struct chb_vm *vm)
{
    return strstr(vm->error, "the record could not be written to ") == vm->error &&
           strstr(vm->error, strerror(ENOSPC)) != NULL;
}

static void record_is_written_again(void **state)
{
    (void)state;
    static struct chb_daemon daemon;
    struct chb_vm *vm = vm_new(&daemon);
    write_record(vm, CHB_OUTCOME_FAILED);
    assert_true(is_of_record(vm));
    write_record(vm, CHB_OUTCOME_UNKNOWN);
    assert_true(is_of_record(vm));
    write_record(vm, CHB_OUTCOME_DONE);
    assert_string_equal(vm->error, "");
    free(vm);
}

static void something_else_went_wrong(void **state)
{
    (void)state;
    static struct chb_daemon daemon;
    struct chb_vm *vm = vm_new(&daemon);
    chb_vm_set_error(vm, "QEMU %s", "ended");
    write_record(vm, CHB_OUTCOME_DONE);
    assert_string_equal(vm->error, "QEMU ended");
    write_record(vm, CHB_OUTCOME_FAILED);
    assert_true(is_of_record(vm));
    chb_vm_set_error(vm, "QEMU %s", "ended again");
    write_record(vm, CHB_OUTCOME_DONE);
    assert_string_equal(vm->error, "QEMU ended again");
    free(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_is_written_again),
        cmocka_unit_test(something_else_went_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
