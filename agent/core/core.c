/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One step: write down what happened, decide, and tell the others what has changed. */
#include <string.h>

#include <agent/core/internal.h>

void chb_core_init(struct chb_core *ret_core, uint32_t self, uint64_t boot, const uint32_t *nodes,
                   uint32_t n_nodes)
{
    CHB_CORE_ASSERT(self != 0 && boot != 0);
    memset(ret_core, 0, sizeof(*ret_core));
    ret_core->self = self;
    ret_core->boot = boot;
    ret_core->next_qemu = boot << 16; /* unlike those of an earlier daemon on this host */
    ret_core->health = 100;
    ret_core->settings.hang_timeout = chb_ms(1000);
    ret_core->settings.require_fencing = true;
    for (uint32_t i = 0; i < n_nodes && i < CHB_NODES_MAX; i++) {
        struct chb_peer *peer = chb_peer_slot_new(ret_core, nodes[i]);
        if (peer != NULL) {
            peer->expected = true;
        }
    }
}

/* R3.3. P1 of a host without a QEMU covers every generation that it has heard of: none of them has
 * a replica here, and a cold start begins a new one. Thus a primary that committed a pair with a
 * secondary that died before it heard of it has its proof, too. */
static void claim_dead(struct chb_core *core)
{
    if (!core->loaded || core->qemu_alive || core->pending.persist != 0 || core->record_unsure ||
        core->phase == CHB_PHASE_BOOTING) { /* a QEMU of the recorded generation is about to be */
        return;
    }
    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_peer *peer = &core->peers[i];
        if (peer->node != 0 && peer->heard && peer->msg.generation > core->dead_generation) {
            core->dead_generation = peer->msg.generation;
        }
    }
    if (core->record.kind != CHB_RECORD_UNKNOWN &&
        core->record.generation > core->dead_generation) {
        core->dead_generation = core->record.generation;
    }
}

/* The QEMU was seen dead in this step. */
static void after_death(struct chb_core *core, struct chb_actions *actions)
{
    core->exited = false;
    if (core->phase == CHB_PHASE_DYING || core->phase == CHB_PHASE_STOPPED ||
        core->phase == CHB_PHASE_SPARE) {
        return;
    }
    if (core->phase == CHB_PHASE_BOOTING) {
        core->last_failure = CHB_REASON_QEMU_FAILED;
        core->promoted = false;
        chb_reply(actions, &core->pending.promote_reply, false, CHB_REASON_QEMU_FAILED, core->self);
    }
    if (core->phase == CHB_PHASE_FILLING) {
        core->join = CHB_JOIN_FAILED;
        core->last_failure = CHB_REASON_QEMU_FAILED;
        chb_note(actions, CHB_NOTE_JOIN_FAILED, core->self, (uint32_t)core->last_failure, 0);
    } else {
        core->join = CHB_JOIN_NONE;
    }
    chb_reply(actions, &core->pending.demote_reply, true, CHB_REASON_OK, 0);
    chb_enter(core, actions, CHB_PHASE_SPARE);
}

static void decide(struct chb_core *core, struct chb_actions *actions)
{
    switch (core->phase) {
    case CHB_PHASE_STOPPED:
        chb_phase_stopped(core, actions);
        return;
    case CHB_PHASE_SPARE:
        chb_phase_spare(core, actions);
        return;
    case CHB_PHASE_BOOTING:
        chb_phase_booting(core, actions);
        return;
    case CHB_PHASE_SOLO:
        chb_phase_solo(core, actions);
        return;
    case CHB_PHASE_FILLING:
        chb_phase_filling(core, actions);
        return;
    case CHB_PHASE_PAIRED:
        chb_phase_paired(core, actions);
        return;
    case CHB_PHASE_HOLDING:
        chb_phase_holding(core, actions);
        return;
    case CHB_PHASE_GOING_SOLO:
        chb_phase_going_solo(core, actions);
        return;
    case CHB_PHASE_DYING:
        chb_phase_dying(core, actions);
        return;
    case CHB_PHASE_MAX:
        break;
    }
    CHB_CORE_ASSERT(false);
}

static bool same_bytes(const void *a, const void *b, size_t size)
{
    const unsigned char *x = a;
    const unsigned char *y = b;
    unsigned char difference = 0;
    for (size_t i = 0; i < size; i++) {
        difference |= x[i] ^ y[i];
    }
    return difference == 0;
}

static void tell(struct chb_core *core, struct chb_actions *actions)
{
    struct chb_state_msg state;

    if (!core->loaded || !core->cluster_up) {
        return;
    }
    chb_core_state(core, &state);
    if (!core->tell && same_bytes(&state, &core->told, sizeof(state))) {
        return;
    }
    core->tell = false;
    memcpy(&core->told, &state, sizeof(state));
    memcpy(&chb_act(actions, CHB_ACTION_SEND_STATE)->u.state, &state, sizeof(state));
}

void chb_core_step(struct chb_core *core, const struct chb_event *event,
                   struct chb_actions *ret_actions)
{
    ret_actions->count = 0;
    if (chb_time_before(core->now, event->at)) {
        core->now = event->at; /* never back */
    }
    chb_facts(core, event, ret_actions);
    if (!core->loaded) {
        return;
    }
    if (core->exited) {
        after_death(core, ret_actions);
    }
    claim_dead(core);
    /* A phase may lead on to the next at once; the longest way has four. */
    for (int i = 0; i < 6; i++) {
        enum chb_phase phase = core->phase;
        decide(core, ret_actions);
        if (core->phase == phase) {
            break;
        }
    }
    chb_record_merge(core, ret_actions); /* last: no decision waits for it */
    chb_score(core, ret_actions);
    tell(core, ret_actions);
}

void chb_core_state(const struct chb_core *core, struct chb_state_msg *ret_state)
{
    memset(ret_state, 0, sizeof(*ret_state)); /* padding too: states are compared as bytes */
    ret_state->record.kind = core->record.kind;
    ret_state->record.generation = core->record.generation;
    ret_state->record.author = core->record.author;
    ret_state->record.peer = core->record.peer;
    ret_state->record.role = core->record.role;
    ret_state->record.overlays_pending = core->record.overlays_pending;
    if (!core->qemu_alive && (core->pending.persist != 0 || core->record_unsure)) {
        ret_state->record.kind = CHB_RECORD_UNKNOWN; /* either may be on the disk */
    }
    ret_state->phase = core->phase;
    ret_state->role = core->role;
    ret_state->generation = core->generation;
    ret_state->dead_generation = core->dead_generation;
    ret_state->broken_generation = core->broken_generation;
    ret_state->join = core->join;
    ret_state->join_node = core->join_node;
    ret_state->join_id = core->join_id;
    ret_state->ports = core->ports;
    memcpy(ret_state->disk_bytes, core->settings.disk_bytes, sizeof(ret_state->disk_bytes));
    memcpy(ret_state->spec_parts, core->settings.spec_parts, sizeof(ret_state->spec_parts));
    ret_state->spec_hash = core->settings.spec_hash;
    ret_state->qemu_version = core->settings.qemu_version;
    ret_state->health = core->broken_generation != 0 ? core->broken_fitness : core->health;
    ret_state->image_present = core->settings.image_present;
    ret_state->seeded = core->seeded;
    ret_state->oob_alive = chb_oob_alive(core);
    ret_state->main_alive = chb_main_alive(core);
}

bool chb_core_serves(const struct chb_core *core)
{
    return core->qemu_alive && !core->frozen &&
           (core->phase == CHB_PHASE_SOLO ||
            (core->phase == CHB_PHASE_PAIRED && core->role == CHB_ROLE_PRIMARY) ||
            (core->phase == CHB_PHASE_GOING_SOLO && core->pending.sequence != 0));
}

static void sooner(chb_time *deadline, bool when, chb_time at)
{
    if (when) {
        *deadline = chb_time_min(*deadline, at);
    }
}

static chb_time hang_deadline(const struct chb_core *core, chb_time deadline)
{
    chb_span half = {.ns = core->settings.hang_timeout.ns / 2};
    chb_span whole = core->settings.hang_timeout;
    chb_span three = {.ns = 3 * core->settings.hang_timeout.ns};
    const struct chb_peer *peer = chb_core_peer(core, core->peer);

    if (core->phase != CHB_PHASE_PAIRED || core->frozen || peer == NULL) {
        return deadline;
    }
    /* Past moments have had their step; waking for them again would spin. */
    const chb_time at[] = {chb_time_add(core->oob_pong_at, half),
                           chb_time_add(core->oob_pong_at, whole),
                           chb_time_add(core->main_pong_at, whole),
                           chb_time_add(core->main_pong_at, three),
                           chb_time_add(chb_oob_silent_since(core, peer), whole),
                           chb_time_add(chb_main_silent_since(core, peer), three)};
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        sooner(&deadline, chb_time_before(core->now, at[i]), at[i]);
    }
    return deadline;
}

/* R10.1 */
chb_time chb_core_deadline(const struct chb_core *core)
{
    const struct chb_peer *peer = chb_core_peer(core, core->peer);
    chb_time deadline = hang_deadline(core, CHB_TIME_FOREVER);
    bool in_pair = core->phase == CHB_PHASE_PAIRED || core->phase == CHB_PHASE_HOLDING;
    chb_time at = chb_time_add(core->broken_at, chb_ms(CHB_BROKEN_GRACE_MS));

    sooner(&deadline, in_pair && chb_time_is_set(core->broken_at) && chb_time_before(core->now, at),
           at);
    at = chb_time_add(core->lost_at, chb_ms(CHB_AGENT_GRACE_MS));
    sooner(&deadline, core->phase == CHB_PHASE_HOLDING && chb_time_before(core->now, at), at);
    at = peer != NULL ? chb_time_add(peer->up_at, chb_ms(CHB_AGENT_GRACE_MS)) : CHB_TIME_NEVER;
    sooner(&deadline, core->phase == CHB_PHASE_HOLDING && chb_time_before(core->now, at), at);
    at = chb_time_add(core->cluster_up_at, chb_ms(CHB_AGENT_GRACE_MS));
    sooner(&deadline, core->phase == CHB_PHASE_HOLDING && chb_time_before(core->now, at), at);
    at = chb_time_add(core->loaded_at, chb_ms(CHB_CLUSTER_GRACE_MS));
    sooner(&deadline,
           in_pair && !chb_time_is_set(core->cluster_up_at) && chb_time_before(core->now, at), at);
    at = core->fence_retry_at;
    sooner(&deadline,
           core->phase == CHB_PHASE_HOLDING && peer != NULL && chb_time_before(core->now, at), at);
    at = chb_time_add(core->unfit_since, chb_ms(CHB_UNFIT_PATIENCE_MS));
    sooner(&deadline,
           core->phase == CHB_PHASE_PAIRED && chb_time_is_set(core->unfit_since) &&
               chb_time_before(core->now, at),
           at);
    at = core->record_retry_at;
    sooner(&deadline, core->record_unsure && chb_time_before(core->now, at), at);
    at = core->off_until;
    sooner(&deadline, core->guest_off && chb_time_before(core->now, at), at);
    at = core->powerdown_until;
    sooner(&deadline, chb_time_before(core->now, at), at);
    if (core->phase == CHB_PHASE_SOLO) {
        at = chb_time_add(core->solo_at, chb_ms(CHB_MERGE_PATIENCE_MS));
        sooner(&deadline, core->record.overlays_pending && chb_time_before(core->now, at), at);
        at = core->join_retry_at;
        sooner(&deadline, core->join == CHB_JOIN_NONE && chb_time_before(core->now, at), at);
        at = core->abort_retry_at;
        sooner(&deadline, core->join_dirty && chb_time_before(core->now, at), at);
        at = chb_time_add(core->join_started_at, chb_ms(CHB_JOIN_READY_TIMEOUT_MS));
        sooner(&deadline, core->join == CHB_JOIN_WANTED && chb_time_before(core->now, at), at);
    }
    return deadline;
}
