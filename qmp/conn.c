/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qmp/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp/clock.h"
#include "qmp/conn_internal.h"

struct chb_qmp_conn *chb_conn_ref(struct chb_qmp_conn *conn)
{
    conn->refs++;
    return conn;
}

/* Lets go of the socket and of the loop. What is pending stays. */
static void disconnect(struct chb_qmp_conn *conn)
{
    conn->state = CONN_CLOSED;
    conn->io = sd_event_source_disable_unref(conn->io);
    conn->timer = sd_event_source_disable_unref(conn->timer);
    if (conn->fd >= 0) {
        (void)close(conn->fd);
        conn->fd = -1;
    }
    chb_conn_drop_out(conn);
}

void chb_conn_unref(struct chb_qmp_conn *conn)
{
    assert(conn->refs > 0);
    if (--conn->refs > 0) {
        return;
    }
    assert(conn->freed && conn->state == CONN_CLOSED && conn->pending == NULL);
    chb_frame_clear(&conn->in);
    json_tokener_free(conn->tokener);
    free(conn);
}

static struct conn_pending *take_first_pending(struct chb_qmp_conn *conn)
{
    return conn->pending == NULL ? NULL : chb_conn_take_pending(conn, conn->pending->id);
}

struct chb_qmp_conn *chb_qmp_conn_free(struct chb_qmp_conn *conn)
{
    if (conn == NULL) {
        return NULL;
    }
    assert(!conn->freed);
    conn->freed = true;
    disconnect(conn);
    for (struct conn_pending *p = take_first_pending(conn); p != NULL;
         p = take_first_pending(conn)) {
        free(p);
    }
    chb_conn_unref(conn);
    return NULL;
}

void chb_qmp_conn_close(struct chb_qmp_conn *conn, int error)
{
    assert(error < 0);
    if (conn->state == CONN_CLOSED) {
        return;
    }
    (void)chb_conn_ref(conn);
    disconnect(conn);
    const chb_time now = chb_qmp_now();
    /* A callback may free the connection; its commands are gone then, and the loop ends. */
    for (struct conn_pending *p = take_first_pending(conn); p != NULL;
         p = take_first_pending(conn)) {
        chb_conn_answer(p, CHB_OUTCOME_UNKNOWN, error, NULL, "", "the monitor was closed", now);
    }
    if (!conn->freed && conn->callbacks->on_closed != NULL) {
        conn->callbacks->on_closed(conn->userdata, error);
    }
    chb_conn_unref(conn);
}

struct conn_pending *chb_conn_take_pending(struct chb_qmp_conn *conn, uint64_t id)
{
    for (struct conn_pending **at = &conn->pending; *at != NULL; at = &(*at)->next) {
        struct conn_pending *found = *at;
        if (found->id != id) {
            continue;
        }
        *at = found->next;
        if (conn->pending_tail == &found->next) {
            conn->pending_tail = at;
        }
        assert(conn->n_pending > 0);
        conn->n_pending--;
        return found;
    }
    return NULL;
}

void chb_conn_answer(struct conn_pending *pending, enum chb_outcome outcome, int error,
                     struct json_object *data, const char *error_class, const char *error_text,
                     chb_time at)
{
    const struct chb_qmp_reply reply = {
        .outcome = outcome,
        .data = data,
        .error_class = error_class,
        .error_text = error_text,
        .error = error,
        .sent_at = pending->sent_at,
        .answered_at = at,
    };
    chb_qmp_reply_fn *fn = pending->fn;
    void *userdata = pending->userdata;
    free(pending);
    if (fn != NULL) {
        fn(userdata, &reply);
    }
}

/* The timer stands at the earliest deadline, or is off. */
static int arm_timer(struct chb_qmp_conn *conn)
{
    chb_time first = conn->state == CONN_READY ? CHB_TIME_FOREVER : conn->greeting_deadline;
    for (const struct conn_pending *p = conn->pending; p != NULL; p = p->next) {
        first = chb_time_min(first, p->deadline);
    }
    if (first.ns == INT64_MAX) {
        return sd_event_source_set_enabled(conn->timer, SD_EVENT_OFF);
    }
    const int r = sd_event_source_set_time(conn->timer, chb_qmp_timer_us(first));
    return r < 0 ? r : sd_event_source_set_enabled(conn->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    struct chb_qmp_conn *conn = chb_conn_ref(userdata);

    /* An answer that is here already is not late: we are. */
    chb_conn_pump(conn);
    const chb_time now = chb_qmp_now();
    while (conn->state != CONN_CLOSED) {
        const struct conn_pending *late = conn->pending;
        while (late != NULL && !chb_time_reached(now, late->deadline)) {
            late = late->next;
        }
        if (late == NULL) {
            break;
        }
        chb_conn_answer(chb_conn_take_pending(conn, late->id), CHB_OUTCOME_UNKNOWN, -ETIMEDOUT,
                        NULL, "", "no answer in time", now);
    }
    if (conn->state != CONN_CLOSED && conn->state != CONN_READY &&
        chb_time_reached(now, conn->greeting_deadline)) {
        chb_qmp_conn_close(conn, -ETIMEDOUT);
    }
    if (conn->state != CONN_CLOSED && arm_timer(conn) < 0) {
        chb_qmp_conn_close(conn, -ENOMEM);
    }
    chb_conn_unref(conn);
    return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)fd;
    struct chb_qmp_conn *conn = chb_conn_ref(userdata);
    if ((events & EPOLLOUT) != 0) {
        chb_conn_flush(conn);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        chb_conn_pump(conn);
    }
    if (conn->state != CONN_CLOSED && arm_timer(conn) < 0) {
        chb_qmp_conn_close(conn, -ENOMEM);
    }
    chb_conn_unref(conn);
    return 0;
}

static int queue_command(struct chb_qmp_conn *conn, const char *verb, const char *command,
                         struct json_object *arguments, int fd, chb_span timeout,
                         chb_qmp_reply_fn *fn, void *userdata, uint64_t *ret_id)
{
    assert(timeout.ns > 0);
    if (conn->n_pending >= CHB_QMP_OUTSTANDING_MAX) {
        return -EBUSY;
    }
    struct conn_pending *pending = malloc(sizeof(*pending));
    if (pending == NULL) {
        return -ENOMEM;
    }
    const chb_time now = chb_qmp_now();
    *pending = (struct conn_pending){
        .id = conn->last_id + 1,
        .fn = fn,
        .userdata = userdata,
        .sent_at = now,
        .deadline = chb_time_add(now, timeout),
    };
    const int r = chb_conn_append(conn, verb, command, arguments, pending->id, fd);
    if (r < 0) {
        free(pending);
        return r;
    }
    conn->last_id = pending->id;
    *conn->pending_tail = pending;
    conn->pending_tail = &pending->next;
    conn->n_pending++;
    if (ret_id != NULL) {
        *ret_id = pending->id;
    }
    (void)arm_timer(conn); /* sets a time and a flag of an existing source: nothing to fail */
    chb_conn_flush(conn);
    return 0;
}

int chb_qmp_conn_send_fd(struct chb_qmp_conn *conn, const char *command,
                         struct json_object *arguments, int fd, chb_span timeout,
                         chb_qmp_reply_fn *fn, void *userdata, uint64_t *ret_id)
{
    if (conn->state != CONN_READY) {
        return -ENOTCONN;
    }
    return queue_command(conn, conn->oob ? "exec-oob" : "execute", command, arguments, fd, timeout,
                         fn, userdata, ret_id);
}

int chb_qmp_conn_send(struct chb_qmp_conn *conn, const char *command, struct json_object *arguments,
                      chb_span timeout, chb_qmp_reply_fn *fn, void *userdata, uint64_t *ret_id)
{
    return chb_qmp_conn_send_fd(conn, command, arguments, -1, timeout, fn, userdata, ret_id);
}

void chb_qmp_conn_hold(struct chb_qmp_conn *conn)
{
    conn->out_held++;
}

void chb_qmp_conn_release(struct chb_qmp_conn *conn)
{
    assert(conn->out_held > 0);
    if (--conn->out_held == 0 && conn->state != CONN_CLOSED) {
        chb_conn_flush(conn);
    }
}

void chb_qmp_conn_cancel(struct chb_qmp_conn *conn, uint64_t id)
{
    free(chb_conn_take_pending(conn, id));
}

bool chb_qmp_conn_is_ready(const struct chb_qmp_conn *conn)
{
    return conn->state == CONN_READY;
}

static void on_capabilities(void *userdata, const struct chb_qmp_reply *reply)
{
    struct chb_qmp_conn *conn = userdata;
    if (reply->outcome == CHB_OUTCOME_UNKNOWN && conn->state == CONN_CLOSED) {
        return; /* the close tells of itself */
    }
    if (reply->outcome != CHB_OUTCOME_DONE) {
        chb_qmp_conn_close(conn, reply->outcome == CHB_OUTCOME_FAILED ? -EPROTO : -ETIMEDOUT);
        return;
    }
    conn->state = CONN_READY;
    if (conn->callbacks->on_ready != NULL) {
        conn->callbacks->on_ready(conn->userdata, &conn->version);
    }
}

int chb_conn_negotiate(struct chb_qmp_conn *conn)
{
    struct json_object *arguments = NULL;
    if (conn->oob) {
        struct json_object *enable = json_object_new_array();
        json_object_array_add(enable, json_object_new_string("oob"));
        arguments = json_object_new_object();
        json_object_object_add(arguments, "enable", enable);
    }
    conn->state = CONN_NEGOTIATING;
    chb_span left = chb_time_since(conn->greeting_deadline, chb_qmp_now());
    if (left.ns <= 0) {
        left = chb_ms(1);
    }
    const int r = queue_command(conn, "execute", "qmp_capabilities", arguments, -1, left,
                                on_capabilities, conn, NULL);
    json_object_put(arguments);
    return r;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(path);
    if (length >= sizeof(address.sun_path)) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, length);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        const int error = errno;
        (void)close(fd);
        return -error;
    }
    return fd;
}

static int add_sources(struct chb_qmp_conn *conn, int64_t priority)
{
    int r = sd_event_add_io(conn->event, &conn->io, conn->fd, EPOLLIN, on_io, conn);
    if (r >= 0) {
        r = sd_event_source_set_priority(conn->io, priority);
    }
    if (r >= 0) {
        r = sd_event_add_time(conn->event, &conn->timer, CLOCK_BOOTTIME,
                              chb_qmp_timer_us(conn->greeting_deadline), CHB_QMP_TIMER_ACCURACY_US,
                              on_timer, conn);
    }
    if (r >= 0) {
        r = sd_event_source_set_priority(conn->timer, priority + CHB_QMP_DEADLINE_PRIORITY_OFFSET);
    }
    return r;
}

int chb_qmp_conn_open(sd_event *event, const char *path, int64_t priority, bool oob,
                      chb_span greeting_timeout, const struct chb_qmp_conn_callbacks *callbacks,
                      void *userdata, struct chb_qmp_conn **ret_conn)
{
    assert(greeting_timeout.ns > 0 && callbacks != NULL);
    const int fd = connect_unix(path);
    if (fd < 0) {
        return fd;
    }
    struct chb_qmp_conn *conn = calloc(1, sizeof(*conn));
    struct json_tokener *tokener = json_tokener_new_ex(CHB_QMP_DEPTH_MAX);
    if (conn == NULL || tokener == NULL) {
        free(conn);
        if (tokener != NULL) {
            json_tokener_free(tokener);
        }
        (void)close(fd);
        return -ENOMEM;
    }
    conn->refs = 1;
    conn->state = CONN_GREETING;
    conn->oob = oob;
    conn->fd = fd;
    conn->event = event;
    conn->callbacks = callbacks;
    conn->userdata = userdata;
    conn->greeting_deadline = chb_time_add(chb_qmp_now(), greeting_timeout);
    conn->tokener = tokener;
    conn->pending_tail = &conn->pending;
    chb_frame_init(&conn->in, CHB_QMP_LINE_BYTES_MAX);
    const int r = add_sources(conn, priority);
    if (r < 0) {
        (void)chb_qmp_conn_free(conn);
        return r;
    }
    *ret_conn = conn;
    return 0;
}
