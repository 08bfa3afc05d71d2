/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One VM: its core, and what the core's actions need. Private to agent/shell.
 *
 *   vm.c          life of the object, events in, actions out, in order
 *   actions.c     one function per action
 *   vm_setup.c    `vm-start`: parameters, images, QEMU's version, then START
 *   vm_adopt.c    what an earlier daemon left running
 *   vm_runtime.c  the runtime file
 *   vm_health.c   disk errors and uplinks
 *   vm_status.c   the one-line status, to the node attribute
 *   recording.c   what the core was told and decided, for replay
 *   qemu_start.c  images, taps, process, monitors, "QEMU_STARTED"
 *   qemu_watch.c  death, QMP's events, pings, surveys
 *   link_watch.c  whether the peer gets what QEMU sends
 *   sequences.c   QMP sequences
 *   join_report.c what a join costs, and how fast it may go (pace.h)
 *
 * The shell never decides: it tells the core what happened and does what it says.
 */
#ifndef CHB_SHELL_VM_H
#define CHB_SHELL_VM_H

#include <agent/config/params.h>
#include <agent/core/core.h>
#include <agent/process/chain.h>
#include <agent/process/child.h>
#include <agent/process/flows.h>
#include <agent/shell/daemon.h>
#include <agent/shell/pace.h>
#include <agent/shell/ring.h>
#include <agent/shell/runtime.h>
#include <agent/text/status.h>
#include <heartbeat/vm_key.h>
#include <qmp/caps.h>
#include <qmp/client.h>
#include <qmp/sequence.h>
#include <qmp/survey.h>

#define CHB_VM_QUEUE_MAX 128
#define CHB_VM_TEXT_SIZE 512
#define CHB_VM_PATH_SIZE 512
#define CHB_LEG_TEXT_SIZE 192

enum chb_qemu_stage {
    CHB_QEMU_NONE,
    CHB_QEMU_PREPARING,  /* qemu-img runs; no process yet */
    CHB_QEMU_CONNECTING, /* process runs, monitors are being connected and asked */
    CHB_QEMU_STARTING,   /* primary: the guest is being let run */
    CHB_QEMU_RUNNING,    /* "QEMU_STARTED" was said, or it was adopted */
};

struct chb_ping_state {
    struct chb_vm *vm;
    enum chb_qmp_monitor monitor;
    bool outstanding;
    chb_span round_trip;
};

/* A join, seen from the side that serves. */
struct chb_join_report {
    uint32_t node; /* 0: none yet */
    bool done;     /* they are a pair */
    unsigned stops;
    chb_time began_at;
    chb_span took; /* 0: under way */
    chb_span stood;
    chb_span longest;
    struct chb_pace pace;
};

/* The QEMU of a VM on this host. All zero without one. */
struct chb_qemu {
    uint64_t identity;
    enum chb_qemu_stage stage;
    enum chb_role role; /* that it was started in */
    uint32_t start_op;
    struct chb_chain *chain;
    struct chb_child *child;
    struct chb_qmp_client *client;
    bool ready;  /* both monitors agreed and the capabilities are known */
    bool frozen; /* SIGSTOP was sent */
    bool trim_due;
    bool entered_told;
    bool merged_told;
    bool surveying;
    bool guest_off;            /* when it was taken over */
    bool checkpoint_due;       /* to be asked for when the monitors are ready: checkpoint.c */
    unsigned checkpoint_tries; /* how often it was asked for */
    struct chb_qmp_caps caps;
    uint32_t version;
    char version_text[32];
    char listen_address[CHB_SEQ_ADDRESS_SIZE];

    struct chb_seq *seq;
    bool seq_waiting; /* for the monitors */
    chb_time seq_deadline;
    uint32_t seq_op;
    enum chb_sequence seq_kind;
    struct chb_seq_params seq_params;
    struct chb_seq_progress progress; /* of a join; step NULL: none */
    chb_time progress_since;          /* what is done since then says how long the rest will take */
    uint64_t progress_from;           /* bytes that were done by then */
    chb_time progress_next;           /* the same, for when that is too long ago */
    uint64_t progress_further;

    struct chb_join_report joined; /* the last one that this QEMU began, as its primary */

    struct chb_ping_state pings[CHB_QMP_MONITOR_MAX];
    chb_time stopped_at; /* QMP event STOP, in a pair or a join */
    uint64_t checkpoints;
    chb_span checkpoint_last;
    chb_span checkpoint_sum;

    chb_time copied_since; /* when the last join was begun: the secondary's disks are of then */
};

/* QEMU's connections to the peer. All zero without any. */
struct chb_link {
    sd_event_source *timer;
    uint64_t generation; /* that the flows are of */
    chb_time find_at;    /* not before */
    bool failed;         /* the kernel cannot tell, and it was said */
    unsigned count;
    struct chb_flow flows[CHB_FLOWS_MAX];
};

struct chb_vm {
    struct chb_daemon *daemon;
    char name[CHB_VM_NAME_MAX + 1];
    struct chb_vm_key key;
    struct chb_core core;

    struct chb_event queue[CHB_VM_QUEUE_MAX];
    unsigned queued;
    bool stepping;
    sd_event_source *tick;

    /* what Pacemaker has configured; NULL before the first vm-start */
    struct chb_vm_config *config;
    struct json_object *parameters;
    char resource[CHB_RESOURCE_NAME_SIZE];
    char clone[CHB_RESOURCE_NAME_SIZE];
    struct chb_settings settings;

    /* a vm-start under way: the same, not yet in force */
    struct {
        bool running;
        bool seed; /* it is started already: its images are looked at again, for chb_vm_seed() */
        uint64_t client;
        struct chb_vm_config *config;
        struct json_object *parameters;
        struct chb_settings settings;
        struct chb_chain *chain;
        unsigned
            disks[CHB_DISKS_MAX + 1]; /* disk of each command; the first asks for the version */
        char resource[CHB_RESOURCE_NAME_SIZE];
        char clone[CHB_RESOURCE_NAME_SIZE];
        uint64_t score_ticket; /* of the score that Pacemaker must have first; 0: none awaited */
        sd_event_source *score_late;
    } setup;

    /* adoption: the record is read and the QEMU is looked at, at the same time */
    bool record_read;
    struct chb_record record_found;
    bool overlays_unsure; /* it was lost, so overlays to be merged may never have been */
    bool adopting;        /* a survey is awaited */
    struct chb_event adopted;
    struct chb_process_id adopted_id;
    bool surveyed; /* QMP said what it does: colo_mode counts */
    enum chb_colo_mode colo_mode;
    sd_event_source *adopt_deadline;

    struct chb_qemu qemu;
    struct chb_link link;
    sd_event_source *ping_timer;
    unsigned ping_turns;
    sd_event_source *merge_timer;
    sd_event_source *probe_io; /* join_probe.c */
    sd_event_source *probe_timer;
    int probe_fd;                 /* 0: none */
    sd_event_source *retry_timer; /* reconnects the monitors; gives up a waiting sequence */
    sd_event_source *off_timer;   /* tells Pacemaker once more that the guest is off */
    char error[CHB_VM_TEXT_SIZE]; /* what failed last; by chb_vm_set_error() */
    bool error_of_record;         /* it was the record's write: history once that is written */

    uint64_t sent_digest; /* of the state last broadcast */
    bool state_sent;

    struct {
        bool valid;
        bool started;
        bool promoted;
        bool in_colo;
        bool copy_failed;
        enum chb_role role;
        uint64_t qemu;
    } saved; /* what the runtime file says */

    bool disk_failed; /* since vm-start */
    bool disk_full;   /* ... for want of space */
    uint8_t health;   /* last told; 0 to 100 */
    bool cib_reading;
    uint64_t score_sent;
    struct chb_ring history;
    char line[CHB_TEXT_LINE_SIZE];

    struct chb_recorder *recorder; /* NULL: nothing is recorded */
    struct {
        bool due;
        bool copying;
        chb_time copied_at;
        sd_event_source *timer;
        char file[64]; /* of the newest copy */
    } recording;

    /* what Pacemaker is to be told: vm_status.c */
    sd_event_source *line_timer;
    bool line_due;
    chb_time line_at; /* with line_due: when */
    bool score_due;
    enum chb_score score_next;
    bool record_due;
    struct chb_record record_next;
};

/* vm.c */
/* Makes the VM @name, briefs its core about the cluster and reads its record.
 * Returns 0, -ENOSPC beyond CHB_VMS_MAX, -EAGAIN while the own node id is not known, -ENOMEM. */
int chb_vm_new(struct chb_daemon *daemon, const char *name, struct chb_vm **ret_vm);
struct chb_vm *chb_vm_free(struct chb_vm *vm);
/* Something happened. `at` may be left zero: now. The actions are carried out before it returns,
 * unless it is called from inside an action; then right after that. */
void chb_vm_event(struct chb_vm *vm, const struct chb_event *event);
/* The same for events that are nothing but their kind. */
void chb_vm_signal(struct chb_vm *vm, enum chb_event_kind kind);
/* For events of the own QEMU. */
void chb_vm_qemu_event(struct chb_vm *vm, enum chb_event_kind kind);
/* Sends the state again, as it was sent last. */
void chb_vm_tell_again(struct chb_vm *vm);
void chb_vm_note(struct chb_vm *vm, const struct chb_ring_entry *entry);
/* Why QEMU could not be started, a sequence failed and the like, for status and explain. */
void chb_vm_set_error(struct chb_vm *vm, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Folder of the VM's sockets and of its runtime file. Returns @ret_path. */
char *chb_vm_run_dir(const struct chb_vm *vm, char ret_path[static CHB_VM_PATH_SIZE]);
char *chb_vm_log_path(const struct chb_vm *vm, char ret_path[static CHB_VM_PATH_SIZE]);

/* actions.c */
void chb_vm_carry_out(struct chb_vm *vm, const struct chb_action *action);

/* recording.c */
void chb_recording_start(struct chb_vm *vm);
void chb_recording_stop(struct chb_vm *vm);
/* After each step: says so, once, when recording has come to an end. */
void chb_recording_check(struct chb_vm *vm);
/* The core has told something: a failover's recording is written out a while later. */
void chb_recording_note(struct chb_vm *vm, const struct chb_action *note);
/* An operator wants it written out now, and is answered with the file's name. */
void chb_recording_ask(struct chb_vm *vm, uint64_t client);

/* link_watch.c */
/* Begins to watch the replication link, if it is not being watched. */
void chb_link_watch(struct chb_vm *vm);

/* vm_setup.c */
void chb_vm_setup(struct chb_vm *vm, uint64_t client, const struct chb_control_request *request);
/* The operator says that this host has the data of a VM that is started: first the images are
 * looked at again, for they may have been put there after the VM was started. */
void chb_vm_seed(struct chb_vm *vm, uint64_t client);
void chb_vm_setup_cancel(struct chb_vm *vm);
/* Pacemaker has the score of this number, or a newer one, of that resource. */
void chb_vm_setup_scored(struct chb_vm *vm, const char *resource, uint64_t ticket);
/* Checks parameters without starting anything. Returns the reply. */
struct json_object *chb_vm_validate(struct chb_daemon *daemon, const char *name,
                                    const struct chb_control_request *request);
/* From a runtime file: puts the configuration in force. Returns 0, negative errno. */
int chb_vm_configure(struct chb_vm *vm, const struct chb_runtime *runtime);
/* QEMU has another version than when the resource was started. */
void chb_vm_set_version(struct chb_vm *vm, uint32_t version);

/* vm_adopt.c */
/* Takes over everything that an earlier daemon of this host left. */
void chb_adopt_all(struct chb_daemon *daemon);
/* The record was read. */
void chb_adopt_record(struct chb_vm *vm, const struct chb_record *record);
/* The adopted QEMU's monitors are ready, or are not to be had. */
void chb_adopt_monitors(struct chb_vm *vm, bool ready);

/* vm_runtime.c */
void chb_vm_save(struct chb_vm *vm);
/* While this daemon hung, `coloctl vm stop` did without it and left a mark: then the VM is stopped
 * here, too. Looked for right after a stall, and now and then. */
void chb_vm_look_for_mark(struct chb_vm *vm);
/* It is started anew, whatever was before. */
void chb_vm_forget_mark(const struct chb_vm *vm);

/* vm_status.c: for Pacemaker, a moment later; the newest of each counts */
void chb_vm_line_update(struct chb_vm *vm);
void chb_vm_tell_score(struct chb_vm *vm, enum chb_score score);
void chb_vm_tell_record(struct chb_vm *vm, const struct chb_record *record);
int chb_vm_percent(const struct chb_vm *vm);

/* vm_health.c */
/* Looks at this host and tells the core what has changed. @fresh: forgets what was wrong before. */
void chb_vm_health(struct chb_vm *vm, bool fresh);

/* qemu_start.c */
void chb_qemu_start(struct chb_vm *vm, const struct chb_action *action);
void chb_qemu_kill(struct chb_vm *vm, uint64_t identity);
void chb_qemu_start_failed(struct chb_vm *vm, const char *text);
/* The monitors are ready: goes on with the start. */
void chb_qemu_start_ready(struct chb_vm *vm);
void chb_qemu_remove_taps(struct chb_vm *vm);
/* Description of this VM for its command line and its paths, with what holds per start. */
void chb_qemu_spec(const struct chb_vm *vm, enum chb_role role,
                   char run_dir[static CHB_VM_PATH_SIZE], struct chb_vm_spec *ret_spec);
/* Own or another node's address on the VM's replication link; NULL when it is not known (yet). */
const char *chb_qemu_address(const struct chb_vm *vm, uint32_t node);

/* qemu_watch.c */
void chb_qemu_on_exit(void *userdata, const struct chb_child_exit *exit);
/* Opens the monitors. @timeout: until both answer. */
int chb_qemu_connect(struct chb_vm *vm, chb_span timeout);
void chb_qemu_freeze(struct chb_vm *vm, bool freeze);
void chb_qemu_pings(struct chb_vm *vm);
/* Every few seconds. */
void chb_qemu_look(struct chb_vm *vm);
/* Lets go of the monitors, the sequence and the process; the process itself runs on. */
void chb_qemu_release(struct chb_vm *vm);

/* join_report.c: what a join costs the guest */
void chb_join_report_begin(struct chb_vm *vm, uint32_t node);
void chb_join_report_end(struct chb_vm *vm, bool done);
/* The guest stood still from @since to @until: a part of the join's price. */
void chb_join_report_stood(struct chb_vm *vm, chb_time since, chb_time until);
/* With each heartbeat: makes a filling slower while heartbeats are late. */
void chb_join_pace(struct chb_vm *vm, chb_time now, uint32_t late_ms);
/* {"node", "done", "took_ms", "stood_ms", "longest_ms", "stops", "slowed"} of the last one,
 * or NULL. */
struct json_object *chb_join_report_json(const struct chb_vm *vm);
/* "disk /var/lib/colo/vm.qcow2", "NIC 2 on br1"; "" for the VM as a whole. Returns @ret_text. */
char *chb_leg_text(const struct chb_vm *vm, enum chb_seq_leg leg, unsigned index, char *ret_text,
                   size_t size);

/* sequences.c */
void chb_sequence_start(struct chb_vm *vm, const struct chb_action *action);
void chb_sequence_abort_now(struct chb_vm *vm);
/* The monitors are ready: starts what waits for them. */
void chb_sequence_ready(struct chb_vm *vm);
/* The monitors do not come back in time. */
void chb_sequence_give_up(struct chb_vm *vm);
/* What does not depend on the kind of sequence. */
void chb_sequence_params(const struct chb_vm *vm, struct chb_seq_params *ret_params);

/* qemu_watch.c: the replica has gone solo, and QEMU merges its overlays: watches closely. */
void chb_qemu_merging(struct chb_vm *vm);

/* join_probe.c: connects to @port of the numeric @address, without waiting for it here;
 * chb_sequence_probed() is told how it ended, unless it is cancelled. Returns 0 or a negative
 * errno. */
int chb_join_probe(struct chb_vm *vm, const char *address, uint16_t port);
void chb_join_probe_cancel(struct chb_vm *vm);
/* sequences.c: the other side of the join answers (0) or does not (negative errno). */
void chb_sequence_probed(struct chb_vm *vm, int error);

/* checkpoint.c: asks a primary in a pair for a checkpoint, and tells the core COLO_EXIT if none
 * comes. For a QEMU that was taken over, whose events of before nobody has heard. */
void chb_checkpoint_ask(struct chb_vm *vm);
/* Asks again if it was left open, and the monitors are ready. */
void chb_checkpoint_again(struct chb_vm *vm);
extern const struct chb_seq_callbacks chb_sequence_callbacks;

/* control_status.c, control_history.c: parts of replies */
struct json_object *chb_status_json(struct chb_daemon *daemon, struct chb_vm *only);
struct json_object *chb_explain_json(struct chb_vm *vm);
/* {"checks":[..]} for `coloctl doctor`: what the VMs' parameters give up of the rules. */
struct json_object *chb_doctor_json(struct chb_daemon *daemon);
struct json_object *chb_events_json(struct chb_daemon *daemon, struct chb_vm *only, size_t max);
struct json_object *chb_timeline_json(struct chb_vm *vm);

#endif
