/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <agent/shell/daemon.h>
#include <agent/shell/resolve.h>

static void reads_getent(void **state)
{
    (void)state;
    char address[CHB_RESOLVE_ADDRESS_SIZE];
    assert_int_equal(
        chb_resolve_parse("10.77.1.2       STREAM n2\n10.77.1.2       DGRAM\n", address), 0);
    assert_string_equal(address, "10.77.1.2");
    assert_int_equal(chb_resolve_parse("fd00::2  STREAM n2", address), 0);
    assert_string_equal(address, "fd00::2");
    assert_int_equal(chb_resolve_parse("garbage\n\n192.0.2.1\n", address), 0);
    assert_string_equal(address, "192.0.2.1");
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    char address[CHB_RESOLVE_ADDRESS_SIZE] = "before";
    assert_int_equal(chb_resolve_parse("", address), -ENOENT);
    assert_int_equal(chb_resolve_parse("\n\n", address), -ENOENT);
    assert_int_equal(chb_resolve_parse("n2 n3", address), -ENOENT);
    char longer[300];
    memset(longer, '1', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(chb_resolve_parse(longer, address), -ENOENT);
    assert_string_equal(address, "before");
}

static void numbers_are_themselves(void **state)
{
    (void)state;
    static struct chb_daemon daemon_state;
    assert_string_equal(chb_resolve(&daemon_state, "10.0.0.1"), "10.0.0.1");
    assert_null(chb_resolve(&daemon_state, "n1"));
    assert_null(chb_resolve(&daemon_state, NULL));
    daemon_state.resolver.count = 1;
    (void)strcpy(daemon_state.resolver.list[0].name, "n1");
    assert_null(chb_resolve(&daemon_state, "n1"));
    (void)strcpy(daemon_state.resolver.list[0].address, "10.0.0.1");
    assert_string_equal(chb_resolve(&daemon_state, "n1"), "10.0.0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_getent),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(numbers_are_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
