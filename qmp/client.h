/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One QEMU, seen through its two monitors: the main one, and one for out-of-band commands that QEMU
 * answers from another thread while its main loop hangs.
 *
 * Callbacks run from the event loop only, and may call every function here, also the ones that end
 * the client.
 */
#ifndef CHB_QMP_CLIENT_H
#define CHB_QMP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>
#include <systemd/sd-event.h>

#include <agent/core/outcome.h>
#include <agent/core/time.h>
#include <qmp/conn.h>
#include <qmp/event.h>

struct chb_qmp_client;

enum chb_qmp_monitor {
    CHB_QMP_MAIN,
    CHB_QMP_OOB,
    CHB_QMP_MONITOR_MAX,
};

struct chb_qmp_client_callbacks {
    /* Both monitors are agreed: commands may be sent. Called at most once. */
    void (*on_ready)(void *userdata, const struct chb_qmp_version *version);
    void (*on_event)(void *userdata, const struct chb_qmp_event *event);
    /* Either monitor is gone, so the client is: all that was outstanding became UNKNOWN before.
     * @error: negative errno; -ETIMEDOUT when QEMU did not listen in time. Called once, not for
     * chb_qmp_client_free(). A closed monitor proves nothing about the process. */
    void (*on_closed)(void *userdata, int error);
};

/* Connects both monitors, trying again every 5 ms while QEMU does not listen yet.
 * @event, @callbacks: borrowed, must outlive the client. @priority: see chb_qmp_conn_open().
 * @main_path, @oob_path: unix sockets, copied.
 * @timeout: from now until both are ready, more than 0.
 * @ret_client: owned by the caller.
 * Returns 0, -ENAMETOOLONG, -ENOMEM. A QEMU that is not there is told through on_closed. */
int chb_qmp_client_open(sd_event *event, const char *main_path, const char *oob_path,
                        int64_t priority, chb_span timeout,
                        const struct chb_qmp_client_callbacks *callbacks, void *userdata,
                        struct chb_qmp_client **ret_client);

/* Closes both monitors, with no further callback for anything outstanding. QEMU does not notice.
 * NULL is fine. Returns NULL. */
struct chb_qmp_client *chb_qmp_client_free(struct chb_qmp_client *client);

/* The event loop that the client was opened with, borrowed. */
sd_event *chb_qmp_client_event(struct chb_qmp_client *client);

bool chb_qmp_client_is_ready(const struct chb_qmp_client *client);

/* As of the greeting; all zero before on_ready. */
const struct chb_qmp_version *chb_qmp_client_version(const struct chb_qmp_client *client);

/* See chb_qmp_conn_send(), chb_qmp_conn_cancel(), chb_qmp_conn_hold() and chb_qmp_conn_release().
 */
int chb_qmp_client_send(struct chb_qmp_client *client, enum chb_qmp_monitor monitor,
                        const char *command, struct json_object *arguments, chb_span timeout,
                        chb_qmp_reply_fn *fn, void *userdata, uint64_t *ret_id);
int chb_qmp_client_send_fd(struct chb_qmp_client *client, enum chb_qmp_monitor monitor,
                           const char *command, struct json_object *arguments, int fd,
                           chb_span timeout, chb_qmp_reply_fn *fn, void *userdata,
                           uint64_t *ret_id);
void chb_qmp_client_cancel(struct chb_qmp_client *client, enum chb_qmp_monitor monitor,
                           uint64_t id);
void chb_qmp_client_hold(struct chb_qmp_client *client, enum chb_qmp_monitor monitor);
void chb_qmp_client_release(struct chb_qmp_client *client, enum chb_qmp_monitor monitor);

/* What the events said about COLO since the client was opened; a new migration forgets the last. A
 * QEMU that was taken over may have said it before: then all is CHB_TIME_NEVER. */
struct chb_qmp_colo_facts {
    chb_time entered_at; /* MIGRATION colo */
    chb_time settled_at; /* the first RESUME or COLO_EXIT after it. Until then QEMU 7.2 aborts when
                            it is told to leave COLO or to make a checkpoint (an event of its COLO
                            thread is used before it is made) */
    chb_time exited_at;  /* COLO_EXIT: the COLO thread has finished any load and left its loop */
};

const struct chb_qmp_colo_facts *chb_qmp_client_colo(const struct chb_qmp_client *client);

struct chb_qmp_pong {
    enum chb_qmp_monitor monitor;
    enum chb_outcome outcome;     /* UNKNOWN: not answered in time */
    chb_span round_trip;          /* to the answer, or to giving up */
    enum chb_run_state run_state; /* CHB_QMP_MAIN and DONE only; else CHB_RUN_STATE_OTHER */
};

typedef void chb_qmp_pong_fn(void *userdata, const struct chb_qmp_pong *pong);

/* Asks one monitor for a sign of life: query-status on the main one, an out-of-band yank of nothing
 * on the other. An answer out-of-band does not prove that the main loop lives.
 * @timeout: more than 0; as measured: 100 ms out-of-band, 300 ms main, 1 s and more during a join.
 * @fn: called once from the event loop. Returns as chb_qmp_conn_send(). */
int chb_qmp_ping(struct chb_qmp_client *client, enum chb_qmp_monitor monitor, chb_span timeout,
                 chb_qmp_pong_fn *fn, void *userdata);

#endif
