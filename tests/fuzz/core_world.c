/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole clusters: the simulator's world around the real core, with the simulator's omniscient judge
 * on (R1 to R8 at every step, R10 at the end if asked for). The bytes say what goes wrong, where
 * and exactly when, down to a single step of a single core.
 *
 * Input: world (1 byte, see worlds[]), options (1 byte: 1 the calm at the end), then doings: below
 * 0x60 time goes by (doing % 16: doubling from 250 us), below 0x80 the next steps of cores (doing %
 * 32), from 0x80 on one of faults[] (doing % 32) on a node ((doing >> 5) & 3).
 *
 * CHB_FUZZ_TRACE=1 prints the story.
 */
#include <tests/sim/sim.h>

#include "fuzz.h"

#define DOINGS_MAX 160
#define TIME_MS_MAX 90000 /* simulated, without the calm */
#define CALM_MS 320000

struct drive {
    struct chb_sim *sim;
    struct chb_fuzz_bytes bytes;
};

/* ---- worlds that begin with a pair ---- */

static const struct world {
    uint32_t n_nodes;
    enum chb_sim_quorum quorum;
    uint32_t noise;
    uint32_t echo;
    bool fence_reboots;
    bool quorum_stop;
} worlds[] = {
    {2, CHB_SIM_QUORUM_TWO_NODE, 0, 0, true, true},
    {2, CHB_SIM_QUORUM_QDEVICE, 0, 0, true, true},
    {3, CHB_SIM_QUORUM_MAJORITY, 0, 0, true, true},
    {2, CHB_SIM_QUORUM_TWO_NODE, 300, 100, false, false},
    {3, CHB_SIM_QUORUM_MAJORITY, 300, 100, true, false},
    {3, CHB_SIM_QUORUM_MAJORITY, 30, 20, false, true},
};
#define N_WORLDS (sizeof(worlds) / sizeof(worlds[0]))

static struct chb_sim begun[N_WORLDS]; /* each as it is once its pair is made */
static struct chb_sim now;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    for (size_t i = 0; i < N_WORLDS; i++) {
        struct chb_sim_options options;
        chb_sim_options_init(&options, 1 + i);
        options.n_nodes = worlds[i].n_nodes;
        options.quorum = worlds[i].quorum;
        options.noise = worlds[i].noise;
        options.echo = worlds[i].echo;
        options.fence_reboots = worlds[i].fence_reboots;
        options.quorum_stop = worlds[i].quorum_stop;
        chb_sim_init(&begun[i], &options);
        CHB_FUZZ_CHECK(chb_sim_run_until(&begun[i], 30000, chb_sim_is_pair));
        CHB_FUZZ_CHECK(chb_sim_run(&begun[i], 500));
    }
    return 0;
}

/* ---- what goes wrong ---- */

static void kill_qemu(struct drive *drive, uint32_t node)
{
    chb_sim_qemu_die(drive->sim, node, false);
}

static void hang(struct drive *drive, uint32_t node)
{
    chb_sim_qemu_hang(drive->sim, node, true, true);
}

static void hang_main(struct drive *drive, uint32_t node)
{
    chb_sim_qemu_hang(drive->sim, node, false, true);
}

static void unhang(struct drive *drive, uint32_t node)
{
    chb_sim_qemu_hang(drive->sim, node, true, false);
}

static void agent_dies(struct drive *drive, uint32_t node)
{
    chb_sim_agent_crash(drive->sim, node);
}

static void agent_starts(struct drive *drive, uint32_t node)
{
    if (drive->sim->host[node].on && !drive->sim->agent[node].running) {
        chb_sim_agent_start(drive->sim, node, 0);
    }
}

static void agent_stalls(struct drive *drive, uint32_t node)
{
    chb_sim_agent_stall(drive->sim, node, 1 + 20 * (int64_t)chb_fuzz_u8(&drive->bytes));
}

static void power_off(struct drive *drive, uint32_t node)
{
    chb_sim_host_off(drive->sim, node);
}

static void power_on(struct drive *drive, uint32_t node)
{
    chb_sim_host_on(drive->sim, node);
}

static void power_off_all(struct drive *drive, uint32_t node)
{
    (void)node;
    for (uint32_t i = 1; i <= drive->sim->options.n_nodes; i++) {
        chb_sim_host_off(drive->sim, i);
    }
}

static void cut(struct drive *drive, uint32_t node)
{
    chb_sim_cut(drive->sim, node, node);
}

static void heal(struct drive *drive, uint32_t node)
{
    (void)node;
    chb_sim_heal(drive->sim);
}

static void corosync_dies(struct drive *drive, uint32_t node)
{
    chb_sim_corosync_stop(drive->sim, node);
}

static void corosync_starts(struct drive *drive, uint32_t node)
{
    if (drive->sim->host[node].on) {
        chb_sim_corosync_start(drive->sim, node);
    }
}

static void cut_replication(struct drive *drive, uint32_t node)
{
    chb_sim_replication_cut(drive->sim, node, true);
}

static void heal_replication(struct drive *drive, uint32_t node)
{
    chb_sim_replication_cut(drive->sim, node, false);
}

static void flap(struct drive *drive, uint32_t node)
{
    chb_sim_silence(drive->sim, node, (chb_fuzz_u8(&drive->bytes) & 1) != 0);
}

static void fencer(struct drive *drive, uint32_t node)
{
    const uint8_t byte = chb_fuzz_u8(&drive->bytes);

    (void)node;
    drive->sim->options.fence_mode = (enum chb_sim_fence_mode)(byte % (CHB_SIM_FENCE_LATE + 1));
    drive->sim->options.fence_ms = 20 + 25 * (uint32_t)(byte / (CHB_SIM_FENCE_LATE + 1));
}

static void disk(struct drive *drive, uint32_t node)
{
    struct chb_sim_host *host = &drive->sim->host[node];
    const uint8_t byte = chb_fuzz_u8(&drive->bytes);

    host->disk_slow_ms = (byte & 3) * 400U;
    host->disk_fail_permille = (byte & 4) != 0 ? 1000 : 0;
    host->disk_unknown_permille = (byte & 8) != 0 ? 1000 : 0;
    host->start_fail_permille = (byte & 16) != 0 ? 1000 : 0;
    host->sequence_fail_permille = (byte & 32) != 0 ? 1000 : 0;
}

static void guest_off(struct drive *drive, uint32_t node)
{
    struct chb_sim *sim = drive->sim;
    const uint32_t server = chb_sim_server(sim);

    (void)node;
    for (uint32_t i = 1; server != 0 && i <= sim->options.n_nodes; i++) {
        if (i == server || i == CHB_SIM_VM(sim)->qemu[server].partner) {
            chb_sim_deliver(sim, i, CHB_SIM_MS(1), CHB_EVENT_GUEST_OFF)->event.u.qemu.qemu =
                CHB_SIM_VM(sim)->qemu[i].id;
        }
    }
}

static void resource_starts(struct drive *drive, uint32_t node)
{
    (void)node;
    CHB_SIM_VM(drive->sim)->pacemaker.target_stopped = false;
    chb_sim_pacemaker_poke(drive->sim, CHB_SIM_MS(10));
}

static void disk_error(struct drive *drive, uint32_t node)
{
    chb_sim_deliver(drive->sim, node, 0, CHB_EVENT_DISK_ERROR)->event.u.qemu.qemu =
        CHB_SIM_VM(drive->sim)->qemu[node].id;
}

static void health(struct drive *drive, uint32_t node)
{
    const uint8_t byte = chb_fuzz_u8(&drive->bytes);
    chb_sim_deliver(drive->sim, node, 0, CHB_EVENT_HEALTH)->event.u.health =
        byte > 100 ? 100 : byte;
}

static void switchover(struct drive *drive, uint32_t node)
{
    chb_sim_command(drive->sim, node, CHB_EVENT_SWITCHOVER, 0, 0);
}

static void resync(struct drive *drive, uint32_t node)
{
    chb_sim_command(drive->sim, node, CHB_EVENT_RESYNC, 0, 0);
}

static void standby(struct drive *drive, uint32_t node)
{
    CHB_SIM_VM(drive->sim)->pacemaker.node[node].standby =
        !CHB_SIM_VM(drive->sim)->pacemaker.node[node].standby;
    chb_sim_pacemaker_poke(drive->sim, CHB_SIM_MS(10));
}

/* P3, and the operator is right. */
static void operator_says(struct drive *drive, uint32_t node)
{
    if (drive->sim->host[node].on) {
        return;
    }
    for (uint32_t other = 1; other <= drive->sim->options.n_nodes; other++) {
        if (drive->sim->agent[other].running) {
            chb_sim_command(drive->sim, other, CHB_EVENT_PEER_IS_DOWN, 0, node);
        }
    }
}

static void other_noise(struct drive *drive, uint32_t node)
{
    (void)node;
    chb_sim_rng_init(&drive->sim->rng, chb_fuzz_u8(&drive->bytes), 1);
}

static void (*const faults[32])(struct drive *drive, uint32_t node) = {
    kill_qemu,
    hang,
    hang_main,
    unhang,
    agent_dies,
    agent_starts,
    agent_stalls,
    power_off,
    power_on,
    power_off_all,
    cut,
    heal,
    corosync_dies,
    corosync_starts,
    cut_replication,
    heal_replication,
    flap,
    fencer,
    disk,
    guest_off,
    resource_starts,
    disk_error,
    health,
    switchover,
    resync,
    standby,
    operator_says,
    other_noise,
    kill_qemu,
    cut,
    heal,
    agent_dies,
};

/* ---- the drive ---- */

static uint64_t steps_until;

static bool stepped(const struct chb_sim *sim)
{
    return sim->stats.events >= steps_until;
}

static void do_next(struct drive *drive)
{
    const uint8_t doing = chb_fuzz_u8(&drive->bytes);

    if (doing < 0x60) {
        const uint32_t quarters = 1U << (doing % 16);
        (void)chb_sim_run(drive->sim, quarters < 4 ? 1 : quarters / 4);
    } else if (doing < 0x80) {
        steps_until = drive->sim->stats.events + 1 + doing % 32;
        (void)chb_sim_run_until(drive->sim, 2000, stepped);
    } else {
        drive->sim->vm = 0;
        faults[doing % 32](drive, 1 + ((doing >> 5) & 3U) % drive->sim->options.n_nodes);
    }
}

static void calm(struct chb_sim *sim)
{
    chb_sim_faults_end(sim);
    if (!chb_sim_run(sim, 15000)) {
        return;
    }
    if (!chb_sim_run_until(sim, CALM_MS, chb_sim_is_pair)) {
        chb_sim_violate(sim, "R10", "%s after %d s without faults",
                        chb_sim_server(sim) == 0 ? "nobody serves" : "no pair", CALM_MS / 1000);
        return;
    }
    if (chb_sim_run(sim, 15000) && !chb_sim_is_pair(sim)) {
        chb_sim_violate(sim, "R10", "the pair did not last");
    }
}

static void play(const uint8_t *data, size_t size, bool trace)
{
    struct drive drive = {.sim = &now, .bytes = {data, size}};
    const uint8_t world = chb_fuzz_u8(&drive.bytes);
    const uint8_t options = chb_fuzz_u8(&drive.bytes);

    memcpy(&now, &begun[world % N_WORLDS], sizeof(now));
    now.trace.on = trace;
    now.trace.print = trace;
    const int64_t until_ns = now.now_ns + CHB_SIM_MS(TIME_MS_MAX);
    for (int i = 0; i < DOINGS_MAX && drive.bytes.left > 0 && now.now_ns < until_ns &&
                    now.violation.rule == NULL;
         i++) {
        do_next(&drive);
    }
    if ((options & 1) != 0 && now.violation.rule == NULL) {
        calm(&now);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    play(data, size, getenv("CHB_FUZZ_TRACE") != NULL);
    if (now.violation.rule != NULL) {
        play(data, size, true); /* again, with its story */
        (void)fprintf(stderr, "breaks %s: %s\n", now.violation.rule, now.violation.text);
        abort();
    }
    return 0;
}
