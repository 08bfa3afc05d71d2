/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scanner for cibadmin's output: what it reads, and that it refuses all else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agent/pacemaker/xml_scan.h>

static char seen[4096];

/* "name@depth(attribute=value,...) " for each element. */
static int visit(void *userdata, const struct chb_xml_element *element)
{
    size_t used = strlen(seen);

    (void)userdata;
    used +=
        (size_t)snprintf(seen + used, sizeof(seen) - used, "%s@%u(", element->name, element->depth);
    for (size_t i = 0; i < element->count && used < sizeof(seen); i++) {
        used += (size_t)snprintf(seen + used, sizeof(seen) - used, "%s=%.32s%s,",
                                 element->attributes[i].name, element->attributes[i].value,
                                 element->attributes[i].cut ? "..." : "");
    }
    if (used < sizeof(seen)) {
        snprintf(seen + used, sizeof(seen) - used, ") ");
    }
    return strcmp(element->name, "stop") == 0 ? 77 : 0;
}

static int scan(const char *text)
{
    /* A copy of the exact size, so that the sanitizer sees a read beyond the end. */
    size_t size = strlen(text);
    char *copy = malloc(size == 0 ? 1 : size);
    int r;

    assert_non_null(copy);
    memcpy(copy, text, size);
    seen[0] = '\0';
    r = chb_xml_scan(copy, size, visit, NULL);
    free(copy);
    return r;
}

static void test_reads(void **state)
{
    (void)state;
    assert_int_equal(
        scan("<?xml version='1.0'?>\n<!-- x -->\n<a>\n <b i=\"1\" j='2'/>\n <c><d/></c>\n</a>\n"),
        0);
    assert_string_equal(seen, "a@1() b@2(i=1,j=2,) c@2() d@3() ");
    assert_int_equal(scan("<a v=\"&lt;&gt;&amp;&quot;&apos;&#65;&#x42;\"/>"), 0);
    assert_string_equal(seen, "a@1(v=<>&\"'AB,) ");
    assert_int_equal(scan("<a v = \"1\" />"), 0);
    assert_int_equal(scan("<a ></a >"), 0);
}

static void test_refuses(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "x",
        "<",
        "<a",
        "<a>",
        "<a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>x",
        "<a>x</a>",
        "<a b/>",
        "<a b=/>",
        "<a b=c/>",
        "<a b=\"c/>",
        "<a b=\"c\"d=\"e\"/>",
        "<a b='<'/>",
        "<a b='&'/>",
        "<a b='&x;'/>",
        "<a b='&#0;'/>",
        "<a b='&#;'/>",
        "<a b='&#200;'/>",
        "<a b='&#x;'/>",
        "<a b='1' b='2'/>",
        "<!DOCTYPE a><a/>",
        "<a><![CDATA[x]]></a>",
        "<a/><?x?>",
        "<!-- <a/>",
        "<a b='&#99999999999999999999;'/>",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (scan(bad[i]) != -EBADMSG) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void test_bounds(void **state)
{
    char text[8192];
    size_t used = 0;

    (void)state;
    for (int i = 0; i < CHB_XML_DEPTH_MAX + 1; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "<a>");
    }
    assert_int_equal(scan(text), -E2BIG);
    snprintf(text, sizeof(text), "<%0100d/>", 1);
    assert_int_equal(scan(text), -E2BIG);
    used = (size_t)snprintf(text, sizeof(text), "<a");
    for (int i = 0; i < CHB_XML_ATTRIBUTES_MAX + 1; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, " n%d='1'", i);
    }
    snprintf(text + used, sizeof(text) - used, "/>");
    assert_int_equal(scan(text), -E2BIG);
    snprintf(text, sizeof(text), "<a v='%01100d' w='1'/>", 1);
    assert_int_equal(scan(text), 0); /* long values are cut, and marked */
    assert_string_equal(seen, "a@1(v=00000000000000000000000000000000...,w=1,) ");
}

static void test_visitor_ends_it(void **state)
{
    (void)state;
    assert_int_equal(scan("<a><stop/><b/></a>"), 77);
    assert_string_equal(seen, "a@1() stop@2() ");
}

/* Every prefix, and every byte replaced: no crash, no read beyond the end. */
static void test_mutations(void **state)
{
    const char text[] = "<nodes>\n <node id=\"1\" uname=\"n1\">\n  <nvpair name='a' "
                        "value=\"&lt;&#65;\"/>\n </node>\n</nodes>\n";
    char copy[sizeof(text)];

    (void)state;
    for (size_t length = 0; length < sizeof(text) - 2; length++) {
        memcpy(copy, text, sizeof(text));
        copy[length] = '\0';
        assert_int_not_equal(scan(copy), 0);
    }
    for (size_t at = 0; at < sizeof(text) - 1; at++) {
        for (int value = 1; value < 256; value++) {
            memcpy(copy, text, sizeof(text));
            copy[at] = (char)value;
            (void)scan(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),     cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_bounds),    cmocka_unit_test(test_visitor_ends_it),
        cmocka_unit_test(test_mutations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
