/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gate (gate.h). Everything here reads; nothing here changes anything. */
#include <agent/core/internal.h>

static struct chb_verdict no(enum chb_reason reason, uint32_t node)
{
    return (struct chb_verdict){.allowed = false, .reason = reason, .node = node};
}

static struct chb_verdict yes(enum chb_proof proof, uint32_t node)
{
    return (struct chb_verdict){
        .allowed = true, .proof = proof, .reason = CHB_REASON_OK, .node = node};
}

/* R3.2: what proves that the peer cannot serve any more. NONE if nothing does. Neither absence nor
 * silence nor a count of votes proves anything; only where the operator has signed for it
 * (require_fencing=false) a node that the majority has lost counts as one that is off. */
static enum chb_proof proof_of_death(const struct chb_core *core, const struct chb_peer *peer)
{
    if (peer->dead_generation >= core->generation) {
        return CHB_PROOF_P1_DEATH_SEEN;
    }
    if (chb_peer_talks(peer)) {
        return CHB_PROOF_NONE; /* it talks: only its own word counts */
    }
    if (chb_time_is_set(peer->fenced_at)) {
        return CHB_PROOF_P2_FENCED;
    }
    if (peer->operator_says_down) {
        return CHB_PROOF_P3_OPERATOR;
    }
    chb_time settled = chb_time_add(core->cluster_up_at, chb_ms(CHB_AGENT_GRACE_MS));
    if (!core->settings.require_fencing && peer->lost && core->cluster_up && core->quorate &&
        chb_time_reached(core->now, settled)) {
        return CHB_PROOF_UNSAFE;
    }
    return CHB_PROOF_NONE;
}

/* No proof: in the words that tell the operator what would help. */
static enum chb_reason why_no_proof(const struct chb_core *core, const struct chb_peer *peer)
{
    bool broken = chb_time_is_set(core->broken_at) || core->broken_generation != 0;
    if (!core->cluster_up) {
        return CHB_REASON_CLUSTER_LOST;
    }
    if (chb_peer_talks(peer)) {
        if (core->link_stuck && !broken) {
            return CHB_REASON_LINK_STUCK;
        }
        return broken ? CHB_REASON_NO_PROOF_SETTLING : CHB_REASON_PEER_ALIVE;
    }
    if (!peer->lost && !broken) {
        return CHB_REASON_PEER_ALIVE; /* its agent is away; replication goes on */
    }
    if (core->fencing_known && !core->fencing_configured) {
        return CHB_REASON_NO_PROOF_NO_FENCING;
    }
    if (!core->quorate) {
        return CHB_REASON_NO_PROOF_NO_QUORUM;
    }
    if (core->fence_tries > 0) {
        return CHB_REASON_NO_PROOF_FENCE_FAILED;
    }
    return peer->lost ? CHB_REASON_NO_PROOF_FENCING : CHB_REASON_NO_PROOF_AGENT;
}

/* A replica in COLO (R3.5). */
static struct chb_verdict gate_live(const struct chb_core *core)
{
    const struct chb_peer *peer = chb_core_peer(core, core->peer);
    const struct chb_peer *newer = chb_find_newer(core, core->generation);

    if (!core->eligible || peer == NULL) {
        return no(CHB_REASON_FILLING, core->peer); /* R4 */
    }
    if (newer != NULL) {
        return no(CHB_REASON_NEWER_ELSEWHERE, newer->node); /* R2, R4 */
    }
    if (core->cib_known && core->cib_generation > core->generation) {
        return no(CHB_REASON_NEWER_ELSEWHERE, core->cib_node);
    }
    enum chb_proof proof = proof_of_death(core, peer);
    if (proof == CHB_PROOF_NONE) {
        return no(why_no_proof(core, peer), peer->node);
    }
    return yes(proof, peer->node);
}

/* First start: nobody has a record. Which host has the data is never guessed: it is so only if
 * every host was asked and one alone has images, or if the operator says so. */
static struct chb_verdict gate_first_start(const struct chb_core *core)
{
    uint32_t with_image = 0;
    uint32_t n_with_image = 0;

    if (core->seeded) {
        return yes(CHB_PROOF_RECORD, core->self);
    }
    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_peer *peer = &core->peers[i];
        if (peer->node == 0 || !(peer->expected || peer->member)) {
            continue;
        }
        if (chb_peer_talks(peer) && peer->msg.seeded) {
            return no(CHB_REASON_FIRST_START_OTHER, peer->node);
        }
        if (!chb_peer_talks(peer) || peer->msg.phase == CHB_PHASE_STOPPED) {
            return no(CHB_REASON_FIRST_START_NODES, peer->node);
        }
        if (peer->msg.image_present) {
            with_image = peer->node;
            n_with_image++;
        }
    }
    if (core->settings.image_present && n_with_image == 0) {
        return yes(CHB_PROOF_RECORD, core->self);
    }
    if (!core->settings.image_present && n_with_image == 1) {
        return no(CHB_REASON_FIRST_START_OTHER, with_image);
    }
    return no(CHB_REASON_FIRST_START_ASK, with_image);
}

/* Own record says "paired": the peer may have gone on, so its record is needed (R5). */
static struct chb_verdict gate_cold_paired(const struct chb_core *core)
{
    const struct chb_peer *peer = chb_core_peer(core, core->record.peer);
    const struct chb_record *theirs = peer != NULL ? &peer->msg.record : NULL;

    if (core->seeded) {
        return yes(CHB_PROOF_RECORD, core->self);
    }
    if (!chb_peer_talks(peer)) {
        return no(CHB_REASON_PEER_RECORD_NEEDED, core->record.peer);
    }
    if (theirs->kind == CHB_RECORD_UNKNOWN || theirs->kind == CHB_RECORD_NONE) {
        return no(CHB_REASON_PEER_RECORD_NEEDED,
                  peer->node); /* it may have gone on and forgotten */
    }
    if (peer->msg.phase == CHB_PHASE_FILLING) {
        return no(CHB_REASON_PEER_RECORD_NEEDED, peer->node); /* it may be about to become one */
    }
    bool never_in_it =
        theirs->generation < core->record.generation || theirs->kind == CHB_RECORD_FILLING;
    if (core->record.role != CHB_ROLE_PRIMARY) {
        return no(CHB_REASON_WAS_SECONDARY, peer->node);
    }
    /* Same generation, theirs still "paired": it has not gone on, and its replica must be dead. */
    if (never_in_it || peer->dead_generation >= core->record.generation) {
        return yes(CHB_PROOF_RECORD, peer->node);
    }
    return no(CHB_REASON_PEER_RECORD_NEEDED, peer->node);
}

/* Of two hosts with a replica, people want to hear of the primary. */
static uint32_t who_serves(const struct chb_core *core, uint32_t otherwise)
{
    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_peer *peer = &core->peers[i];
        if (peer->node != 0 && chb_peer_talks(peer) && chb_peer_has_replica(peer) &&
            peer->msg.role == CHB_ROLE_PRIMARY) {
            return peer->node;
        }
    }
    return otherwise;
}

/* No replica of the VM may be alive or newer anywhere that can be reached. */
static struct chb_verdict gate_cold_others(const struct chb_core *core)
{
    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_peer *peer = &core->peers[i];
        if (peer->node == 0) {
            continue;
        }
        if (peer->member && !chb_peer_talks(peer)) {
            return no(CHB_REASON_PEER_RECORD_NEEDED, peer->node);
        }
        if (chb_peer_talks(peer) && chb_peer_has_replica(peer)) {
            return no(CHB_REASON_SERVED_ELSEWHERE, who_serves(core, peer->node));
        }
        const struct chb_record *theirs = &peer->msg.record;
        if (core->record.generation != 0 && core->record.generation == theirs->generation &&
            core->record.author != theirs->author && !core->seeded &&
            chb_record_is_history(theirs) && core->record.kind != CHB_RECORD_FILLING) {
            return no(CHB_REASON_DIVERGED, peer->node);
        }
    }
    /* An unknown record cannot be compared: then the operator's word, given for this host, is that
     * it is the newest, and it begins a generation beyond all others. */
    if (core->record.kind == CHB_RECORD_UNKNOWN) {
        return core->seeded ? yes(CHB_PROOF_RECORD, core->self)
                            : no(CHB_REASON_RECORD_UNKNOWN, core->self);
    }
    const struct chb_peer *newer = chb_find_newer(core, core->record.generation);
    if (newer != NULL) {
        return no(CHB_REASON_NEWER_ELSEWHERE, newer->node);
    }
    if (core->cib_known && core->cib_generation > core->record.generation) {
        return no(CHB_REASON_NEWER_ELSEWHERE, core->cib_node);
    }
    return yes(CHB_PROOF_RECORD, core->self);
}

/* A host without a replica (R4.1, R5.4). */
static struct chb_verdict gate_cold(const struct chb_core *core)
{
    if (!core->loaded) {
        return no(CHB_REASON_RECORD_UNKNOWN, core->self);
    }
    if (core->qemu_alive) {
        return no(CHB_REASON_DYING, core->self); /* R6 */
    }
    if (core->pending.persist != 0) {
        return no(CHB_REASON_RECORD_PENDING, core->self);
    }
    if (core->record_unsure) {
        return no(CHB_REASON_RECORD_FAILED, core->self);
    }
    if (!core->cluster_up) {
        return no(CHB_REASON_CLUSTER_LOST, core->self);
    }
    struct chb_verdict others = gate_cold_others(core);
    if (!others.allowed) {
        return others;
    }
    switch (core->record.kind) {
    case CHB_RECORD_NONE:
        return gate_first_start(core);
    case CHB_RECORD_SOLO:
        return yes(CHB_PROOF_RECORD, core->self);
    case CHB_RECORD_PAIRED:
        return gate_cold_paired(core);
    case CHB_RECORD_FILLING:
        return no(CHB_REASON_FILLING, core->record.peer); /* R4.1, even for the operator */
    case CHB_RECORD_UNKNOWN:
        return others;
    case CHB_RECORD_KIND_MAX:
        break;
    }
    return no(CHB_REASON_RECORD_UNKNOWN, core->self);
}

struct chb_verdict chb_gate(const struct chb_core *core)
{
    if (!core->started || core->stop_wanted) {
        return no(CHB_REASON_NOT_STARTED, core->self);
    }
    if (core->guest_off) {
        return no(CHB_REASON_GUEST_OFF, core->self);
    }
    switch (core->phase) {
    case CHB_PHASE_STOPPED:
        return no(CHB_REASON_NOT_STARTED, core->self);
    case CHB_PHASE_SPARE:
        return gate_cold(core);
    case CHB_PHASE_BOOTING:
        return no(CHB_REASON_RECORD_PENDING, core->self);
    case CHB_PHASE_SOLO:
        return no(CHB_REASON_ALREADY_SERVING, core->self);
    case CHB_PHASE_FILLING:
        return no(CHB_REASON_FILLING, core->join_node);
    case CHB_PHASE_PAIRED:
    case CHB_PHASE_HOLDING:
    case CHB_PHASE_GOING_SOLO:
        return gate_live(core);
    case CHB_PHASE_DYING:
        return no(CHB_REASON_DYING, core->self);
    case CHB_PHASE_MAX:
        break;
    }
    return no(CHB_REASON_RECORD_UNKNOWN, core->self);
}
