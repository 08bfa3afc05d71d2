/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include <agent/process/proc.h>

#define REST " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21\n"

static void parses_a_stat_line(void **state)
{
    (void)state;
    struct chb_process_stat stat;
    assert_int_equal(chb_process_stat_parse("77 (sleep) S" REST, &stat), 0);
    assert_int_equal(stat.state, 'S');
    assert_int_equal(stat.start_time, 4242);
}

/* A process chooses its own name. */
static void a_hostile_name(void **state)
{
    (void)state;
    struct chb_process_stat stat;
    assert_int_equal(chb_process_stat_parse("77 (x) Z 1 2) T" REST, &stat), 0);
    assert_int_equal(stat.state, 'T');
    assert_int_equal(stat.start_time, 4242);
}

static void refuses_what_is_short(void **state)
{
    (void)state;
    struct chb_process_stat stat = {.state = 'Q'};
    assert_int_equal(chb_process_stat_parse("", &stat), -EBADMSG);
    assert_int_equal(chb_process_stat_parse("77 (sleep)", &stat), -EBADMSG);
    assert_int_equal(chb_process_stat_parse("77 (sleep) S 1 2 3", &stat), -EBADMSG);
    assert_int_equal(
        chb_process_stat_parse("7 (s) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x", &stat),
        -EBADMSG);
    assert_int_equal(stat.state, 'Q');
}

static void knows_itself(void **state)
{
    (void)state;
    struct chb_process_id id;
    assert_int_equal(chb_process_id_read(getpid(), &id), 0);
    assert_int_equal(id.pid, getpid());
    assert_int_not_equal(id.start_time, 0);
    assert_int_equal(id.boot_id[8], '-');
    assert_int_equal(chb_process_id_read(0x3ffffffe, &id), -ESRCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_a_stat_line),
        cmocka_unit_test(a_hostile_name),
        cmocka_unit_test(refuses_what_is_short),
        cmocka_unit_test(knows_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
