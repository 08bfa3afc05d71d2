/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/text/note.h>

#include <syslog.h>

#include <agent/text/say.h>

/* The notes that are about the loss of the peer and going on without it. False for the others. */
static bool say_failover(struct chb_say *say, enum chb_note note, const char *node, uint32_t arg,
                         unsigned long long value, const char *because)
{
    switch (note) {
    case CHB_NOTE_PEER_DIED:
        chb_say(say, "QEMU on %s died (generation %llu), its agent says", node, value);
        return true;
    case CHB_NOTE_PEER_LOST:
        chb_say(say, "node %s is lost", node);
        return true;
    case CHB_NOTE_AGENT_LOST:
        chb_say(say, "colo-hbd on %s is gone, its node is not", node);
        return true;
    case CHB_NOTE_FENCE_ASKED:
        chb_say(say, "asked Pacemaker to fence %s", node);
        return true;
    case CHB_NOTE_FENCED:
        chb_say(say, "%s was fenced", node);
        return true;
    case CHB_NOTE_FENCE_FAILED:
        chb_say(say, "fencing of %s failed: %s", node, because);
        return true;
    case CHB_NOTE_PROVEN:
        chb_say(say, "%s", because);
        return true;
    case CHB_NOTE_DECIDED:
        chb_say(say, "going on alone as generation %llu", value);
        return true;
    case CHB_NOTE_RECORDED:
        chb_say(say, "generation %llu is on disk", value);
        return true;
    case CHB_NOTE_SOLO:
        chb_say(say, "serves alone, generation %llu", value);
        return true;
    case CHB_NOTE_HOLDING:
        chb_say(say, "holding, the guest is silent: %s", because);
        return true;
    case CHB_NOTE_RELEASED:
        chb_say(say, "holding is over, the peer is back");
        return true;
    case CHB_NOTE_PHASE:
        chb_say(say, "phase %s -> %s", chb_phase_id((enum chb_phase)arg),
                chb_phase_id((enum chb_phase)value));
        return true;
    case CHB_NOTE_QEMU_DIED:
    case CHB_NOTE_HANG:
    case CHB_NOTE_JOIN_STARTED:
    case CHB_NOTE_JOIN_FAILED:
    case CHB_NOTE_PAIRED:
    case CHB_NOTE_SWITCHOVER:
    case CHB_NOTE_LOST_LINE:
    case CHB_NOTE_STALLED:
    case CHB_NOTE_GUEST_OFF:
    case CHB_NOTE_BROKEN:
    case CHB_NOTE_UNFIT:
    case CHB_NOTE_MAX:
        break;
    }
    return false;
}

static void say_unfit(struct chb_say *say, enum chb_role role, const char *node)
{
    if (role == CHB_ROLE_PRIMARY) {
        chb_say(say, "%s is fitter than this host and takes over", node);
    } else {
        chb_say(say, "the disk of this host has failed, so it cannot follow %s: given up", node);
    }
}

static void say_other(struct chb_say *say, enum chb_note note, const char *node, uint32_t arg,
                      unsigned long long value)
{
    if (note == CHB_NOTE_QEMU_DIED) {
        chb_say(say, "QEMU of this host died (generation %llu)", value);
    } else if (note == CHB_NOTE_HANG) {
        chb_say(say, "QEMU of this host did not answer for %llu ms and is killed", value);
    } else if (note == CHB_NOTE_JOIN_STARTED) {
        chb_say(say, "filling the copy on %s", node);
    } else if (note == CHB_NOTE_JOIN_FAILED) {
        chb_say(say, "filling the copy on %s failed", node);
    } else if (note == CHB_NOTE_PAIRED) {
        chb_say(say, "in sync with %s, generation %llu", node, value);
    } else if (note == CHB_NOTE_SWITCHOVER) {
        chb_say(say, "planned switchover to %s", node);
    } else if (note == CHB_NOTE_LOST_LINE) {
        chb_say(say, "the copy here is of a lost line (%s has the newer) and is given up", node);
    } else if (note == CHB_NOTE_STALLED) {
        chb_say(say, "this agent itself was late by %llu ms", value);
    } else if (note == CHB_NOTE_GUEST_OFF) {
        chb_say(say, "the guest switched itself off");
    } else if (note == CHB_NOTE_BROKEN) {
        chb_say(say, "replication is broken (generation %llu)", value);
    } else if (note == CHB_NOTE_UNFIT) {
        say_unfit(say, (enum chb_role)arg, node);
    } else {
        chb_say(say, "unknown note %u", (unsigned)note);
    }
}

char *chb_text_note(enum chb_note note, uint32_t node, uint32_t arg, uint64_t value,
                    const struct chb_text_about *about, const struct chb_text_names *names,
                    char *ret_text, size_t size)
{
    struct chb_say say = chb_say_begin(ret_text, size);
    struct chb_text_about here = about != NULL ? *about : (struct chb_text_about){0};
    char because[CHB_TEXT_SIZE] = "";
    char name[CHB_TEXT_NODE_SIZE];
    here.node = node;
    chb_text_node(names, node, name);
    if (note == CHB_NOTE_PROVEN) {
        chb_text_proof((enum chb_proof)arg, &here, names, because, sizeof(because));
    } else if (note == CHB_NOTE_HOLDING) {
        chb_text_reason((enum chb_reason)arg, &here, names, because, sizeof(because));
    } else if (note == CHB_NOTE_FENCE_FAILED) {
        here.fence_tries = (uint32_t)value;
        chb_text_reason(CHB_REASON_NO_PROOF_FENCE_FAILED, &here, names, because, sizeof(because));
    }
    if (!say_failover(&say, note, name, arg, value, because)) {
        say_other(&say, note, name, arg, value);
    }
    return ret_text;
}

int chb_note_level(enum chb_note note)
{
    switch (note) {
    case CHB_NOTE_QEMU_DIED:
    case CHB_NOTE_PEER_DIED:
    case CHB_NOTE_PEER_LOST:
    case CHB_NOTE_AGENT_LOST:
    case CHB_NOTE_FENCE_ASKED:
    case CHB_NOTE_FENCED:
    case CHB_NOTE_PROVEN:
    case CHB_NOTE_DECIDED:
    case CHB_NOTE_SOLO:
    case CHB_NOTE_JOIN_FAILED:
    case CHB_NOTE_STALLED:
    case CHB_NOTE_BROKEN:
    case CHB_NOTE_UNFIT:
        return LOG_WARNING;
    case CHB_NOTE_FENCE_FAILED:
    case CHB_NOTE_HOLDING:
    case CHB_NOTE_HANG:
    case CHB_NOTE_LOST_LINE:
        return LOG_ERR;
    case CHB_NOTE_RELEASED:
    case CHB_NOTE_JOIN_STARTED:
    case CHB_NOTE_PAIRED:
    case CHB_NOTE_SWITCHOVER:
    case CHB_NOTE_GUEST_OFF:
        return LOG_NOTICE;
    case CHB_NOTE_PHASE:
    case CHB_NOTE_RECORDED:
        return LOG_INFO;
    case CHB_NOTE_MAX:
        break;
    }
    return LOG_DEBUG;
}

const char *chb_note_step(enum chb_note note)
{
    switch (note) {
    case CHB_NOTE_QEMU_DIED:
        return "death";
    case CHB_NOTE_PEER_DIED:
    case CHB_NOTE_PEER_LOST:
    case CHB_NOTE_AGENT_LOST:
    case CHB_NOTE_BROKEN:
        return "noticed";
    case CHB_NOTE_FENCE_ASKED:
        return "fence-asked";
    case CHB_NOTE_FENCED:
        return "fenced";
    case CHB_NOTE_PROVEN:
        return "proven";
    case CHB_NOTE_DECIDED:
        return "decided";
    case CHB_NOTE_RECORDED:
        return "recorded";
    case CHB_NOTE_SOLO:
        return "vm-running";
    case CHB_NOTE_PHASE:
    case CHB_NOTE_FENCE_FAILED:
    case CHB_NOTE_HOLDING:
    case CHB_NOTE_RELEASED:
    case CHB_NOTE_HANG:
    case CHB_NOTE_JOIN_STARTED:
    case CHB_NOTE_JOIN_FAILED:
    case CHB_NOTE_PAIRED:
    case CHB_NOTE_SWITCHOVER:
    case CHB_NOTE_LOST_LINE:
    case CHB_NOTE_STALLED:
    case CHB_NOTE_GUEST_OFF:
    case CHB_NOTE_UNFIT:
    case CHB_NOTE_MAX:
        break;
    }
    return NULL;
}
