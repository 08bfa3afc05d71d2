/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agents of a cluster talking to each other: corosync's CPG, quorum and cmap on an sd-event
 * loop.
 *
 * What may block. libqb's requests have no time limit in corosync's client libraries
 * (CS_IPC_TIMEOUT_MS is -1), so with a stopped corosync (SIGSTOP) these never return:
 * every ..._initialize (waits for the answer to the connection), every request with an answer
 * (cpg_join, cpg_local_get, quorum_trackstart, all cmap calls, cpg_finalize), and closing a
 * connection whose server is dying sleeps for up to 40 ms. They run in a servant thread that
 * decides nothing; it hands over connections that are ready for use. On the loop there are only:
 *   - ..._dispatch, one message at a time, non-blocking, at most CHB_CLUSTER_DISPATCH_MAX per turn;
 *   - cpg_mcast_joined, which writes to a ring in shared memory and then one byte to a socket, the
 *     latter in a loop that spins for ever once the socket's buffer is full (about 270 messages
 *     that a stopped corosync has not read). So at most CHB_CLUSTER_WINDOW own messages are under
 *     way: sent, and not yet delivered back to us. The rest waits in a bounded queue.
 * No function here blocks, and none of the events waits for the servant.
 *
 * corosync drops asynchronous messages silently when it is overloaded, after cpg_mcast_joined said
 * CS_OK. Own messages come back in the total order, so a hole in them shows it: what was lost is
 * sent again (states only if no newer one of the VM is on its way; heartbeats not).
 *
 * corosync that hangs. If the oldest own message under way is older than `hang_limit`, the agent
 * counts itself as cut off: DOWN, all connections are dropped and made anew. That is long enough
 * for the ring to be formed anew, during which own messages do not come back either.
 *
 * Order. Memberships and messages are reported in CPG's total order. Quorum is another connection:
 * it is late news, and no more.
 *
 * Sources: corosync 3.1.7 lib/cpg.c, lib/quorum.c, lib/cmap.c, exec/cpg.c, exec/ipc_glue.c; libqb
 * 2.0.6 lib/ipcc.c, lib/ipc_setup.c, lib/ipc_shm.c.
 */
#ifndef CHB_HEARTBEAT_CLUSTER_H
#define CHB_HEARTBEAT_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include <agent/core/limits.h>
#include <agent/core/message.h>
#include <agent/core/time.h>
#include <heartbeat/topology.h>
#include <heartbeat/vm_key.h>
#include <heartbeat/wire.h>

#define CHB_CLUSTER_GROUP "colo-hbd"
#define CHB_CLUSTER_DISPATCH_MAX 64 /* messages and memberships per turn of the loop */
#define CHB_CLUSTER_WINDOW 32       /* own messages under way */
#define CHB_CLUSTER_STATES_MAX 256  /* VMs with a state that waits to be sent */
#define CHB_CLUSTER_REQUESTS_MAX 64 /* requests that wait to be sent */
#define CHB_CLUSTER_TEXT_MAX 256    /* with the final NUL */

struct chb_cluster;

struct chb_cluster_config {
    const char *group;      /* CPG group, 1 .. 127 bytes; NULL: CHB_CLUSTER_GROUP; copied */
    uint64_t boot;          /* incarnation of this agent, not 0 */
    int64_t io_priority;    /* sd-event priority of the sockets */
    int64_t timer_priority; /* of the timers; must be a larger number than io_priority */
    chb_span backoff_max;   /* longest wait between two attempts to connect, 50 ms .. 60 s;
                               0: 1 s */
    chb_span hang_limit;    /* own messages older than this: cut off, 200 ms .. 600 s;
                               0: three times the token time-out and 1 s */
};

enum chb_cluster_event_kind {
    CHB_CLUSTER_UP,          /* joined the group. NODE_UP of every other member follows at once,
                                QUORUM soon; until then the cluster is not quorate */
    CHB_CLUSTER_DOWN,        /* cut off: corosync died, hangs or dropped us; `text` says why. Nobody
                                is reported as down for it, and no other event comes before UP,
                                except TOPOLOGY */
    CHB_CLUSTER_NODE_UP,     /* the agent of `node` joined the group, or was in it when we joined.
                                Its states have to be told again by both sides */
    CHB_CLUSTER_NODE_DOWN,   /* `node` left the membership, whether or not its agent was in the
                                group */
    CHB_CLUSTER_AGENT_DOWN,  /* the agent of `node` left or died, its node is still a member */
    CHB_CLUSTER_QUORUM,      /* u.quorate; reported when it changes, once after UP, and once after
                                each NODE_DOWN, when it is known for the membership without that
                                node. Right before NODE_DOWN it is reported as false, with `doubt`,
                                if all that is known is about the membership before */
    CHB_CLUSTER_TOPOLOGY,    /* read for the first time, or changed: chb_cluster_topology() */
    CHB_CLUSTER_HEARTBEAT,   /* u.heartbeat of `node` */
    CHB_CLUSTER_STATE,       /* u.state */
    CHB_CLUSTER_REQUEST,     /* u.request */
    CHB_CLUSTER_BAD_MESSAGE, /* a message from `node` was refused; `text` says why. At most one such
                                event a second and node; all are counted */
    CHB_CLUSTER_EVENT_MAX,
};

/* One thing that happened. Valid during the callback only. */
struct chb_cluster_event {
    enum chb_cluster_event_kind kind;
    chb_time at;       /* CLOCK_BOOTTIME, read when it was delivered */
    uint32_t node;     /* the node it is about or that sent it; 0: none */
    uint64_t boot;     /* messages: incarnation of the sending agent */
    uint64_t sequence; /* messages: of that incarnation */
    bool own;          /* messages: our own, back in the total order */
    bool doubt;        /* QUORUM: not known, and soon will be */
    int error;         /* BAD_MESSAGE: what chb_wire_decode() said of it; 0: another reason */
    const char *text;  /* for people, one line; "" where nothing is to be said */
    union {
        bool quorate;
        struct chb_heartbeat_msg heartbeat;
        struct {
            struct chb_vm_key vm;
            struct chb_state_msg state;
        } state;
        struct {
            struct chb_vm_key vm;
            struct chb_request_msg request;
        } request;
    } u;
};

/* Called from the loop, never from inside another function of this header. It may send, and must
 * not call chb_cluster_free(). */
typedef void (*chb_cluster_handler)(const struct chb_cluster_event *event, void *userdata);

/* A node as the memberships say. */
struct chb_cluster_member {
    uint32_t node;
    bool in_ring; /* its corosync is in our membership */
    uint32_t pid; /* of its agent; 0: not in the group */
};

struct chb_cluster_status {
    bool up;
    bool quorate;
    chb_time since;                  /* when `up` last changed, or when the cluster was made */
    uint32_t attempts;               /* to connect since the last success */
    uint64_t ring_seq;               /* of the present membership, from corosync; 0: unknown */
    uint32_t in_flight;              /* own messages under way */
    uint32_t queued;                 /* messages that wait */
    uint64_t sent;                   /* since chb_cluster_new(), and so the following */
    uint64_t delivered;              /* valid messages, own ones included */
    uint64_t refused;                /* bad messages */
    uint64_t sent_again;             /* own messages that corosync had dropped */
    chb_span oldest;                 /* age of the oldest own message under way */
    char text[CHB_CLUSTER_TEXT_MAX]; /* why not up; empty when up */
};

/*
 * Makes a client and begins to connect; corosync need not run yet. The first events come from the
 * loop. `loop` is referenced. Returns 0, -EINVAL (configuration), or what allocating, sd-event or
 * starting the servant thread fails with.
 */
int chb_cluster_new(sd_event *loop, const struct chb_cluster_config *config,
                    chb_cluster_handler handler, void *userdata, struct chb_cluster **ret_cluster);

/*
 * Leaves the group and ends. Waits at most 200 ms for the servant; one that is stuck inside of
 * corosync's libraries is left behind and frees what it holds when it comes back. NULL is fine.
 * Returns NULL.
 */
struct chb_cluster *chb_cluster_free(struct chb_cluster *cluster);

/*
 * Send to every agent, ourselves included. None blocks; a message that cannot leave now waits.
 *   state      replaces a waiting one of the same VM, and goes out at its place
 *   heartbeat  replaces a waiting one
 * Return 0, -ENOTCONN while not UP (nothing is kept: tell everything after UP), -ENOBUFS if
 * too many wait, -EINVAL if the message is one that the decoder would refuse.
 */
int chb_cluster_send_state(struct chb_cluster *cluster, const struct chb_vm_key *vm,
                           const struct chb_state_msg *state);
int chb_cluster_send_request(struct chb_cluster *cluster, const struct chb_vm_key *vm,
                             const struct chb_request_msg *request);
int chb_cluster_send_heartbeat(struct chb_cluster *cluster,
                               const struct chb_heartbeat_msg *heartbeat);

/* Own node id; 0 until the first TOPOLOGY. It stays while corosync is away. */
uint32_t chb_cluster_self(const struct chb_cluster *cluster);

/* The newest nodelist, or NULL until the first TOPOLOGY event, which comes before the first UP.
 * Owned by the cluster, valid until the callback of the next TOPOLOGY event has returned. It stays
 * while corosync is away. */
const struct chb_topology *chb_cluster_topology(const struct chb_cluster *cluster);

/* Writes at most `n_max` members and returns how many there are; own node included; 0 while down.
 */
size_t chb_cluster_members(const struct chb_cluster *cluster,
                           struct chb_cluster_member *ret_members, size_t n_max);

void chb_cluster_get_status(const struct chb_cluster *cluster,
                            struct chb_cluster_status *ret_status);

#endif
