/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmocka_all.h"

#include <agent/core/gate.h>
#include <agent/text/status.h>

#include "text_help.h"

static char line[CHB_TEXT_LINE_SIZE];

static const char *say(const struct chb_text_status *status)
{
    return chb_text_status_line(status, &names, line, sizeof(line));
}

static void each_phase(void **state)
{
    struct chb_text_status s = {.phase = CHB_PHASE_PAIRED,
                                .role = CHB_ROLE_PRIMARY,
                                .generation = 7,
                                .peer = 2,
                                .percent = -1};
    (void)state;
    assert_string_equal(say(&s), "primary, in sync with n2, generation 7");
    s.peer_silent = true;
    assert_string_equal(say(&s),
                        "primary, in sync with n2, generation 7, colo-hbd on n2 does not answer");
    s.peer_foreign = true;
    assert_string_equal(say(&s), "primary, in sync with n2, generation 7, colo-hbd on n2 speaks "
                                 "another protocol");
    s.peer_silent = false;
    s.no_fencing = true;
    assert_string_equal(say(&s),
                        "primary, in sync with n2, generation 7, no fencing is configured");
    s.no_fencing = false;
    s.broken = true;
    assert_string_equal(say(&s), "primary, replication with n2 broken, generation 7");
    s = (struct chb_text_status){.phase = CHB_PHASE_PAIRED,
                                 .role = CHB_ROLE_SECONDARY,
                                 .generation = 7,
                                 .peer = 1,
                                 .percent = -1};
    assert_string_equal(say(&s), "secondary, in sync with n1, generation 7");
    s.phase = CHB_PHASE_HOLDING;
    s.reason = CHB_REASON_NO_PROOF_FENCE_FAILED;
    s.about = (struct chb_text_about){.node = 1, .fence_tries = 2};
    assert_string_equal(say(&s), "holding: peer n1 lost, waiting for fencing (2 tries failed)");
    s.phase = CHB_PHASE_FILLING;
    s.percent = 43;
    assert_string_equal(say(&s), "filling 43 %, from n1");
    s.percent = -1;
    assert_string_equal(say(&s), "filling, from n1");
    s.phase = CHB_PHASE_GOING_SOLO;
    assert_string_equal(say(&s), "going solo, peer n1 lost");
    s.phase = CHB_PHASE_STOPPED;
    assert_string_equal(say(&s), "stopped");
    s.phase = CHB_PHASE_BOOTING;
    assert_string_equal(say(&s), "starting, generation 7");
    s.phase = CHB_PHASE_DYING;
    assert_string_equal(say(&s), "ending, its QEMU is being killed");
    s.guest_off = true;
    assert_string_equal(say(&s), "off: the guest switched itself off");
}

static void alone(void **state)
{
    struct chb_text_status s = {
        .phase = CHB_PHASE_SOLO, .generation = 8, .peer = 1, .percent = 43, .joining = true};
    (void)state;
    assert_string_equal(say(&s), "solo, generation 8, filling n1: 43 %");
    s.joining = false;
    assert_string_equal(say(&s), "solo, generation 8");
    s.lonely_node = 1;
    s.lonely = CHB_LONELY_NODE_DOWN;
    assert_string_equal(say(&s), "solo, generation 8, no peer: n1 is not in the cluster");
    s.lonely = CHB_LONELY_NOBODY;
    assert_string_equal(say(&s), "solo, generation 8, no peer: no other node is configured");
    s.lonely = CHB_LONELY_FOREIGN;
    assert_string_equal(say(&s), "solo, generation 8, no peer: n1 has a colo-hbd of another "
                                 "protocol: upgrade the older one");
    s.lonely = CHB_LONELY_FAILED;
    s.lonely_failures = 3;
    assert_string_equal(
        say(&s), "solo, generation 8, no peer: n1 could not be filled (3 times), trying again");
    s.lonely = CHB_LONELY_UNKNOWN;
    s.proof = CHB_PROOF_P3_OPERATOR;
    assert_string_equal(say(&s), "solo by the operator's word, generation 8");
    s.proof = CHB_PROOF_UNSAFE;
    assert_string_equal(say(&s), "solo without proof (require_fencing=false), generation 8");
}

static void without_a_copy(void **state)
{
    struct chb_text_status s = {.phase = CHB_PHASE_SPARE, .about = {.node = 1}};
    (void)state;
    assert_string_equal(say(&s), "spare, no copy here");
    s.reason = CHB_REASON_SERVED_ELSEWHERE;
    assert_string_equal(say(&s), "spare: n1 runs the VM");
    s.reason = CHB_REASON_FIRST_START_NODES;
    assert_string_equal(say(&s), "first start: waiting to hear from n1");
    s.reason = CHB_REASON_PEER_RECORD_NEEDED;
    assert_string_equal(say(&s),
                        "waiting for n1, which may have gone on alone and have the newer copy");
    s.reason = CHB_REASON_NEWER_ELSEWHERE;
    assert_string_equal(say(&s), "waiting: n1 has a newer copy");
}

/* From a core: who is nearest to being joined is named. */
static void of_a_core(void **state)
{
    static struct chb_core core;
    static const uint32_t nodes[] = {1, 2, 3};
    struct chb_text_status s;
    (void)state;
    chb_core_init(&core, 2, 99, nodes, 3);
    core.phase = CHB_PHASE_SOLO;
    core.generation = 8;
    core.peer = 1;
    core.settings.spec_hash = 5;
    for (unsigned i = 0; i < CHB_NODES_MAX; i++) {
        core.peers[i] = (struct chb_peer){0};
    }
    core.peers[0] = (struct chb_peer){.node = 1, .expected = true, .lost = true};
    core.peers[1] = (struct chb_peer){.node = 3, .expected = true, .lost = true};
    chb_text_status_of_core(&core, NULL, "web", -1, &s);
    assert_string_equal(say(&s), "solo, generation 8, no peer: n1 is not in the cluster");
    core.peers[1] = (struct chb_peer){.node = 3, .expected = true, .member = true, .heard = true};
    core.peers[1].msg.phase = CHB_PHASE_SPARE;
    chb_text_status_of_core(&core, NULL, "web", -1, &s);
    assert_string_equal(say(&s), "solo, generation 8, no peer: n3 would run another machine: "
                                 "parameters differ");
    core.peers[1].msg.spec_parts[CHB_SPEC_MEMORY] = 1;
    core.peers[1].msg.spec_parts[CHB_SPEC_DISKS] = 2;
    chb_text_status_of_core(&core, NULL, "web", -1, &s);
    assert_string_equal(say(&s), "solo, generation 8, no peer: n3 would run another machine: "
                                 "memory, disks differ");
    core.peers[1].msg.spec_hash = 5;
    core.peers[1].msg.qemu_version = 6;
    chb_text_status_of_core(&core, NULL, "web", -1, &s);
    assert_string_equal(say(&s), "solo, generation 8, no peer: n3 has another version of QEMU");
    core.peers[1].msg.qemu_version = 0;
    core.settings.disk_bytes[1] = 10;
    core.peers[1].msg.disk_bytes[1] = 11;
    chb_text_status_of_core(&core, NULL, "web", -1, &s);
    assert_string_equal(say(&s),
                        "solo, generation 8, no peer: n3 has an image of another size (disk 2)");
    core.peers[1].msg.disk_bytes[1] = 0; /* absent: it will be made */
    chb_text_status_of_core(&core, NULL, "web", -1, &s);
    assert_string_equal(say(&s), "solo, generation 8, no peer: n3 is not fit");
    core.peers[1].msg.health = 100;
    core.join = CHB_JOIN_RUNNING;
    core.join_node = 3;
    chb_text_status_of_core(&core, NULL, "web", 10, &s);
    assert_string_equal(say(&s), "solo, generation 8, filling n3: 10 %");
}

static void of_a_message(void **state)
{
    struct chb_state_msg msg = {.phase = CHB_PHASE_PAIRED,
                                .role = CHB_ROLE_SECONDARY,
                                .generation = 7,
                                .record = {.peer = 1}};
    struct chb_text_status s;
    (void)state;
    chb_text_status_of_state(&msg, 2, &s);
    assert_string_equal(say(&s), "secondary, in sync with n1, generation 7");
    msg.phase = CHB_PHASE_SOLO;
    chb_text_status_of_state(&msg, 2, &s);
    assert_string_equal(say(&s), "solo, generation 7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_phase),     cmocka_unit_test(alone),
        cmocka_unit_test(without_a_copy), cmocka_unit_test(of_a_core),
        cmocka_unit_test(of_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
