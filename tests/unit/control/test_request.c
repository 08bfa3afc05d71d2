/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <agent/control/request.h>

static int parse(const char *line, struct chb_control_request *ret_request)
{
    char error[256] = "";
    int r = chb_control_request_parse(line, strlen(line), ret_request, error, sizeof(error));
    assert_true((r == 0) == (error[0] == '\0'));
    return r;
}

static void a_request(void **state)
{
    (void)state;
    struct chb_control_request request;
    assert_int_equal(
        parse("{\"command\":\"events\",\"vm\":\"a\",\"args\":{\"max\":7,\"t\":\"x\",\"b\":true}}",
              &request),
        0);
    assert_string_equal(request.command, "events");
    assert_string_equal(request.vm, "a");
    assert_int_equal(chb_control_arg_number(&request, "max", 1, 10, 5), 7);
    assert_int_equal(chb_control_arg_number(&request, "max", 1, 6, 5), 5);
    assert_int_equal(chb_control_arg_number(&request, "t", 1, 6, 5), 5);
    assert_string_equal(chb_control_arg_text(&request, "t", 1), "x");
    assert_null(chb_control_arg_text(&request, "t", 0));
    assert_null(chb_control_arg_text(&request, "max", 9));
    assert_true(chb_control_arg_bool(&request, "b"));
    assert_false(chb_control_arg_bool(&request, "max"));
    chb_control_request_clear(&request);
    assert_int_equal(parse("{\"command\":\"status\"}", &request), 0);
    assert_string_equal(request.vm, "");
    assert_null(request.args);
    assert_null(chb_control_arg_text(&request, "t", 1));
    chb_control_request_clear(&request);
}

static void nonsense(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "7",
        "null",
        "{\"command\":7}",
        "{\"command\":\"\"}",
        "{}",
        "{\"command\":\"x\",\"vm\":3}",
        "{\"command\":\"x\",\"args\":[]}",
        "{\"command\":\"x\"} {\"command\":\"y\"}",
        "{\"command\":\"x\\u0000y\"}",
        "{\"command\":\"a-command-that-is-longer-than-any-of-ours\"}",
        "{\"command\":\"x\",\"vm\":"
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
        "{\"command\":\"x\",\"args\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}"
        "}}}}",
        "{\"command\":\"\xff\xfe\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct chb_control_request request = {.command = "untouched"};
        assert_int_equal(parse(bad[i], &request), -EINVAL);
        assert_string_equal(request.command, "untouched");
    }
}

/* Cut anywhere, changed anywhere: never a crash, and never success for less than the whole. */
static void cut_and_changed(void **state)
{
    (void)state;
    static const char line[] =
        "{\"command\":\"vm-start\",\"vm\":\"v\",\"args\":{\"parameters\":{\"a\":\"b\\n\"}}}";
    for (size_t length = 0; length + 1 < sizeof(line) - 1; length++) {
        struct chb_control_request request;
        char error[256];
        char *copy = malloc(length + 1);
        memcpy(copy, line, length);
        assert_int_equal(chb_control_request_parse(copy, length, &request, error, sizeof(error)),
                         -EINVAL);
        free(copy);
    }
    for (size_t at = 0; at + 1 < sizeof(line); at++) {
        for (unsigned value = 0; value < 256; value += 5) {
            char copy[sizeof(line)];
            memcpy(copy, line, sizeof(line));
            copy[at] = (char)value;
            struct chb_control_request request;
            char error[256];
            if (chb_control_request_parse(copy, sizeof(line) - 1, &request, error, sizeof(error)) ==
                0) {
                chb_control_request_clear(&request);
            }
        }
    }
}

static void replies(void **state)
{
    (void)state;
    struct json_object *reply = chb_control_ok(NULL);
    assert_string_equal(json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN),
                        "{\"ok\":true,\"result\":{}}");
    json_object_put(reply);
    reply = chb_control_error(CHB_CONTROL_NO_SUCH_VM, "not-started", "no VM \"x\"");
    assert_string_equal(json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN),
                        "{\"ok\":false,\"error\":{\"code\":\"no-such-vm\",\"text\":\"no VM "
                        "\\\"x\\\"\",\"reason\":\"not-started\"}}");
    json_object_put(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(cut_and_changed),
        cmocka_unit_test(replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
