/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asynchronous client of pacemaker-fenced.
 *
 * Why a servant process. libstonithd cannot promise to return: connect() and
 * register_notification() wait for the fencer's answer without a limit, every other call waits in
 * libqb while the request ring is full, and stonith_dispatch() of Pacemaker 2.1.5 never returns
 * once the connection is lost inside of it (its loop condition is "ready", and "not connected"
 * counts as ready). A fencer that is stopped (SIGSTOP) would stop its caller with it. So the
 * library lives in a small program of its own, colo-hbd-fencing, which a timer kills when a call
 * overruns; the daemon, which judges, talks to it over a socket pair of bounded, validated messages
 * (fencing/message.h) and never waits: no function of this file blocks. A servant that dies, hangs
 * or babbles is killed and replaced, with backoff; fence requests that it held end as unknown.
 *
 * Everything that this client reports is evidence, with the times that are needed to judge it. It
 * does not decide what is proof: the core does.
 *
 * Sources: Pacemaker 2.1.5 lib/fencing/st_client.c, lib/common/ipc_client.c,
 * daemons/fenced/fenced_remote.c and fenced_history.c.
 */
#ifndef CHB_FENCING_FENCER_H
#define CHB_FENCING_FENCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include <agent/core/outcome.h>
#include <agent/core/time.h>

#define CHB_FENCER_NAME_MAX 256    /* node, executioner, origin, client; with the final NUL */
#define CHB_FENCER_ACTION_MAX 16   /* with the final NUL */
#define CHB_FENCER_TEXT_MAX 384    /* with the final NUL */
#define CHB_FENCER_REQUESTS_MAX 32 /* fence requests and history queries under way, each */
#define CHB_FENCER_NODES_MAX 64    /* nodes that the client remembers something about */
#define CHB_FENCER_TIMEOUT_MS_MIN 1000
#define CHB_FENCER_TIMEOUT_MS_MAX 3600000

struct chb_fencer;

struct chb_fencer_config {
    const char *servant_path; /* absolute path of colo-hbd-fencing; copied */
    const char *client_name; /* what the fencer's log calls us, [a-z0-9-]{1,31}; NULL: "colo-hbd" */
    const char *local_node;  /* this node's name as Pacemaker knows it; copied */
    int64_t io_priority;     /* sd-event priority of the servant's socket */
    int64_t timer_priority;  /* of the timers; must be a larger number than io_priority, so that
                                what has arrived is read before anybody is called late */
    chb_span call_limit;     /* longest library call before the servant is killed; 0: 2 s */
    chb_span silence_limit;  /* longest silence of the servant before it is killed; 0: 4 s */
    chb_span backoff_max;    /* longest wait between two connection attempts; 0: 2 s */
};

/* What the client knows about its connection. */
struct chb_fencer_status {
    bool connected;    /* the servant is registered with the fencer and gets its notifications */
    chb_time since;    /* when `connected` last changed */
    chb_time drained;  /* last moment at which everything that had arrived had been read */
    uint32_t attempts; /* servants started since the last success */
    char text[CHB_FENCER_TEXT_MAX]; /* why not connected; empty when connected */
};

/* How a fence request of ours ended. Each accepted request is reported exactly once. */
struct chb_fence_result {
    uint64_t request_id;
    char node[CHB_FENCER_NAME_MAX];
    enum chb_outcome outcome; /* DONE: the fencer says that the node was fenced after we asked.
                                 FAILED: the fencer says that it could not, or was never asked.
                                 UNKNOWN: time-out, or the fencer or the servant went away. */
    int error;                /* 0 or a negative errno, as the fencer's library maps it */
    bool by_other;            /* DONE by a fence that another client asked for, or by a human */
    bool settled;             /* DONE: by an operation that began after chb_fencer_note_alive(node).
                                 Only that proves that the node went down since: our request may
                                 have been merged into an operation whose device did its work long
                                 ago, before the node came back, and says so only now */
    chb_time asked;           /* when chb_fencer_request() was called */
    chb_time sent;            /* when it went to the servant; never if it did not */
    chb_time answered;        /* when this result was made */
    char text[CHB_FENCER_TEXT_MAX]; /* for people, one line */
};

/*
 * A fence that the cluster's fencer has finished, whoever asked for it (T_STONITH_NOTIFY_FENCE).
 *
 * `powered_off` is the only field that says that the node went down: the outcome is DONE and the
 * action is one that cuts a node off ("off", "reboot"). An "on" that succeeded proves nothing.
 */
struct chb_fence_event {
    char node[CHB_FENCER_NAME_MAX]; /* target */
    char action[CHB_FENCER_ACTION_MAX];
    char executioner[CHB_FENCER_NAME_MAX]; /* "a human" for a manual confirmation; may be empty */
    char origin[CHB_FENCER_NAME_MAX];      /* node whose client asked */
    char client[CHB_FENCER_NAME_MAX];      /* NAME.PID of that client */
    enum chb_outcome outcome;
    int error; /* 0 or a negative errno */
    bool powered_off;
    bool manual;         /* confirmed by a person (stonith_admin --confirm), not by a device */
    bool ours;           /* asked for by a colo-hbd of this node, this run or an earlier one */
    bool overtaken;      /* a failure of an attempt during which the node was confirmed fenced by
                            other means: it takes nothing back */
    bool settled;        /* the operation began after chb_fencer_note_alive(node): the fencer has
                            answered us since, and nothing was under way then or that is over */
    chb_time arrival;    /* not later than this: when the servant saw it */
    chb_time not_before; /* not earlier than this: the servant's inbox was empty then */
    char text[CHB_FENCER_TEXT_MAX];
};

/* What the fencer's history says about one node. */
struct chb_fence_verdict {
    uint64_t query_id;
    char node[CHB_FENCER_NAME_MAX];
    enum chb_outcome outcome; /* DONE: a fence that powered the node off is recorded as complete
                                 after `since`, and was neither in the history nor under way when
                                 the node was last noted alive. FAILED: there is none such.
                                 UNKNOWN: no answer, or the clocks do not allow to say. */
    int error;
    bool pending; /* a fence of the node is under way now */
    bool manual;
    chb_time since;     /* as asked */
    chb_time completed; /* DONE: the completion, as far as the wall clock can be mapped */
    chb_time answered;
    char text[CHB_FENCER_TEXT_MAX];
};

/*
 * All callbacks run from the event loop, never from inside a function of this header. They may call
 * any function of this header but chb_fencer_free(). What they are given is valid during the call.
 */
struct chb_fencer_callbacks {
    void (*status)(void *userdata, const struct chb_fencer_status *status);
    void (*result)(void *userdata, const struct chb_fence_result *result);
    void (*event)(void *userdata, const struct chb_fence_event *event);
    void (*verdict)(void *userdata, const struct chb_fence_verdict *verdict);
    /* Whether a node is in the cluster now; NULL: all are. Operations whose asking node is gone
     * never end, and must not be waited for. Runs also inside of on-message handling. */
    bool (*is_member)(void *userdata, const char *node);
};

/*
 * Makes a client and starts its first servant from the event loop. A fencer that is absent is no
 * error: the client goes on trying, 100 ms after the first failure, doubling up to backoff_max.
 *
 * event: referenced until chb_fencer_free(). SIGCHLD must be blocked in all threads (sd-event).
 * callbacks: copied; every member may be NULL. ret: owned by the caller.
 * Errors: -EINVAL for a bad configuration, -ENOMEM, or what sd-event says.
 */
int chb_fencer_new(sd_event *event, const struct chb_fencer_config *config,
                   const struct chb_fencer_callbacks *callbacks, void *userdata,
                   struct chb_fencer **ret);

/*
 * Kills the servant and frees everything. Nothing is reported any more; fences that were asked for
 * go on in the fencer. Takes and returns NULL.
 */
struct chb_fencer *chb_fencer_free(struct chb_fencer *fencer);

/*
 * Asks the cluster to fence a node; the end comes as result().
 *
 * node: as Pacemaker names it. action: "off" or "reboot", and it must be what the cluster property
 * stonith-action says: the fencer merges two requests only if their actions are equal, and a
 * request that is not merged is a second power cycle. request_id: chosen by the caller, unique
 * among the requests under way. timeout: from CHB_FENCER_TIMEOUT_MS_MIN to _MAX, until this client
 * reports; each fence device gets two thirds of it, so that the fencer gives up first. Take the
 * cluster's stonith-timeout times 1.5. A request repeated while the fencer is still at work on the
 * one before would not be merged.
 *
 * If the fencer is not connected the request waits for it, within its timeout. A second request for
 * a node and action that is already under way from here joins it (the fencer would not merge two of
 * one client) and is answered with it. No tolerance is given to the fencer: it never answers with a
 * fence of the past.
 *
 * Errors: -EINVAL; -EEXIST for a request_id under way; -ENOBUFS if CHB_FENCER_REQUESTS_MAX are.
 */
int chb_fencer_request(struct chb_fencer *fencer, const char *node, const char *action,
                       uint64_t request_id, chb_span timeout);

/*
 * Says that a node was just seen alive (it is a member, its agent speaks), so that every fence that
 * the fencer knows of up to now is of the past, be it over or under way. The client asks the fencer
 * for its history of the node and remembers it as old. Until the fencer has answered and nothing is
 * under way any more that was under way then, events and results are marked as not settled.
 *
 * Why also what is under way: a device may cut the power, and its agent say so a minute later, when
 * the node is back, in a pair, and lost again. Its success comes after the second loss and says
 * nothing of it. The fencer hands it also to whoever asked for the same in the meantime.
 *
 * Call it when a peer joins and when a pair is complete, not at every heartbeat. Nothing else sets
 * the events and verdicts right after a node came back. A node that is asked about without it is
 * taken for noted at that moment.
 * Errors: -EINVAL; -ENOBUFS for more than CHB_FENCER_NODES_MAX nodes.
 */
int chb_fencer_note_alive(struct chb_fencer *fencer, const char *node);

/*
 * Says that a node that was noted alive has been so ever since. Call it now and then: this node's
 * fencer may learn late of what others began while it was not there to hear it (it was started
 * again, or the cluster was in parts). Unlike chb_fencer_note_alive() it unsettles nothing unless
 * the fencer says that something is under way. Errors: as above.
 */
int chb_fencer_renew_alive(struct chb_fencer *fencer, const char *node);

/*
 * Asks the fencer's history whether a node was fenced after a moment; the answer comes as
 * verdict(). For notifications that were missed: the servant was away, or an event's not_before is
 * too early to tell.
 *
 * The history has wall clock times (those of another node, after a history synchronisation), so a
 * DONE needs three things: recorded later than `since`, mapped with the largest offset between wall
 * clock and CLOCK_BOOTTIME that this client has seen since then; not among the entries that
 * chb_fencer_note_alive() found, over or under way; and `since` not before chb_fencer_new(),
 * because nobody watched the clock then (UNKNOWN). timeout: as for chb_fencer_request(). Errors:
 * -EINVAL, -EEXIST, -ENOBUFS.
 */
int chb_fencer_query(struct chb_fencer *fencer, const char *node, chb_time since, uint64_t query_id,
                     chb_span timeout);

/*
 * Makes the servant look at its inbox now, so that events which arrive after this call have a
 * not_before that is not earlier than about now (usually within 1 ms). Call it at the moment of a
 * loss. Without it the servant looks every 100 ms. Never fails; does nothing if not connected.
 */
void chb_fencer_mark(struct chb_fencer *fencer);

/* The present status; owned by the fencer, valid until the next turn of the event loop. */
const struct chb_fencer_status *chb_fencer_get_status(const struct chb_fencer *fencer);

#endif
