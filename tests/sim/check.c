/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge. It sees everything: each process, each disk, what clients have been told. It shares no
 * code with the core and believes nothing that the core says about itself, but for what it sends.
 */
#include <tests/sim/sim.h>

#include <stdarg.h>
#include <stdio.h>

#define MERGE_RECORD_MS 20000

#define FOR_NODES(sim, node) for (uint32_t node = 1; node <= (sim)->options.n_nodes; node++)

void chb_sim_violate(struct chb_sim *sim, const char *rule, const char *format, ...)
{
    va_list args;

    /* The operator has signed for the first five rules; the others hold all the same. */
    if (sim->violation.rule != NULL ||
        (sim->options.unsafe && rule[0] == 'R' && rule[1] <= '5' && rule[2] == '\0')) {
        return;
    }
    sim->violation.rule = rule;
    va_start(args, format);
    (void)vsnprintf(sim->violation.text, sizeof(sim->violation.text), format, args);
    va_end(args);
    chb_sim_trace(sim, 0, "VIOLATION of %s: %s", rule, sim->violation.text);
}

static bool is_history(const struct chb_record *record)
{
    return record->kind == CHB_RECORD_SOLO || record->kind == CHB_RECORD_PAIRED;
}

/* A process with a guest that is more than half filled. */
static bool has_guest(const struct chb_sim_qemu *qemu)
{
    return qemu->mode == CHB_SIM_MODE_ALONE || qemu->mode == CHB_SIM_MODE_COLO_PRIMARY ||
           qemu->mode == CHB_SIM_MODE_COLO_SECONDARY;
}

static uint32_t server_of(const struct chb_sim *sim, const struct chb_sim_vm *vm)
{
    FOR_NODES(sim, node)
    {
        if (chb_sim_vm_serves(vm, node)) {
            return node;
        }
    }
    return 0;
}

uint32_t chb_sim_server(const struct chb_sim *sim)
{
    return server_of(sim, CHB_SIM_VM(sim));
}

/* ---- at every moment ---- */

/* R5: after a power cut at this moment the records alone must lead back here. */
static void check_record(struct chb_sim *sim, uint32_t node)
{
    const struct chb_record *own = &CHB_SIM_VM(sim)->place[node].record;
    bool alone = CHB_SIM_VM(sim)->qemu[node].mode == CHB_SIM_MODE_ALONE;

    if (own->kind != CHB_RECORD_SOLO && (alone || own->kind != CHB_RECORD_PAIRED)) {
        chb_sim_violate(sim, "R5", "n%u serves%s with a record of kind %d on its disk", node,
                        alone ? " alone" : "", (int)own->kind);
    }
    FOR_NODES(sim, other)
    {
        const struct chb_record *theirs = &CHB_SIM_VM(sim)->place[other].record;
        if (other == node || !is_history(theirs)) {
            continue;
        }
        bool pair = own->kind == CHB_RECORD_PAIRED && theirs->kind == CHB_RECORD_PAIRED &&
                    own->peer == other && theirs->peer == node;
        if (theirs->generation > own->generation ||
            (theirs->generation == own->generation && !pair)) {
            chb_sim_violate(sim, "R5", "n%u serves with generation %llu, n%u's disk has %llu", node,
                            (unsigned long long)own->generation, other,
                            (unsigned long long)theirs->generation);
        }
    }
}

/* The secondary has heard that its copy is none any more. A primary that dies before its word has
 * come through leaves one that cannot know. */
static void hear_missed(struct chb_sim *sim, uint32_t node)
{
    const struct chb_core *core = &CHB_SIM_VM(sim)->unit[node].core;
    struct chb_sim_copy *copy = &CHB_SIM_VM(sim)->place[node].copy;

    for (uint32_t i = 0; copy->missed && i < CHB_NODES_MAX; i++) {
        copy->missed_told =
            copy->missed_told || (core->peers[i].node != 0 && core->generation != 0 &&
                                  core->peers[i].msg.broken_generation == core->generation);
    }
}

/* Its agent was told, and there is nobody whom it could not tell: no such pair may stand. */
static void check_pair(struct chb_sim *sim, uint32_t node)
{
    const struct chb_core *core = &CHB_SIM_VM(sim)->unit[node].core;
    const struct chb_sim_copy *copy = &CHB_SIM_VM(sim)->place[core->peer].copy;
    bool talks = false;

    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_peer *peer = &core->peers[i];
        talks = talks || (peer->node == core->peer && peer->member && peer->heard && !peer->silent);
    }
    if (core->phase == CHB_PHASE_PAIRED && core->role == CHB_ROLE_PRIMARY && talks &&
        core->broken_generation == 0 && copy->missed) {
        chb_sim_violate(sim, "R4", "n%u counts n%u as in sync, which has missed a write", node,
                        core->peer);
    }
}

static void check_vm(struct chb_sim *sim)
{
    uint32_t serving = 0;

    FOR_NODES(sim, node)
    {
        const struct chb_sim_copy *copy = &CHB_SIM_VM(sim)->place[node].copy;
        hear_missed(sim, node);
        if (!chb_sim_serves(sim, node)) {
            continue;
        }
        if (serving != 0) {
            chb_sim_violate(sim, "R1", "n%u and n%u serve", serving, node);
        }
        serving = node;
        if (CHB_SIM_VM(sim)->qemu[node].epoch != CHB_SIM_VM(sim)->epoch && !sim->options.unsafe) {
            chb_sim_violate(sim, "R7", "n%u lets frames out after another one has gone on", node);
        }
        if (!copy->valid || copy->contains != CHB_SIM_VM(sim)->let_out) {
            chb_sim_violate(sim, "R2", "n%u serves with %llu of %llu%s", node,
                            (unsigned long long)copy->contains,
                            (unsigned long long)CHB_SIM_VM(sim)->let_out,
                            copy->valid ? "" : ", half filled");
        }
        check_record(sim, node);
        check_pair(sim, node);
    }
}

void chb_sim_check(struct chb_sim *sim)
{
    CHB_SIM_FOR_VMS(sim)
    {
        check_vm(sim);
    }
}

/* ---- at the moment of a decision ---- */

/* R3: nobody else may have a guest that could ever be heard again. One that is in COLO without a
 * record of the pair can go nowhere. */
static void check_alone(struct chb_sim *sim, uint32_t node)
{
    FOR_NODES(sim, other)
    {
        const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[other];
        bool harmless = qemu->mode == CHB_SIM_MODE_COLO_SECONDARY &&
                        CHB_SIM_VM(sim)->place[other].record.kind == CHB_RECORD_FILLING;
        if (other != node && has_guest(qemu) && !harmless) {
            chb_sim_violate(sim, "R3", "n%u goes on alone while the replica of n%u lives", node,
                            other);
        }
    }
}

static void check_copy(struct chb_sim *sim, uint32_t node)
{
    const struct chb_sim_copy *copy = &CHB_SIM_VM(sim)->place[node].copy;

    if (!copy->valid) {
        chb_sim_violate(sim, "R4", "n%u goes on with a half-filled copy", node);
    }
    if (copy->contains != CHB_SIM_VM(sim)->let_out) {
        chb_sim_violate(sim, "R2", "n%u goes on with %llu of %llu", node,
                        (unsigned long long)copy->contains,
                        (unsigned long long)CHB_SIM_VM(sim)->let_out);
    }
    if (CHB_SIM_VM(sim)->place[node].record.kind != CHB_RECORD_SOLO) {
        chb_sim_violate(sim, "R5", "n%u goes on alone with a record of kind %d on its disk", node,
                        (int)CHB_SIM_VM(sim)->place[node].record.kind);
    }
}

static void check_missed(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_copy *copy = &CHB_SIM_VM(sim)->place[node].copy;

    if (copy->missed_told) {
        chb_sim_violate(sim, "R4", "n%u goes on with a copy that has missed a write", node);
    }
    copy->missed = false; /* nobody could tell it */
}

void chb_sim_check_solo(struct chb_sim *sim, uint32_t node)
{
    check_alone(sim, node);
    check_copy(sim, node);
    check_missed(sim, node);
}

void chb_sim_check_cold(struct chb_sim *sim, uint32_t node)
{
    check_alone(sim, node);
    check_copy(sim, node);
    check_missed(sim, node);
    if (CHB_SIM_VM(sim)->place[node].copy.overlays) {
        chb_sim_violate(sim, "R2", "n%u starts its image without its overlays", node);
    }
}

/* A second time would take back what the guest has written below them. An agent that dies before
 * its record is written cannot know (SAFETY.md, "What remains"). */
void chb_sim_check_merge(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_copy *copy = &CHB_SIM_VM(sim)->place[node].copy;

    if (copy->below && copy->told_boot == sim->agent[node].boot) {
        chb_sim_violate(sim, "R2", "n%u merges overlays that it was told are merged", node);
    }
    copy->below = false; /* it leaves them empty */
}

/* By then the next agent must find it on the disk, if that works. */
static void on_merge_due(struct chb_sim *sim, const struct chb_sim_item *item)
{
    uint32_t node = item->node;
    const struct chb_sim_place *place = &CHB_SIM_VM(sim)->place[node];
    const struct chb_sim_agent *agent = &sim->agent[node];
    const struct chb_sim_host *host = &sim->host[node];

    if (!agent->running || agent->boot != item->tag || place->copy.told_boot != item->tag ||
        !place->copy.below || sim->now_ns - place->copy.told_at < CHB_SIM_MS(MERGE_RECORD_MS)) {
        return;
    }
    if (agent->stalled_until > sim->now_ns || host->disk_slow_ms != 0 ||
        host->disk_fail_permille != 0 || host->disk_unknown_permille != 0) {
        (void)chb_sim_plan(sim, CHB_SIM_MS(MERGE_RECORD_MS), on_merge_due, node, item->tag);
        return;
    }
    if (place->record.overlays_pending) {
        chb_sim_violate(sim, "R2", "n%u has not written down that its overlays are merged", node);
    }
}

void chb_sim_check_merged(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_copy *copy = &CHB_SIM_VM(sim)->place[node].copy;

    copy->below = true;
    copy->told_boot = sim->agent[node].boot;
    copy->told_at = sim->now_ns;
    (void)chb_sim_plan(sim, CHB_SIM_MS(MERGE_RECORD_MS), on_merge_due, node, copy->told_boot);
}

void chb_sim_check_fill(struct chb_sim *sim, uint32_t node, uint32_t primary)
{
    const struct chb_record *record = &CHB_SIM_VM(sim)->place[node].record;
    if (record->kind != CHB_RECORD_FILLING) {
        chb_sim_violate(sim, "R4", "n%u fills n%u, whose record of kind %d says nothing of it",
                        primary, node, (int)record->kind);
    }
}

/* ---- after each step of an agent ---- */

/* P1 must be the truth: the others go solo on it. */
static void check_word(struct chb_sim *sim, uint32_t node, const struct chb_state_msg *said)
{
    const struct chb_record *record = &CHB_SIM_VM(sim)->place[node].record;

    if (has_guest(&CHB_SIM_VM(sim)->qemu[node]) && is_history(record) &&
        said->dead_generation >= record->generation) {
        chb_sim_violate(sim, "R3", "n%u says that generation %llu is dead here, and it lives", node,
                        (unsigned long long)said->dead_generation);
    }
}

/* R6: told of a newer line, nothing comes before the end of one's own. */
static void check_loser(struct chb_sim *sim, uint32_t node, const struct chb_event *event)
{
    const struct chb_record *own = &CHB_SIM_VM(sim)->place[node].record;
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];

    if (event->kind != CHB_EVENT_STATE || !CHB_SIM_VM(sim)->unit[node].core.loaded ||
        !is_history(own)) {
        return;
    }
    const struct chb_record *theirs = &event->u.msg.state.record;
    if (has_guest(qemu) && is_history(theirs) && theirs->generation > own->generation &&
        !qemu->killed) {
        chb_sim_violate(sim, "R6", "n%u has generation %llu, hears of %llu, and lives on", node,
                        (unsigned long long)own->generation,
                        (unsigned long long)theirs->generation);
    }
}

/* R8: a start or a way to go solo that may have failed leaves no QEMU behind, whatever it does. */
static void check_unknown(struct chb_sim *sim, uint32_t node, const struct chb_event *event)
{
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];
    bool bad = event->u.result.outcome != CHB_OUTCOME_DONE && event->u.result.qemu == qemu->id;

    if (qemu->mode == CHB_SIM_MODE_NONE || qemu->killed || !bad) {
        return;
    }
    if (event->kind == CHB_EVENT_QEMU_STARTED && event->u.result.op == qemu->op) {
        chb_sim_violate(sim, "R8", "n%u keeps a QEMU whose start did not succeed", node);
    }
    if (event->kind == CHB_EVENT_SEQUENCE && qemu->solo_op != 0 &&
        event->u.result.op == qemu->solo_op) {
        chb_sim_violate(sim, "R8", "n%u keeps a QEMU that may not have gone solo", node);
    }
}

/* R7: told that its secondary, or everybody, is lost, a primary is silent at the end of that very
 * step, unless it is on its way with proof: then check_solo() judges, too. */
static void check_silence(struct chb_sim *sim, uint32_t node)
{
    const struct chb_sim_unit *unit = &CHB_SIM_VM(sim)->unit[node];
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];
    bool proven =
        CHB_SIM_VM(sim)->qemu[qemu->partner].serial != qemu->partner_serial || sim->options.unsafe;
    bool on_its_way = unit->core.phase == CHB_PHASE_GOING_SOLO && proven;

    if (unit->core.loaded && qemu->mode == CHB_SIM_MODE_COLO_PRIMARY && !qemu->killed &&
        !qemu->stopped && qemu->told_pair && unit->told_lost[qemu->partner] && !on_its_way) {
        chb_sim_violate(sim, "R7", "n%u knows that n%u is lost, and lets frames out", node,
                        qemu->partner);
    }
}

/* R7: one that says that its replication is broken is silent until that is settled. */
static void check_broken(struct chb_sim *sim, uint32_t node, const struct chb_state_msg *said)
{
    const struct chb_sim_qemu *qemu = &CHB_SIM_VM(sim)->qemu[node];

    if (said->broken_generation != 0 && said->phase != CHB_PHASE_GOING_SOLO &&
        qemu->mode == CHB_SIM_MODE_COLO_PRIMARY && !qemu->killed && !qemu->stopped) {
        chb_sim_violate(sim, "R7", "n%u says that replication is broken, and lets frames out",
                        node);
    }
}

void chb_sim_check_step(struct chb_sim *sim, uint32_t node, const struct chb_event *event,
                        const struct chb_actions *actions)
{
    for (uint32_t i = 0; i < actions->count; i++) {
        if (actions->list[i].kind == CHB_ACTION_SEND_STATE) {
            check_word(sim, node, &actions->list[i].u.state);
            check_broken(sim, node, &actions->list[i].u.state);
            CHB_SIM_VM(sim)->qemu[node].told_pair =
                actions->list[i].u.state.record.kind == CHB_RECORD_PAIRED &&
                CHB_SIM_VM(sim)->qemu[node].mode == CHB_SIM_MODE_COLO_PRIMARY;
        }
    }
    check_loser(sim, node, event);
    check_unknown(sim, node, event);
    check_silence(sim, node);
}

/* ---- in the calm (R10) ---- */

static bool pair_of(const struct chb_sim *sim, const struct chb_sim_vm *vm)
{
    uint32_t primary = server_of(sim, vm);
    if (primary == 0 || !chb_sim_in_step(sim, vm, primary)) {
        return false;
    }
    uint32_t secondary = vm->qemu[primary].partner;
    const struct chb_record *a = &vm->place[primary].record;
    const struct chb_record *b = &vm->place[secondary].record;
    const struct chb_sim_pacemaker *pacemaker = &vm->pacemaker;

    return vm->unit[primary].core.phase == CHB_PHASE_PAIRED &&
           vm->unit[secondary].core.phase == CHB_PHASE_PAIRED && a->kind == CHB_RECORD_PAIRED &&
           b->kind == CHB_RECORD_PAIRED && a->generation == b->generation &&
           !vm->unit[primary].core.guest_off && !vm->unit[secondary].core.guest_off &&
           pacemaker->node[primary].promoted && !pacemaker->node[secondary].promoted &&
           pacemaker->node[secondary].started;
}

bool chb_sim_is_pair(const struct chb_sim *sim)
{
    return pair_of(sim, CHB_SIM_VM(sim));
}

bool chb_sim_all_pairs(const struct chb_sim *sim)
{
    for (uint32_t i = 0; i < sim->options.n_vms; i++) {
        if (!pair_of(sim, &sim->vms[i])) {
            return false;
        }
    }
    return true;
}
