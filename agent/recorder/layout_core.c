/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fields of the core's state. tests/unit/recorder compares the tables with the headers. */
#include <agent/recorder/layout_tables.h>

#define RECORD(member) CHB_PLAIN(struct chb_record, member)
static const struct chb_field record_fields[] = {
    RECORD(generation),
    RECORD(author),
    RECORD(peer),
    CHB_ENUM(struct chb_record, kind, CHB_RECORD_KIND_MAX),
    CHB_ENUM(struct chb_record, role, CHB_ROLE_MAX),
    RECORD(overlays_pending),
};
const struct chb_layout chb_layout_record =
    CHB_LAYOUT("chb_record", struct chb_record, record_fields);

static const struct chb_field ports_fields[] = {
    CHB_PLAIN(struct chb_ports, nbd),
    CHB_PLAIN(struct chb_ports, migration),
    CHB_ARRAY(struct chb_ports, mirror),
    CHB_ARRAY(struct chb_ports, compare),
};
const struct chb_layout chb_layout_ports = CHB_LAYOUT("chb_ports", struct chb_ports, ports_fields);

#define SETTING(member) CHB_PLAIN(struct chb_settings, member)
static const struct chb_field settings_fields[] = {
    SETTING(spec_hash),
    CHB_ARRAY(struct chb_settings, disk_bytes),
    CHB_ARRAY(struct chb_settings, spec_parts),
    SETTING(hang_timeout),
    SETTING(qemu_version),
    SETTING(require_fencing),
    SETTING(image_present),
    SETTING(restart_guest),
};
const struct chb_layout chb_layout_settings =
    CHB_LAYOUT("chb_settings", struct chb_settings, settings_fields);

#define STATE(member) CHB_PLAIN(struct chb_state_msg, member)
static const struct chb_field state_fields[] = {
    CHB_INNER(struct chb_state_msg, record, chb_layout_record),
    CHB_ENUM(struct chb_state_msg, phase, CHB_PHASE_MAX),
    CHB_ENUM(struct chb_state_msg, role, CHB_ROLE_MAX),
    STATE(generation),
    STATE(dead_generation),
    STATE(broken_generation),
    CHB_ENUM(struct chb_state_msg, join, CHB_JOIN_MAX),
    STATE(join_node),
    STATE(join_id),
    CHB_INNER(struct chb_state_msg, ports, chb_layout_ports),
    CHB_ARRAY(struct chb_state_msg, disk_bytes),
    STATE(spec_hash),
    CHB_ARRAY(struct chb_state_msg, spec_parts),
    STATE(qemu_version),
    STATE(health),
    STATE(image_present),
    STATE(seeded),
    STATE(oob_alive),
    STATE(main_alive),
};
const struct chb_layout chb_layout_state =
    CHB_LAYOUT("chb_state_msg", struct chb_state_msg, state_fields);

static const struct chb_field request_fields[] = {
    CHB_ENUM(struct chb_request_msg, request, CHB_REQUEST_MAX),
    CHB_PLAIN(struct chb_request_msg, node),
};
const struct chb_layout chb_layout_request =
    CHB_LAYOUT("chb_request_msg", struct chb_request_msg, request_fields);

#define PEER(member) CHB_PLAIN(struct chb_peer, member)
static const struct chb_field peer_fields[] = {
    PEER(node),
    PEER(expected),
    PEER(member),
    PEER(lost),
    PEER(silent),
    PEER(heard),
    PEER(lost_at),
    PEER(heard_at),
    PEER(up_at),
    PEER(oob_since),
    PEER(main_since),
    PEER(fenced_at),
    PEER(operator_says_down),
    CHB_INNER(struct chb_peer, msg, chb_layout_state),
    PEER(dead_generation),
};
const struct chb_layout chb_layout_peer = CHB_LAYOUT("chb_peer", struct chb_peer, peer_fields);

#define PENDING(member) CHB_PLAIN(struct chb_pending, member)
static const struct chb_field pending_fields[] = {
    PENDING(persist),
    PENDING(start),
    PENDING(sequence),
    PENDING(fence),
    CHB_ENUM(struct chb_pending, sequence_kind, CHB_SEQUENCE_MAX),
    PENDING(promote_reply),
    PENDING(demote_reply),
    PENDING(stop_reply),
};
const struct chb_layout chb_layout_pending =
    CHB_LAYOUT("chb_pending", struct chb_pending, pending_fields);

#define CORE(member) CHB_PLAIN(struct chb_core, member)
static const struct chb_field core_fields[] = {
    CORE(self),
    CORE(boot),
    CHB_INNER(struct chb_core, settings, chb_layout_settings),
    CORE(loaded),
    CORE(started),
    CORE(promoted),
    CORE(stop_wanted),
    CORE(demote_wanted),
    CORE(seeded),
    CORE(powerdown_until),
    CORE(powerdown_asked),
    CORE(powered_down),
    CORE(guest_off),
    CORE(off_until),
    CORE(health),
    CORE(unfit_since),
    CHB_ENUM(struct chb_core, phase, CHB_PHASE_MAX),
    CHB_ENUM(struct chb_core, role, CHB_ROLE_MAX),
    CORE(generation),
    CORE(qemu),
    CORE(qemu_alive),
    CORE(frozen),
    CORE(was_secondary),
    CORE(in_colo),
    CORE(eligible),
    CORE(merged),
    CORE(copy_failed),
    CORE(link_stuck),
    CORE(broken_generation),
    CORE(broken_at),
    CORE(broken_fitness),
    CORE(dead_generation),
    CHB_INNER(struct chb_core, record, chb_layout_record),
    CHB_INNER(struct chb_core, record_next, chb_layout_record),
    CORE(peer),
    CHB_ENUM(struct chb_core, proof, CHB_PROOF_MAX),
    CORE(lost_at),
    CORE(solo_at),
    CHB_ENUM(struct chb_core, join, CHB_JOIN_MAX),
    CORE(join_node),
    CORE(join_id),
    CORE(join_started_at),
    CORE(join_retry_at),
    CORE(join_failures),
    CORE(join_failed_node),
    CORE(join_dirty),
    CHB_INNER(struct chb_core, ports, chb_layout_ports),
    CORE(cluster_up),
    CORE(cluster_up_at),
    CORE(loaded_at),
    CORE(quorate),
    CORE(cib_known),
    CORE(cib_generation),
    CORE(cib_node),
    CORE(fencing_configured),
    CORE(fencing_known),
    CORE(fence_tries),
    CORE(fence_retry_at),
    CORE(fence_asked_at),
    /* `peers` follow by themselves: only those in use */
    CORE(oob_pong_at),
    CORE(main_pong_at),
    CHB_INNER(struct chb_core, pending, chb_layout_pending),
    CORE(next_op),
    CORE(next_qemu),
    CHB_ENUM(struct chb_core, score, CHB_SCORE_MAX),
    CORE(score_sent),
    CHB_INNER(struct chb_core, told, chb_layout_state),
    CORE(tell),
    CORE(exited),
    CORE(record_unsure),
    CORE(record_retry_at),
    CORE(abort_retry_at),
    CHB_ENUM(struct chb_core, last_failure, CHB_REASON_MAX),
    CORE(now),
};
const struct chb_layout chb_layout_core = CHB_LAYOUT("chb_core", struct chb_core, core_fields);
