/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP sequences: what they do to QEMU and when, what their answers say, and what goes on in QEMU
 * after nobody drives them any more. */
#include <tests/sim/sim.h>

#define HANG_LIMIT_MS 4000
#define POLL_MS 20

static void finish(struct chb_sim *sim, uint32_t node, enum chb_outcome outcome)
{
    struct chb_sim_run *run = &CHB_SIM_VM(sim)->unit[node].run;
    struct chb_sim_item *answer =
        chb_sim_deliver(sim, node, chb_sim_latency(sim, 0, 1, 10), CHB_EVENT_SEQUENCE);

    answer->event.u.result.op = run->op;
    answer->event.u.result.outcome = outcome;
    answer->event.u.result.qemu = CHB_SIM_VM(sim)->qemu[node].id;
    answer->event.u.result.ports.nbd =
        (uint16_t)(1024 + CHB_SIM_VM(sim)->qemu[node].serial % 60000);
    run->op = 0;
}

/* Plans the next step of the sequence that runs on `node`. */
static void next(struct chb_sim *sim, uint32_t node, int64_t delay_ns, chb_sim_fn fn)
{
    (void)chb_sim_plan(sim, delay_ns, fn, node, CHB_SIM_VM(sim)->unit[node].run.serial);
}

/* Nothing moves: looks again soon, and gives up in the end, without knowing what has happened. */
static void wait_or_give_up(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (item->arg >= HANG_LIMIT_MS) {
        finish(sim, item->node, CHB_OUTCOME_UNKNOWN);
        return;
    }
    chb_sim_plan(sim, CHB_SIM_MS(POLL_MS), item->fn, item->node, item->tag)->arg =
        item->arg + POLL_MS;
}

/* The step can be taken: its sequence still runs, and QEMU answers. */
static bool may_go_on(struct chb_sim *sim, const struct chb_sim_item *item)
{
    const struct chb_sim_run *run = &CHB_SIM_VM(sim)->unit[item->node].run;

    if (run->op == 0 || run->serial != item->tag || !sim->agent[item->node].running) {
        return false;
    }
    if (CHB_SIM_VM(sim)->qemu[item->node].mode == CHB_SIM_MODE_NONE) {
        finish(sim, item->node, CHB_OUTCOME_FAILED);
        return false;
    }
    if (!chb_sim_qemu_answers(sim, item->node) || CHB_SIM_VM(sim)->qemu[item->node].main_hung ||
        sim->agent[item->node].stalled_until > sim->now_ns) {
        wait_or_give_up(sim, item);
        return false;
    }
    return true;
}

static bool by_chance(struct chb_sim *sim, uint32_t node)
{
    if (!chb_sim_rng_chance(&sim->rng, sim->host[node].sequence_fail_permille)) {
        return false;
    }
    finish(sim, node,
           chb_sim_rng_chance(&sim->rng, 500) ? CHB_OUTCOME_FAILED : CHB_OUTCOME_UNKNOWN);
    return true;
}

static void on_done(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (may_go_on(sim, item) && !by_chance(sim, item->node)) {
        finish(sim, item->node, CHB_OUTCOME_DONE);
    }
}

/* A guest that has been asked to switch itself off does so, after a while or never. */
static void on_guest_off(struct chb_sim *sim, const struct chb_sim_item *item)
{
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[item->node];

    if (qemu->serial == item->tag && qemu->mode == CHB_SIM_MODE_ALONE) {
        sim->stats.powered_down++;
        chb_sim_trace(sim, item->node, "the guest switches itself off");
        chb_sim_deliver(sim, item->node, chb_sim_latency(sim, 0, 5, 50), CHB_EVENT_GUEST_OFF)
            ->event.u.qemu.qemu = qemu->id;
    }
}

static void on_power_button(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (!may_go_on(sim, item) || by_chance(sim, item->node)) {
        return;
    }
    if (!chb_sim_rng_chance(&sim->rng, sim->options.deaf_guest)) {
        (void)chb_sim_plan(sim, chb_sim_latency(sim, 200, 8000, 60000), on_guest_off, item->node,
                           CHB_SIM_VM(sim)->qemu[item->node].serial);
    }
    finish(sim, item->node, CHB_OUTCOME_DONE);
}

/* ---- secondary ---- */

static void on_prepare(struct chb_sim *sim, const struct chb_sim_item *item)
{
    struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[item->node];

    if (!may_go_on(sim, item) || by_chance(sim, item->node)) {
        return;
    }
    qemu->listening = qemu->mode == CHB_SIM_MODE_INCOMING;
    finish(sim, item->node, qemu->listening ? CHB_OUTCOME_DONE : CHB_OUTCOME_FAILED);
}

/* ---- join ---- */

/* The secondary has loaded all. A primary that is gone before leaves it with nothing. */
static void on_enter_secondary(struct chb_sim *sim, const struct chb_sim_item *item)
{
    struct chb_sim_qemu *primary = &CHB_SIM_VM(sim)->qemu[item->node];
    struct chb_sim_qemu *secondary = &CHB_SIM_VM(sim)->qemu[item->other];

    if (secondary->serial != item->arg || secondary->mode != CHB_SIM_MODE_INCOMING) {
        return;
    }
    if (primary->serial != item->tag || primary->mode != CHB_SIM_MODE_COLO_PRIMARY ||
        primary->partner_serial != secondary->serial ||
        !chb_sim_replicates(sim, item->node, item->other)) {
        chb_sim_qemu_die(sim, item->other, false);
        return;
    }
    if (!chb_sim_qemu_answers(sim, item->other)) {
        struct chb_sim_item *again =
            chb_sim_plan(sim, CHB_SIM_MS(POLL_MS), on_enter_secondary, item->node, item->tag);
        again->other = item->other;
        again->arg = item->arg;
        return;
    }
    secondary->mode = CHB_SIM_MODE_COLO_SECONDARY;
    secondary->colo_failed = false;
    const bool missed = CHB_SIM_VM(sim)->place[item->other].copy.missed;
    CHB_SIM_VM(sim)->place[item->other].copy =
        (struct chb_sim_copy){.contains = CHB_SIM_VM(sim)->place[item->node].copy.contains,
                              .valid = true,
                              .present = true,
                              .missed = missed};
    chb_sim_trace(sim, item->other, "in COLO with n%u", item->node);
    if (sim->agent[item->other].running) {
        chb_sim_deliver(sim, item->other, chb_sim_latency(sim, 0, 20, 300), CHB_EVENT_COLO_ENTERED)
            ->event.u.qemu.qemu = secondary->id;
    }
}

/* The migration has been asked for: QEMU goes into COLO by itself, whoever drives it. */
static void on_enter(struct chb_sim *sim, const struct chb_sim_item *item)
{
    struct chb_sim_qemu *primary = &CHB_SIM_VM(sim)->qemu[item->node];
    struct chb_sim_qemu *secondary = &CHB_SIM_VM(sim)->qemu[item->other];

    if (primary->serial != item->tag || secondary->serial != item->arg ||
        primary->mode != CHB_SIM_MODE_ALONE || secondary->mode != CHB_SIM_MODE_INCOMING ||
        primary->partner_serial != secondary->serial || primary->killed || secondary->killed ||
        !chb_sim_replicates(sim, item->node, item->other)) {
        return;
    }
    if (!chb_sim_qemu_answers(sim, item->node) || !chb_sim_qemu_answers(sim, item->other)) {
        struct chb_sim_item *again =
            chb_sim_plan(sim, CHB_SIM_MS(POLL_MS), on_enter, item->node, item->tag);
        again->other = item->other;
        again->arg = item->arg;
        return;
    }
    primary->mode = CHB_SIM_MODE_COLO_PRIMARY;
    primary->colo_failed = false;
    chb_sim_trace(sim, item->node, "in COLO with n%u", item->other);
    struct chb_sim_item *enter = chb_sim_plan(sim, chb_sim_latency(sim, 0, 40, 500),
                                              on_enter_secondary, item->node, item->tag);
    enter->other = item->other;
    enter->arg = item->arg;
}

/* The primary's agent looks whether its QEMU is in COLO. */
static void on_look(struct chb_sim *sim, const struct chb_sim_item *item)
{
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[item->node];

    if (!may_go_on(sim, item)) {
        return;
    }
    if (qemu->mode == CHB_SIM_MODE_COLO_PRIMARY) {
        next(sim, item->node, chb_sim_latency(sim, 0, 5, 100), on_done);
    } else if (CHB_SIM_VM(sim)->qemu[qemu->partner].serial != qemu->partner_serial &&
               chb_sim_replicates(sim, item->node, qemu->partner)) {
        finish(sim, item->node, CHB_OUTCOME_FAILED);
    } else {
        wait_or_give_up(sim, item);
    }
}

static void on_migrate(struct chb_sim *sim, const struct chb_sim_item *item)
{
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[item->node];

    if (!may_go_on(sim, item) || by_chance(sim, item->node)) {
        return;
    }
    struct chb_sim_item *enter =
        chb_sim_plan(sim, chb_sim_latency(sim, 10, 60, 800), on_enter, item->node, qemu->serial);
    enter->other = qemu->partner;
    enter->arg = qemu->partner_serial;
    next(sim, item->node, CHB_SIM_MS(10), on_look);
}

static void on_fill(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t node = item->node;
    uint32_t peer = CHB_SIM_VM(sim)->unit[node].run.peer;

    if (!may_go_on(sim, item) || by_chance(sim, node)) {
        return;
    }
    struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];
    struct chb_sim_qemu *other = &CHB_SIM_VM(sim)->qemu[peer];
    if (!chb_sim_replicates(sim, node, peer)) {
        wait_or_give_up(sim, item);
        return;
    }
    if (qemu->mode != CHB_SIM_MODE_ALONE || other->mode != CHB_SIM_MODE_INCOMING ||
        !other->listening) {
        finish(sim, node, CHB_OUTCOME_FAILED);
        return;
    }
    chb_sim_check_fill(sim, peer, node);
    CHB_SIM_VM(sim)->place[peer].copy.valid = false;
    CHB_SIM_VM(sim)->place[peer].copy.present = true;
    CHB_SIM_VM(sim)->place[peer].copy.missed = false;
    CHB_SIM_VM(sim)->place[peer].copy.missed_told = false;
    qemu->partner = peer;
    qemu->partner_serial = other->serial;
    other->partner = node;
    other->partner_serial = qemu->serial;
    int64_t fill = (int64_t)sim->options.fill_ms;
    next(sim, node, chb_sim_latency(sim, fill / 2, fill, fill * 3), on_migrate);
}

/* x-colo-lost-heartbeat of a primary that has not committed its pair. */
static void on_abort_join(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t node = item->node;
    struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];

    if (!may_go_on(sim, item) || by_chance(sim, node)) {
        return;
    }
    if (qemu->mode == CHB_SIM_MODE_COLO_PRIMARY) {
        const struct chb_sim_qemu *other = &CHB_SIM_VM(sim)->qemu[qemu->partner];
        if (other->serial == qemu->partner_serial &&
            CHB_SIM_VM(sim)->place[qemu->partner].record.kind == CHB_RECORD_PAIRED) {
            chb_sim_violate(sim, "R3", "n%u leaves a pair that n%u may go on with", node,
                            qemu->partner);
        }
        qemu->mode = CHB_SIM_MODE_ALONE;
        qemu->colo_failed = false;
        if (other->serial == qemu->partner_serial) {
            chb_sim_qemu_break(sim, qemu->partner, CHB_SIM_MS(10));
        }
    }
    qemu->partner_serial = 0;
    next(sim, node, chb_sim_latency(sim, 1, 10, 100), on_done);
}

/* ---- going solo ---- */

/* As the daemon looks. */
static bool looks_for_merge(const struct chb_sim *sim, uint32_t node)
{
    const struct chb_core *core = &CHB_SIM_VM(sim)->unit[node].core;

    return sim->agent[node].running && sim->agent[node].stalled_until <= sim->now_ns &&
           core->record.overlays_pending &&
           (core->phase == CHB_PHASE_SOLO ||
            (core->phase == CHB_PHASE_PAIRED && core->role == CHB_ROLE_PRIMARY));
}

/* Its agent looks now and then, and so does the one that takes it over. */
static void on_merge_look(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t node = item->node;
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];
    struct chb_sim_place *place = &CHB_SIM_VM(sim)->place[node];
    bool lives = qemu->mode == CHB_SIM_MODE_ALONE || qemu->mode == CHB_SIM_MODE_COLO_PRIMARY;

    if (qemu->serial != item->tag || !lives) {
        return;
    }
    if (!place->copy.below) {
        place->copy.overlays = false;
        place->copy.below = true;
        place->copy.told_boot = 0;
    } else if (!place->record.overlays_pending) {
        return;
    }
    if (place->copy.told_boot != sim->agent[node].boot && looks_for_merge(sim, node)) {
        chb_sim_check_merged(sim, node);
        chb_sim_deliver(sim, node, 0, CHB_EVENT_OVERLAYS_MERGED)->event.u.qemu.qemu = qemu->id;
    }
    (void)chb_sim_plan(sim, CHB_SIM_MS(1000), on_merge_look, node, qemu->serial);
}

/* Without yank, a command that touches a peer that neither answers nor is gone never returns. A
 * secondary's sequence yanks by itself when COLO does not end. */
static bool sticks(const struct chb_sim *sim, uint32_t node)
{
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];
    const struct chb_sim_qemu *other = &CHB_SIM_VM(sim)->qemu[qemu->partner];
    bool there = other->serial == qemu->partner_serial;

    return !CHB_SIM_VM(sim)->unit[node].run.yank && qemu->mode == CHB_SIM_MODE_COLO_PRIMARY &&
           (!chb_sim_replicates(sim, node, qemu->partner) ||
            (there && (other->hung || other->stopped || other->main_hung)));
}

static void on_solo(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t node = item->node;
    struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];

    if (!may_go_on(sim, item)) {
        return;
    }
    if (sticks(sim, node)) {
        wait_or_give_up(sim, item);
        return;
    }
    if (by_chance(sim, node)) {
        return;
    }
    bool secondary = CHB_SIM_VM(sim)->unit[node].run.kind == CHB_SEQUENCE_SOLO_SECONDARY;
    if (qemu->mode != (secondary ? CHB_SIM_MODE_COLO_SECONDARY : CHB_SIM_MODE_COLO_PRIMARY)) {
        finish(sim, node, CHB_OUTCOME_FAILED); /* a second call is an error */
        return;
    }
    chb_sim_check_solo(sim, node);
    qemu->mode = CHB_SIM_MODE_ALONE;
    qemu->epoch = ++CHB_SIM_VM(sim)->epoch;
    qemu->colo_failed = false;
    if (secondary) {
        CHB_SIM_VM(sim)->place[node].copy.overlays = true;
        CHB_SIM_VM(sim)->place[node].copy.below = false;
        /* Some take longer than the core waits before it makes a new pair. */
        bool slow = chb_sim_rng_chance(&sim->rng, 125);
        (void)chb_sim_plan(
            sim,
            chb_sim_latency(sim, slow ? 20000 : 500, slow ? 40000 : 5000, slow ? 90000 : 20000),
            on_merge_look, node, qemu->serial);
    }
    if (CHB_SIM_VM(sim)->qemu[qemu->partner].serial == qemu->partner_serial) {
        chb_sim_qemu_break(sim, qemu->partner, CHB_SIM_MS(10));
    }
    qemu->partner_serial = 0;
    chb_sim_trace(sim, node, "serves alone");
    next(sim, node, chb_sim_latency(sim, 2, 12, 80), on_done);
}

void chb_sim_sequence(struct chb_sim *sim, uint32_t node, const struct chb_action *action)
{
    struct chb_sim_run *run = &CHB_SIM_VM(sim)->unit[node].run;

    if (run->op != 0) {
        chb_sim_violate(sim, "one sequence at a time", "n%u", node);
        return;
    }
    *run = (struct chb_sim_run){.op = action->u.sequence.op,
                                .serial = sim->next_serial++,
                                .kind = action->u.sequence.sequence,
                                .peer = action->u.sequence.peer,
                                .yank = action->u.sequence.yank};
    switch (run->kind) {
    case CHB_SEQUENCE_SECONDARY_PREPARE:
        next(sim, node, chb_sim_latency(sim, 5, 60, 1000), on_prepare);
        return;
    case CHB_SEQUENCE_JOIN:
        next(sim, node, chb_sim_latency(sim, 5, 30, 300), on_fill);
        return;
    case CHB_SEQUENCE_JOIN_ABORT:
        next(sim, node, chb_sim_latency(sim, 5, 30, 300), on_abort_join);
        return;
    case CHB_SEQUENCE_SOLO_PRIMARY:
    case CHB_SEQUENCE_SOLO_SECONDARY:
        CHB_SIM_VM(sim)->qemu[node].solo_op = run->op;
        next(sim, node, chb_sim_latency(sim, 2, 15, 80), on_solo);
        return;
    case CHB_SEQUENCE_POWERDOWN:
        next(sim, node, chb_sim_latency(sim, 1, 5, 100), on_power_button);
        return;
    case CHB_SEQUENCE_NONE:
    case CHB_SEQUENCE_MAX:
        break;
    }
    chb_sim_violate(sim, "actions", "n%u: sequence %d", node, (int)run->kind);
}

/* Its answer may be on its way all the same. */
void chb_sim_sequence_abort(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_run *run = &CHB_SIM_VM(sim)->unit[node].run;

    if (run->op != 0 && !sim->calm && chb_sim_rng_chance(&sim->rng, sim->options.echo * 3)) {
        finish(sim, node, CHB_OUTCOME_DONE);
    }
    run->op = 0;
}
