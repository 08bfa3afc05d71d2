/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decision core: one VM on one host.
 *
 * A pure function of its state and one event (doc/ARCHITECTURE.md, "The core"). It does no IO,
 * reads no clock, allocates nothing, logs nothing, and needs nothing of libc but memcpy and memset.
 * The daemon and the simulator are two shells around it.
 *
 * Who decides what:
 *   gate.c       may this replica go solo? The only function that allows it.
 *   failover.c   loss of the peer, holding, proof, going solo
 *   pairing.c    building the pair, the primary's side
 *   filling.c    ... and the secondary's
 *   settle.c     replication broken while both agents live
 *   hang.c       own QEMU does not answer
 *   health.c     the other side's host is fitter to serve
 *   pacemaker.c  promote, demote, stop, scores
 *   boot.c       records, adoption of a running QEMU, cold start
 */
#ifndef CHB_CORE_CORE_H
#define CHB_CORE_CORE_H

#include <agent/core/action.h>
#include <agent/core/event.h>
#include <agent/core/limits.h>
#include <agent/core/message.h>
#include <agent/core/reason.h>
#include <agent/core/record.h>
#include <agent/core/time.h>

/* Another node, as far as this VM is concerned. */
struct chb_peer {
    uint32_t node;    /* 0: slot unused */
    bool expected;    /* in corosync's nodelist */
    bool member;      /* its agent is in the group */
    bool lost;        /* its *node* left the membership and has not come back */
    bool silent;      /* its agent is a member and sends no heartbeats */
    bool heard;       /* msg is valid: heard since it (re)joined */
    chb_time lost_at; /* when its node or agent was last lost */
    chb_time heard_at;
    chb_time up_at;     /* when its agent last joined the group */
    chb_time oob_since; /* since when it says that its QEMU's monitors answer, each */
    chb_time main_since;
    chb_time fenced_at;      /* fence known to be complete after lost_at; cleared when it is back */
    bool operator_says_down; /* P3; cleared when it is back */
    struct chb_state_msg msg; /* newest state; kept after a loss, with heard false */
    uint64_t dead_generation; /* newest P1 of this node, kept after a loss: it stays true */
};

/* Work that the shell has been asked for and has not answered. Ids never repeat within a boot. */
struct chb_pending {
    uint32_t persist;
    uint32_t start;
    uint32_t sequence;
    uint32_t fence;
    enum chb_sequence sequence_kind;
    uint32_t promote_reply; /* command ids that wait for their answer */
    uint32_t demote_reply;
    uint32_t stop_reply;
};

struct chb_core {
    uint32_t self; /* own node id */
    uint64_t boot; /* own agent's incarnation */

    /* what Pacemaker and the configuration want */
    struct chb_settings settings;
    bool loaded; /* own record is known */
    bool started;
    bool promoted; /* Pacemaker's last command: what recurring monitors answer */
    bool stop_wanted;
    bool demote_wanted; /* the serving replica here is to go, whether or not anybody waits for it */
    chb_time powerdown_until; /* until then a guest that runs alone may switch itself off */
    bool powerdown_asked;     /* ... and has been asked to */
    bool powered_down;        /* ... and has done so */
    bool seeded;
    bool guest_off;
    chb_time off_until; /* from then on its monitor fails, so that Pacemaker starts it anew */
    uint8_t health;
    chb_time unfit_since; /* since when the other side's host has been fitter: health.c */

    /* own replica */
    enum chb_phase phase;
    enum chb_role role;
    uint64_t generation; /* that it belongs to */
    uint64_t qemu;       /* identity of the running QEMU; 0: none */
    bool qemu_alive;     /* started and not yet seen dead */
    bool frozen;
    bool was_secondary; /* this QEMU has a rewriter */
    bool in_colo;       /* secondary: QEMU entered COLO; primary: join committed */
    bool eligible;      /* the pair's record of this generation is on this host's disk (R4, R5) */
    bool merged;        /* the overlays are in the image, and what is on disk does not say so yet */
    bool copy_failed;   /* primary: the secondary has missed a write */
    bool link_stuck;    /* the peer's host does not acknowledge what this QEMU sends */
    uint64_t broken_generation;
    chb_time broken_at;            /* QEMU left COLO; set before broken_generation (grace) */
    uint8_t broken_fitness;        /* chb_fitness(), told with broken_generation */
    uint64_t dead_generation;      /* see chb_state_msg */
    struct chb_record record;      /* on disk */
    struct chb_record record_next; /* being written */

    /* the peer of the present or last pair */
    uint32_t peer;
    enum chb_proof proof; /* that the present solo rests on */
    chb_time lost_at;     /* when the present holding or doubt began */
    chb_time solo_at;

    /* the join in progress */
    enum chb_join join;
    uint32_t join_node;
    uint64_t join_id;
    chb_time join_started_at;
    chb_time join_retry_at; /* not before */
    uint32_t join_failures;
    uint32_t join_failed_node;
    bool join_dirty;        /* remains of a join are to be cleared before the next one */
    struct chb_ports ports; /* secondary: own; primary: the peer's */

    /* the cluster */
    bool cluster_up;
    chb_time cluster_up_at; /* when this agent last joined the group; NEVER: not yet */
    chb_time loaded_at;
    bool quorate;
    bool cib_known;
    uint64_t cib_generation;
    uint32_t cib_node;
    bool fencing_configured;
    bool fencing_known;
    uint32_t fence_tries; /* failed, since the loss */
    chb_time fence_retry_at;
    chb_time fence_asked_at; /* of the peer: it may be carried out for a while */
    struct chb_peer peers[CHB_NODES_MAX];

    /* liveness of the own QEMU */
    chb_time oob_pong_at;
    chb_time main_pong_at;

    /* bookkeeping */
    struct chb_pending pending;
    uint32_t next_op;
    uint64_t next_qemu;
    enum chb_score score;
    bool score_sent;
    struct chb_state_msg told; /* state as last broadcast */
    bool tell;                 /* broadcast again at the end of the step, changed or not */
    bool exited;               /* within one step: the QEMU was seen dead in it */
    bool record_unsure;       /* a write failed or has no answer: the disk may hold either record */
    chb_time record_retry_at; /* not again before */
    chb_time abort_retry_at;  /* the remains of a join could not be cleared: not again before */
    enum chb_reason last_failure;
    chb_time now;
};

/*
 * Begins the life of one VM on this host: nothing known, nothing started.
 *   self  own node id, not 0
 *   boot  a number that is new at each start of the agent, not 0
 * Every expected node of the cluster is named in `nodes` (own id included or not, at most
 * CHB_NODES_MAX entries are looked at).
 */
void chb_core_init(struct chb_core *ret_core, uint32_t self, uint64_t boot, const uint32_t *nodes,
                   uint32_t n_nodes);

/*
 * One step. Pure: the same state and event give the same state and actions. `ret_actions` is
 * overwritten; its order is the order in which the shell carries it out. Events from outside may
 * say anything: what does not fit is ignored.
 */
void chb_core_step(struct chb_core *core, const struct chb_event *event,
                   struct chb_actions *ret_actions);

/* When the core wants a TICK at the latest; CHB_TIME_FOREVER: not at all. Pure. */
chb_time chb_core_deadline(const struct chb_core *core);

/* The state as it would be told to the other nodes now. Pure. */
void chb_core_state(const struct chb_core *core, struct chb_state_msg *ret_state);

/* What a recurring monitor answers: the role last commanded, as long as the pair has a good copy;
 * Pacemaker would take any other role for a failure, and stop the replica. Pure. */
enum chb_monitor {
    CHB_MONITOR_NOT_RUNNING, /* OCF_NOT_RUNNING */
    CHB_MONITOR_UNPROMOTED,  /* OCF_SUCCESS */
    CHB_MONITOR_PROMOTED,    /* OCF_RUNNING_PROMOTED */
    CHB_MONITOR_FAILED,      /* OCF_FAILED_PROMOTED: promoted, and of no use any more */
    CHB_MONITOR_USELESS,     /* OCF_ERR_GENERIC: likewise, and not promoted */
};
enum chb_monitor chb_core_monitor(const struct chb_core *core);

/* What a probe answers: the truth about this host. Pure. */
enum chb_monitor chb_core_probe(const struct chb_core *core);

/* Frames of this replica may reach the clients as far as the core knows. Pure. */
bool chb_core_serves(const struct chb_core *core);

/* Why a host cannot hold the other side of a pair with this one: compared before a join harms
 * anything, because QEMU finds some of it only with the guest stopped, and some never. In the order
 * in which it is to be told. */
enum chb_misfit {
    CHB_MISFIT_NONE,
    CHB_MISFIT_SPEC,      /* would run another machine: see spec_parts */
    CHB_MISFIT_VERSION,   /* has another version of QEMU */
    CHB_MISFIT_SIZE,      /* its image of a disk has another size */
    CHB_MISFIT_UNHEALTHY, /* says that it is unfit */
};
enum chb_misfit chb_core_misfit(const struct chb_core *core, const struct chb_peer *peer);

/* The peer slot of `node`, or NULL. Pure. */
const struct chb_peer *chb_core_peer(const struct chb_core *core, uint32_t node);

#endif
