/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records on disk. Between the write and its answer anything may happen: then either of the two
 * records is there, or, torn, neither. */
#include <tests/sim/sim.h>

static void on_landed(struct chb_sim *sim, const struct chb_sim_item *item)
{
    struct chb_sim_write *write = &CHB_SIM_VM(sim)->unit[item->node].write;

    if (write->op != 0 && write->serial == item->tag) {
        write->landed = true;
        CHB_SIM_VM(sim)->place[item->node].record = write->record;
    }
}

static void land_late(struct chb_sim *sim, uint32_t node)
{
    struct chb_sim_place *place = &CHB_SIM_VM(sim)->place[node];

    if (place->has_late) {
        place->has_late = false;
        place->record = place->late;
        sim->stats.late_records++;
        chb_sim_trace(sim, node, "a write lands late");
    }
}

static void on_late(struct chb_sim *sim, const struct chb_sim_item *item)
{
    if (sim->host[item->node].boot == item->tag) {
        land_late(sim, item->node);
    }
}

static void on_answer(struct chb_sim *sim, const struct chb_sim_item *item)
{
    struct chb_sim_write *write = &CHB_SIM_VM(sim)->unit[item->node].write;

    if (write->op == 0 || write->serial != item->tag) {
        return;
    }
    struct chb_sim_item *answer = chb_sim_deliver(sim, item->node, 0, CHB_EVENT_PERSISTED);
    answer->event.u.result.op = write->op;
    answer->event.u.result.outcome = (enum chb_outcome)item->arg;
    write->op = 0;
    if (!write->landed && answer->event.u.result.outcome == CHB_OUTCOME_UNKNOWN &&
        chb_sim_rng_chance(&sim->rng, 500)) { /* it hangs in the kernel, and lands some time */
        CHB_SIM_VM(sim)->place[item->node].late = write->record;
        CHB_SIM_VM(sim)->place[item->node].has_late = true;
        (void)chb_sim_plan(sim, chb_sim_latency(sim, 10, 3000, 10000), on_late, item->node,
                           sim->host[item->node].boot);
    }
}

void chb_sim_persist(struct chb_sim *sim, uint32_t node, uint32_t op,
                     const struct chb_record *record)
{
    const struct chb_sim_host *host = &sim->host[node];
    struct chb_sim_write *write = &CHB_SIM_VM(sim)->unit[node].write;
    enum chb_outcome outcome = CHB_OUTCOME_DONE;
    bool lands = true;

    if (write->op != 0) {
        chb_sim_violate(sim, "one write at a time", "n%u", node);
        return;
    }
    land_late(sim, node); /* the disk takes writes in their order */
    *write = (struct chb_sim_write){.op = op, .serial = sim->next_serial++, .record = *record};
    if (chb_sim_rng_chance(&sim->rng, host->disk_fail_permille)) {
        outcome = CHB_OUTCOME_FAILED;
        lands = chb_sim_rng_chance(&sim->rng, 300);
    } else if (chb_sim_rng_chance(&sim->rng, host->disk_unknown_permille)) {
        outcome = CHB_OUTCOME_UNKNOWN;
        lands = chb_sim_rng_chance(&sim->rng, 500);
    }
    int64_t slow = (int64_t)host->disk_slow_ms;
    int64_t landed_ns = chb_sim_latency(sim, 1 + slow / 2, 4 + slow, 300 + slow);
    if (lands) {
        (void)chb_sim_plan(sim, landed_ns, on_landed, node, write->serial);
    }
    int64_t answer_ns = landed_ns + chb_sim_latency(sim, 0, 2, 200);
    chb_sim_plan(sim, answer_ns, on_answer, node, write->serial)->arg = outcome;
}

void chb_sim_disk_settle(struct chb_sim *sim, uint32_t node)
{
    land_late(sim, node);
}

/* The agent, or the power, is gone in the middle of a write. */
void chb_sim_disk_cut(struct chb_sim *sim, uint32_t node, bool power)
{
    struct chb_sim_write *write = &CHB_SIM_VM(sim)->unit[node].write;

    if (power && CHB_SIM_VM(sim)->place[node].has_late) {
        if (chb_sim_rng_chance(&sim->rng, 500)) {
            land_late(sim, node);
        }
        CHB_SIM_VM(sim)->place[node].has_late = false;
    }
    if (write->op == 0) {
        return;
    }
    if (!write->landed && chb_sim_rng_chance(&sim->rng, 500)) {
        CHB_SIM_VM(sim)->place[node].record = write->record;
        write->landed = true;
    }
    if (power && sim->options.torn_records && chb_sim_rng_chance(&sim->rng, 400)) {
        CHB_SIM_VM(sim)->place[node].record = (struct chb_record){.kind = CHB_RECORD_UNKNOWN};
        CHB_SIM_VM(sim)->torn = true;
        chb_sim_trace(sim, node, "RECORD TORN");
    }
    write->op = 0;
}
