/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the fencing client share. Not for others. */
#ifndef CHB_FENCING_FENCER_PRIVATE_H
#define CHB_FENCING_FENCER_PRIVATE_H

#include <time.h>

#include <fencing/clock_watch.h>
#include <fencing/fencer.h>
#include <fencing/history.h>
#include <fencing/message.h>
#include <fencing/servant_process.h>

/* A fence that the daemon asked for. */
struct chb_fencer_request {
    bool used;
    uint64_t id;      /* the daemon's */
    uint64_t wire_id; /* the servant's; requests that joined share it */
    char node[CHB_FENCER_NAME_MAX];
    char action[CHB_FENCER_ACTION_MAX];
    int32_t timeout_s;
    chb_time asked;
    chb_time sent; /* never: waits for the connection */
    chb_time deadline;
};

/* A question to the history. */
struct chb_fencer_query {
    bool used;
    bool sent;
    uint64_t id;
    uint64_t wire_id;
    char node[CHB_FENCER_NAME_MAX];
    chb_time since;
    chb_time deadline;
};

/* What is remembered of a node. */
struct chb_fencer_node {
    char name[CHB_FENCER_NAME_MAX]; /* empty: free */
    bool noted;                     /* chb_fencer_note_alive() was called */
    bool answered;                  /* and the fencer has answered since: `before` is valid */
    bool settled;                   /* and nothing is under way any more that was under way then */
    bool confirmed_off;             /* seen fenced since it was last noted alive */
    uint64_t barrier_id;            /* wire id of the history asked for it; 0: none */
    chb_time look_at;               /* when to ask again for what is not settled */
    bool look_at_once;              /* as soon as the answer is there */
    struct chb_history before;
};

struct chb_fencer {
    sd_event *event;
    sd_event_source *timer;
    struct chb_fencer_callbacks callbacks;
    void *userdata;

    char *servant_path;
    char client_name[32];
    char local_node[CHB_FENCER_NAME_MAX];
    int64_t io_priority;
    chb_span call_limit;
    chb_span silence_limit;
    chb_span backoff_max;

    struct chb_servant_process servant;
    struct chb_fencer_status status;
    bool ailing;                      /* the servant does not read: the timer replaces it */
    char reason[CHB_FENCER_TEXT_MAX]; /* why this servant failed, first word wins; may be empty */
    chb_time heard;                   /* last message of the servant, or its start */
    chb_time retry_at;                /* when to start the next servant, if none runs */
    chb_span backoff;                 /* the next wait */
    struct chb_clock_watch clock;
    chb_time begun;

    uint64_t next_wire_id;
    struct chb_fencer_request requests[CHB_FENCER_REQUESTS_MAX];
    struct chb_fencer_query queries[CHB_FENCER_REQUESTS_MAX];
    struct chb_fencer_node nodes[CHB_FENCER_NODES_MAX];
    uint64_t collecting_id; /* wire id of the history that is coming in */
    struct chb_history collecting;
};

static inline int64_t chb_fencing_clock(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static inline chb_time chb_fencing_now(void)
{
    return (chb_time){.ns = chb_fencing_clock(CLOCK_BOOTTIME)};
}

/* fencer.c */
/* Kills the servant and goes offline; what was asked of it ends as unknown. */
void chb_fencer_lose(struct chb_fencer *fencer, const char *text);
/* Sends, or loses the servant: it either reads or is replaced. False if the message is not out. */
bool chb_fencer_tell(struct chb_fencer *fencer, const struct chb_fencing_message *message);
/* Sets the timer to the earliest of all deadlines. */
void chb_fencer_arm(struct chb_fencer *fencer);
bool chb_fencer_name_is_valid(const char *name);

/* requests.c */
void chb_fencer_send_requests(struct chb_fencer *fencer);
void chb_fencer_drop_requests(struct chb_fencer *fencer, const char *text);
void chb_fencer_expire_requests(struct chb_fencer *fencer, chb_time now);
chb_time chb_fencer_requests_deadline(const struct chb_fencer *fencer);
void chb_fencer_on_result(struct chb_fencer *fencer, const struct chb_fencing_message *message);
void chb_fencer_on_event(struct chb_fencer *fencer, const struct chb_fencing_message *message);

/* queries.c */
struct chb_fencer_node *chb_fencer_node_find(struct chb_fencer *fencer, const char *name);
struct chb_fencer_node *chb_fencer_node_make(struct chb_fencer *fencer, const char *name);
/* What the fencer knows of a node that was never noted alive is of the past, too. */
void chb_fencer_note_first(struct chb_fencer *fencer, const char *name);
/* True if what is complete now began after the node was last noted alive. */
bool chb_fencer_node_is_settled(struct chb_fencer *fencer, const char *name);
/* Something has ended for this node: what was not settled may be now. */
void chb_fencer_look_again(struct chb_fencer *fencer, const char *name);
/* Asks again, if it is time, for all that is not settled. */
void chb_fencer_look(struct chb_fencer *fencer, chb_time now);
void chb_fencer_send_queries(struct chb_fencer *fencer);
void chb_fencer_drop_queries(struct chb_fencer *fencer, const char *text);
void chb_fencer_expire_queries(struct chb_fencer *fencer, chb_time now);
chb_time chb_fencer_queries_deadline(const struct chb_fencer *fencer);
void chb_fencer_on_entry(struct chb_fencer *fencer, const struct chb_fencing_message *message);
void chb_fencer_on_end(struct chb_fencer *fencer, const struct chb_fencing_message *message);

#endif
