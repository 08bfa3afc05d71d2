/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/text/reason.h>

#include <string.h>

#include <agent/text/say.h>

void chb_text_about_core(const struct chb_core *core, const struct chb_verdict *verdict,
                         const char *vm, struct chb_text_about *ret_about)
{
    *ret_about = (struct chb_text_about){
        .vm = vm,
        .self = core->self,
        .node = verdict != NULL ? verdict->node : core->peer,
        .fence_tries = core->fence_tries,
    };
}

static void say_fence_failed(struct chb_say *say, const char *node, uint32_t tries)
{
    chb_say(say, "peer %s lost, waiting for fencing", node);
    if (tries == 1) {
        chb_say(say, " (1 try failed)");
    } else if (tries > 1) {
        chb_say(say, " (%u tries failed)", (unsigned)tries);
    } else {
        chb_say(say, " (it has failed so far)");
    }
}

/* The reasons that concern a live replica. Returns false for the others. */
static bool say_live(struct chb_say *say, enum chb_reason reason, const char *node, uint32_t tries)
{
    switch (reason) {
    case CHB_REASON_ALREADY_SERVING:
        chb_say(say, "this replica serves already");
        return true;
    case CHB_REASON_FILLING:
        chb_say(say, "the copy here is being filled and is not complete");
        return true;
    case CHB_REASON_PEER_ALIVE:
        chb_say(say, "the pair is whole: %s lives", node);
        return true;
    case CHB_REASON_NO_PROOF_FENCING:
        chb_say(say, "peer %s lost, waiting for fencing", node);
        return true;
    case CHB_REASON_NO_PROOF_FENCE_FAILED:
        say_fence_failed(say, node, tries);
        return true;
    case CHB_REASON_NO_PROOF_NO_QUORUM:
        chb_say(say, "peer %s lost, waiting for fencing, which needs quorum", node);
        return true;
    case CHB_REASON_NO_PROOF_NO_FENCING:
        chb_say(say, "peer %s lost, no fencing is configured, so nothing can prove that it is off",
                node);
        return true;
    case CHB_REASON_NO_PROOF_AGENT:
        chb_say(say, "colo-hbd on %s does not answer, but the node is in the cluster", node);
        return true;
    case CHB_REASON_NO_PROOF_SETTLING:
        chb_say(say, "replication with %s is broken, the two agents are settling it", node);
        return true;
    case CHB_REASON_LINK_STUCK:
        chb_say(say, "nothing reaches %s over the replication link", node);
        return true;
    case CHB_REASON_CLUSTER_LOST:
        chb_say(say, "this host has no connection to corosync");
        return true;
    case CHB_REASON_RECORD_PENDING:
        chb_say(say, "the record of the new generation is being written");
        return true;
    case CHB_REASON_RECORD_FAILED:
        chb_say(say, "the record of the new generation could not be written");
        return true;
    case CHB_REASON_DYING:
        chb_say(say, "the old QEMU is not gone yet");
        return true;
    case CHB_REASON_QEMU_FAILED:
        chb_say(say, "QEMU failed");
        return true;
    case CHB_REASON_GUEST_OFF:
        chb_say(say, "the guest switched itself off");
        return true;
    case CHB_REASON_OK:
    case CHB_REASON_NOT_STARTED:
    case CHB_REASON_NO_REPLICA:
    case CHB_REASON_RECORD_UNKNOWN:
    case CHB_REASON_PEER_RECORD_NEEDED:
    case CHB_REASON_NEWER_ELSEWHERE:
    case CHB_REASON_SERVED_ELSEWHERE:
    case CHB_REASON_WAS_SECONDARY:
    case CHB_REASON_FIRST_START_NODES:
    case CHB_REASON_FIRST_START_ASK:
    case CHB_REASON_FIRST_START_OTHER:
    case CHB_REASON_DIVERGED:
    case CHB_REASON_MAX:
        break;
    }
    return false;
}

/* The reasons that concern a start from disk, and the rest. */
static void say_cold(struct chb_say *say, enum chb_reason reason, const char *node)
{
    if (reason == CHB_REASON_OK) {
        chb_say(say, "nothing is in the way");
    } else if (reason == CHB_REASON_NOT_STARTED) {
        chb_say(say, "the resource is not started on this host");
    } else if (reason == CHB_REASON_NO_REPLICA) {
        chb_say(say, "there is no copy of the VM on this host");
    } else if (reason == CHB_REASON_RECORD_UNKNOWN) {
        chb_say(say,
                "this host's record is missing or damaged, so nobody knows whether its copy is "
                "the newest");
    } else if (reason == CHB_REASON_PEER_RECORD_NEEDED) {
        chb_say(say, "waiting for %s, which may have gone on alone and have the newer copy", node);
    } else if (reason == CHB_REASON_NEWER_ELSEWHERE) {
        chb_say(say, "%s has a newer copy", node);
    } else if (reason == CHB_REASON_SERVED_ELSEWHERE) {
        chb_say(say, "%s runs the VM", node);
    } else if (reason == CHB_REASON_WAS_SECONDARY) {
        chb_say(say, "%s was the primary of this pair and goes first", node);
    } else if (reason == CHB_REASON_FIRST_START_NODES) {
        chb_say(say, "first start: waiting to hear from %s", node);
    } else if (reason == CHB_REASON_FIRST_START_ASK) {
        chb_say(say, "first start: several hosts have an image, or none, so nobody knows which one "
                     "has the data");
    } else if (reason == CHB_REASON_FIRST_START_OTHER) {
        chb_say(say, "first start: the data is on %s", node);
    } else if (reason == CHB_REASON_DIVERGED) {
        chb_say(say, "the copies here and on %s went different ways", node);
    } else {
        chb_say(say, "unknown reason %u", (unsigned)reason);
    }
}

char *chb_text_reason(enum chb_reason reason, const struct chb_text_about *about,
                      const struct chb_text_names *names, char *ret_text, size_t size)
{
    struct chb_say say = chb_say_begin(ret_text, size);
    char node[CHB_TEXT_NODE_SIZE];
    chb_text_node(names, about->node, node);
    if (!say_live(&say, reason, node, about->fence_tries)) {
        say_cold(&say, reason, node);
    }
    if (about->detail != NULL && about->detail[0] != '\0') {
        chb_say(&say, ": %s", about->detail);
    }
    return ret_text;
}

char *chb_text_reason_and_remedy(enum chb_reason reason, const struct chb_text_about *about,
                                 const struct chb_text_names *names, char *ret_text, size_t size)
{
    char remedy[CHB_TEXT_SIZE];
    chb_text_reason(reason, about, names, ret_text, size);
    chb_text_remedy(reason, about, names, remedy, sizeof(remedy));
    struct chb_say say = {.text = ret_text, .size = size, .used = strlen(ret_text)};
    if (remedy[0] != '\0') {
        chb_say(&say, ": %s", remedy);
    }
    return ret_text;
}

char *chb_text_proof(enum chb_proof proof, const struct chb_text_about *about,
                     const struct chb_text_names *names, char *ret_text, size_t size)
{
    struct chb_say say = chb_say_begin(ret_text, size);
    char node[CHB_TEXT_NODE_SIZE];
    chb_text_node(names, about->node, node);
    switch (proof) {
    case CHB_PROOF_P1_DEATH_SEEN:
        chb_say(&say, "the agent of %s saw its QEMU die (P1)", node);
        break;
    case CHB_PROOF_P2_FENCED:
        chb_say(&say, "the fencer confirms that %s is off (P2)", node);
        break;
    case CHB_PROOF_P3_OPERATOR:
        chb_say(&say, "the operator says that %s is off (P3)", node);
        break;
    case CHB_PROOF_UNSAFE:
        chb_say(&say, "no proof that %s is off: require_fencing=false allows it", node);
        break;
    case CHB_PROOF_RECORD:
        chb_say(&say, "the records say that this copy is the newest");
        break;
    case CHB_PROOF_NONE:
    case CHB_PROOF_MAX:
        break;
    }
    return ret_text;
}

char *chb_text_verdict(const struct chb_verdict *verdict, const struct chb_text_about *about,
                       const struct chb_text_names *names, char *ret_text, size_t size)
{
    struct chb_say say = chb_say_begin(ret_text, size);
    struct chb_text_about here = *about;
    char text[CHB_TEXT_SIZE];
    here.node = verdict->node;
    if (verdict->allowed) {
        chb_say(&say, "may serve: %s",
                chb_text_proof(verdict->proof, &here, names, text, sizeof(text)));
    } else {
        chb_say(&say, "may not serve: %s",
                chb_text_reason(verdict->reason, &here, names, text, sizeof(text)));
    }
    return ret_text;
}
