/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One QMP monitor connection on a unix socket, driven by sd-event.
 *
 * It never blocks and never raises SIGPIPE. Commands may be sent back to back; replies are matched
 * by id. Each command has its own deadline. A command whose deadline passes ends as UNKNOWN at once
 * and its late reply is dropped; the connection stays. When the connection ends, everything
 * outstanding ends as UNKNOWN before the close is reported.
 *
 * Callbacks run from the event loop, never from inside chb_qmp_conn_send(). From inside any
 * callback every function here may be called, chb_qmp_conn_free() too.
 *
 * Sources: QEMU's docs/interop/qmp-spec.rst (greeting, capabilities negotiation, exec-oob).
 */
#ifndef CHB_QMP_CONN_H
#define CHB_QMP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>
#include <systemd/sd-event.h>

#include <agent/core/outcome.h>
#include <agent/core/time.h>

/* Priorities among sd-event sources, relative to the priority given at chb_qmp_conn_open(): the
 * socket first, its deadlines after it, so that an answer that is already here is never late. */
#define CHB_QMP_DEADLINE_PRIORITY_OFFSET 1

#define CHB_QMP_LINE_BYTES_MAX ((size_t)4 * 1024 * 1024) /* query-qmp-schema is 0.2 MB in 7.2 */
#define CHB_QMP_DEPTH_MAX 32
#define CHB_QMP_OUTSTANDING_MAX 512
#define CHB_QMP_UNSENT_BYTES_MAX ((size_t)1024 * 1024)
#define CHB_QMP_UNSENT_FDS_MAX 4

struct chb_qmp_conn;

struct chb_qmp_version {
    unsigned major;
    unsigned minor;
    unsigned micro;
    char package[64]; /* distribution's text, may be cut, may be empty */
};

/* The answer to one command. Pointers are borrowed for the time of the callback. */
struct chb_qmp_reply {
    enum chb_outcome outcome;
    struct json_object *data; /* DONE: the "return" member */
    const char *error_class;  /* FAILED: QEMU's error class; else "" */
    const char *error_text;   /* FAILED: QEMU's text; UNKNOWN: ours; DONE: "" */
    int error;            /* DONE 0, FAILED -EREMOTEIO, UNKNOWN -ETIMEDOUT or the close reason */
    chb_time sent_at;     /* when it was handed to the socket's queue */
    chb_time answered_at; /* when the answer was read, or the outcome became UNKNOWN */
};

typedef void chb_qmp_reply_fn(void *userdata, const struct chb_qmp_reply *reply);

/* QEMU keeps some events back for a second, so as not to tell them more often than that. */
#define CHB_QMP_LATE_MAX_MS 1500

struct chb_qmp_conn_callbacks {
    /* Greeting seen and capabilities agreed: commands may be sent. Called at most once. */
    void (*on_ready)(void *userdata, const struct chb_qmp_version *version);
    /* One event. @name and @data (an object, or NULL) are borrowed. @late: how long ago it
     * happened, by the time stamp in it; 0 to CHB_QMP_LATE_MAX_MS, whatever wall clocks do. */
    void (*on_event)(void *userdata, const char *name, struct json_object *data, chb_time at,
                     chb_span late);
    /* The connection is over: @error is -ECONNRESET (QEMU closed it), -EPROTO (not QMP), -EMSGSIZE
     * (line too long), -ETIMEDOUT (no greeting) or another negative errno. Called once, after every
     * outstanding command got its UNKNOWN; not called for chb_qmp_conn_free(). */
    void (*on_closed)(void *userdata, int error);
};

/* Connects to @path and negotiates.
 * @event: borrowed, must outlive the connection.
 * @priority: of the socket's source; deadlines come CHB_QMP_DEADLINE_PRIORITY_OFFSET later.
 * @oob: ask for out-of-band execution; a QEMU that does not offer it closes with -EOPNOTSUPP.
 * @greeting_timeout: from now to on_ready, more than 0.
 * @callbacks: borrowed, each may be NULL.
 * @ret_conn: owned by the caller, chb_qmp_conn_free().
 * Returns 0; -ENOENT or -ECONNREFUSED when QEMU does not listen (yet); -EAGAIN when its backlog is
 * full; -ENAMETOOLONG for a path beyond 107 bytes; -ENOMEM and other errors of socket(2). */
int chb_qmp_conn_open(sd_event *event, const char *path, int64_t priority, bool oob,
                      chb_span greeting_timeout, const struct chb_qmp_conn_callbacks *callbacks,
                      void *userdata, struct chb_qmp_conn **ret_conn);

/* Ends the connection without any further callback: outstanding commands are dropped silently.
 * NULL is fine. Returns NULL. */
struct chb_qmp_conn *chb_qmp_conn_free(struct chb_qmp_conn *conn);

/* Ends the connection as if QEMU had: every outstanding command gets its UNKNOWN with @error, then
 * on_closed is called, all before this returns. Does nothing on a closed connection. */
void chb_qmp_conn_close(struct chb_qmp_conn *conn, int error);

/* Queues one command, and writes it at once if the socket takes it.
 * @command: name; on an out-of-band connection it is sent as exec-oob.
 * @arguments: borrowed, an object or NULL for none.
 * @timeout: from now, more than 0.
 * @fn: called exactly once, unless chb_qmp_conn_cancel() or chb_qmp_conn_free() come first. NULL:
 * the answer does not matter.
 * @ret_id: may be NULL; for chb_qmp_conn_cancel().
 * Returns 0; -ENOTCONN before on_ready or after the close; -EBUSY with CHB_QMP_OUTSTANDING_MAX
 * commands outstanding; -ENOBUFS when QEMU has not read CHB_QMP_UNSENT_BYTES_MAX; -ENOMEM. On an
 * error nothing was sent and @fn is not called. */
int chb_qmp_conn_send(struct chb_qmp_conn *conn, const char *command, struct json_object *arguments,
                      chb_span timeout, chb_qmp_reply_fn *fn, void *userdata, uint64_t *ret_id);

/* The same with a file descriptor for QEMU, which travels with the command's first byte (`getfd`).
 * @fd: borrowed, a copy is made. Returns also -EMFILE for more than CHB_QMP_UNSENT_FDS_MAX waiting.
 */
int chb_qmp_conn_send_fd(struct chb_qmp_conn *conn, const char *command,
                         struct json_object *arguments, int fd, chb_span timeout,
                         chb_qmp_reply_fn *fn, void *userdata, uint64_t *ret_id);

/* Between hold and release, commands are only queued; release writes them as one piece, so that
 * QEMU reads them in one go. Nests. */
void chb_qmp_conn_hold(struct chb_qmp_conn *conn);
void chb_qmp_conn_release(struct chb_qmp_conn *conn);

/* The callback of command @id is not called any more and its reply is dropped. What was sent stays
 * sent. An unknown id is ignored. */
void chb_qmp_conn_cancel(struct chb_qmp_conn *conn, uint64_t id);

/* True between on_ready and the close. */
bool chb_qmp_conn_is_ready(const struct chb_qmp_conn *conn);

#endif
