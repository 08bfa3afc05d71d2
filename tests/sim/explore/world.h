/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small world without time around two real cores: two hosts, one VM.
 *
 * The simulator (tests/sim/sim.h) draws one history out of very many. This world has no chance and
 * no latencies: whatever may happen next is a choice, and search.c takes every one of them, in
 * every order. So a world is plain data: it can be copied, put back, and made canonical and hashed
 * (canon.c). What is left out of it is said in README.md.
 */
#ifndef CHB_SIM_EXPLORE_WORLD_H
#define CHB_SIM_EXPLORE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include <agent/core/core.h>

#define CHB_X_NODES 2
#define CHB_X_SLOTS (CHB_X_NODES + 1) /* indexed by node id, from 1 */
#define CHB_X_CHANNEL_MAX 16
#define CHB_X_EXITS_MAX 3
#define CHB_X_TEXT 200
#define FOR_X(node) for (uint32_t node = 1; node <= CHB_X_NODES; node++)

enum chb_x_mode {
    CHB_X_NONE,     /* no process */
    CHB_X_STARTING, /* process runs, guest does not yet */
    CHB_X_ALONE,    /* guest runs, output is free */
    CHB_X_INCOMING, /* secondary before COLO */
    CHB_X_PRIMARY,  /* in COLO; what COLO holds waits for the other side */
    CHB_X_SECONDARY,
};

/* The process at the other end of replication. */
enum chb_x_link { CHB_X_NO_LINK, CHB_X_LINKED, CHB_X_LINK_GONE };

struct chb_x_qemu {
    uint64_t id;       /* the core's name for it */
    uint32_t start_op; /* its start is not yet answered; 0: it is */
    uint32_t solo_op;  /* of its going solo; 0: none */
    enum chb_x_mode mode;
    enum chb_x_link link;
    bool as_secondary;
    bool merge;
    bool killed;    /* SIGKILL is under way */
    bool stopped;   /* SIGSTOP by the agent */
    bool hung;      /* does nothing at all */
    bool listening; /* secondary is prepared */
    bool migrating; /* primary: will go into COLO, whoever drives it */
    bool entering;  /* secondary: the primary is in COLO already */
    bool colo_failed;
    bool exit_untold; /* ... and no agent was there to hear it */
    bool told_pair;   /* its agent has said that the pair is made */
};

/* The images of one host. */
struct chb_x_copy {
    bool valid;
    bool present;
    bool current;  /* all that clients have seen is in it */
    bool overlays; /* ... together with overlays that are not merged */
};

struct chb_x_write {
    uint32_t op; /* 0: none under way */
    struct chb_record record;
};

struct chb_x_run { /* the QMP sequence under way */
    uint32_t op;   /* 0: none */
    enum chb_sequence kind;
    bool yank;
    bool effect; /* it has done what it does; the answer is to come */
};

enum chb_x_fencing { CHB_X_FENCE_NONE, CHB_X_FENCE_ASKED, CHB_X_FENCE_OVER };

/* What this host's fencer does to the other host. */
struct chb_x_fence {
    enum chb_x_fencing state;
    uint32_t op; /* of the agent's request; 0: Pacemaker alone wanted it */
    enum chb_outcome outcome;
    chb_time off_at;
};

/* From corosync, in total order. */
struct chb_x_item {
    enum chb_event_kind kind;
    enum chb_request request;
    uint64_t boot;
    struct chb_state_msg state;
};

struct chb_x_node {
    bool on;
    bool corosync;
    bool agent;
    bool sees;        /* corosync: the other node is in its ring */
    bool seen;        /* two_node: wait_for_all is over */
    bool unclean;     /* Pacemaker: the other node was lost and has not been fenced */
    bool quorum_news; /* the agent is still to be told */
    bool silent;      /* the agent hangs, and the other one will be told */
    bool started;     /* the agent's runtime file */
    bool promoted;
    bool told_lost; /* the last that the agent heard of the other node is its loss */
    int64_t clock_ns;
    struct chb_x_qemu qemu;
    struct chb_x_copy copy;
    struct chb_record record;
    struct chb_x_write write;
    struct chb_x_run run;
    struct chb_x_fence fence;
    uint32_t n_exits;
    uint64_t exits[CHB_X_EXITS_MAX]; /* dead, and the kernel's word is not yet heard */
    uint32_t n_items;
    struct chb_x_item items[CHB_X_CHANNEL_MAX];
    struct chb_core core;
};

struct chb_x_world {
    struct chb_x_node node[CHB_X_SLOTS];
    bool cut;             /* no network between the two */
    bool replication_cut; /* ... only for replication */
    uint32_t faults;      /* that were spent */
    uint32_t heals;
    uint64_t next_boot;
    bool torn;       /* a record was torn */
    bool asked;      /* the operator was, and has said where the data is */
    bool overflowed; /* a channel was full: what follows was not looked at */
    bool tell;       /* print a story */
    const char *rule;
    char text[CHB_X_TEXT];
};

static inline uint32_t chb_x_other(uint32_t node)
{
    return 3 - node;
}

/* ---- world.c: power, network, corosync, agents ---- */

/* Both hosts on, agents up, nothing started yet; the image is on node 1. */
void chb_x_init(struct chb_x_world *world);
void chb_x_say(const struct chb_x_world *world, uint32_t node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool chb_x_ring(const struct chb_x_world *world); /* both hear each other over corosync */
bool chb_x_replicates(const struct chb_x_world *world);
void chb_x_send(struct chb_x_world *world, uint32_t from, const struct chb_x_item *item);
/* What becomes of a write under way: 0 not on the disk, 1 on the disk, 2 torn. */
void chb_x_write_cut(struct chb_x_world *world, uint32_t node, uint32_t fate);
void chb_x_cut(struct chb_x_world *world);
void chb_x_heal(struct chb_x_world *world);
void chb_x_drop(struct chb_x_world *world, uint32_t node); /* messages under way to it are lost */
void chb_x_power_off(struct chb_x_world *world, uint32_t node);
void chb_x_power_on(struct chb_x_world *world, uint32_t node);
void chb_x_corosync_stop(struct chb_x_world *world, uint32_t node);
void chb_x_corosync_start(struct chb_x_world *world, uint32_t node);
void chb_x_agent_stop(struct chb_x_world *world, uint32_t node);
void chb_x_agent_start(struct chb_x_world *world, uint32_t node);
void chb_x_silence(struct chb_x_world *world, uint32_t node, bool silent);

/* ---- shell.c: the agent around the core ---- */

void chb_x_event(struct chb_x_world *world, uint32_t node, const struct chb_event *event);
void chb_x_event_qemu(struct chb_x_world *world, uint32_t node, enum chb_event_kind kind,
                      uint64_t qemu);
void chb_x_answer(struct chb_x_world *world, uint32_t node, enum chb_event_kind kind, uint32_t op,
                  enum chb_outcome outcome);
void chb_x_command(struct chb_x_world *world, uint32_t node, enum chb_event_kind kind,
                   uint32_t about);
void chb_x_deliver(struct chb_x_world *world, uint32_t node); /* next of the channel */
/* The moment to which a TICK would take this node; CHB_TIME_FOREVER: nothing is due. A QEMU that
 * answers does so in time, so what would be due if it did not is left out. */
chb_time chb_x_deadline(const struct chb_x_world *world, uint32_t node);
void chb_x_tick(struct chb_x_world *world, uint32_t node, chb_time at);

/* ---- qemu.c ---- */

bool chb_x_serves(const struct chb_x_world *world, uint32_t node);
bool chb_x_answers(const struct chb_x_world *world, uint32_t node);
bool chb_x_in_step(const struct chb_x_world *world, uint32_t primary);
bool chb_x_breaks(const struct chb_x_world *world, uint32_t node); /* COLO may end by itself */
void chb_x_break(struct chb_x_world *world, uint32_t node);
void chb_x_die(struct chb_x_world *world, uint32_t node, bool host_died);
void chb_x_start(struct chb_x_world *world, uint32_t node, const struct chb_action *action);
void chb_x_started(struct chb_x_world *world, uint32_t node); /* its guest runs, or it listens */
bool chb_x_enters(const struct chb_x_world *world, uint32_t node);
void chb_x_enter(struct chb_x_world *world, uint32_t node);
bool chb_x_gives_up(const struct chb_x_world *world, uint32_t node); /* filled by nobody any more */

/* Where the sequence under way stands. */
enum chb_x_next {
    CHB_X_IDLE,
    CHB_X_EFFECT, /* can take effect */
    CHB_X_DONE,
    CHB_X_FAILS,
    CHB_X_STUCK, /* nothing moves: it ends only as unknown */
    CHB_X_WAITS, /* for what QEMU does by itself */
};
enum chb_x_next chb_x_sequence_next(const struct chb_x_world *world, uint32_t node);
void chb_x_sequence_effect(struct chb_x_world *world, uint32_t node);
void chb_x_sequence_end(struct chb_x_world *world, uint32_t node, enum chb_outcome outcome);

/* ---- judge.c ---- */

void chb_x_violate(struct chb_x_world *world, const char *rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void chb_x_judge(struct chb_x_world *world); /* after each choice; lets the guests speak, too */
void chb_x_judge_step(struct chb_x_world *world, uint32_t node, const struct chb_event *event,
                      const struct chb_actions *actions);
void chb_x_judge_solo(struct chb_x_world *world, uint32_t node);
void chb_x_judge_fill(struct chb_x_world *world, uint32_t node);
bool chb_x_is_pair(const struct chb_x_world *world);
uint32_t chb_x_server(const struct chb_x_world *world); /* 0: nobody serves */

#endif
