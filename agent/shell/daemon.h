/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon: everything that all VMs share. Private to agent/shell.
 *
 * Who is who:
 *   main.c        order of setting up and tearing down
 *   pulse.c       own lateness, heartbeats, watchdog
 *   members.c     corosync's events to every core, silence of agents
 *   resolve.c     addresses of the nodes
 *   fences.c      Pacemaker's fencer and its settings
 *   cib.c         the cluster's copy of the records, scores, attributes
 *   vm*.c         one VM (vm.h)
 *   control*.c    the operator's and the resource agent's commands
 */
#ifndef CHB_SHELL_DAEMON_H
#define CHB_SHELL_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include <agent/control/server.h>
#include <agent/core/limits.h>
#include <agent/core/time.h>
#include <agent/pacemaker/attributes.h>
#include <agent/pacemaker/cluster.h>
#include <agent/pacemaker/tool.h>
#include <agent/records/writer.h>
#include <agent/shell/digests.h>
#include <agent/shell/options.h>
#include <agent/shell/resolve.h>
#include <agent/shell/strangers.h>
#include <agent/text/names.h>
#include <fencing/fencer.h>
#include <heartbeat/cluster.h>
#include <heartbeat/detector.h>

#define CHB_VMS_MAX 64
#define CHB_COMMANDS_MAX 128
#define CHB_NODE_NAME_SIZE CHB_HOST_TEXT_MAX

/* Event sources, most urgent first. What has arrived is heard before a deadline accuses anybody. */
enum chb_priority {
    CHB_PRIORITY_PULSE = -100, /* own lateness is known before anything is judged by it */
    CHB_PRIORITY_DEATH = -90,  /* pidfds */
    CHB_PRIORITY_DISK = -80,
    CHB_PRIORITY_CLUSTER = -70,
    CHB_PRIORITY_QMP = -60, /* its deadlines come one later */
    CHB_PRIORITY_FENCER = -50,
    CHB_PRIORITY_TOOLS = -40,
    CHB_PRIORITY_TIMERS = -10, /* of the libraries above */
    CHB_PRIORITY_HEARTBEAT = -5,
    CHB_PRIORITY_DEADLINE = 0, /* of the cores and of the detector */
    CHB_PRIORITY_CONTROL = 10,
    CHB_PRIORITY_SLOW = 20,
};

struct chb_vm;

enum chb_command_kind {
    CHB_COMMAND_NONE,
    CHB_COMMAND_PLAIN,   /* answered by the core's reply */
    CHB_COMMAND_HELD,    /* for the core, once the record is loaded; plain from then on */
    CHB_COMMAND_MONITOR, /* answered once the record is loaded */
    CHB_COMMAND_PROBE,
};

/* A command that waits for its answer. */
struct chb_command {
    enum chb_command_kind kind;
    uint32_t id; /* given to the core */
    uint64_t client;
    struct chb_vm *vm; /* NULL: a monitor that waits until this node knows who it is */
    char name[CHB_VM_NAME_MAX + 1];
    chb_time deadline;
    /* one that is held */
    enum chb_event_kind event;
    uint32_t node;
    chb_span patience;
};

struct chb_fencing_state {
    bool known; /* the settings could be read */
    bool configured;
    bool enabled;
    char action[CHB_FENCER_ACTION_MAX];
    chb_span timeout;
    uint32_t n_devices;
    uint32_t asking; /* answers still to come in this round */
    uint32_t answered;
    bool devices_unknown;
};

struct chb_daemon {
    struct chb_options options;
    sd_event *event;
    uint64_t boot;
    bool stopping;

    struct chb_writer *records;
    struct chb_writer *histories; /* another servant: a slow history never delays a record */
    struct chb_tools *tools;      /* Pacemaker's */
    struct chb_tools *images;     /* qemu-img and QEMU's version, found by env(1) */
    struct chb_attributes *attributes;
    struct chb_cluster *cluster;
    struct chb_fencer *fencer;
    struct chb_control_server *control;

    /* who we are, from corosync, or from the file that the last daemon left */
    uint32_t self;
    char name[CHB_NODE_NAME_SIZE];
    char cluster_name[CHB_HOST_TEXT_MAX];
    uint32_t nodes[CHB_NODES_MAX];
    uint32_t n_nodes;

    /* the cluster as last heard */
    bool cluster_up;
    bool quorate;
    bool quorum_heard; /* since UP: the memberships are known by then */
    bool was_quorate;  /* before a node left, if quorum was not told since */
    struct chb_detector detector;
    bool detecting;
    struct chb_digests digests;
    struct chb_strangers strangers;
    struct chb_resolver resolver;
    uint32_t foreign[CHB_NODES_MAX]; /* nodes whose agents speak another protocol; 0: unused */
    uint32_t mismatches;             /* heartbeats in a row whose digest did not fit */
    bool want_states;
    chb_time told_all_at;

    struct chb_fencing_state fencing;

    bool short_of_memory;

    sd_event_source *pulse;
    sd_event_source *heartbeat;
    sd_event_source *silence; /* the detector's deadline */
    sd_event_source *slow;    /* every few seconds: settings, logs, attributes */
    uint32_t slow_turns;
    uint64_t pulse_due_usec;
    uint32_t lateness_ms; /* worst since the last heartbeat */
    uint32_t lateness_ms_worst;

    uint32_t n_vms;
    struct chb_vm *vms[CHB_VMS_MAX];

    uint32_t next_command;
    struct chb_command commands[CHB_COMMANDS_MAX];
    struct chb_text_names names;
};

/* pulse.c */
int chb_pulse_start(struct chb_daemon *daemon);
void chb_pulse_stop(struct chb_daemon *daemon);
/* Adds a one-shot timer that is off. */
int chb_timer_new(struct chb_daemon *daemon, enum chb_priority priority,
                  sd_event_time_handler_t handler, void *userdata, sd_event_source **ret_timer);
/* Sets it; CHB_TIME_FOREVER switches it off. */
void chb_timer_set(sd_event_source *timer, chb_time at);

/* vm_health.c: looks at what concerns all VMs of this host. */
void chb_health_look(struct chb_daemon *daemon);

/* protect.c: best effort, each failure is logged */
void chb_protect(const struct chb_options *options);
/* Gives memory back after something large was read. */
void chb_protect_trim(void);

/* identity.c: own node id and name */
void chb_identity_load(struct chb_daemon *daemon);
void chb_identity_update(struct chb_daemon *daemon, const struct chb_topology *topology);
/* Name of a node for people, or NULL. */
const char *chb_node_name(const struct chb_daemon *daemon, uint32_t node);
/* Id of the node with this name, or 0. */
uint32_t chb_node_id(const struct chb_daemon *daemon, const char *name);

/* members.c */
int chb_members_start(struct chb_daemon *daemon);
void chb_members_stop(struct chb_daemon *daemon);
/* Tells the core of a new VM what is known of the cluster. */
void chb_members_brief(struct chb_daemon *daemon, struct chb_vm *vm);
/* The agent of that node is there, and speaks another major version of the protocol. */
bool chb_members_is_foreign(const struct chb_daemon *daemon, uint32_t node);
/* Sum over everything that this agent has told, for the heartbeat. */
uint64_t chb_members_digest(const struct chb_daemon *daemon);
/* This agent was late by `stall` and runs again since `at`. */
void chb_members_stalled(struct chb_daemon *daemon, chb_time at, chb_span stall);

/* fences.c */
int chb_fences_start(struct chb_daemon *daemon);
void chb_fences_stop(struct chb_daemon *daemon);
void chb_fences_refresh(struct chb_daemon *daemon);
/* Asks for a fence on behalf of a VM's core. */
void chb_fences_ask(struct chb_vm *vm, uint32_t op, uint32_t node);
/* The agent of a node joined: fences of the past prove nothing any more. */
void chb_fences_alive(struct chb_daemon *daemon, uint32_t node);
/* A node was lost: evidence from now on. */
void chb_fences_lost(struct chb_daemon *daemon);
/* Now and then: the nodes that are there have been alive ever since they came. */
void chb_fences_renew(struct chb_daemon *daemon);
/* Asks the fencer's history about losses whose notice may have been missed. */
void chb_fences_review(struct chb_daemon *daemon);
void chb_fences_brief(struct chb_daemon *daemon, struct chb_vm *vm);

/* cib.c */
int chb_cib_start(struct chb_daemon *daemon);
void chb_cib_stop(struct chb_daemon *daemon);
void chb_cib_write(struct chb_vm *vm, const struct chb_record *record);
void chb_cib_read(struct chb_vm *vm);
void chb_cib_score(struct chb_vm *vm, enum chb_score score);
/* Tells Pacemaker all of this host's values anew, the score of @resource with them; returns the
 * number that chb_vm_setup_scored() will be called with, 0 if nobody can be told. */
uint64_t chb_cib_score_first(struct chb_daemon *daemon, const char *resource, enum chb_score score);
void chb_cib_resource_off(struct chb_vm *vm);
void chb_cib_line(struct chb_vm *vm, const char *line);

/* control.c */
int chb_control_start(struct chb_daemon *daemon);
void chb_control_stop(struct chb_daemon *daemon);
/* Remembers a command and returns its id for the core, or 0 when too many wait (and answers so). */
uint32_t chb_command_new(struct chb_daemon *daemon, enum chb_command_kind kind, uint64_t client,
                         struct chb_vm *vm, chb_span timeout);
/* Takes a command out; NULL if it waits no more. Valid until the next call. */
const struct chb_command *chb_command_take(struct chb_daemon *daemon, uint32_t id);
/* Ends commands that have waited too long. */
void chb_command_expire(struct chb_daemon *daemon);
/* Gives @event, a command, to the core of @vm, whose reply is the answer: now, or as soon as the
 * core knows what runs here. */
void chb_command_give(struct chb_vm *vm, uint64_t client, struct chb_event *event,
                      chb_span timeout);
/* The VM's record is loaded: what was held goes to the core, and its monitors can be answered. */
void chb_command_loaded(struct chb_vm *vm);
/* What an earlier daemon left is known: so can those of VMs that are not there. */
void chb_command_adopted(struct chb_daemon *daemon);

struct chb_vm *chb_vm_find(struct chb_daemon *daemon, const char *name);
struct chb_vm *chb_vm_of_key(struct chb_daemon *daemon, const struct chb_vm_key *key);

#endif
