/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person can do about a reason. */
#include <agent/text/reason.h>

#include <agent/text/say.h>

/* The peer's node is lost: first what brings the proof by itself, then what a person can vouch for.
 */
static void say_loss(struct chb_say *say, enum chb_reason reason, const char *vm, const char *node)
{
    if (reason == CHB_REASON_NO_PROOF_FENCE_FAILED) {
        chb_say(say, "repair its fence device (stonith_admin --history %s says what failed); ",
                node);
    } else if (reason == CHB_REASON_NO_PROOF_NO_QUORUM) {
        chb_say(say, "bring other nodes back (corosync-quorumtool); ");
    } else if (reason == CHB_REASON_NO_PROOF_NO_FENCING) {
        chb_say(say, "create a fence device and set stonith-enabled=true; ");
    }
    chb_say(say, "if %s is off for certain: coloctl failover %s --peer-is-down %s", node, vm, node);
}

/* Nobody has the right to start from disk yet. */
static void say_cold(struct chb_say *say, enum chb_reason reason, const char *vm, const char *node,
                     const char *self)
{
    if (reason == CHB_REASON_RECORD_UNKNOWN) {
        chb_say(say, "if the newest data is here for certain: coloctl resync %s --from %s", vm,
                self);
    } else if (reason == CHB_REASON_PEER_RECORD_NEEDED) {
        chb_say(say,
                "start %s with colo-hbd; if its copy is lost for certain: coloctl resync %s "
                "--from %s",
                node, vm, self);
    } else if (reason == CHB_REASON_NEWER_ELSEWHERE) {
        chb_say(say, "start the VM on %s; the copy here is then filled by itself", node);
    } else if (reason == CHB_REASON_FIRST_START_NODES) {
        chb_say(say,
                "start %s with colo-hbd and the resource, or say who has the data: coloctl "
                "resync %s --from NODE",
                node, vm);
    } else if (reason == CHB_REASON_FIRST_START_ASK) {
        chb_say(say, "say who has the data: coloctl resync %s --from NODE", vm);
    } else {
        chb_say(say,
                "choose the one to keep, the other is overwritten: coloctl resync %s --from "
                "NODE",
                vm);
    }
}

char *chb_text_remedy(enum chb_reason reason, const struct chb_text_about *about,
                      const struct chb_text_names *names, char *ret_text, size_t size)
{
    struct chb_say say = chb_say_begin(ret_text, size);
    const char *vm = about->vm == NULL || about->vm[0] == '\0' ? "VM" : about->vm;
    char node[CHB_TEXT_NODE_SIZE];
    char self[CHB_TEXT_NODE_SIZE];
    chb_text_node(names, about->node, node);
    chb_text_node(names, about->self, self);
    switch (reason) {
    case CHB_REASON_NOT_STARTED:
        chb_say(&say, "start it: pcs resource enable %s", vm);
        break;
    case CHB_REASON_FILLING:
        chb_say(&say, "wait until it is complete; coloctl status %s shows how far it is", vm);
        break;
    case CHB_REASON_PEER_ALIVE:
        chb_say(&say, "to move the VM on purpose: coloctl switchover %s", vm);
        break;
    case CHB_REASON_NO_PROOF_FENCING:
    case CHB_REASON_NO_PROOF_FENCE_FAILED:
    case CHB_REASON_NO_PROOF_NO_QUORUM:
    case CHB_REASON_NO_PROOF_NO_FENCING:
        say_loss(&say, reason, vm, node);
        break;
    case CHB_REASON_NO_PROOF_AGENT:
        chb_say(&say, "on %s: systemctl restart colo-hbd", node);
        break;
    case CHB_REASON_CLUSTER_LOST:
        chb_say(&say, "systemctl status corosync says why; start it with systemctl start corosync");
        break;
    case CHB_REASON_RECORD_FAILED:
        chb_say(&say,
                "check the disk of the state folder (df, dmesg); it is tried again by itself");
        break;
    case CHB_REASON_RECORD_UNKNOWN:
    case CHB_REASON_PEER_RECORD_NEEDED:
    case CHB_REASON_NEWER_ELSEWHERE:
    case CHB_REASON_FIRST_START_NODES:
    case CHB_REASON_FIRST_START_ASK:
    case CHB_REASON_DIVERGED:
        say_cold(&say, reason, vm, node, self);
        break;
    case CHB_REASON_QEMU_FAILED:
        chb_say(&say, "coloctl events %s has QEMU's own words; it is tried again by itself", vm);
        break;
    case CHB_REASON_GUEST_OFF:
        chb_say(&say, "to start it again: pcs resource disable %s, then pcs resource enable %s", vm,
                vm);
        break;
    case CHB_REASON_OK:
    case CHB_REASON_NO_REPLICA:
    case CHB_REASON_ALREADY_SERVING:
    case CHB_REASON_NO_PROOF_SETTLING:
    case CHB_REASON_LINK_STUCK:
    case CHB_REASON_RECORD_PENDING:
    case CHB_REASON_SERVED_ELSEWHERE:
    case CHB_REASON_WAS_SECONDARY:
    case CHB_REASON_FIRST_START_OTHER:
    case CHB_REASON_DYING:
    case CHB_REASON_MAX:
        break; /* it passes by itself, or there is nothing wrong */
    }
    return ret_text;
}
