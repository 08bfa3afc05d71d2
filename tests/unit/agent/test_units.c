/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmocka_all.h"

#include <errno.h>

#include <agent/config/units.h>

static void spans(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"0", 0},         {"0s", 0},       {"500ms", 500},
        {"20s", 20000},   {"20 s", 20000}, {"3m", 180000},
        {"3min", 180000}, {"1h", 3600000}, {"1000h", INT64_C(3600000000)},
    };
    static const char *const bad[] = {"",     "s",  "20",   "-1s",  "1.5s", "1 ",  " 1s",
                                      "1 s ", "1S", "0x1s", "1sec", "1s1s", "+1s", "1  s"};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        chb_span span = chb_ms(-1);
        assert_int_equal(chb_parse_span(good[i].text, &span), 0);
        assert_int_equal(chb_span_ms(span), good[i].ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        chb_span span = chb_ms(-1);
        assert_int_equal(chb_parse_span(bad[i], &span), -EINVAL);
        assert_int_equal(chb_span_ms(span), -1);
    }
}

static void spans_out_of_range(void **state)
{
    chb_span span;
    (void)state;
    assert_int_equal(chb_parse_span("1001h", &span), -ERANGE);
    assert_int_equal(chb_parse_span("99999999999999999999s", &span), -ERANGE);
    assert_int_equal(chb_parse_span("18446744073709551615ms", &span), -ERANGE);
}

static void sizes(void **state)
{
    uint64_t bytes = 0;
    (void)state;
    assert_int_equal(chb_parse_size("2G", 0, &bytes), 0);
    assert_int_equal(bytes, UINT64_C(2) << 30);
    assert_int_equal(chb_parse_size("512m", 0, &bytes), 0);
    assert_int_equal(bytes, UINT64_C(512) << 20);
    assert_int_equal(chb_parse_size("64KiB", 0, &bytes), 0);
    assert_int_equal(bytes, 65536);
    assert_int_equal(chb_parse_size("1T", 0, &bytes), 0);
    assert_int_equal(bytes, UINT64_C(1) << 40);
    assert_int_equal(chb_parse_size("17B", 0, &bytes), 0);
    assert_int_equal(bytes, 17);
    assert_int_equal(chb_parse_size("100", 1 << 20, &bytes), 0);
    assert_int_equal(bytes, UINT64_C(100) << 20);
    assert_int_equal(chb_parse_size("0", 0, &bytes), 0);
    assert_int_equal(bytes, 0);
}

static void sizes_refused(void **state)
{
    static const char *const bad[] = {"", "100", "G", "1GG", "-1G", "1X", "1 ", "1.5G", "1MiBs"};
    uint64_t bytes = 7;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(chb_parse_size(bad[i], 0, &bytes), -EINVAL);
    }
    assert_int_equal(chb_parse_size("99999999999T", 0, &bytes), -ERANGE);
    assert_int_equal(bytes, 7);
}

static void numbers_and_truths(void **state)
{
    uint64_t number = 0;
    bool value = false;
    (void)state;
    assert_int_equal(chb_parse_number("8", 1, 8, &number), 0);
    assert_int_equal(number, 8);
    assert_int_equal(chb_parse_number("9", 1, 8, &number), -ERANGE);
    assert_int_equal(chb_parse_number("0", 1, 8, &number), -ERANGE);
    assert_int_equal(chb_parse_number("1 ", 1, 8, &number), -EINVAL);
    assert_int_equal(chb_parse_number("-1", 0, 8, &number), -EINVAL);
    assert_int_equal(chb_parse_bool("YES", &value), 0);
    assert_true(value);
    assert_int_equal(chb_parse_bool("0", &value), 0);
    assert_false(value);
    assert_int_equal(chb_parse_bool("maybe", &value), -EINVAL);
    assert_int_equal(chb_parse_bool("", &value), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans),
        cmocka_unit_test(spans_out_of_range),
        cmocka_unit_test(sizes),
        cmocka_unit_test(sizes_refused),
        cmocka_unit_test(numbers_and_truths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
