/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What conn.c (life, sending, deadlines) and conn_input.c (reading) share. */
#ifndef CHB_QMP_CONN_INTERNAL_H
#define CHB_QMP_CONN_INTERNAL_H

#include <json-c/json.h>

#include "qmp/conn.h"
#include "qmp/frame.h"

enum conn_state {
    CONN_GREETING,    /* connected, QEMU has not spoken */
    CONN_NEGOTIATING, /* qmp_capabilities sent */
    CONN_READY,
    CONN_CLOSED,
};

/* One command without an answer, in the order of sending. */
struct conn_pending {
    struct conn_pending *next;
    uint64_t id;
    chb_qmp_reply_fn *fn;
    void *userdata;
    chb_time sent_at;
    chb_time deadline;
};

/* A descriptor that leaves together with the byte at this offset of the output. */
struct conn_out_fd {
    size_t offset;
    int fd;
};

struct chb_qmp_conn {
    unsigned refs; /* the owner's, and one per callback that is running */
    enum conn_state state;
    bool freed; /* by its owner: no more callbacks */
    bool oob;
    int fd;
    sd_event *event;
    sd_event_source *io;
    sd_event_source *timer;
    bool wants_out; /* EPOLLOUT is asked for */
    const struct chb_qmp_conn_callbacks *callbacks;
    void *userdata;
    chb_time greeting_deadline;
    struct chb_qmp_version version;

    struct chb_frame in;
    struct json_tokener *tokener;

    char *out;
    size_t out_used;
    size_t out_allocated;
    unsigned out_held;
    struct conn_out_fd out_fds[CHB_QMP_UNSENT_FDS_MAX];
    unsigned n_out_fds;

    uint64_t last_id;
    struct conn_pending *pending;
    struct conn_pending **pending_tail;
    unsigned n_pending;
};

/* Keeps the connection's memory while callbacks run. */
struct chb_qmp_conn *chb_conn_ref(struct chb_qmp_conn *conn);
void chb_conn_unref(struct chb_qmp_conn *conn);

/* Takes the command with this id out of the list; NULL when there is none. */
struct conn_pending *chb_conn_take_pending(struct chb_qmp_conn *conn, uint64_t id);

/* Calls the callback of @pending and frees it. */
void chb_conn_answer(struct conn_pending *pending, enum chb_outcome outcome, int error,
                     struct json_object *data, const char *error_class, const char *error_text,
                     chb_time at);

/* Sends qmp_capabilities; the greeting was fine. Returns 0 or a negative errno. */
int chb_conn_negotiate(struct chb_qmp_conn *conn);

/* Reads and handles what is there, up to a bound that leaves time for other sources; may close the
 * connection. */
void chb_conn_pump(struct chb_qmp_conn *conn);

/* The command's text goes to the end of the output, with @fd unless that is -1. All or nothing. */
int chb_conn_append(struct chb_qmp_conn *conn, const char *verb, const char *command,
                    struct json_object *arguments, uint64_t id, int fd);

/* Writes what the socket takes, and asks the loop to come back for the rest. Never closes. */
void chb_conn_flush(struct chb_qmp_conn *conn);

/* Forgets all output. */
void chb_conn_drop_out(struct chb_qmp_conn *conn);

#endif
