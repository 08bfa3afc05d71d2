/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fields of events and actions, by kind. */
#include <agent/recorder/layout_tables.h>

/* ---- events ---- */

#define EVENT(member) CHB_PLAIN(struct chb_event, u.member)
#define EVENT_LAYOUT(name) CHB_LAYOUT(#name, struct chb_event, name##_fields)

static const struct chb_layout bare = {.name = "bare", .size = sizeof(struct chb_event)};

static const struct chb_field loaded_fields[] = {
    CHB_INNER(struct chb_event, u.record, chb_layout_record),
};
static const struct chb_layout loaded = EVENT_LAYOUT(loaded);

static const struct chb_field adopted_fields[] = {
    CHB_ENUM(struct chb_event, u.adopted.role, CHB_ROLE_MAX),
    EVENT(adopted.qemu),
    EVENT(adopted.was_secondary),
    EVENT(adopted.in_colo),
    EVENT(adopted.promoted),
    EVENT(adopted.frozen),
    EVENT(adopted.copy_failed),
};
static const struct chb_layout adopted = EVENT_LAYOUT(adopted);

static const struct chb_field start_fields[] = {
    EVENT(command.id),
    EVENT(command.node),
    CHB_INNER(struct chb_event, u.command.settings, chb_layout_settings),
};
static const struct chb_layout start = EVENT_LAYOUT(start);

static const struct chb_field command_fields[] = {
    EVENT(command.id),
    EVENT(command.node),
    EVENT(command.patience),
};
static const struct chb_layout command = EVENT_LAYOUT(command);

static const struct chb_field node_fields[] = {EVENT(node.id)};
static const struct chb_layout node = EVENT_LAYOUT(node);

static const struct chb_field link_stuck_fields[] = {EVENT(link.qemu), EVENT(link.stuck)};
static const struct chb_layout link_stuck = EVENT_LAYOUT(link_stuck);

static const struct chb_field quorum_fields[] = {EVENT(quorate)};
static const struct chb_layout quorum = EVENT_LAYOUT(quorum);

static const struct chb_field msg_fields[] = {
    EVENT(msg.from),
    EVENT(msg.boot),
    CHB_INNER(struct chb_event, u.msg.state, chb_layout_state),
};
static const struct chb_layout msg = EVENT_LAYOUT(msg);

static const struct chb_field request_fields[] = {
    EVENT(request.from),
    CHB_INNER(struct chb_event, u.request.request, chb_layout_request),
};
static const struct chb_layout request = EVENT_LAYOUT(request);

static const struct chb_field cib_fields[] = {
    EVENT(cib.known),
    EVENT(cib.generation),
    EVENT(cib.node),
};
static const struct chb_layout cib = EVENT_LAYOUT(cib);

static const struct chb_field fencing_fields[] = {EVENT(fencing.configured)};
static const struct chb_layout fencing = EVENT_LAYOUT(fencing);

static const struct chb_field fence_fields[] = {
    EVENT(fence.op),
    EVENT(fence.node),
    CHB_ENUM(struct chb_event, u.fence.outcome, CHB_OUTCOME_END),
    EVENT(fence.by_human),
    {.name = "u.fence.not_before",
     .type = CHB_FIELD_PAST,
     .offset = offsetof(struct chb_event, u.fence.not_before),
     .count = 1,
     .size = sizeof(chb_time)},
};
static const struct chb_layout fence = EVENT_LAYOUT(fence);

static const struct chb_field result_fields[] = {
    EVENT(result.op),
    CHB_ENUM(struct chb_event, u.result.outcome, CHB_OUTCOME_END),
    EVENT(result.qemu),
    CHB_INNER(struct chb_event, u.result.ports, chb_layout_ports),
};
static const struct chb_layout result = EVENT_LAYOUT(result);

static const struct chb_field qemu_fields[] = {EVENT(qemu.qemu)};
static const struct chb_layout qemu = EVENT_LAYOUT(qemu);

static const struct chb_field pong_fields[] = {
    EVENT(pong.qemu),
    EVENT(pong.oob),
};
static const struct chb_layout pong = EVENT_LAYOUT(pong);

static const struct chb_field stalled_fields[] = {EVENT(stall)};
static const struct chb_layout stalled = EVENT_LAYOUT(stalled);

static const struct chb_field health_fields[] = {EVENT(health)};
static const struct chb_layout health = EVENT_LAYOUT(health);

static const struct chb_layout *const events[CHB_EVENT_MAX] = {
    [CHB_EVENT_TICK] = &bare,
    [CHB_EVENT_ADOPTED] = &adopted,
    [CHB_EVENT_LOADED] = &loaded,
    [CHB_EVENT_START] = &start,
    [CHB_EVENT_STOP] = &command,
    [CHB_EVENT_PROMOTE] = &command,
    [CHB_EVENT_DEMOTE] = &command,
    [CHB_EVENT_SWITCHOVER] = &command,
    [CHB_EVENT_PEER_IS_DOWN] = &command,
    [CHB_EVENT_SEED] = &command,
    [CHB_EVENT_RESYNC] = &command,
    [CHB_EVENT_PROBED] = &command,
    [CHB_EVENT_CLUSTER_UP] = &bare,
    [CHB_EVENT_CLUSTER_LOST] = &bare,
    [CHB_EVENT_NODE_UP] = &node,
    [CHB_EVENT_NODE_DOWN] = &node,
    [CHB_EVENT_AGENT_DOWN] = &node,
    [CHB_EVENT_QUORUM] = &quorum,
    [CHB_EVENT_STATE] = &msg,
    [CHB_EVENT_REQUEST] = &request,
    [CHB_EVENT_SILENT] = &node,
    [CHB_EVENT_HEARD] = &node,
    [CHB_EVENT_CIB] = &cib,
    [CHB_EVENT_FENCING_SETUP] = &fencing,
    [CHB_EVENT_FENCE_RESULT] = &fence,
    [CHB_EVENT_FENCE_NOTICE] = &fence,
    [CHB_EVENT_QEMU_STARTED] = &result,
    [CHB_EVENT_QEMU_EXITED] = &qemu,
    [CHB_EVENT_SEQUENCE] = &result,
    [CHB_EVENT_PERSISTED] = &result,
    [CHB_EVENT_PONG] = &pong,
    [CHB_EVENT_COLO_ENTERED] = &qemu,
    [CHB_EVENT_COLO_EXIT] = &qemu,
    [CHB_EVENT_LINK] = &link_stuck,
    [CHB_EVENT_GUEST_OFF] = &qemu,
    [CHB_EVENT_GUEST_PANIC] = &qemu,
    [CHB_EVENT_OVERLAYS_MERGED] = &qemu,
    [CHB_EVENT_DISK_ERROR] = &qemu,
    [CHB_EVENT_COPY_FAILED] = &qemu,
    [CHB_EVENT_RESOURCE_IS_OFF] = &bare,
    [CHB_EVENT_STALLED] = &stalled,
    [CHB_EVENT_HEALTH] = &health,
};

const struct chb_layout *chb_layout_event(enum chb_event_kind kind)
{
    return (unsigned)kind < CHB_EVENT_MAX ? events[kind] : NULL;
}

/* ---- actions ---- */

#define ACTION(member) CHB_PLAIN(struct chb_action, u.member)
#define ACTION_LAYOUT(name) CHB_LAYOUT(#name, struct chb_action, act_##name##_fields)

static const struct chb_layout act_bare = {.name = "bare", .size = sizeof(struct chb_action)};

static const struct chb_field act_state_fields[] = {
    CHB_INNER(struct chb_action, u.state, chb_layout_state),
};
static const struct chb_layout act_state = ACTION_LAYOUT(state);

static const struct chb_field act_request_fields[] = {
    CHB_INNER(struct chb_action, u.request, chb_layout_request),
};
static const struct chb_layout act_request = ACTION_LAYOUT(request);

static const struct chb_field act_persist_fields[] = {
    ACTION(persist.op),
    CHB_INNER(struct chb_action, u.persist.record, chb_layout_record),
};
static const struct chb_layout act_persist = ACTION_LAYOUT(persist);

static const struct chb_field act_qemu_fields[] = {
    ACTION(qemu.op),
    CHB_ENUM(struct chb_action, u.qemu.role, CHB_ROLE_MAX),
    ACTION(qemu.qemu),
    ACTION(qemu.merge_overlays),
    CHB_ARRAY(struct chb_action, u.qemu.disk_bytes),
};
static const struct chb_layout act_qemu = ACTION_LAYOUT(qemu);

static const struct chb_field act_sequence_fields[] = {
    ACTION(sequence.op),
    CHB_ENUM(struct chb_action, u.sequence.sequence, CHB_SEQUENCE_MAX),
    ACTION(sequence.peer),
    ACTION(sequence.yank),
    ACTION(sequence.was_secondary),
    CHB_INNER(struct chb_action, u.sequence.ports, chb_layout_ports),
};
static const struct chb_layout act_sequence = ACTION_LAYOUT(sequence);

static const struct chb_field act_fence_fields[] = {
    ACTION(fence.op),
    ACTION(fence.node),
};
static const struct chb_layout act_fence = ACTION_LAYOUT(fence);

static const struct chb_field act_score_fields[] = {
    CHB_ENUM(struct chb_action, u.score, CHB_SCORE_MAX),
};
static const struct chb_layout act_score = ACTION_LAYOUT(score);

static const struct chb_field act_reply_fields[] = {
    ACTION(reply.id),
    ACTION(reply.ok),
    CHB_ENUM(struct chb_action, u.reply.reason, CHB_REASON_MAX),
    ACTION(reply.node),
};
static const struct chb_layout act_reply = ACTION_LAYOUT(reply);

static const struct chb_field act_note_fields[] = {
    CHB_ENUM(struct chb_action, u.note.note, CHB_NOTE_MAX),
    ACTION(note.node),
    ACTION(note.arg),
    ACTION(note.value),
};
static const struct chb_layout act_note = ACTION_LAYOUT(note);

static const struct chb_layout *const actions[CHB_ACTION_MAX] = {
    [CHB_ACTION_SEND_STATE] = &act_state,  [CHB_ACTION_SEND_REQUEST] = &act_request,
    [CHB_ACTION_PERSIST] = &act_persist,   [CHB_ACTION_CIB_RECORD] = &act_persist,
    [CHB_ACTION_QEMU_START] = &act_qemu,   [CHB_ACTION_QEMU_KILL] = &act_qemu,
    [CHB_ACTION_QEMU_FREEZE] = &act_qemu,  [CHB_ACTION_QEMU_THAW] = &act_qemu,
    [CHB_ACTION_SEQUENCE] = &act_sequence, [CHB_ACTION_SEQUENCE_ABORT] = &act_bare,
    [CHB_ACTION_FENCE] = &act_fence,       [CHB_ACTION_SCORE] = &act_score,
    [CHB_ACTION_REPLY] = &act_reply,       [CHB_ACTION_NOTE] = &act_note,
    [CHB_ACTION_RESOURCE_OFF] = &act_bare,
};

const struct chb_layout *chb_layout_action(enum chb_action_kind kind)
{
    return (unsigned)kind < CHB_ACTION_MAX ? actions[kind] : NULL;
}
