/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/text/status.h>

#include <agent/text/lonely.h>
#include <agent/text/say.h>

void chb_text_status_of_core(const struct chb_core *core, const struct chb_verdict *verdict,
                             const char *vm, int percent, struct chb_text_status *ret_status)
{
    bool joining = core->phase == CHB_PHASE_SOLO &&
                   (core->join == CHB_JOIN_WANTED || core->join == CHB_JOIN_READY ||
                    core->join == CHB_JOIN_RUNNING);
    bool filling = core->phase == CHB_PHASE_FILLING;
    const struct chb_peer *peer = chb_core_peer(core, core->peer);
    *ret_status = (struct chb_text_status){
        .phase = core->phase,
        .role = core->role,
        .generation = core->generation,
        .peer = joining || filling ? core->join_node : core->peer,
        .joining = joining,
        .percent = joining || filling ? percent : -1,
        .guest_off = core->guest_off,
        .broken = core->broken_generation != 0 && core->broken_generation == core->generation,
        .peer_silent = peer != NULL && (!peer->member || peer->silent),
        .no_fencing = core->fencing_known && !core->fencing_configured,
        .proof = core->proof,
        .reason = verdict != NULL ? verdict->reason : CHB_REASON_OK,
    };
    chb_text_about_core(core, verdict, vm, &ret_status->about);
    ret_status->about.detail = NULL;
    if (core->phase == CHB_PHASE_SOLO) {
        ret_status->lonely =
            chb_lonely_of_core(core, &ret_status->lonely_node, &ret_status->lonely_failures,
                               &ret_status->lonely_parts);
    }
}

void chb_text_status_of_state(const struct chb_state_msg *state, uint32_t node,
                              struct chb_text_status *ret_status)
{
    bool joining = state->phase == CHB_PHASE_SOLO &&
                   (state->join == CHB_JOIN_WANTED || state->join == CHB_JOIN_READY ||
                    state->join == CHB_JOIN_RUNNING);
    bool filling = state->phase == CHB_PHASE_FILLING;
    *ret_status = (struct chb_text_status){
        .phase = state->phase,
        .role = state->role,
        .generation = state->generation,
        .peer = joining || filling ? state->join_node : state->record.peer,
        .joining = joining,
        .percent = -1,
        .broken = state->broken_generation != 0 && state->broken_generation == state->generation,
        .about = {.self = node},
    };
}

static void say_parts(struct chb_say *say, uint32_t parts)
{
    const char *between = "";
    for (enum chb_spec_part part = 0; part < CHB_SPEC_PARTS; part++) {
        if ((parts & 1u << part) != 0) {
            chb_say(say, "%s%s", between, chb_spec_part_text(part));
            between = ", ";
        }
    }
    chb_say(say, "%s", parts != 0 ? " differ" : "parameters differ");
}

/* In the order in which the user wrote them, counted from 1. */
static void say_disks(struct chb_say *say, uint32_t disks)
{
    const char *between = " (disk ";
    for (unsigned i = 0; i < CHB_DISKS_MAX; i++) {
        if ((disks & 1u << i) != 0) {
            chb_say(say, "%s%u", between, i + 1);
            between = ", ";
        }
    }
    chb_say(say, "%s", disks != 0 ? ")" : "");
}

static void say_lonely(struct chb_say *say, const struct chb_text_status *status,
                       const struct chb_text_names *names)
{
    static const char *const texts[] = {
        [CHB_LONELY_UNKNOWN] = "",
        [CHB_LONELY_NOBODY] = "no other node is configured",
        [CHB_LONELY_NODE_DOWN] = " is not in the cluster",
        [CHB_LONELY_AGENT_DOWN] = " runs no colo-hbd",
        [CHB_LONELY_SILENT] = " has a colo-hbd that does not answer",
        [CHB_LONELY_FOREIGN] = " has a colo-hbd of another protocol: upgrade the older one",
        [CHB_LONELY_STOPPED] = " has not started the resource",
        [CHB_LONELY_SPEC] = " would run another machine: ",
        [CHB_LONELY_VERSION] = " has another version of QEMU",
        [CHB_LONELY_SIZE] = " has an image of another size",
        [CHB_LONELY_UNHEALTHY] = " is not fit",
        [CHB_LONELY_FAILED] = " could not be filled",
        [CHB_LONELY_SOON] = " is next",
    };
    char node[CHB_TEXT_NODE_SIZE];
    if (status->lonely == CHB_LONELY_UNKNOWN || status->lonely >= CHB_LONELY_MAX) {
        return;
    }
    chb_say(say, ", no peer: %s%s",
            status->lonely == CHB_LONELY_NOBODY ? ""
                                                : chb_text_node(names, status->lonely_node, node),
            texts[status->lonely]);
    if (status->lonely == CHB_LONELY_SPEC) {
        say_parts(say, status->lonely_parts);
    }
    if (status->lonely == CHB_LONELY_SIZE) {
        say_disks(say, status->lonely_parts);
    }
    if (status->lonely == CHB_LONELY_FAILED) {
        chb_say(say, " (%u times), trying again", (unsigned)status->lonely_failures);
    }
}

static void say_solo(struct chb_say *say, const struct chb_text_status *status,
                     const struct chb_text_names *names)
{
    char node[CHB_TEXT_NODE_SIZE];
    chb_say(say, "solo");
    if (status->proof == CHB_PROOF_P3_OPERATOR) {
        chb_say(say, " by the operator's word");
    } else if (status->proof == CHB_PROOF_UNSAFE) {
        chb_say(say, " without proof (require_fencing=false)");
    }
    chb_say(say, ", generation %llu", (unsigned long long)status->generation);
    if (!status->joining) {
        say_lonely(say, status, names);
        return;
    }
    chb_say(say, ", filling %s", chb_text_node(names, status->peer, node));
    if (status->percent >= 0) {
        chb_say(say, ": %d %%", status->percent);
    }
}

static void say_paired(struct chb_say *say, const struct chb_text_status *status, const char *peer)
{
    chb_say(say, "%s, ", status->role == CHB_ROLE_PRIMARY ? "primary" : "secondary");
    if (status->broken) {
        chb_say(say, "replication with %s broken", peer);
    } else {
        chb_say(say, "in sync with %s", peer);
    }
    chb_say(say, ", generation %llu", (unsigned long long)status->generation);
    if (status->peer_silent) {
        chb_say(say, ", colo-hbd on %s %s", peer,
                status->peer_foreign ? "speaks another protocol" : "does not answer");
    }
    if (status->no_fencing) {
        chb_say(say, ", no fencing is configured");
    }
}

/* A host without a replica: spare, or waiting for the right to start from disk. */
static void say_spare(struct chb_say *say, const struct chb_text_status *status, const char *reason)
{
    if (status->reason == CHB_REASON_OK || status->reason == CHB_REASON_NO_REPLICA ||
        status->reason == CHB_REASON_NOT_STARTED) {
        chb_say(say, "spare, no copy here");
    } else if (status->reason == CHB_REASON_SERVED_ELSEWHERE) {
        chb_say(say, "spare: %s", reason);
    } else if (status->reason == CHB_REASON_PEER_RECORD_NEEDED ||
               status->reason == CHB_REASON_FIRST_START_NODES) {
        chb_say(say, "%s", reason); /* says itself that it waits */
    } else {
        chb_say(say, "waiting: %s", reason);
    }
}

char *chb_text_status_line(const struct chb_text_status *status, const struct chb_text_names *names,
                           char *ret_text, size_t size)
{
    struct chb_say say = chb_say_begin(ret_text, size);
    char reason[CHB_TEXT_SIZE];
    char peer[CHB_TEXT_NODE_SIZE];
    chb_text_node(names, status->peer, peer);
    chb_text_reason(status->reason, &status->about, names, reason, sizeof(reason));
    if (status->guest_off) {
        chb_say(&say, "off: the guest switched itself off");
        return ret_text;
    }
    switch (status->phase) {
    case CHB_PHASE_STOPPED:
        chb_say(&say, "stopped");
        break;
    case CHB_PHASE_SPARE:
        say_spare(&say, status, reason);
        break;
    case CHB_PHASE_BOOTING:
        chb_say(&say, "starting, generation %llu", (unsigned long long)status->generation);
        break;
    case CHB_PHASE_SOLO:
        say_solo(&say, status, names);
        break;
    case CHB_PHASE_FILLING:
        chb_say(&say, "filling");
        if (status->percent >= 0) {
            chb_say(&say, " %d %%", status->percent);
        }
        chb_say(&say, ", from %s", peer);
        break;
    case CHB_PHASE_PAIRED:
        say_paired(&say, status, peer);
        break;
    case CHB_PHASE_HOLDING:
        chb_say(&say, "holding: %s", status->reason == CHB_REASON_OK ? "peer lost" : reason);
        break;
    case CHB_PHASE_GOING_SOLO:
        chb_say(&say, "going solo, peer %s lost", peer);
        break;
    case CHB_PHASE_DYING:
        chb_say(&say, "ending, its QEMU is being killed");
        break;
    case CHB_PHASE_MAX:
        chb_say(&say, "unknown");
        break;
    }
    return ret_text;
}
