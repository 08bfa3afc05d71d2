/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/text/names.h>

#include <assert.h>
#include <stddef.h>

#include <agent/text/say.h>

/* A table of names with one entry for each value, and its lookup. */
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *lookup(const char *const *table, size_t count, unsigned value)
{
    return value < count && table[value] != NULL ? table[value] : "?";
}

static const char *const reasons[] = {
    [CHB_REASON_OK] = "ok",
    [CHB_REASON_NOT_STARTED] = "not-started",
    [CHB_REASON_NO_REPLICA] = "no-replica",
    [CHB_REASON_ALREADY_SERVING] = "already-serving",
    [CHB_REASON_FILLING] = "filling",
    [CHB_REASON_PEER_ALIVE] = "peer-alive",
    [CHB_REASON_NO_PROOF_FENCING] = "no-proof-fencing",
    [CHB_REASON_NO_PROOF_FENCE_FAILED] = "no-proof-fence-failed",
    [CHB_REASON_NO_PROOF_NO_QUORUM] = "no-proof-no-quorum",
    [CHB_REASON_NO_PROOF_NO_FENCING] = "no-proof-no-fencing",
    [CHB_REASON_NO_PROOF_AGENT] = "no-proof-agent",
    [CHB_REASON_NO_PROOF_SETTLING] = "no-proof-settling",
    [CHB_REASON_LINK_STUCK] = "link-stuck",
    [CHB_REASON_CLUSTER_LOST] = "cluster-lost",
    [CHB_REASON_RECORD_PENDING] = "record-pending",
    [CHB_REASON_RECORD_FAILED] = "record-failed",
    [CHB_REASON_RECORD_UNKNOWN] = "record-unknown",
    [CHB_REASON_PEER_RECORD_NEEDED] = "peer-record-needed",
    [CHB_REASON_NEWER_ELSEWHERE] = "newer-elsewhere",
    [CHB_REASON_SERVED_ELSEWHERE] = "served-elsewhere",
    [CHB_REASON_WAS_SECONDARY] = "was-secondary",
    [CHB_REASON_FIRST_START_NODES] = "first-start-nodes",
    [CHB_REASON_FIRST_START_ASK] = "first-start-ask",
    [CHB_REASON_FIRST_START_OTHER] = "first-start-other",
    [CHB_REASON_DIVERGED] = "diverged",
    [CHB_REASON_DYING] = "dying",
    [CHB_REASON_QEMU_FAILED] = "qemu-failed",
    [CHB_REASON_GUEST_OFF] = "guest-off",
};
static_assert(COUNT(reasons) == CHB_REASON_MAX, "one name for each reason");

static const char *const proofs[] = {
    [CHB_PROOF_NONE] = "none",           [CHB_PROOF_P1_DEATH_SEEN] = "p1-death-seen",
    [CHB_PROOF_P2_FENCED] = "p2-fenced", [CHB_PROOF_P3_OPERATOR] = "p3-operator",
    [CHB_PROOF_UNSAFE] = "unsafe",       [CHB_PROOF_RECORD] = "record",
};
static_assert(COUNT(proofs) == CHB_PROOF_MAX, "one name for each proof");

static const char *const phases[] = {
    [CHB_PHASE_STOPPED] = "stopped", [CHB_PHASE_SPARE] = "spare",
    [CHB_PHASE_BOOTING] = "booting", [CHB_PHASE_SOLO] = "solo",
    [CHB_PHASE_FILLING] = "filling", [CHB_PHASE_PAIRED] = "paired",
    [CHB_PHASE_HOLDING] = "holding", [CHB_PHASE_GOING_SOLO] = "going-solo",
    [CHB_PHASE_DYING] = "dying",
};
static_assert(COUNT(phases) == CHB_PHASE_MAX, "one name for each phase");

static const char *const roles[] = {
    [CHB_ROLE_NONE] = "none",
    [CHB_ROLE_PRIMARY] = "primary",
    [CHB_ROLE_SECONDARY] = "secondary",
};
static_assert(COUNT(roles) == CHB_ROLE_MAX, "one name for each role");

static const char *const notes[] = {
    [CHB_NOTE_PHASE] = "phase",
    [CHB_NOTE_QEMU_DIED] = "qemu-died",
    [CHB_NOTE_PEER_DIED] = "peer-died",
    [CHB_NOTE_PEER_LOST] = "peer-lost",
    [CHB_NOTE_AGENT_LOST] = "agent-lost",
    [CHB_NOTE_FENCE_ASKED] = "fence-asked",
    [CHB_NOTE_FENCED] = "fenced",
    [CHB_NOTE_FENCE_FAILED] = "fence-failed",
    [CHB_NOTE_PROVEN] = "proven",
    [CHB_NOTE_DECIDED] = "decided",
    [CHB_NOTE_RECORDED] = "recorded",
    [CHB_NOTE_SOLO] = "solo",
    [CHB_NOTE_HOLDING] = "holding",
    [CHB_NOTE_RELEASED] = "released",
    [CHB_NOTE_HANG] = "hang",
    [CHB_NOTE_JOIN_STARTED] = "join-started",
    [CHB_NOTE_JOIN_FAILED] = "join-failed",
    [CHB_NOTE_PAIRED] = "paired",
    [CHB_NOTE_SWITCHOVER] = "switchover",
    [CHB_NOTE_LOST_LINE] = "lost-line",
    [CHB_NOTE_STALLED] = "stalled",
    [CHB_NOTE_GUEST_OFF] = "guest-off",
    [CHB_NOTE_BROKEN] = "broken",
    [CHB_NOTE_UNFIT] = "unfit",
};
static_assert(COUNT(notes) == CHB_NOTE_MAX, "one name for each note");

static const char *const joins[] = {
    [CHB_JOIN_NONE] = "none",       [CHB_JOIN_WANTED] = "wanted", [CHB_JOIN_READY] = "ready",
    [CHB_JOIN_RUNNING] = "running", [CHB_JOIN_FAILED] = "failed",
};
static_assert(COUNT(joins) == CHB_JOIN_MAX, "one name for each state of a join");

static const char *const record_kinds[] = {
    [CHB_RECORD_NONE] = "none",       [CHB_RECORD_SOLO] = "solo",
    [CHB_RECORD_PAIRED] = "paired",   [CHB_RECORD_FILLING] = "filling",
    [CHB_RECORD_UNKNOWN] = "unknown",
};
static_assert(COUNT(record_kinds) == CHB_RECORD_KIND_MAX, "one name for each kind of record");

static const char *const sequences[] = {
    [CHB_SEQUENCE_NONE] = "none",
    [CHB_SEQUENCE_SECONDARY_PREPARE] = "secondary-prepare",
    [CHB_SEQUENCE_JOIN] = "join",
    [CHB_SEQUENCE_JOIN_ABORT] = "join-abort",
    [CHB_SEQUENCE_SOLO_PRIMARY] = "solo-primary",
    [CHB_SEQUENCE_SOLO_SECONDARY] = "solo-secondary",
    [CHB_SEQUENCE_POWERDOWN] = "powerdown",
};
static_assert(COUNT(sequences) == CHB_SEQUENCE_MAX, "one name for each sequence");

static const char *const outcomes[] = {
    [CHB_OUTCOME_DONE] = "done",
    [CHB_OUTCOME_FAILED] = "failed",
    [CHB_OUTCOME_UNKNOWN] = "unknown",
};

static const char *const scores[] = {
    [CHB_SCORE_NEVER] = "never",
    [CHB_SCORE_SECONDARY] = "secondary",
    [CHB_SCORE_BEST] = "best",
};
static_assert(COUNT(scores) == CHB_SCORE_MAX, "one name for each score");

static const char *const monitors[] = {
    [CHB_MONITOR_NOT_RUNNING] = "not-running", [CHB_MONITOR_UNPROMOTED] = "unpromoted",
    [CHB_MONITOR_PROMOTED] = "promoted",       [CHB_MONITOR_FAILED] = "failed",
    [CHB_MONITOR_USELESS] = "useless",
};

static const char *const events[] = {
    [CHB_EVENT_TICK] = "tick",
    [CHB_EVENT_LOADED] = "loaded",
    [CHB_EVENT_ADOPTED] = "adopted",
    [CHB_EVENT_START] = "start",
    [CHB_EVENT_STOP] = "stop",
    [CHB_EVENT_PROMOTE] = "promote",
    [CHB_EVENT_DEMOTE] = "demote",
    [CHB_EVENT_SWITCHOVER] = "switchover",
    [CHB_EVENT_PEER_IS_DOWN] = "peer-is-down",
    [CHB_EVENT_SEED] = "seed",
    [CHB_EVENT_RESYNC] = "resync",
    [CHB_EVENT_PROBED] = "probed",
    [CHB_EVENT_CLUSTER_UP] = "cluster-up",
    [CHB_EVENT_CLUSTER_LOST] = "cluster-lost",
    [CHB_EVENT_NODE_UP] = "node-up",
    [CHB_EVENT_NODE_DOWN] = "node-down",
    [CHB_EVENT_AGENT_DOWN] = "agent-down",
    [CHB_EVENT_QUORUM] = "quorum",
    [CHB_EVENT_STATE] = "state",
    [CHB_EVENT_REQUEST] = "request",
    [CHB_EVENT_SILENT] = "silent",
    [CHB_EVENT_HEARD] = "heard",
    [CHB_EVENT_CIB] = "cib",
    [CHB_EVENT_FENCING_SETUP] = "fencing-setup",
    [CHB_EVENT_FENCE_RESULT] = "fence-result",
    [CHB_EVENT_FENCE_NOTICE] = "fence-notice",
    [CHB_EVENT_QEMU_STARTED] = "qemu-started",
    [CHB_EVENT_QEMU_EXITED] = "qemu-exited",
    [CHB_EVENT_SEQUENCE] = "sequence",
    [CHB_EVENT_PERSISTED] = "persisted",
    [CHB_EVENT_PONG] = "pong",
    [CHB_EVENT_COLO_ENTERED] = "colo-entered",
    [CHB_EVENT_COLO_EXIT] = "colo-exit",
    [CHB_EVENT_LINK] = "link",
    [CHB_EVENT_GUEST_OFF] = "guest-off",
    [CHB_EVENT_GUEST_PANIC] = "guest-panic",
    [CHB_EVENT_OVERLAYS_MERGED] = "overlays-merged",
    [CHB_EVENT_DISK_ERROR] = "disk-error",
    [CHB_EVENT_COPY_FAILED] = "copy-failed",
    [CHB_EVENT_RESOURCE_IS_OFF] = "resource-is-off",
    [CHB_EVENT_STALLED] = "stalled",
    [CHB_EVENT_HEALTH] = "health",
};
static_assert(COUNT(events) == CHB_EVENT_MAX, "one name for each event");

static const char *const actions[] = {
    [CHB_ACTION_SEND_STATE] = "send-state",
    [CHB_ACTION_SEND_REQUEST] = "send-request",
    [CHB_ACTION_PERSIST] = "persist",
    [CHB_ACTION_CIB_RECORD] = "cib-record",
    [CHB_ACTION_QEMU_START] = "qemu-start",
    [CHB_ACTION_QEMU_KILL] = "qemu-kill",
    [CHB_ACTION_QEMU_FREEZE] = "qemu-freeze",
    [CHB_ACTION_QEMU_THAW] = "qemu-thaw",
    [CHB_ACTION_SEQUENCE] = "sequence",
    [CHB_ACTION_SEQUENCE_ABORT] = "sequence-abort",
    [CHB_ACTION_FENCE] = "fence",
    [CHB_ACTION_SCORE] = "score",
    [CHB_ACTION_REPLY] = "reply",
    [CHB_ACTION_NOTE] = "note",
    [CHB_ACTION_RESOURCE_OFF] = "resource-off",
};
static_assert(COUNT(actions) == CHB_ACTION_MAX, "one name for each action");

const char *chb_reason_id(enum chb_reason reason)
{
    return lookup(reasons, COUNT(reasons), reason);
}

const char *chb_proof_id(enum chb_proof proof)
{
    return lookup(proofs, COUNT(proofs), proof);
}

const char *chb_phase_id(enum chb_phase phase)
{
    return lookup(phases, COUNT(phases), phase);
}

const char *chb_role_id(enum chb_role role)
{
    return lookup(roles, COUNT(roles), role);
}

const char *chb_note_id(enum chb_note note)
{
    return lookup(notes, COUNT(notes), note);
}

const char *chb_join_id(enum chb_join join)
{
    return lookup(joins, COUNT(joins), join);
}

const char *chb_record_kind_id(enum chb_record_kind kind)
{
    return lookup(record_kinds, COUNT(record_kinds), kind);
}

const char *chb_sequence_id(enum chb_sequence sequence)
{
    return lookup(sequences, COUNT(sequences), sequence);
}

const char *chb_outcome_id(enum chb_outcome outcome)
{
    return lookup(outcomes, COUNT(outcomes), outcome);
}

const char *chb_score_id(enum chb_score score)
{
    return lookup(scores, COUNT(scores), score);
}

const char *chb_event_id(enum chb_event_kind kind)
{
    return lookup(events, COUNT(events), kind);
}

const char *chb_action_id(enum chb_action_kind kind)
{
    return lookup(actions, COUNT(actions), kind);
}

const char *chb_monitor_id(enum chb_monitor monitor)
{
    return lookup(monitors, COUNT(monitors), monitor);
}

const char *chb_spec_part_text(enum chb_spec_part part)
{
    static const char *const texts[CHB_SPEC_PARTS] = {
        [CHB_SPEC_IDENTITY] = "name or uuid",
        [CHB_SPEC_MEMORY] = "memory",
        [CHB_SPEC_CPUS] = "cpus or cpu",
        [CHB_SPEC_MACHINE] = "machine or accel",
        [CHB_SPEC_DISKS] = "disks",
        [CHB_SPEC_NICS] = "nics",
        [CHB_SPEC_ARGUMENTS] = "qemu_args",
        [CHB_SPEC_RULES] = "replication_link, ipv6 or require_fencing",
    };
    return (unsigned)part < CHB_SPEC_PARTS ? texts[part] : "?";
}

char *chb_text_node(const struct chb_text_names *names, uint32_t node,
                    char ret_text[static CHB_TEXT_NODE_SIZE])
{
    struct chb_say say = chb_say_begin(ret_text, CHB_TEXT_NODE_SIZE);
    const char *name = NULL;
    if (node == 0) {
        chb_say(&say, "another node");
        return ret_text;
    }
    if (names != NULL && names->name != NULL) {
        name = names->name(names->userdata, node);
    }
    if (name != NULL && name[0] != '\0') {
        chb_say(&say, "%s", name);
    } else {
        chb_say(&say, "node %u", (unsigned)node);
    }
    return ret_text;
}
