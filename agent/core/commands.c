/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Pacemaker and operators ask for. */
#include <agent/core/internal.h>

static void start(struct chb_core *core, const struct chb_event *event, struct chb_actions *actions,
                  uint32_t id)
{
    int64_t timeout_ns = event->u.command.settings.hang_timeout.ns;

    core->settings = event->u.command.settings;
    if (timeout_ns < chb_ms(CHB_HANG_TIMEOUT_MIN_MS).ns) {
        core->settings.hang_timeout = chb_ms(CHB_HANG_TIMEOUT_MIN_MS);
    } else if (timeout_ns > chb_ms(CHB_HANG_TIMEOUT_MAX_MS).ns) {
        core->settings.hang_timeout = chb_ms(CHB_HANG_TIMEOUT_MAX_MS);
    }
    if (!core->started) {
        core->started = true;
        core->promoted = false;
        core->guest_off = false;
        core->off_until = CHB_TIME_NEVER;
    }
    core->stop_wanted = false;
    chb_reply(actions, &id, true, CHB_REASON_OK, 0);
}

/* A second command may give the guest more time, or none. */
static void give_time(struct chb_core *core, chb_span patience)
{
    int64_t ns = patience.ns < 0 ? 0 : patience.ns;

    if (ns > chb_ms(CHB_PATIENCE_MAX_MS).ns) {
        ns = chb_ms(CHB_PATIENCE_MAX_MS).ns;
    }
    core->powerdown_until =
        ns == 0 ? CHB_TIME_NEVER : chb_time_add(core->now, (chb_span){.ns = ns});
}

static void stop(struct chb_core *core, const struct chb_event *event, struct chb_actions *actions,
                 uint32_t id)
{
    if (!core->started && core->phase == CHB_PHASE_STOPPED) {
        chb_reply(actions, &id, true, CHB_REASON_OK, 0);
        return;
    }
    chb_reply(actions, &core->pending.stop_reply, false, CHB_REASON_DYING, core->self);
    core->pending.stop_reply = id;
    core->stop_wanted = true;
    core->promoted = false;
    give_time(core, event->u.command.patience);
}

/* Answered at once for a replica that lives, holding or not: while a promote waits, Pacemaker
 * fences nobody. A cold start is answered when QEMU runs or has failed. */
static void promote(struct chb_core *core, struct chb_actions *actions, uint32_t id)
{
    struct chb_verdict verdict = chb_gate(core);

    if (!core->started || core->stop_wanted) {
        chb_reply(actions, &id, false, CHB_REASON_NOT_STARTED, core->self);
        return;
    }
    switch (core->phase) {
    case CHB_PHASE_SOLO:
    case CHB_PHASE_PAIRED:
    case CHB_PHASE_HOLDING:
    case CHB_PHASE_GOING_SOLO:
        core->promoted = true;
        chb_reply(actions, &id, true, CHB_REASON_OK, 0);
        return;
    case CHB_PHASE_SPARE:
        if (!verdict.allowed) {
            chb_reply(actions, &id, false, verdict.reason, verdict.node);
            return;
        }
        break;
    case CHB_PHASE_BOOTING:
        break;
    case CHB_PHASE_STOPPED:
    case CHB_PHASE_FILLING:
    case CHB_PHASE_DYING:
    case CHB_PHASE_MAX:
        chb_reply(actions, &id, false, verdict.reason, verdict.node);
        return;
    }
    core->promoted = true;
    chb_reply(actions, &core->pending.promote_reply, false, CHB_REASON_RECORD_PENDING, core->self);
    core->pending.promote_reply = id;
}

static void demote(struct chb_core *core, const struct chb_event *event,
                   struct chb_actions *actions, uint32_t id)
{
    bool serves = core->role == CHB_ROLE_PRIMARY || core->phase == CHB_PHASE_SOLO ||
                  core->phase == CHB_PHASE_GOING_SOLO || core->phase == CHB_PHASE_BOOTING;

    core->promoted = false;
    if (!core->qemu_alive || !serves) {
        chb_reply(actions, &id, true, CHB_REASON_OK, 0);
        return;
    }
    chb_reply(actions, &core->pending.demote_reply, false, CHB_REASON_DYING, core->self);
    core->demote_wanted = true; /* pacemaker.c lets the replica go */
    core->pending.demote_reply = id;
    give_time(core, event->u.command.patience);
}

/* Only a pair in which the other side can take over at once. */
static bool may_hand_over(const struct chb_core *core, struct chb_verdict *ret_why_not)
{
    const struct chb_peer *peer = chb_core_peer(core, core->peer);

    if (core->phase != CHB_PHASE_PAIRED || !core->eligible) {
        *ret_why_not = (struct chb_verdict){.reason = CHB_REASON_NO_REPLICA, .node = core->peer};
        return false;
    }
    if (!chb_peer_talks(peer) || peer->msg.phase != CHB_PHASE_PAIRED ||
        peer->msg.generation != core->generation || !peer->msg.oob_alive) {
        *ret_why_not =
            (struct chb_verdict){.reason = CHB_REASON_NO_PROOF_AGENT, .node = core->peer};
        return false;
    }
    return true;
}

static void switchover(struct chb_core *core, struct chb_actions *actions, uint32_t id, bool resync)
{
    struct chb_verdict why_not = {0};

    if (resync && core->phase == CHB_PHASE_SOLO) {
        core->join_retry_at = CHB_TIME_NEVER; /* nothing to break up: just do not wait */
        core->join_failures = 0;
        chb_reply(actions, &id, true, CHB_REASON_OK, 0);
        return;
    }
    if (!may_hand_over(core, &why_not)) {
        chb_reply(actions, &id, false, why_not.reason, why_not.node);
        return;
    }
    enum chb_role who_dies = resync ? CHB_ROLE_SECONDARY : CHB_ROLE_PRIMARY;
    if (core->role == who_dies) {
        chb_note(actions, CHB_NOTE_SWITCHOVER, core->peer, 0, core->generation);
        chb_kill(core, actions); /* COLO survives a death at any moment: P1 does the rest */
    } else {
        struct chb_action *action = chb_act(actions, CHB_ACTION_SEND_REQUEST);
        action->u.request.request = resync ? CHB_REQUEST_RESYNC : CHB_REQUEST_SWITCHOVER;
        action->u.request.node = core->peer;
    }
    chb_reply(actions, &id, true, CHB_REASON_OK, core->peer);
}

/* P3. Refused while the node talks to us: then the operator is wrong. */
static void peer_is_down(struct chb_core *core, uint32_t node, struct chb_actions *actions,
                         uint32_t id)
{
    struct chb_peer *peer = chb_peer_slot(core, node);

    if (peer == NULL || chb_peer_talks(peer)) {
        chb_reply(actions, &id, false, CHB_REASON_PEER_ALIVE, node);
        return;
    }
    peer->operator_says_down = true;
    chb_reply(actions, &id, true, CHB_REASON_OK, node);
}

static void seed(struct chb_core *core, struct chb_actions *actions, uint32_t id)
{
    if (core->qemu_alive || core->record.kind == CHB_RECORD_FILLING) {
        chb_reply(actions, &id, false,
                  core->qemu_alive ? CHB_REASON_ALREADY_SERVING : CHB_REASON_FILLING, core->self);
        return;
    }
    core->seeded = true;
    chb_reply(actions, &id, true, CHB_REASON_OK, 0);
}

void chb_facts_command(struct chb_core *core, const struct chb_event *event,
                       struct chb_actions *actions)
{
    uint32_t id = event->u.command.id;

    if (event->kind == CHB_EVENT_START) {
        start(core, event, actions, id);
    } else if (event->kind == CHB_EVENT_STOP) {
        stop(core, event, actions, id);
    } else if (event->kind == CHB_EVENT_PROMOTE) {
        promote(core, actions, id);
    } else if (event->kind == CHB_EVENT_DEMOTE) {
        demote(core, event, actions, id);
    } else if (event->kind == CHB_EVENT_SWITCHOVER) {
        switchover(core, actions, id, false);
    } else if (event->kind == CHB_EVENT_RESYNC) {
        switchover(core, actions, id, true);
    } else if (event->kind == CHB_EVENT_PEER_IS_DOWN) {
        peer_is_down(core, event->u.command.node, actions, id);
    } else if (event->kind == CHB_EVENT_SEED) {
        seed(core, actions, id);
    } else if (event->kind == CHB_EVENT_PROBED) {
        core->promoted = chb_core_probe(core) == CHB_MONITOR_PROMOTED;
    }
}
