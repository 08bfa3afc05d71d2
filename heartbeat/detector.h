/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which agents are silent?
 *
 * corosync reports a process that dies and a node that is lost, but never a process that hangs: its
 * membership stays. So each agent sends heartbeats, and this
 * judges their absence.
 *
 * An agent may accuse another only for time in which it would have heard it. CPG is a total order
 * that delivers our own messages too, so each own heartbeat that comes back (an "echo") shows that
 * the ring turned, that corosync delivered and that our own loop ran. Silence is therefore counted
 * in echoes: each adds the time since the one before, but at most `echo_limit`. While a ring is
 * formed anew (2.2 times the token time-out and more), while corosync hangs, and while this process
 * sleeps, no echo comes, and nobody is accused for it.
 *
 * Silence is never a proof of anything (rule R3). All functions are pure; the state is plain data.
 */
#ifndef CHB_HEARTBEAT_DETECTOR_H
#define CHB_HEARTBEAT_DETECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include <agent/core/limits.h>
#include <agent/core/time.h>

#define CHB_HEARTBEAT_INTERVAL_MS 200 /* default */
#define CHB_HEARTBEAT_TIMEOUT_MS 1000 /* default */

struct chb_detector_config {
    chb_span timeout;    /* 100 ms .. 60 s: silence that makes a node SILENT; 0: the default */
    chb_span interval;   /* 10 ms .. timeout/2: between two heartbeats; 0: the default */
    chb_span echo_limit; /* what one echo may add to the silence; 0: twice the interval */
};

/* What is known of one agent; for status and for tests. Times are this host's. */
struct chb_detector_node {
    uint32_t node; /* 0: slot unused */
    bool silent;
    uint64_t boot;         /* incarnation that spoke last; 0: none yet */
    uint64_t sequence;     /* highest seen of this incarnation */
    chb_time heard_at;     /* last message, or when it joined */
    chb_span silence;      /* counted up to the last echo */
    uint64_t messages;     /* accepted, of this incarnation */
    uint64_t duplicates;   /* sequence seen before, or older; since the slot is in use */
    uint64_t missed;       /* sequence numbers that never came, since the slot is in use */
    uint32_t incarnations; /* changes of boot id since the slot is in use */
    chb_span gap_max;      /* longest time between two messages of this incarnation */
    uint32_t lateness_ms;  /* what its last heartbeat said about its own loop */
};

struct chb_detector {
    uint32_t self;
    uint64_t boot;
    struct chb_detector_config config;
    chb_time echo_at; /* last echo: silence is counted from here on; never: from the next echo on */
    bool echoed;      /* an echo has come since the last reset or own stall */
    uint32_t stalls;  /* own stalls, since the start */
    chb_time stalled_at; /* end of the last one */
    struct chb_detector_node nodes[CHB_NODES_MAX];
};

/* What one message told, beyond its content. */
enum chb_detector_heard {
    CHB_HEARD_NEW,         /* next of its sender */
    CHB_HEARD_AFTER_GAP,   /* newer, and some between were missed: ask for all states again */
    CHB_HEARD_INCARNATION, /* first of a new incarnation of the agent */
    CHB_HEARD_DUPLICATE,   /* seen before: harmless, and no sign of life */
    CHB_HEARD_STRANGER,    /* its node is not tracked, or there is no room for it */
    CHB_HEARD_OWN,         /* an echo */
};

/* A change that chb_detector_poll() found. */
struct chb_detector_change {
    uint32_t node;
    bool silent; /* true: SILENT; false: HEARD again */
    chb_span silence;
};

/*
 * Begins with no nodes.
 *   self, boot  own node id and incarnation, not 0
 *   config      NULL: the defaults
 * Returns 0, or -EINVAL if a value is out of its range.
 */
int chb_detector_init(struct chb_detector *ret_detector, uint32_t self, uint64_t boot,
                      const struct chb_detector_config *config);

/* Connection to the cluster lost: forgets the nodes, keeps the configuration. */
void chb_detector_reset(struct chb_detector *detector);

/* The agent of `node` joined the group: it has the whole time-out from now on. Repeating it starts
 * the time-out again. Own node: ignored. Returns 0, or -ENOSPC if CHB_NODES_MAX are tracked. */
int chb_detector_joined(struct chb_detector *detector, uint32_t node, chb_time now);

/* The agent of `node` left the group, or its node did: forgotten. Silence of what is gone is no
 * news, so there is no HEARD for it. */
void chb_detector_left(struct chb_detector *detector, uint32_t node);

/*
 * A message was delivered, of any type: every message is a sign of life. Own ones are echoes.
 *   node, boot, sequence  as in the message
 *   now                   when it was delivered here
 */
enum chb_detector_heard chb_detector_heard(struct chb_detector *detector, uint32_t node,
                                           uint64_t boot, uint64_t sequence, chb_time now);

/* What a heartbeat says about its sender's own loop, for status. */
void chb_detector_lateness(struct chb_detector *detector, uint32_t node, uint32_t lateness_ms);

/*
 * This agent's loop was late by `stall` and runs again since `now`: whatever the peers said in that
 * time may not have been read yet. What was counted is forgotten, and counting goes on from the
 * next echo. Those who were silent before stay so.
 */
void chb_detector_own_stall(struct chb_detector *detector, chb_time now, chb_span stall);

/*
 * Finds the next node whose judgement changed: HEARD if a message came after it was called silent,
 * SILENT if its silence reached the time-out. Call it until it returns false: after messages were
 * delivered and when chb_detector_deadline() is reached. Drain the sockets first.
 */
bool chb_detector_poll(struct chb_detector *detector, chb_time now,
                       struct chb_detector_change *ret_change);

/* When chb_detector_poll() can next find somebody silent if nothing arrives; CHB_TIME_FOREVER: not
 * before another echo. */
chb_time chb_detector_deadline(const struct chb_detector *detector);

/* Time since the last own message came back, 0 if none has since the last reset or own stall. Long
 * values mean that corosync hangs or that a ring is being formed; for status. */
chb_span chb_detector_echo_age(const struct chb_detector *detector, chb_time now);

/* How late the heartbeats are at this moment: beyond the interval, the longest wait for an own
 * message to come back, or for one of an agent that is not silent yet; or what such an agent said
 * of its own loop. 0: in time. Of a load on network or hosts, not of a failure. */
chb_span chb_detector_late(const struct chb_detector *detector, chb_time now);

/* What is known of a node, or NULL. Points into `detector`. */
const struct chb_detector_node *chb_detector_node(const struct chb_detector *detector,
                                                  uint32_t node);

#endif
