/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include <agent/recorder/codec.h>
#include <tests/unit/recorder/random.h>

#define ROUNDS 300

/* Bytes of a struct that no field covers must be padding: less than what aligns the next one. */
static void check_cover(const struct chb_layout *layout)
{
    size_t end = 0;
    for (size_t i = 0; i < layout->n_fields; i++) {
        const struct chb_field *field = &layout->fields[i];
        size_t align = field->size < 8 ? field->size : 8;
        if (field->offset < end || field->offset - end >= align) {
            fail_msg("%s: something is missing before %s", layout->name, field->name);
        }
        end = field->offset + (size_t)field->count * field->size;
        if (field->inner != NULL) {
            check_cover(field->inner);
        }
    }
    assert_true(layout->size - end < 8);
}

static void test_every_field_is_named(void **state)
{
    (void)state;
    check_cover(&chb_layout_peer);
    /* A core's peers are written apart: the only hole, and of their size. */
    size_t end = 0;
    size_t holes = 0;
    for (size_t i = 0; i < chb_layout_core.n_fields; i++) {
        const struct chb_field *field = &chb_layout_core.fields[i];
        holes += field->offset - end >= 8 ? field->offset - end : 0;
        end = field->offset + (size_t)field->count * field->size;
    }
    assert_true(holes - sizeof(((struct chb_core *)0)->peers) < 8);
    assert_true(chb_layout_core.size - end < 8);
}

static void test_every_kind_has_a_layout(void **state)
{
    (void)state;
    for (int kind = 0; kind < CHB_EVENT_MAX; kind++) {
        assert_non_null(chb_layout_event((enum chb_event_kind)kind));
    }
    for (int kind = 0; kind < CHB_ACTION_MAX; kind++) {
        assert_non_null(chb_layout_action((enum chb_action_kind)kind));
    }
    assert_null(chb_layout_event(CHB_EVENT_MAX));
    assert_null(chb_layout_action(CHB_ACTION_MAX));
}

static void test_events_come_back(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS * CHB_EVENT_MAX; i++) {
        uint8_t bytes[CHB_EVENT_BYTES_MAX];
        uint8_t again[CHB_EVENT_BYTES_MAX];
        struct chb_event event;
        struct chb_event back;
        random_event(&event);
        event.at.ns = (int64_t)(random_number() >> 1);
        size_t size = chb_event_put(&event, bytes);
        assert_true(size <= sizeof(bytes));
        assert_int_equal(chb_event_get(bytes, size, &back), 0);
        assert_int_equal(back.kind, event.kind);
        assert_int_equal(back.at.ns, event.at.ns);
        assert_null(chb_layout_difference(chb_layout_event(event.kind), &event, &back));
        assert_int_equal(chb_event_put(&back, again), size);
        assert_memory_equal(bytes, again, size);
        assert_int_equal(chb_event_get(bytes, size - 1, &back), -EBADMSG);
    }
}

static void random_core(struct chb_core *ret_core, unsigned n_peers)
{
    memset(ret_core, 0, sizeof(*ret_core));
    random_object(&chb_layout_core, (uint8_t *)ret_core);
    ret_core->self |= 1;
    ret_core->boot |= 1;
    for (unsigned i = 0; i < n_peers; i++) {
        random_object(&chb_layout_peer, (uint8_t *)&ret_core->peers[i]);
        ret_core->peers[i].node |= 1;
    }
}

static void test_states_come_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint8_t bytes[CHB_CORE_BYTES_MAX];
        struct chb_core core;
        struct chb_core back;
        random_core(&core, i % (CHB_NODES_MAX + 1));
        size_t size = chb_core_put(&core, bytes);
        assert_true(size <= sizeof(bytes));
        assert_int_equal(chb_core_get(bytes, size, &back), 0);
        assert_null(chb_core_difference(&core, &back));
        assert_int_equal(chb_core_digest(&core), chb_core_digest(&back));
        core.next_op++;
        assert_int_not_equal(chb_core_digest(&core), chb_core_digest(&back));
        assert_string_equal(chb_core_difference(&core, &back), "next_op");
        assert_int_equal(chb_core_get(bytes, size - 1, &back), -EBADMSG);
    }
}

/* Padding has no meaning, and must not look as if it had. */
static void test_padding_does_not_count(void **state)
{
    (void)state;
    struct chb_core core;
    struct chb_core back;
    uint8_t bytes[CHB_CORE_BYTES_MAX];
    random_core(&core, 2);
    size_t size = chb_core_put(&core, bytes);
    assert_int_equal(chb_core_get(bytes, size, &back), 0);
    struct chb_core dirty;
    memset(&dirty, 0xa5, sizeof(dirty));
    memset(dirty.peers, 0, sizeof(dirty.peers));
    dirty.peers[5].dead_generation = 7; /* of a slot that nobody uses */
    assert_true(chb_layout_get(&chb_layout_core, bytes, &dirty));
    memcpy(dirty.peers, back.peers, 2 * sizeof(back.peers[0]));
    assert_int_equal(chb_core_digest(&dirty), chb_core_digest(&core));
}

static void test_results_come_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROUNDS * 8; i++) {
        uint8_t bytes[CHB_RESULT_BYTES_MAX];
        struct chb_core core;
        struct chb_result result;
        struct chb_actions actions = {.count = i % (CHB_ACTIONS_MAX + 1)};
        random_core(&core, 3);
        for (uint32_t j = 0; j < actions.count; j++) {
            actions.list[j].kind = (enum chb_action_kind)(random_number() % CHB_ACTION_MAX);
            random_object(chb_layout_action(actions.list[j].kind), (uint8_t *)&actions.list[j]);
        }
        size_t size = chb_result_put(&core, &actions, bytes);
        assert_true(size <= sizeof(bytes));
        assert_int_equal(chb_result_get(bytes, size, &result), 0);
        assert_int_equal(result.actions_digest, chb_actions_digest(&actions));
        assert_int_equal(result.state_digest, chb_core_digest(&core));
        assert_int_equal(result.n_actions, actions.count);
        for (uint32_t j = 0; result.kept && j < actions.count; j++) {
            assert_true(chb_action_equal(&result.actions.list[j], &actions.list[j]));
        }
        assert_true(result.kept || actions.count > 4);
        assert_int_equal(chb_result_get(bytes, size - 1, &result), -EBADMSG);
    }
}

/* Every value that is none of its type is refused. */
static void test_values_are_checked(void **state)
{
    (void)state;
    uint8_t bytes[CHB_EVENT_BYTES_MAX];
    struct chb_event event = {.kind = CHB_EVENT_FENCE_RESULT};
    size_t size = chb_event_put(&event, bytes);
    bytes[9 + 8] = CHB_OUTCOME_UNKNOWN + 1;
    assert_int_equal(chb_event_get(bytes, size, &event), -EBADMSG);
    event = (struct chb_event){.kind = CHB_EVENT_QUORUM};
    size = chb_event_put(&event, bytes);
    bytes[9] = 2;
    assert_int_equal(chb_event_get(bytes, size, &event), -EBADMSG);
    bytes[9] = 1;
    bytes[8] = 0x80; /* before the boot */
    assert_int_equal(chb_event_get(bytes, size, &event), -EBADMSG);
    bytes[0] = CHB_EVENT_MAX;
    assert_int_equal(chb_event_get(bytes, size, &event), -EBADMSG);
}

/* Each flipped bit of an entry is found. */
static void test_entries_are_checked(void **state)
{
    (void)state;
    uint8_t bytes[CHB_ENTRY_HEADER_BYTES + CHB_EVENT_BYTES_MAX];
    struct chb_event event = {.kind = CHB_EVENT_PONG, .at = {.ns = 4711}};
    struct chb_entry entry;
    size_t body = chb_event_put(&event, bytes + CHB_ENTRY_HEADER_BYTES);
    size_t size = chb_entry_put(99, CHB_ENTRY_EVENT, 17, bytes, body);
    assert_int_equal(chb_entry_get(99, bytes, sizeof(bytes), &entry), 0);
    assert_int_equal(entry.type, CHB_ENTRY_EVENT);
    assert_int_equal(entry.number, 17);
    assert_int_equal(entry.body_bytes, body);
    assert_int_equal(entry.bytes, size);
    assert_int_equal(chb_entry_get(98, bytes, sizeof(bytes), &entry), -EBADMSG);
    assert_int_equal(chb_entry_get(99, bytes, size - 1, &entry), -EBADMSG);
    assert_int_equal(chb_entry_get(99, bytes, 3, &entry), -EBADMSG);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(chb_entry_get(99, bytes, sizeof(bytes), &entry), -EBADMSG);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void test_headers_are_checked(void **state)
{
    (void)state;
    uint8_t bytes[CHB_SEGMENT_HEADER_BYTES];
    struct chb_segment back;
    struct chb_segment segment = {
        .format = CHB_RECORDING_FORMAT,
        .layout = 5,
        .segment_bytes = 65536,
        .segments = 8,
        .number = 9,
        .session = 77,
        .node = 2,
        .vm = "vm",
        .node_name = "n\n2",
        .version = "1.2",
        .configuration = "a=1",
    };
    chb_segment_put(&segment, bytes);
    assert_int_equal(chb_segment_get(bytes, &back), 0);
    assert_string_equal(back.vm, "vm");
    assert_string_equal(back.node_name, "n?2"); /* nothing that would move a terminal's cursor */
    assert_string_equal(back.configuration, "a=1");
    assert_int_equal(back.checksum, segment.checksum);
    for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(chb_segment_get(bytes, &back), -EBADMSG);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    segment.format++;
    chb_segment_put(&segment, bytes);
    assert_int_equal(chb_segment_get(bytes, &back), -EPROTONOSUPPORT);
    assert_string_equal(back.version, "1.2");
    segment.format--;
    segment.segment_bytes = 4096;
    chb_segment_put(&segment, bytes);
    assert_int_equal(chb_segment_get(bytes, &back), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_is_named),
        cmocka_unit_test(test_every_kind_has_a_layout),
        cmocka_unit_test(test_events_come_back),
        cmocka_unit_test(test_states_come_back),
        cmocka_unit_test(test_padding_does_not_count),
        cmocka_unit_test(test_results_come_back),
        cmocka_unit_test(test_values_are_checked),
        cmocka_unit_test(test_entries_are_checked),
        cmocka_unit_test(test_headers_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
