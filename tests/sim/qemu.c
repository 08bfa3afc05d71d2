/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU as the agents see it: it starts, runs, hangs, is stopped, dies; and what COLO says when its
 * other side is gone. */
#include <tests/sim/sim.h>

static bool in_colo(const struct chb_sim_qemu *qemu)
{
    return qemu->mode == CHB_SIM_MODE_COLO_PRIMARY || qemu->mode == CHB_SIM_MODE_COLO_SECONDARY;
}

/* The other side of the pair, if it is still the process that the pair was made with. */
static struct chb_sim_qemu *partner_of(struct chb_sim *sim, uint32_t node)
{
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];
    struct chb_sim_qemu *other = &CHB_SIM_VM(sim)->qemu[qemu->partner];

    bool same = qemu->partner != 0 && other->serial == qemu->partner_serial &&
                other->partner_serial == qemu->serial && other->mode != CHB_SIM_MODE_NONE;
    return same ? other : NULL;
}

bool chb_sim_qemu_answers(const struct chb_sim *sim, uint32_t node)
{
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];
    return qemu->mode != CHB_SIM_MODE_NONE && qemu->mode != CHB_SIM_MODE_STARTING &&
           !qemu->stopped && !qemu->hung;
}

bool chb_sim_vm_serves(const struct chb_sim_vm *vm, uint32_t node)
{
    const struct chb_sim_qemu *qemu = &vm->qemu[node];
    return (qemu->mode == CHB_SIM_MODE_ALONE || qemu->mode == CHB_SIM_MODE_COLO_PRIMARY) &&
           !qemu->stopped && !qemu->hung;
}

bool chb_sim_serves(const struct chb_sim *sim, uint32_t node)
{
    return chb_sim_vm_serves(CHB_SIM_VM(sim), node);
}

bool chb_sim_in_step(const struct chb_sim *sim, const struct chb_sim_vm *vm, uint32_t primary)
{
    const struct chb_sim_qemu *qemu = &vm->qemu[primary];
    const struct chb_sim_qemu *other = &vm->qemu[qemu->partner];

    return qemu->mode == CHB_SIM_MODE_COLO_PRIMARY && other->mode == CHB_SIM_MODE_COLO_SECONDARY &&
           other->serial == qemu->partner_serial && other->partner_serial == qemu->serial &&
           !qemu->colo_failed && !other->colo_failed && !qemu->stopped && !other->stopped &&
           !qemu->hung && !other->hung && !qemu->main_hung && !other->main_hung && !qemu->killed &&
           !other->killed && chb_sim_replicates(sim, primary, qemu->partner);
}

/* ---- the end of replication ---- */

static void on_break(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t node = item->node;
    struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];

    if (qemu->serial != item->tag || !in_colo(qemu) || qemu->colo_failed) {
        return;
    }
    if (qemu->stopped || qemu->hung) { /* sees it when it runs again */
        (void)chb_sim_plan(sim, CHB_SIM_MS(50), on_break, node, item->tag);
        return;
    }
    struct chb_sim_qemu *other = partner_of(sim, node);
    bool reaches = chb_sim_replicates(sim, node, qemu->partner);
    if (other != NULL && in_colo(other) && !other->colo_failed && reaches) {
        return; /* the cut was over before anybody gave up */
    }
    qemu->colo_failed = true;
    chb_sim_deliver(sim, node, 0, CHB_EVENT_COLO_EXIT)->event.u.qemu.qemu = qemu->id;
    if (other != NULL && reaches) {
        chb_sim_qemu_break(sim, qemu->partner, CHB_SIM_MS(10));
    }
}

void chb_sim_qemu_break(struct chb_sim *sim, uint32_t node, int64_t delay_ns)
{
    (void)chb_sim_plan(sim, delay_ns, on_break, node, CHB_SIM_VM(sim)->qemu[node].serial);
}

/* ---- death ---- */

void chb_sim_qemu_die(struct chb_sim *sim, uint32_t node, bool host_died)
{
    struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];
    struct chb_sim_qemu was = *qemu;
    const struct chb_sim_qemu *other = partner_of(sim, node);

    if (qemu->mode == CHB_SIM_MODE_NONE) {
        return;
    }
    *qemu = (struct chb_sim_qemu){.mode = CHB_SIM_MODE_NONE};
    sim->stats.qemu_deaths++;
    chb_sim_trace(sim, node, "QEMU is dead");
    if (!host_died && sim->agent[node].running) {
        chb_sim_deliver(sim, node, chb_sim_latency(sim, 0, 1, 5), CHB_EVENT_QEMU_EXITED)
            ->event.u.qemu.qemu = was.id;
    }
    if (other != NULL && in_colo(other) && !host_died &&
        chb_sim_replicates(sim, node, was.partner)) {
        int64_t delay_ns = other->mode == CHB_SIM_MODE_COLO_SECONDARY
                               ? chb_sim_latency(sim, 8, 14, 60)
                               : chb_sim_latency(sim, 5, 400, 5000); /* its next checkpoint */
        chb_sim_qemu_break(sim, was.partner, delay_ns);
    }
}

static void on_dead(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (CHB_SIM_VM(sim)->qemu[item->node].serial == item->tag) {
        chb_sim_qemu_die(sim, item->node, false);
    }
}

void chb_sim_qemu_kill(struct chb_sim *sim, uint32_t node, uint64_t id)
{
    struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];

    if (qemu->mode == CHB_SIM_MODE_NONE || qemu->id != id) {
        chb_sim_deliver(sim, node, 0, CHB_EVENT_QEMU_EXITED)->event.u.qemu.qemu = id;
        return;
    }
    if (!qemu->killed) {
        qemu->killed = true;
        (void)chb_sim_plan(sim, chb_sim_latency(sim, 13, 25, 1500), on_dead, node, qemu->serial);
    }
}

void chb_sim_qemu_stop(struct chb_sim *sim, uint32_t node, uint64_t id, bool stop)
{
    struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];
    if (qemu->mode != CHB_SIM_MODE_NONE && qemu->id == id) {
        qemu->stopped = stop;
    }
}

void chb_sim_qemu_hang(struct chb_sim *sim, uint32_t node, bool whole, bool hang)
{
    struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];

    if (qemu->mode == CHB_SIM_MODE_NONE || qemu->mode == CHB_SIM_MODE_STARTING) {
        return;
    }
    chb_sim_trace(sim, node, "%s %s", whole ? "QEMU" : "QEMU's main loop",
                  hang ? "HANGS" : "goes on");
    if (whole || !hang) {
        qemu->hung = hang;
    }
    if (!whole || !hang) {
        qemu->main_hung = hang;
    }
}

/* ---- start ---- */

static void answer_start(struct chb_sim *sim, const struct chb_sim_item *item,
                         enum chb_outcome outcome)
{
    if (!sim->agent[item->node].running || sim->agent[item->node].boot != item->event.u.msg.boot) {
        return; /* asked for by an earlier agent */
    }
    struct chb_sim_item *answer = chb_sim_deliver(sim, item->node, 0, CHB_EVENT_QEMU_STARTED);
    answer->event.u.result.op = (uint32_t)item->arg;
    answer->event.u.result.outcome = outcome;
    answer->event.u.result.qemu = CHB_SIM_VM(sim)->qemu[item->node].id;
}

static void on_started(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t node = item->node;
    struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];
    const struct chb_sim_host *host = &sim->host[node];

    if (qemu->serial != item->tag || qemu->killed) {
        return;
    }
    enum chb_outcome outcome = CHB_OUTCOME_DONE;
    if (chb_sim_rng_chance(&sim->rng, host->start_fail_permille)) {
        switch (chb_sim_rng_below(&sim->rng, 3)) {
        case 0:
            chb_sim_qemu_die(sim, node, false);
            return;
        case 1: /* it lingers for a while, half alive */
            answer_start(sim, item, CHB_OUTCOME_FAILED);
            (void)chb_sim_plan(sim, chb_sim_latency(sim, 500, 5000, 20000), on_dead, node,
                               qemu->serial);
            return;
        default:
            outcome = CHB_OUTCOME_UNKNOWN;
            break;
        }
    }
    if (qemu->as_secondary) {
        qemu->mode = CHB_SIM_MODE_INCOMING;
    } else {
        if (qemu->merge) {
            chb_sim_check_merge(sim, node);
            CHB_SIM_VM(sim)->place[node].copy.overlays = false;
        }
        qemu->mode = CHB_SIM_MODE_ALONE;
        qemu->epoch = ++CHB_SIM_VM(sim)->epoch;
        sim->stats.boots++;
        chb_sim_trace(sim, node, "guest boots");
        chb_sim_check_cold(sim, node);
    }
    answer_start(sim, item, outcome);
}

void chb_sim_qemu_start(struct chb_sim *sim, uint32_t node, const struct chb_action *action)
{
    struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];
    bool secondary = action->u.qemu.role == CHB_ROLE_SECONDARY;

    if (qemu->mode != CHB_SIM_MODE_NONE) {
        chb_sim_violate(sim, "one QEMU", "n%u starts a second QEMU", node);
        return;
    }
    *qemu = (struct chb_sim_qemu){
        .id = action->u.qemu.qemu,
        .serial = sim->next_serial++,
        .op = action->u.qemu.op,
        .mode = CHB_SIM_MODE_STARTING,
        .as_secondary = secondary,
        .merge = action->u.qemu.merge_overlays,
    };
    struct chb_sim_item *item =
        chb_sim_plan(sim, chb_sim_latency(sim, 50, 300, 2000), on_started, node, qemu->serial);
    item->arg = action->u.qemu.op;
    item->event.u.msg.boot = sim->agent[node].boot;
}
