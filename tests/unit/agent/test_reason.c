/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmocka_all.h"

#include <stdio.h>

#include <agent/text/note.h>
#include <agent/text/reason.h>

#include "text_help.h"

static char text[CHB_TEXT_SIZE];
static const struct chb_text_about about = {.vm = "web", .self = 2, .node = 1, .fence_tries = 2};

static void examples(void **state)
{
    (void)state;
    chb_text_reason(CHB_REASON_NO_PROOF_FENCE_FAILED, &about, &names, text, sizeof(text));
    assert_string_equal(text, "peer n1 lost, waiting for fencing (2 tries failed)");
    chb_text_reason(CHB_REASON_NO_PROOF_FENCING, &about, &names, text, sizeof(text));
    assert_string_equal(text, "peer n1 lost, waiting for fencing");
    chb_text_remedy(CHB_REASON_NO_PROOF_FENCING, &about, &names, text, sizeof(text));
    assert_string_equal(text, "if n1 is off for certain: coloctl failover web --peer-is-down n1");
    chb_text_reason_and_remedy(CHB_REASON_FIRST_START_ASK, &about, &names, text, sizeof(text));
    assert_string_equal(text,
                        "first start: several hosts have an image, or none, so nobody knows which "
                        "one has the data: say who has the data: coloctl resync web --from NODE");
    chb_text_remedy(CHB_REASON_RECORD_UNKNOWN, &about, &names, text, sizeof(text));
    assert_string_equal(text,
                        "if the newest data is here for certain: coloctl resync web --from n2");
    chb_text_proof(CHB_PROOF_P2_FENCED, &about, &names, text, sizeof(text));
    assert_string_equal(text, "the fencer confirms that n1 is off (P2)");
}

static void details(void **state)
{
    struct chb_text_about more = about;
    (void)state;
    more.detail = "no such\nfile\x1b[0m";
    chb_text_reason(CHB_REASON_QEMU_FAILED, &more, &names, text, sizeof(text));
    assert_string_equal(text, "QEMU failed: no such?file?[0m");
    more.node = 77;
    more.fence_tries = 1;
    chb_text_reason(CHB_REASON_NO_PROOF_FENCE_FAILED, &more, &names, text, sizeof(text));
    assert_string_equal(text, "peer node 77 lost, waiting for fencing (1 try failed): no "
                              "such?file?[0m");
}

static void verdicts(void **state)
{
    const struct chb_verdict yes = {.allowed = true, .proof = CHB_PROOF_P1_DEATH_SEEN, .node = 1};
    const struct chb_verdict no = {.reason = CHB_REASON_NEWER_ELSEWHERE, .node = 3};
    (void)state;
    chb_text_verdict(&yes, &about, &names, text, sizeof(text));
    assert_string_equal(text, "may serve: the agent of n1 saw its QEMU die (P1)");
    chb_text_verdict(&no, &about, &names, text, sizeof(text));
    assert_string_equal(text, "may not serve: n3 has a newer copy");
}

/* Every value has words and a name of its own; values outside have some, too. */
static void nothing_is_missing(void **state)
{
    char seen[CHB_REASON_MAX][CHB_TEXT_SIZE];
    (void)state;
    for (unsigned i = 0; i < CHB_REASON_MAX; i++) {
        chb_text_reason((enum chb_reason)i, &about, &names, seen[i], sizeof(seen[i]));
        assert_true(strlen(seen[i]) > 5);
        assert_null(strstr(seen[i], "unknown reason"));
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(seen[i], seen[j]);
            assert_string_not_equal(chb_reason_id((enum chb_reason)i),
                                    chb_reason_id((enum chb_reason)j));
        }
        chb_text_remedy((enum chb_reason)i, &about, &names, text, sizeof(text));
    }
    for (unsigned i = 1; i < CHB_PROOF_MAX; i++) {
        assert_true(strlen(chb_text_proof((enum chb_proof)i, &about, &names, text, sizeof(text))) >
                    5);
    }
    for (unsigned i = 0; i < CHB_NOTE_MAX; i++) {
        chb_text_note((enum chb_note)i, 1, 1, 7, &about, &names, text, sizeof(text));
        assert_true(strlen(text) > 5);
        assert_null(strstr(text, "unknown note"));
        assert_true(chb_note_level((enum chb_note)i) <= 6);
    }
    for (unsigned i = 0; i < CHB_EVENT_MAX; i++) {
        assert_string_not_equal(chb_event_id((enum chb_event_kind)i), "?");
    }
    for (unsigned i = 0; i < CHB_ACTION_MAX; i++) {
        assert_string_not_equal(chb_action_id((enum chb_action_kind)i), "?");
    }
    assert_string_equal(chb_reason_id((enum chb_reason)200), "?");
    assert_string_equal(chb_phase_id((enum chb_phase)200), "?");
    chb_text_reason((enum chb_reason)200, &about, &names, text, sizeof(text));
    assert_string_equal(text, "unknown reason 200");
}

static void notes(void **state)
{
    (void)state;
    chb_text_note(CHB_NOTE_PHASE, 0, CHB_PHASE_PAIRED, CHB_PHASE_HOLDING, NULL, &names, text,
                  sizeof(text));
    assert_string_equal(text, "phase paired -> holding");
    chb_text_note(CHB_NOTE_PROVEN, 1, CHB_PROOF_P2_FENCED, 0, NULL, &names, text, sizeof(text));
    assert_string_equal(text, "the fencer confirms that n1 is off (P2)");
    chb_text_note(CHB_NOTE_HOLDING, 1, CHB_REASON_NO_PROOF_FENCING, 0, NULL, &names, text,
                  sizeof(text));
    assert_string_equal(text, "holding, the guest is silent: peer n1 lost, waiting for fencing");
    assert_string_equal(chb_note_step(CHB_NOTE_SOLO), "vm-running");
    assert_null(chb_note_step(CHB_NOTE_PHASE));
}

/* No buffer is ever overrun, and no UTF-8 character is cut in two. */
static void small_buffers(void **state)
{
    const struct chb_text_names umlauts = {.name = umlaut_name};
    (void)state;
    for (size_t size = 1; size < 120; size++) {
        char buffer[128];
        memset(buffer, 'Z', sizeof(buffer));
        chb_text_reason_and_remedy(CHB_REASON_NO_PROOF_FENCE_FAILED, &about, &umlauts, buffer,
                                   size);
        assert_true(strlen(buffer) < size);
        assert_int_equal(buffer[size], 'Z');
        size_t length = strlen(buffer);
        assert_true(length == 0 || (unsigned char)buffer[length - 1] != 0xc3);
    }
}

static void nodes(void **state)
{
    char node[CHB_TEXT_NODE_SIZE];
    (void)state;
    assert_string_equal(chb_text_node(&names, 2, node), "n2");
    assert_string_equal(chb_text_node(&names, 9, node), "node 9");
    assert_string_equal(chb_text_node(NULL, 9, node), "node 9");
    assert_string_equal(chb_text_node(&names, 0, node), "another node");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples), cmocka_unit_test(details),
        cmocka_unit_test(verdicts), cmocka_unit_test(nothing_is_missing),
        cmocka_unit_test(notes),    cmocka_unit_test(small_buffers),
        cmocka_unit_test(nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
