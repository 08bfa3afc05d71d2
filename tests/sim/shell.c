/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated daemon: carries out what the core wants done. */
#include <tests/sim/sim.h>

static void count(struct chb_sim *sim, const struct chb_action *action)
{
    struct chb_sim_stats *stats = &sim->stats;
    enum chb_note note = action->u.note.note;

    if (note == CHB_NOTE_SOLO && action->u.note.arg < CHB_PROOF_MAX) {
        stats->proofs[action->u.note.arg]++;
    } else if (note == CHB_NOTE_PAIRED) {
        stats->pairs++;
    } else if (note == CHB_NOTE_JOIN_STARTED) {
        stats->joins++;
    } else if (note == CHB_NOTE_JOIN_FAILED) {
        stats->joins_failed++;
    } else if (note == CHB_NOTE_HOLDING) {
        stats->holds++;
    } else if (note == CHB_NOTE_RELEASED) {
        stats->released++;
    } else if (note == CHB_NOTE_HANG) {
        stats->hangs++;
    } else if (note == CHB_NOTE_BROKEN) {
        stats->broken++;
    } else if (note == CHB_NOTE_LOST_LINE) {
        stats->lost_lines++;
    }
}

static void on_cib(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (sim->host[item->node].boot == item->tag) {
        chb_sim_cib_write(sim, item->node, &item->event.u.record);
    }
}

static void on_resource_off(struct chb_sim *sim, const struct chb_sim_item *item)
{
    const struct chb_event told = {.kind = CHB_EVENT_RESOURCE_IS_OFF};

    CHB_SIM_VM(sim)->pacemaker.target_stopped = true;
    chb_sim_pacemaker_poke(sim, CHB_SIM_MS(10));
    if (sim->agent[item->node].boot == item->tag) {
        chb_sim_agent_event(sim, item->node, &told);
    }
}

void chb_sim_perform(struct chb_sim *sim, uint32_t node, const struct chb_action *action)
{
    struct chb_event event = {0};

    chb_sim_faults_trigger(sim, node, action->kind);
    switch (action->kind) {
    case CHB_ACTION_SEND_STATE:
        event.kind = CHB_EVENT_STATE;
        event.u.msg.from = node;
        event.u.msg.boot = sim->agent[node].boot;
        event.u.msg.state = action->u.state;
        chb_sim_mcast(sim, node, &event);
        return;
    case CHB_ACTION_SEND_REQUEST:
        event.kind = CHB_EVENT_REQUEST;
        event.u.request.from = node;
        event.u.request.request = action->u.request;
        chb_sim_mcast(sim, node, &event);
        return;
    case CHB_ACTION_PERSIST:
        chb_sim_persist(sim, node, action->u.persist.op, &action->u.persist.record);
        return;
    case CHB_ACTION_CIB_RECORD:
        chb_sim_plan(sim, chb_sim_latency(sim, 5, 30, 500), on_cib, node, sim->host[node].boot)
            ->event.u.record = action->u.persist.record;
        return;
    case CHB_ACTION_QEMU_START:
        chb_sim_qemu_start(sim, node, action);
        return;
    case CHB_ACTION_QEMU_KILL:
        chb_sim_qemu_kill(sim, node, action->u.qemu.qemu);
        return;
    case CHB_ACTION_QEMU_FREEZE:
        chb_sim_qemu_stop(sim, node, action->u.qemu.qemu, true);
        return;
    case CHB_ACTION_QEMU_THAW:
        chb_sim_qemu_stop(sim, node, action->u.qemu.qemu, false);
        return;
    case CHB_ACTION_SEQUENCE:
        chb_sim_sequence(sim, node, action);
        return;
    case CHB_ACTION_SEQUENCE_ABORT:
        chb_sim_sequence_abort(sim, node);
        return;
    case CHB_ACTION_FENCE:
        chb_sim_fence(sim, action->u.fence.node, node, action->u.fence.op);
        return;
    case CHB_ACTION_SCORE:
        chb_sim_pacemaker_score(sim, node, action->u.score);
        return;
    case CHB_ACTION_REPLY:
        chb_sim_pacemaker_reply(sim, node, action->u.reply.id, action->u.reply.ok);
        return;
    case CHB_ACTION_NOTE:
        count(sim, action);
        return;
    case CHB_ACTION_RESOURCE_OFF:
        (void)chb_sim_plan(sim, chb_sim_latency(sim, 50, 150, 1000), on_resource_off, node,
                           sim->agent[node].boot);
        return;
    case CHB_ACTION_MAX:
        break;
    }
    chb_sim_violate(sim, "actions", "n%u: no such action", node);
}

void chb_sim_command(struct chb_sim *sim, uint32_t node, enum chb_event_kind kind, uint32_t id,
                     uint32_t about)
{
    struct chb_sim_item *item = chb_sim_deliver(sim, node, CHB_SIM_MS(1), kind);

    if (kind == CHB_EVENT_SEED) { /* whoever says so answers for it (SAFETY.md, "What remains") */
        CHB_SIM_VM(sim)->place[node].copy.missed = false;
        CHB_SIM_VM(sim)->place[node].copy.missed_told = false;
    }
    item->event.u.command.id = id;
    item->event.u.command.node = about;
    if (kind == CHB_EVENT_STOP || kind == CHB_EVENT_DEMOTE) {
        item->event.u.command.patience = chb_ms(sim->options.patience_ms);
    }
    item->event.u.command.settings = (struct chb_settings){
        .spec_hash = 4711,
        .disk_bytes = {1u << 30},
        .hang_timeout = chb_ms(1000),
        .qemu_version = 0x070216,
        .require_fencing = !sim->options.unsafe,
        .image_present = CHB_SIM_VM(sim)->place[node].copy.present,
        .restart_guest = sim->options.restart_guest,
    };
}
