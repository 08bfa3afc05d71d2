/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The servant's codec: what it makes it reads, and it reads nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <fencing/message.h>

static struct chb_fencing_message make_event(void)
{
    struct chb_fencing_message m = {
        .type = CHB_FENCING_SAY_EVENT,
        .error = -62,
        .arrival = {.ns = 2000},
        .not_before = {.ns = 1000},
    };

    chb_fencing_copy(m.node, sizeof(m.node), "n2");
    chb_fencing_copy(m.action, sizeof(m.action), "reboot");
    chb_fencing_copy(m.executioner, sizeof(m.executioner), "a human");
    chb_fencing_copy(m.origin, sizeof(m.origin), "n1");
    chb_fencing_copy(m.client, sizeof(m.client), "stonith_admin.7");
    chb_fencing_copy(m.text, sizeof(m.text), "Timer expired");
    return m;
}

static struct chb_fencing_message make_fence(void)
{
    struct chb_fencing_message m = {.type = CHB_FENCING_ASK_FENCE, .id = 9, .timeout_s = 60};

    chb_fencing_copy(m.node, sizeof(m.node), "n2");
    chb_fencing_copy(m.action, sizeof(m.action), "off");
    return m;
}

static void test_round_trip(void **state)
{
    struct chb_fencing_message event = make_event();
    struct chb_fencing_message fence = make_fence();
    struct chb_fencing_message back;
    uint8_t buffer[CHB_FENCING_MESSAGE_SIZE];

    (void)state;
    assert_int_equal(chb_fencing_encode(&event, buffer), 0);
    assert_int_equal(chb_fencing_decode(buffer, sizeof(buffer), true, &back), 0);
    assert_int_equal(back.error, -62);
    assert_int_equal(back.not_before.ns, 1000);
    assert_int_equal(back.arrival.ns, 2000);
    assert_string_equal(back.executioner, "a human");
    assert_string_equal(back.client, "stonith_admin.7");
    assert_int_equal(chb_fencing_encode(&fence, buffer), 0);
    assert_int_equal(chb_fencing_decode(buffer, sizeof(buffer), false, &back), 0);
    assert_int_equal(back.id, 9);
    assert_int_equal(back.timeout_s, 60);
    assert_string_equal(back.action, "off");
}

static void test_directions(void **state)
{
    struct chb_fencing_message event = make_event();
    struct chb_fencing_message fence = make_fence();
    struct chb_fencing_message back;
    uint8_t buffer[CHB_FENCING_MESSAGE_SIZE];

    (void)state;
    assert_int_equal(chb_fencing_encode(&event, buffer), 0);
    assert_int_equal(chb_fencing_decode(buffer, sizeof(buffer), false, &back), -EBADMSG);
    assert_int_equal(chb_fencing_encode(&fence, buffer), 0);
    assert_int_equal(chb_fencing_decode(buffer, sizeof(buffer), true, &back), -EBADMSG);
}

static void test_sizes(void **state)
{
    struct chb_fencing_message event = make_event();
    struct chb_fencing_message back;
    uint8_t buffer[CHB_FENCING_MESSAGE_SIZE + 1] = {0};

    (void)state;
    assert_int_equal(chb_fencing_encode(&event, buffer), 0);
    assert_int_equal(chb_fencing_decode(buffer, 0, true, &back), -EBADMSG);
    assert_int_equal(chb_fencing_decode(buffer, CHB_FENCING_MESSAGE_SIZE - 1, true, &back),
                     -EBADMSG);
    assert_int_equal(chb_fencing_decode(buffer, CHB_FENCING_MESSAGE_SIZE + 1, true, &back),
                     -EBADMSG);
}

static void test_what_makes_no_sense(void **state)
{
    struct chb_fencing_message m;
    uint8_t buffer[CHB_FENCING_MESSAGE_SIZE];

    (void)state;
    m = make_fence();
    chb_fencing_copy(m.action, sizeof(m.action), "on");
    assert_int_equal(chb_fencing_encode(&m, buffer), -EINVAL);
    m = make_fence();
    m.timeout_s = 0;
    assert_int_equal(chb_fencing_encode(&m, buffer), -EINVAL);
    m = make_fence();
    m.id = 0;
    assert_int_equal(chb_fencing_encode(&m, buffer), -EINVAL);
    m = make_event();
    m.node[0] = '\0';
    assert_int_equal(chb_fencing_encode(&m, buffer), -EINVAL); /* not NUL to the end */
    memset(m.node, 0, sizeof(m.node));
    assert_int_equal(chb_fencing_encode(&m, buffer), -EINVAL); /* no node */
    m = make_event();
    m.not_before.ns = 3000; /* later than its arrival */
    assert_int_equal(chb_fencing_encode(&m, buffer), -EINVAL);
    m = make_event();
    m.error = 5;
    assert_int_equal(chb_fencing_encode(&m, buffer), -EINVAL);
    m = make_event();
    memset(m.text, 'x', sizeof(m.text));
    assert_int_equal(chb_fencing_encode(&m, buffer), -EINVAL);
}

/* Any byte of any value in any place: refused, or a message that encodes to the same bytes. */
static void test_every_byte(void **state)
{
    struct chb_fencing_message event = make_event();
    struct chb_fencing_message back;
    uint8_t buffer[CHB_FENCING_MESSAGE_SIZE];
    uint8_t again[CHB_FENCING_MESSAGE_SIZE];
    unsigned accepted = 0;

    (void)state;
    assert_int_equal(chb_fencing_encode(&event, buffer), 0);
    for (size_t at = 0; at < sizeof(buffer); at++) {
        uint8_t was = buffer[at];
        for (int value = 0; value < 256; value++) {
            buffer[at] = (uint8_t)value;
            if (chb_fencing_decode(buffer, sizeof(buffer), true, &back) == 0) {
                assert_int_equal(chb_fencing_encode(&back, again), 0);
                assert_memory_equal(buffer, again, sizeof(buffer));
                accepted++;
            }
        }
        buffer[at] = was;
    }
    assert_true(accepted > 1000); /* letters in the names, low bytes of the numbers */
}

static void test_noise(void **state)
{
    struct chb_fencing_message back;
    uint8_t buffer[CHB_FENCING_MESSAGE_SIZE];

    (void)state;
    srandom(1);
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof(buffer); i++) {
            buffer[i] = (uint8_t)random();
        }
        assert_int_equal(chb_fencing_decode(buffer, sizeof(buffer), round % 2 == 0, &back),
                         -EBADMSG);
    }
}

static void test_copy(void **state)
{
    char text[8];

    (void)state;
    assert_true(chb_fencing_copy(text, sizeof(text), "a\nb"));
    assert_string_equal(text, "a?b");
    assert_true(chb_fencing_copy(text, sizeof(text), NULL));
    assert_string_equal(text, "");
    assert_true(chb_fencing_copy(text, sizeof(text), "1234567"));
    assert_false(chb_fencing_copy(text, sizeof(text), "12345678"));
    assert_string_equal(text, "1234567");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_directions),
        cmocka_unit_test(test_sizes),      cmocka_unit_test(test_what_makes_no_sense),
        cmocka_unit_test(test_every_byte), cmocka_unit_test(test_noise),
        cmocka_unit_test(test_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
