/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A simulated world around the decision core: hosts, network, corosync, Pacemaker, fencer, disks
 * and QEMU pairs of a few VMs. There is no clock and no chance but the seed's, so one seed is one
 * history, and one history is a test case.
 *
 * The world is omniscient plain data. The agents see of it only what their events say. Each part
 * has its own file: net.c, corosync.c, agent.c (the shell around the core), shell.c (actions),
 * qemu.c, sequence.c, disk.c, fencer.c, host.c, pacemaker.c, promotion.c, cib.c, faults.c, and
 * check.c, which judges by the rules of doc/SAFETY.md, and shares no code with the core.
 */
#ifndef CHB_SIM_SIM_H
#define CHB_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <agent/core/core.h>

#include <tests/sim/cluster.h>
#include <tests/sim/fault.h>
#include <tests/sim/queue.h>
#include <tests/sim/rng.h>

#define CHB_SIM_VMS_MAX 3
#define CHB_SIM_MS(ms) ((int64_t)(ms)*1000000)
#define CHB_SIM_KINDS_MAX 48 /* of faults */
#define CHB_SIM_TRACE_LINES 512
#define CHB_SIM_TRACE_WIDTH 200

/* ---- QEMU ---- */

enum chb_sim_mode {
    CHB_SIM_MODE_NONE,           /* no process */
    CHB_SIM_MODE_STARTING,       /* process runs, guest does not yet */
    CHB_SIM_MODE_ALONE,          /* guest runs, output is free */
    CHB_SIM_MODE_INCOMING,       /* secondary before COLO */
    CHB_SIM_MODE_COLO_PRIMARY,   /* output is free as far as the secondary agrees */
    CHB_SIM_MODE_COLO_SECONDARY, /* output goes nowhere */
};

struct chb_sim_qemu {
    uint64_t id;      /* the core's name for it */
    uint64_t serial;  /* of the process; 0: none */
    uint32_t op;      /* of its start */
    uint32_t solo_op; /* of its going solo; 0: none */
    enum chb_sim_mode mode;
    bool as_secondary; /* it was started as one */
    bool killed;       /* SIGKILL is under way */
    bool stopped;      /* SIGSTOP by the agent */
    bool hung;         /* does nothing at all */
    bool main_hung;    /* its main loop does nothing; the out-of-band monitor answers */
    bool listening;    /* secondary is prepared */
    bool merge;        /* primary: was started with merging the overlays first */
    bool colo_failed;  /* replication has ended, COLO has not */
    uint64_t epoch;    /* of the VM's stretches with one speaker: the one that it may speak in */
    bool told_pair;    /* its agent has said that the pair is made: the other side may go on */
    uint32_t partner;  /* in COLO or while filling: node of the other side */
    uint64_t partner_serial;
};

/* The images of one host, and what of the VM's history is in them. */
struct chb_sim_copy {
    uint64_t contains; /* everything let out up to this count */
    bool valid;        /* false: never filled, or half filled */
    bool present;
    bool missed;        /* a secondary's: a write, and the primary's agent was told at once */
    bool missed_told;   /* ... and the secondary's after it */
    bool overlays;      /* the rest is in overlays that have not been merged */
    bool below;         /* they were merged by QEMU, and the guest has written below them since */
    uint64_t told_boot; /* ... of which this incarnation of the agent was told */
    int64_t told_at;
};

/* ---- parts of a host ---- */

struct chb_sim_write {
    uint32_t op; /* 0: none under way */
    uint64_t serial;
    struct chb_record record;
    bool landed;
};

struct chb_sim_run { /* the QMP sequence under way */
    uint32_t op;     /* 0: none */
    uint64_t serial;
    enum chb_sequence kind;
    uint32_t peer;
    bool yank;
};

/* Files that survive the agent and not the host. */
struct chb_sim_runtime {
    bool started;
    bool promoted;
    bool copy_failed;
    struct chb_settings settings;
};

/* What a host's disks have of a VM. */
struct chb_sim_place {
    struct chb_record record;
    struct chb_sim_copy copy;
    struct chb_sim_runtime runtime;
    struct chb_record late; /* a write that nobody waits for any more, and that may yet land */
    bool has_late;
};

struct chb_sim_host {
    bool on;
    uint64_t boot; /* counts */
    int64_t on_at; /* its clock began here */
    int32_t drift_ppm;
    /* faults */
    uint32_t disk_slow_ms;
    uint32_t disk_fail_permille;
    uint32_t disk_unknown_permille;
    uint32_t start_fail_permille;
    uint32_t sequence_fail_permille;
};

/* The daemon of a host: a crash or a stall hits all of its VMs. */
struct chb_sim_agent {
    bool running;
    uint64_t boot; /* incarnation */
    int64_t stalled_until;
};

/* What it has for one VM. */
struct chb_sim_unit {
    struct chb_core core;
    int64_t tick_at;
    uint64_t tick_serial;
    uint32_t spins;
    struct chb_sim_write write;
    struct chb_sim_run run;
    bool told_lost[CHB_SIM_SLOTS]; /* the last that it was told of this node is a loss */
};

/* ---- the world ---- */

enum chb_sim_quorum { CHB_SIM_QUORUM_TWO_NODE, CHB_SIM_QUORUM_QDEVICE, CHB_SIM_QUORUM_MAJORITY };

struct chb_sim_options {
    uint64_t seed;
    uint32_t n_nodes; /* 2 .. CHB_SIM_NODES_MAX */
    uint32_t n_vms;   /* 1 .. CHB_SIM_VMS_MAX */
    enum chb_sim_quorum quorum;
    int64_t token_ms; /* from a cut to a new membership */
    uint32_t fill_ms; /* how long a join fills */
    uint32_t noise;   /* 0: short, regular latencies; 1000: wild */
    bool quorum_stop; /* no-quorum-policy=stop */
    bool fence_reboots;
    bool torn_records;    /* a power cut may tear a record */
    bool unsafe;          /* require_fencing=false: the operator's signature under R1 and R2 */
    uint32_t echo;        /* permille of answers that come a second time, late */
    uint32_t patience_ms; /* of a stop or demote, for the guest to switch itself off */
    uint32_t deaf_guest;  /* permille: it does not listen to the power button */
    enum chb_sim_fence_mode fence_mode;
    uint32_t fence_ms;
    uint32_t images;    /* bit per node: image present at first */
    uint32_t drift_ppm; /* clocks go wrong by up to so much */
    uint32_t cut_steps; /* permille of actions after which the agent dies, the rest undone */
    bool single;        /* a quiet world, a pair, one fault: the budgets hold (budget.c) */
    bool restart_guest; /* on_poweroff=restart */
};

struct chb_sim_stats {
    uint64_t histories;
    int64_t simulated_ns;
    uint64_t events; /* core steps */
    uint64_t proofs[CHB_PROOF_MAX];
    uint64_t pairs;
    uint64_t joins;
    uint64_t joins_failed;
    uint64_t holds;
    uint64_t released;
    uint64_t hangs;
    uint64_t broken;
    uint64_t boots;
    uint64_t lost_lines;
    uint64_t partitions;
    uint64_t partial_cuts; /* one way, or without clear sides */
    uint64_t flaps;
    uint64_t rings; /* entered, each node */
    uint64_t corosync_hangs;
    uint64_t try_agains;
    uint64_t qnetd_cuts;
    uint64_t client_cuts;
    uint64_t fences;
    uint64_t fences_failed;
    uint64_t power_cuts;
    uint64_t agent_restarts;
    uint64_t qemu_deaths;
    uint64_t faults;
    uint64_t recoveries;   /* Pacemaker: demote, stop, start after a failed monitor */
    uint64_t powered_down; /* guests that switched themselves off when they were asked to */
    uint64_t fences_late;  /* ... that hit a host which was back */
    uint64_t leaks;     /* ticks in which frames that COLO does not hold left a primary in doubt */
    uint64_t cut_steps; /* agents that died between two actions of a step */
    uint64_t late_records; /* landed after their answer */
    uint64_t user_moves;   /* bans, moves, maintenance, cleanups */
    uint64_t singles;      /* single-fault histories */
    uint64_t seeds;        /* the operator had to say where the data is */
};

/* Sees every step of every core: before it with `actions` NULL, and after it. */
typedef void chb_sim_observer(void *userdata, uint32_t vm, uint32_t node,
                              const struct chb_core *core, const struct chb_event *event,
                              const struct chb_actions *actions);

struct chb_sim_trace {
    chb_sim_observer *observe; /* NULL: nobody */
    void *userdata;
    bool on;
    bool print; /* each line at once, to stdout */
    uint64_t lines;
    char line[CHB_SIM_TRACE_LINES][CHB_SIM_TRACE_WIDTH];
};

struct chb_sim_violation {
    const char *rule; /* NULL: none */
    char text[CHB_SIM_TRACE_WIDTH];
};

/* All that there is of one VM, on all hosts. */
struct chb_sim_vm {
    struct chb_sim_place place[CHB_SIM_SLOTS];
    struct chb_sim_unit unit[CHB_SIM_SLOTS];
    struct chb_sim_qemu qemu[CHB_SIM_SLOTS];
    struct chb_sim_pacemaker pacemaker;
    uint64_t let_out; /* what clients have seen, counted */
    uint64_t epoch;   /* counts how often a replica began to speak alone */
    int64_t out_at;   /* clients have seen something, last */
    int64_t gap_ns;   /* the longest time without, since the fault of a single-fault history */
    uint32_t operator_tries;
    int64_t silent_ms; /* since when nobody serves, as the operator sees it */
    bool torn;         /* some record has been torn in this history */
};

/* The VM that goes on in this moment: of the item that is being worked on. */
#define CHB_SIM_VM(sim) (&(sim)->vms[(sim)->vm])

/* The loop's body is of each VM in turn; it must run to its end (no break, no return). */
#define CHB_SIM_FOR_VMS(sim)                                                                       \
    for (uint32_t chb_vm_was = (sim)->vm, chb_vm = 0;                                              \
         chb_vm < (sim)->options.n_vms ? ((sim)->vm = chb_vm, true)                                \
                                       : ((sim)->vm = chb_vm_was, false);                          \
         chb_vm++)

struct chb_sim {
    struct chb_sim_options options;
    uint32_t vm; /* see CHB_SIM_VM() */
    int64_t now_ns;
    struct chb_sim_rng rng;       /* the world's own noise */
    struct chb_sim_rng fault_rng; /* which faults, and when */

    struct chb_sim_net net;
    struct chb_sim_host host[CHB_SIM_SLOTS];
    struct chb_sim_corosync corosync[CHB_SIM_SLOTS];
    struct chb_sim_agent agent[CHB_SIM_SLOTS];
    struct chb_sim_fence fence[CHB_SIM_SLOTS];
    struct chb_sim_vm vms[CHB_SIM_VMS_MAX];

    uint32_t p3;          /* bit per node: the operator said that it is down, and was right */
    uint32_t next_ring;   /* ids, never repeated */
    uint64_t next_serial; /* of processes, writes, sequences, incarnations */
    bool calm;            /* no more faults: the phase in which everything must come right */
    bool shot_after_heal; /* a node was fenced that was a member of somebody's ring again */

    /* faults.c */
    uint32_t fault_weight[CHB_SIM_KINDS_MAX];
    uint32_t fault_gap_ms;
    uint32_t trigger_permille; /* a fault right after an action */
    uint32_t trigger_kind;
    int64_t faults_until;
    struct chb_sim_rng strike_rng; /* of the fault that strikes now */
    int64_t strike_ms;
    int64_t left_until;                  /* in the calm, nobody repairs anything until then */
    const struct chb_sim_faults *listed; /* these strike, and no others; NULL: chance */

    struct chb_sim_queue queue;
    struct chb_sim_faults struck; /* so far in this history */
    struct chb_sim_stats stats;
    struct chb_sim_trace trace;
    struct chb_sim_violation violation;
};

/* ---- sim.c ---- */

/* Fills in a quiet world: two nodes, short latencies, fencing that works. */
void chb_sim_options_init(struct chb_sim_options *ret_options, uint64_t seed);

/* A new world at moment 0: all hosts on, everything about to start. `stats` is kept, so that many
 * histories add up; zero it before the first. */
void chb_sim_init(struct chb_sim *sim, const struct chb_sim_options *options);

/* Runs for `ms` simulated milliseconds, or until a rule is broken. True if none was. */
bool chb_sim_run(struct chb_sim *sim, int64_t ms);

/* Runs until `done` says so, at most `ms`. True if it did and no rule was broken. */
bool chb_sim_run_until(struct chb_sim *sim, int64_t ms, bool (*done)(const struct chb_sim *sim));

/* Plans `fn` in `delay_ns` from now. The caller fills in the rest of the item at once. Never NULL:
 * running out of items ends the history as a violation, and a spare item is handed out. */
struct chb_sim_item *chb_sim_plan(struct chb_sim *sim, int64_t delay_ns, chb_sim_fn fn,
                                  uint32_t node, uint64_t tag);

/* A latency: usually from low to high, and with noise now and then up to `wild`. Milliseconds in,
 * nanoseconds out. */
int64_t chb_sim_latency(struct chb_sim *sim, int64_t low_ms, int64_t high_ms, int64_t wild_ms);

static inline uint32_t chb_sim_bit(uint32_t node)
{
    return 1u << node;
}

/* ---- trace.c ---- */

void chb_sim_trace(struct chb_sim *sim, uint32_t node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void chb_sim_trace_event(struct chb_sim *sim, uint32_t node, const struct chb_event *event);
void chb_sim_trace_action(struct chb_sim *sim, uint32_t node, const struct chb_action *action);
/* Prints the last `n` lines. */
void chb_sim_trace_tail(const struct chb_sim *sim, uint64_t n);

/* ---- net.c and corosync.c ---- */

bool chb_sim_connected(const struct chb_sim *sim, uint32_t a, uint32_t b); /* cluster traffic */
bool chb_sim_in_ring(const struct chb_sim *sim, uint32_t node, uint32_t other);
bool chb_sim_replicates(const struct chb_sim *sim, uint32_t a, uint32_t b);
bool chb_sim_reaches(const struct chb_sim *sim, uint32_t a, uint32_t b); /* cables alone */
void chb_sim_cut(struct chb_sim *sim, uint32_t node, uint32_t side);
/* Cluster traffic of `others` (a bit per node) does not arrive at `node` any more. `flaps`: how
 * often rings form anew before it settles, if the cut has no clear sides. */
void chb_sim_deafen(struct chb_sim *sim, uint32_t node, uint32_t others, uint32_t flaps);
void chb_sim_replication_deafen(struct chb_sim *sim, uint32_t node, uint32_t others);
void chb_sim_replication_heal(struct chb_sim *sim);
void chb_sim_clients_cut(struct chb_sim *sim, uint32_t node, bool out, bool in, bool down);
void chb_sim_qnetd_cut(struct chb_sim *sim, uint32_t node, bool cut);
void chb_sim_heal(struct chb_sim *sim);
void chb_sim_pairs_look(struct chb_sim *sim);
void chb_sim_replication_cut(struct chb_sim *sim, uint32_t node, bool cut);
void chb_sim_corosync_start(struct chb_sim *sim, uint32_t node);
void chb_sim_corosync_stop(struct chb_sim *sim, uint32_t node);
void chb_sim_corosync_join(struct chb_sim *sim, uint32_t node);  /* agent connects */
void chb_sim_corosync_leave(struct chb_sim *sim, uint32_t node); /* agent is gone */
void chb_sim_corosync_changed(struct chb_sim *sim, bool loss);
void chb_sim_corosync_hang(struct chb_sim *sim, uint32_t node, int64_t ns);
void chb_sim_corosync_busy(struct chb_sim *sim, uint32_t node, int64_t ns); /* TRY_AGAIN */
void chb_sim_reform(struct chb_sim *sim);
/* Between corosync.c and ring.c. */
uint64_t chb_sim_agent_in_group(const struct chb_sim *sim, uint32_t node); /* 0: none */
void chb_sim_tell_node(struct chb_sim *sim, uint32_t node, int64_t delay_ns,
                       enum chb_event_kind kind, uint32_t about);
void chb_sim_tell_verdict(struct chb_sim *sim, uint32_t node, bool quorate);
void chb_sim_tell_quorum(struct chb_sim *sim, uint32_t node, bool anew);
void chb_sim_flush(struct chb_sim *sim, uint32_t node, int64_t delay_ns);
bool chb_sim_ring_intact(const struct chb_sim *sim, uint32_t node);
bool chb_sim_quorate(const struct chb_sim *sim, uint32_t node);
void chb_sim_mcast(struct chb_sim *sim, uint32_t node, const struct chb_event *event);
void chb_sim_silence(struct chb_sim *sim, uint32_t node, bool silent);

/* ---- agent.c and shell.c ---- */

void chb_sim_agent_start(struct chb_sim *sim, uint32_t node, int64_t delay_ns);
void chb_sim_agent_crash(struct chb_sim *sim, uint32_t node);
void chb_sim_agent_stall(struct chb_sim *sim, uint32_t node, int64_t ms);
/* Plans that the agent of `node`, in its present life, gets an event, whose rest the caller fills
 * in at once. With `arg` set: only in this session with corosync; with `other`: only from that
 * node. */
struct chb_sim_item *chb_sim_deliver(struct chb_sim *sim, uint32_t node, int64_t delay_ns,
                                     enum chb_event_kind kind);
/* Gives it to the core now. */
void chb_sim_agent_event(struct chb_sim *sim, uint32_t node, const struct chb_event *event);
void chb_sim_perform(struct chb_sim *sim, uint32_t node, const struct chb_action *action);
/* A command for the core, as coloctl sends it; id 0: nobody waits for the answer. */
void chb_sim_command(struct chb_sim *sim, uint32_t node, enum chb_event_kind kind, uint32_t id,
                     uint32_t about);
chb_time chb_sim_host_time(const struct chb_sim *sim, uint32_t node, int64_t at_ns);

/* ---- qemu.c and sequence.c ---- */

void chb_sim_qemu_start(struct chb_sim *sim, uint32_t node, const struct chb_action *action);
void chb_sim_qemu_kill(struct chb_sim *sim, uint32_t node, uint64_t id);
void chb_sim_qemu_stop(struct chb_sim *sim, uint32_t node, uint64_t id, bool stop);
/* It dies by itself, or with its host (`host_died`: nobody closes its sockets). */
void chb_sim_qemu_die(struct chb_sim *sim, uint32_t node, bool host_died);
void chb_sim_qemu_hang(struct chb_sim *sim, uint32_t node, bool whole, bool hang);
bool chb_sim_qemu_answers(const struct chb_sim *sim, uint32_t node);
/* Frames of the guest can reach clients from here. */
bool chb_sim_serves(const struct chb_sim *sim, uint32_t node);
bool chb_sim_vm_serves(const struct chb_sim_vm *vm, uint32_t node);
/* Both sides run and the connection between them holds. */
bool chb_sim_in_step(const struct chb_sim *sim, const struct chb_sim_vm *vm, uint32_t primary);
void chb_sim_qemu_break(struct chb_sim *sim, uint32_t node, int64_t delay_ns);
void chb_sim_sequence(struct chb_sim *sim, uint32_t node, const struct chb_action *action);
void chb_sim_sequence_abort(struct chb_sim *sim, uint32_t node);

/* ---- disk.c, fencer.c, host.c ---- */

void chb_sim_persist(struct chb_sim *sim, uint32_t node, uint32_t op,
                     const struct chb_record *record);
void chb_sim_disk_cut(struct chb_sim *sim, uint32_t node, bool power);
/* A write that an earlier daemon has left under way is over: the next one reads only then. */
void chb_sim_disk_settle(struct chb_sim *sim, uint32_t node);
void chb_sim_fence(struct chb_sim *sim, uint32_t target, uint32_t by, uint32_t op);
void chb_sim_host_off(struct chb_sim *sim, uint32_t node);
void chb_sim_host_on(struct chb_sim *sim, uint32_t node);

/* ---- pacemaker.c ---- */

void chb_sim_pacemaker_poke(struct chb_sim *sim, int64_t delay_ns);
void chb_sim_pacemaker_begin(struct chb_sim *sim);
void chb_sim_pacemaker_ring(struct chb_sim *sim, uint32_t node, uint32_t was, uint32_t is);
void chb_sim_pacemaker_host_off(struct chb_sim *sim, uint32_t node);
void chb_sim_pacemaker_reply(struct chb_sim *sim, uint32_t node, uint32_t id, bool ok);
void chb_sim_pacemaker_cleanup(struct chb_sim *sim, uint32_t node);
void chb_sim_pacemaker_monitor_failed(struct chb_sim *sim, uint32_t node);
void chb_sim_pacemaker_score(struct chb_sim *sim, uint32_t node, enum chb_score score);
void chb_sim_pacemaker_fenced(struct chb_sim *sim, uint32_t by, uint32_t target,
                              enum chb_outcome outcome);
void chb_sim_cib_write(struct chb_sim *sim, uint32_t node, const struct chb_record *record);
void chb_sim_cib_tell(struct chb_sim *sim, uint32_t node);
void chb_sim_cib_sync(struct chb_sim *sim, uint32_t members, bool quorate);

/* promotion.c: what Pacemaker wants of the online nodes `members` of one quorate partition. */
void chb_sim_pacemaker_promotions(struct chb_sim *sim, uint32_t members, bool unclean);
void chb_sim_pacemaker_ask(struct chb_sim *sim, uint32_t node, enum chb_sim_op op);

/* ---- faults.c ---- */

/* Chooses a mix of faults by the seed and plans them until `until_ns`. */
void chb_sim_faults_begin(struct chb_sim *sim, int64_t until_ns);
/* These faults, in the order of their times, in place of chance. The list must last. */
void chb_sim_faults_list(struct chb_sim *sim, const struct chb_sim_faults *list);
/* This one, now, whatever strikes else. */
void chb_sim_strike(struct chb_sim *sim, const struct chb_sim_fault *fault);
/* ... and it is one of the history's own, for its story. */
void chb_sim_strike_kept(struct chb_sim *sim, const struct chb_sim_fault *fault);
/* As stories call it; NULL: no such kind. Kinds count from 0. */
const char *chb_sim_fault_name(uint32_t kind);
/* The other way; one without a name if there is none that is called so. */
uint32_t chb_sim_fault_kind(const char *name);
/* Ends every fault: power on, network whole, disks and fencer well, nothing hangs. */
void chb_sim_faults_end(struct chb_sim *sim);
/* An agent has asked for something: a good moment for a fault. */
void chb_sim_faults_trigger(struct chb_sim *sim, uint32_t node, enum chb_action_kind kind);

/* ---- budget.c ---- */

/* Plans the one fault of a single-fault history. */
void chb_sim_budget_begin(struct chb_sim *sim);
/* It strikes now: the clients' clock begins, and there must be something to lose. */
void chb_sim_budget_struck(struct chb_sim *sim);
/* R10: the gap that it has made is within its budget. */
void chb_sim_budget_judge(struct chb_sim *sim);

/* ---- history.c ---- */

/* A whole history: options by the seed, faults, and then the calm in which the VM must serve again
 * and be a pair again (R10). True if no rule was broken. */
bool chb_sim_history(struct chb_sim *sim, uint64_t seed);

/* Its two halves: a world by the seed that knows nothing yet of faults, and how long they are to
 * last; and what follows, whoever said which faults. */
int64_t chb_sim_history_begin(struct chb_sim *sim, uint64_t seed);
bool chb_sim_history_run(struct chb_sim *sim, int64_t faults_ms);

/* ---- single.c ---- */

/* R10, the bound: of a world that is calm and whole one part fails, and the clients must hear the
 * guests again in time. True if no rule was broken. */
bool chb_sim_single(struct chb_sim *sim);

/* ---- check.c ---- */

/* Breaks off the history. Only the first one counts. */
void chb_sim_violate(struct chb_sim *sim, const char *rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* R1, R2, R5: after each item. */
void chb_sim_check(struct chb_sim *sim);
/* R6, R7 and P1: after each step of an agent. */
void chb_sim_check_step(struct chb_sim *sim, uint32_t node, const struct chb_event *event,
                        const struct chb_actions *actions);
/* R3, R4, R5: QEMU of `node` goes solo now. */
void chb_sim_check_solo(struct chb_sim *sim, uint32_t node);
/* R2, R4, R5: the image of `node` is started as a primary now. */
void chb_sim_check_cold(struct chb_sim *sim, uint32_t node);
/* R4: the image of `node` is overwritten from now on. */
/* QEMU merges the overlays of an image once more. */
void chb_sim_check_merge(struct chb_sim *sim, uint32_t node);
/* QEMU has merged its overlays and its agent is told. */
void chb_sim_check_merged(struct chb_sim *sim, uint32_t node);
void chb_sim_check_fill(struct chb_sim *sim, uint32_t node, uint32_t primary);
/* The VM serves, both sides are in step, and both agents know it. */
bool chb_sim_is_pair(const struct chb_sim *sim);
/* ... and so does every other one. */
bool chb_sim_all_pairs(const struct chb_sim *sim);
/* Node that serves; 0: none. */
uint32_t chb_sim_server(const struct chb_sim *sim);

#endif
