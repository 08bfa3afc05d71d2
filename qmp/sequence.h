/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * COLO's sequences: runs a table of QMP steps against one QEMU and says how it went.
 *
 * The tables are data (qmp/sequence_table.h, one file seq_*.c each); this engine fills in names and
 * numbers, sends, waits, times and reports. It decides nothing: whether a sequence may be run at
 * all (doc/SAFETY.md, R1 to R7) is for the caller to know.
 *
 * doc/TABLES.md lists the rows of every sequence; each was found by trying it on real QEMUs.
 */
#ifndef CHB_QMP_SEQUENCE_H
#define CHB_QMP_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <agent/core/outcome.h>
#include <agent/core/time.h>
#include <qmp/caps.h>
#include <qmp/client.h>
#include <qmp/names.h>

#define CHB_SEQ_ADDRESS_SIZE 64
#define CHB_SEQ_PATH_SIZE 96
#define CHB_SEQ_ERROR_SIZE 256
#define CHB_SEQ_STEPS_MAX 320

struct chb_seq_table;

/* The sequences. Which side runs it, what must hold before, what holds after. */

/* Primary started with -S: lets the guest run, tells the network where it is. */
extern const struct chb_seq_table chb_seq_start_primary;
/* Secondary started with -incoming defer: takes x-colo, exports its disks, listens for the
 * migration, and finds out all its ports. With ports of 0 none can be in use; a wanted port that is
 * in use ends it with error -EADDRINUSE, and it may be run again after chb_seq_secondary_unprepare.
 */
extern const struct chb_seq_table chb_seq_secondary_prepare;
/* Secondary, not yet in COLO: takes the exports back. Tolerates that nothing is there. */
extern const struct chb_seq_table chb_seq_secondary_unprepare;
/* Primary alone and running, the secondary prepared: the live join. DONE:
 * both are in COLO. Else run chb_seq_join_abort; the guest may be standing still until then. */
extern const struct chb_seq_table chb_seq_join;
/* Primary, wherever a join stopped: after it the guest runs alone, as before the join. Tolerates
 * that nothing is there, so it can be run again. */
extern const struct chb_seq_table chb_seq_join_abort;
/* Secondary in COLO, with proof that the peer is gone: waits for COLO_EXIT, then opens the output,
 * then goes on alone. The wait is what keeps rule R2: the primary lets its output go when a
 * checkpoint was received here, and only then it is loaded; leaving COLO between the two would
 * bring back an older state than the clients have seen. Yanks if the peer is not reachable, or if
 * COLO_EXIT does not come by itself. No COLO_EXIT within a second ends it as FAILED with
 * -ETIMEDOUT, nothing opened: this QEMU hangs. */
extern const struct chb_seq_table chb_seq_solo_secondary;
/* Primary in COLO, with proof that the peer is gone: the same. */
extern const struct chb_seq_table chb_seq_solo_primary;
/* Primary in COLO: makes a checkpoint now. FAILED if none is made: COLO has ended. */
extern const struct chb_seq_table chb_seq_checkpoint;
/* A replica that serves alone: asks the guest to switch itself off. DONE: it was asked. */
extern const struct chb_seq_table chb_seq_powerdown;

/* Where the secondary listens. Port 0 lets the kernel choose; the result of
 * chb_seq_secondary_prepare says what it chose, and that is what the peer must be told. */
struct chb_seq_ports {
    uint16_t nbd;
    uint16_t migrate;
    uint16_t mirror[CHB_NICS_MAX];  /* red0, opened by the command line */
    uint16_t compare[CHB_NICS_MAX]; /* red1, opened by the command line */
};

/* Copied by chb_seq_start(). */
struct chb_seq_params {
    unsigned n_disks;            /* 1 to CHB_DISKS_MAX */
    unsigned n_nics;             /* 0 to CHB_NICS_MAX */
    bool vnet_hdr[CHB_NICS_MAX]; /* virtio-net: every filter must know of the virtio header */
    char listen_address[CHB_SEQ_ADDRESS_SIZE]; /* secondary: its own; numeric, IPv6 without brackets
                                                */
    char peer_address[CHB_SEQ_ADDRESS_SIZE]; /* join: the secondary's; prepare: the primary's, from
                                                which alone a migration is taken, or "" for
                                                anybody's */
    /* prepare: wanted nbd and migrate ports, 0 for any; join: where the secondary listens, all set
     */
    struct chb_seq_ports ports;
    char
        socket_prefix[CHB_SEQ_PATH_SIZE]; /* join: prefix of the sockets inside this QEMU, a path */
    bool was_secondary; /* join: this QEMU has a rewriter; the filters go in front of it */
    bool
        peer_reachable; /* going solo, abort: the peer's sockets are closed, nothing needs a yank */
    uint32_t memory_mb; /* guest's, for deadlines; 1 or more */
    uint32_t checkpoint_delay_ms; /* 0: QEMU's own */
    uint32_t compare_timeout_ms;  /* 0: QEMU's own, 3000 */
    uint64_t resync_bytes_per_s;  /* first copy, all disks together; 0: unlimited */
    uint64_t migrate_bytes_per_s; /* memory, before COLO; 0: 200 MB a second */
};

/* Moments that the product reports and acts on, told as they happen. */
enum chb_seq_milestone {
    CHB_SEQ_NO_MILESTONE,
    CHB_SEQ_OUTPUT_OPEN,             /* going solo: no frame is held any more, on any NIC */
    CHB_SEQ_LOST_HEARTBEAT_SENT,     /* x-colo-lost-heartbeat handed to the socket */
    CHB_SEQ_LOST_HEARTBEAT_ANSWERED, /* and answered */
    CHB_SEQ_SOLO_RUNNING,            /* seen running after it; what follows is tidying up */
    CHB_SEQ_COPY_READY,              /* join: the disks are equal */
    CHB_SEQ_STOP_SENT,               /* join: the guest stands still from here */
    CHB_SEQ_IN_COLO,                 /* join: in COLO and running, not yet a true copy */
    CHB_SEQ_TRUE_COPY,               /* join: first checkpoint done */
    CHB_SEQ_MILESTONE_MAX,
};

/* What a step is done for. */
enum chb_seq_leg {
    CHB_SEQ_LEG_NONE, /* for the VM as a whole */
    CHB_SEQ_LEG_DISK,
    CHB_SEQ_LEG_NIC,
};

struct chb_seq_progress {
    const char *step; /* static text */
    enum chb_seq_phase {
        CHB_SEQ_PHASE_OTHER,
        CHB_SEQ_PHASE_COPY,    /* disks: bytes of all disks together */
        CHB_SEQ_PHASE_MIGRATE, /* memory: done is what was sent, total is done + remaining */
    } phase;
    uint64_t done_bytes;
    uint64_t total_bytes;
};

struct chb_seq_step_time {
    const char *step; /* static text; several disks or NICs give several entries */
    unsigned index;   /* which disk or NIC */
    bool tolerated;   /* it failed, and that was allowed */
    enum chb_outcome outcome;
    chb_time started_at; /* sent */
    chb_span duration;   /* to the answer, and to the end of its wait */
};

struct chb_seq_result {
    enum chb_outcome outcome;
    bool aborted;         /* by chb_seq_abort() */
    int error;            /* 0; -EADDRINUSE, -ETIMEDOUT, -ECANCELED, -EREMOTEIO and others */
    const char *step;     /* step that did not succeed; "" on success */
    unsigned index;       /* its disk or NIC */
    enum chb_seq_leg leg; /* what the index counts */
    char text[CHB_SEQ_ERROR_SIZE]; /* QEMU's words if there are any; "" on success */
    chb_time started_at;
    chb_time finished_at;
    chb_time milestones[CHB_SEQ_MILESTONE_MAX]; /* CHB_TIME_NEVER where not reached */
    struct chb_seq_ports ports; /* prepare and DONE: where this secondary listens now */
    size_t n_steps;
    const struct chb_seq_step_time *steps; /* borrowed, for the time of the callback */
};

struct chb_seq_callbacks {
    /* Each may be NULL. From the event loop only, except as chb_seq_abort() says. */
    void (*on_milestone)(void *userdata, enum chb_seq_milestone milestone, chb_time at);
    void (*on_progress)(void *userdata, const struct chb_seq_progress *progress); /* 5 a second */
    /* Once. The sequence is over and sends nothing more; chb_seq_free() may be called from here. */
    void (*on_done)(void *userdata, const struct chb_seq_result *result);
};

struct chb_seq;

/* Starts @table on @client. One sequence per client at a time.
 * @client: ready, borrowed, must outlive the sequence; a client that closes ends it as UNKNOWN.
 * @params: copied. @caps: copied. @callbacks: borrowed.
 * @ret_seq: owned by the caller, chb_seq_free().
 * Returns 0; -ENOTCONN; -EBUSY when another sequence runs on the client; -EINVAL for parameters out
 * of their range; -ENOMEM. On an error nothing was sent. */
int chb_seq_start(struct chb_qmp_client *client, const struct chb_seq_table *table,
                  const struct chb_seq_params *params, const struct chb_qmp_caps *caps,
                  const struct chb_seq_callbacks *callbacks, void *userdata,
                  struct chb_seq **ret_seq);

/* Sends nothing more and calls on_done before it returns: FAILED if nothing was outstanding, so
 * that it stopped between two steps; UNKNOWN else. Does nothing once on_done was called. */
void chb_seq_abort(struct chb_seq *seq);

/* Of a join that runs: from now on the copies of its disks take @disks_per_s bytes a second
 * together, 0 for no limit, and its memory @memory_per_s, 0 for the usual 200 MB, but never less
 * than what lets a migration come to an end. May be called again and again: what does not change is
 * not sent. Does nothing for another sequence. Its answer is not waited for: a QEMU that refuses
 * goes on as it was. */
void chb_seq_set_speed(struct chb_seq *seq, uint64_t disks_per_s, uint64_t memory_per_s);

/* Ends the sequence without any callback. NULL is fine. Returns NULL. */
struct chb_seq *chb_seq_free(struct chb_seq *seq);

/* The table's name ("join"), static. */
const char *chb_seq_table_name(const struct chb_seq_table *table);

/* Static, for people and logs ("lost-heartbeat-sent"). */
const char *chb_seq_milestone_name(enum chb_seq_milestone milestone);

#endif
