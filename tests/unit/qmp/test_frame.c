/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <qmp/frame.h>

/* Feeds @bytes in pieces of @piece bytes and joins the lines that come out with "|". Returns what
 * the first failing call said, or 0. */
static int feed(struct chb_frame *frame, const char *bytes, size_t size, size_t piece,
                char *ret_lines)
{
    ret_lines[0] = '\0';
    while (size > 0) {
        char *room = NULL;
        size_t room_size = 0;
        int r = chb_frame_reserve(frame, &room, &room_size);
        if (r < 0) {
            return r;
        }
        size_t now = piece < size ? piece : size;
        now = now < room_size ? now : room_size;
        memcpy(room, bytes, now);
        chb_frame_commit(frame, now);
        bytes += now;
        size -= now;
        char *line = NULL;
        size_t length = 0;
        while ((r = chb_frame_next(frame, &line, &length)) > 0) {
            assert_int_equal(strlen(line), length);
            strcat(ret_lines, line);
            strcat(ret_lines, "|");
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static void test_lines_at_every_cut(void **state)
{
    (void)state;
    static const char bytes[] = "{}\r\none\n\r\n\nlonger line\r\nrest";
    for (size_t piece = 1; piece < sizeof(bytes); piece++) {
        char lines[64];
        struct chb_frame frame;
        chb_frame_init(&frame, 20);
        assert_int_equal(feed(&frame, bytes, sizeof(bytes) - 1, piece, lines), 0);
        assert_string_equal(lines, "{}|one|||longer line|");
        chb_frame_clear(&frame);
    }
}

static void test_bound_is_exact(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 16; piece++) {
        char lines[64];
        struct chb_frame frame;
        chb_frame_init(&frame, 8);
        assert_int_equal(feed(&frame, "12345678\r\n12345678\n", 19, piece, lines), 0);
        assert_string_equal(lines, "12345678|12345678|");
        assert_int_equal(feed(&frame, "123456789\n", 10, piece, lines), -EMSGSIZE);
        chb_frame_clear(&frame);

        chb_frame_init(&frame, 8);
        assert_int_equal(feed(&frame, "1234567890123", 13, piece, lines), -EMSGSIZE);
        chb_frame_clear(&frame);
    }
}

static void test_nul_is_refused(void **state)
{
    (void)state;
    char lines[64];
    struct chb_frame frame;
    chb_frame_init(&frame, 100);
    assert_int_equal(feed(&frame, "ab\0cd\n", 6, 6, lines), -EBADMSG);
    chb_frame_clear(&frame);
}

static void test_large_line_and_memory_given_back(void **state)
{
    (void)state;
    const size_t size = 300000;
    char *bytes = malloc(size);
    char *lines = malloc(size + 16);
    struct chb_frame frame;

    memset(bytes, 'x', size);
    bytes[size - 1] = '\n';
    chb_frame_init(&frame, (size_t)1024 * 1024);
    assert_int_equal(feed(&frame, bytes, size, 7919, lines), 0);
    assert_int_equal(strlen(lines), size);
    assert_int_equal(feed(&frame, "small\n", 6, 6, lines), 0);
    assert_string_equal(lines, "small|");
    assert_true(frame.allocated < 65536);
    chb_frame_clear(&frame);
    free(bytes);
    free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_at_every_cut),
        cmocka_unit_test(test_bound_is_exact),
        cmocka_unit_test(test_nul_is_refused),
        cmocka_unit_test(test_large_line_and_memory_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
