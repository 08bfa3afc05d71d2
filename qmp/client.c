/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qmp/client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "qmp/client_internal.h"
#include "qmp/clock.h"
#include "qmp/incoming.h"
#include "qmp/json.h"

#define RETRY_MS 5

/* A monitor knows which one it is, so that its callbacks find their client. */
struct monitor {
    struct chb_qmp_client *client;
    struct chb_qmp_conn *conn;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

struct ping {
    struct chb_client_request request;
    enum chb_qmp_monitor monitor;
    chb_qmp_pong_fn *fn;
    void *userdata;
};

struct chb_qmp_client {
    unsigned refs; /* the owner's, and one per callback that is running */
    bool freed;
    bool closed;
    bool ready;
    sd_event *event;
    sd_event_source *retry;
    int64_t priority;
    chb_time open_deadline;
    const struct chb_qmp_client_callbacks *callbacks;
    void *userdata;
    const struct chb_client_tap *tap;
    struct chb_incoming *incoming;
    struct chb_qmp_version version;
    struct chb_qmp_colo_facts colo;
    struct chb_client_request *requests;
    struct monitor monitors[CHB_QMP_MONITOR_MAX];
};

static void client_unref(struct chb_qmp_client *client)
{
    assert(client->refs > 0);
    if (--client->refs > 0) {
        return;
    }
    assert(client->freed && client->requests == NULL);
    free(client);
}

void *chb_client_request_new(struct chb_qmp_client *client, size_t size)
{
    assert(size >= sizeof(struct chb_client_request));
    struct chb_client_request *request = calloc(1, size);
    if (request != NULL) {
        *request = (struct chb_client_request){.next = client->requests, .client = client};
        client->requests = request;
    }
    return request;
}

void chb_client_request_free(struct chb_client_request *request)
{
    struct chb_client_request **at = &request->client->requests;
    while (*at != request) {
        at = &(*at)->next;
    }
    *at = request->next;
    free(request);
}

struct chb_qmp_client *chb_qmp_client_free(struct chb_qmp_client *client)
{
    if (client == NULL) {
        return NULL;
    }
    assert(!client->freed);
    client->freed = true;
    client->closed = true;
    client->retry = sd_event_source_disable_unref(client->retry);
    client->incoming = chb_incoming_free(client->incoming);
    for (int i = 0; i < CHB_QMP_MONITOR_MAX; i++) {
        client->monitors[i].conn = chb_qmp_conn_free(client->monitors[i].conn);
    }
    while (client->requests != NULL) {
        chb_client_request_free(client->requests);
    }
    client_unref(client);
    return NULL;
}

static void client_close(struct chb_qmp_client *client, int error)
{
    if (client->closed) {
        return;
    }
    client->refs++;
    client->closed = true;
    client->retry = sd_event_source_disable_unref(client->retry);
    client->incoming = chb_incoming_free(client->incoming);
    /* Closing calls back for everything outstanding, and any of that may free the client. */
    for (int i = 0; i < CHB_QMP_MONITOR_MAX; i++) {
        if (client->monitors[i].conn != NULL) {
            chb_qmp_conn_close(client->monitors[i].conn, error);
        }
    }
    if (!client->freed && client->tap != NULL) {
        client->tap->on_closed(client->tap->userdata, error);
    }
    if (!client->freed && client->callbacks->on_closed != NULL) {
        client->callbacks->on_closed(client->userdata, error);
    }
    client_unref(client);
}

static void on_conn_ready(void *userdata, const struct chb_qmp_version *version)
{
    struct chb_qmp_client *client = ((struct monitor *)userdata)->client;
    client->version = *version;
    for (int i = 0; i < CHB_QMP_MONITOR_MAX; i++) {
        if (client->monitors[i].conn == NULL || !chb_qmp_conn_is_ready(client->monitors[i].conn)) {
            return;
        }
    }
    client->ready = true;
    if (client->callbacks->on_ready != NULL) {
        client->callbacks->on_ready(client->userdata, &client->version);
    }
}

static void learn_colo(struct chb_qmp_colo_facts *colo, const struct chb_qmp_event *event)
{
    const bool settles = chb_time_is_set(colo->entered_at) && !chb_time_is_set(colo->settled_at);

    if (event->kind == CHB_QMP_EVENT_MIGRATION && event->migration == CHB_MIGRATION_COLO) {
        *colo = (struct chb_qmp_colo_facts){.entered_at = event->received_at};
    } else if (event->kind == CHB_QMP_EVENT_MIGRATION && event->migration == CHB_MIGRATION_SETUP) {
        *colo = (struct chb_qmp_colo_facts){.entered_at = CHB_TIME_NEVER};
    } else if (event->kind == CHB_QMP_EVENT_RESUME && settles) {
        colo->settled_at = event->received_at;
    } else if (event->kind == CHB_QMP_EVENT_COLO_EXIT) {
        colo->exited_at = event->received_at;
        if (settles) {
            colo->settled_at = event->received_at;
        }
    }
}

/* QEMU says every event on every monitor; the main one's are taken. */
static void on_conn_event(void *userdata, const char *name, struct json_object *data, chb_time at,
                          chb_span late)
{
    struct monitor *monitor = userdata;
    struct chb_qmp_client *client = monitor->client;
    struct chb_qmp_event event;

    if (monitor != &client->monitors[CHB_QMP_MAIN] ||
        chb_qmp_event_parse(name, data, at, &event) < 0) {
        return; /* an event that we do not know, or cannot read, tells us nothing */
    }
    event.happened_at.ns -= late.ns;
    client->refs++;
    learn_colo(&client->colo, &event);
    if (client->tap != NULL) {
        client->tap->on_event(client->tap->userdata, &event);
    }
    if (!client->freed && client->callbacks->on_event != NULL) {
        client->callbacks->on_event(client->userdata, &event);
    }
    client_unref(client);
}

static void on_conn_closed(void *userdata, int error)
{
    client_close(((struct monitor *)userdata)->client, error);
}

static const struct chb_qmp_conn_callbacks conn_callbacks = {
    .on_ready = on_conn_ready,
    .on_event = on_conn_event,
    .on_closed = on_conn_closed,
};

/* QEMU makes its sockets some milliseconds after it was started. */
static bool not_listening_yet(int error)
{
    return error == -ENOENT || error == -ECONNREFUSED || error == -EAGAIN;
}

static int connect_missing(struct chb_qmp_client *client)
{
    const chb_span left = chb_time_since(client->open_deadline, chb_qmp_now());
    if (left.ns <= 0) {
        return -ETIMEDOUT;
    }
    for (int i = 0; i < CHB_QMP_MONITOR_MAX; i++) {
        struct monitor *monitor = &client->monitors[i];
        if (monitor->conn != NULL) {
            continue;
        }
        const int r =
            chb_qmp_conn_open(client->event, monitor->path, client->priority, i == CHB_QMP_OOB,
                              left, &conn_callbacks, monitor, &monitor->conn);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)usec;
    struct chb_qmp_client *client = userdata;
    int r = connect_missing(client);
    if (r < 0 && not_listening_yet(r)) {
        const chb_time next = chb_time_add(chb_qmp_now(), chb_ms(RETRY_MS));
        r = sd_event_source_set_time(source, chb_qmp_timer_us(next));
        if (r >= 0) {
            r = sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }
    }
    if (r < 0) {
        client_close(client, r);
    }
    return 0;
}

int chb_qmp_client_open(sd_event *event, const char *main_path, const char *oob_path,
                        int64_t priority, chb_span timeout,
                        const struct chb_qmp_client_callbacks *callbacks, void *userdata,
                        struct chb_qmp_client **ret_client)
{
    assert(timeout.ns > 0 && callbacks != NULL);
    const char *paths[CHB_QMP_MONITOR_MAX] = {main_path, oob_path};
    struct chb_qmp_client *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return -ENOMEM;
    }
    client->refs = 1;
    client->event = event;
    client->priority = priority;
    client->open_deadline = chb_time_add(chb_qmp_now(), timeout);
    client->callbacks = callbacks;
    client->userdata = userdata;
    int r = 0;
    for (int i = 0; i < CHB_QMP_MONITOR_MAX && r == 0; i++) {
        const size_t length = strlen(paths[i]);
        client->monitors[i].client = client;
        if (length >= sizeof(client->monitors[i].path)) {
            r = -ENAMETOOLONG;
        } else {
            memcpy(client->monitors[i].path, paths[i], length + 1);
        }
    }
    /* The first try too comes from the loop, so that a callback never runs inside this call. */
    if (r == 0) {
        r = sd_event_add_time(event, &client->retry, CLOCK_BOOTTIME, 0, CHB_QMP_TIMER_ACCURACY_US,
                              on_retry, client);
    }
    if (r >= 0) {
        r = sd_event_source_set_priority(client->retry,
                                         priority + CHB_QMP_DEADLINE_PRIORITY_OFFSET);
    }
    if (r < 0) {
        (void)chb_qmp_client_free(client);
        return r;
    }
    *ret_client = client;
    return 0;
}

sd_event *chb_qmp_client_event(struct chb_qmp_client *client)
{
    return client->event;
}

bool chb_qmp_client_is_ready(const struct chb_qmp_client *client)
{
    return client->ready && !client->closed;
}

const struct chb_qmp_version *chb_qmp_client_version(const struct chb_qmp_client *client)
{
    return &client->version;
}

int chb_qmp_client_send_fd(struct chb_qmp_client *client, enum chb_qmp_monitor monitor,
                           const char *command, struct json_object *arguments, int fd,
                           chb_span timeout, chb_qmp_reply_fn *fn, void *userdata, uint64_t *ret_id)
{
    assert(monitor >= 0 && monitor < CHB_QMP_MONITOR_MAX);
    if (!chb_qmp_client_is_ready(client)) {
        return -ENOTCONN;
    }
    return chb_qmp_conn_send_fd(client->monitors[monitor].conn, command, arguments, fd, timeout, fn,
                                userdata, ret_id);
}

int chb_qmp_client_send(struct chb_qmp_client *client, enum chb_qmp_monitor monitor,
                        const char *command, struct json_object *arguments, chb_span timeout,
                        chb_qmp_reply_fn *fn, void *userdata, uint64_t *ret_id)
{
    return chb_qmp_client_send_fd(client, monitor, command, arguments, -1, timeout, fn, userdata,
                                  ret_id);
}

void chb_qmp_client_cancel(struct chb_qmp_client *client, enum chb_qmp_monitor monitor, uint64_t id)
{
    assert(monitor >= 0 && monitor < CHB_QMP_MONITOR_MAX);
    if (client->monitors[monitor].conn != NULL) {
        chb_qmp_conn_cancel(client->monitors[monitor].conn, id);
    }
}

void chb_qmp_client_hold(struct chb_qmp_client *client, enum chb_qmp_monitor monitor)
{
    if (client->monitors[monitor].conn != NULL) {
        chb_qmp_conn_hold(client->monitors[monitor].conn);
    }
}

void chb_qmp_client_release(struct chb_qmp_client *client, enum chb_qmp_monitor monitor)
{
    if (client->monitors[monitor].conn != NULL) {
        chb_qmp_conn_release(client->monitors[monitor].conn);
    }
}

const struct chb_qmp_colo_facts *chb_qmp_client_colo(const struct chb_qmp_client *client)
{
    return &client->colo;
}

void chb_client_forget_colo(struct chb_qmp_client *client)
{
    client->colo = (struct chb_qmp_colo_facts){.entered_at = CHB_TIME_NEVER};
}

int chb_client_set_tap(struct chb_qmp_client *client, const struct chb_client_tap *tap)
{
    if (tap != NULL && client->tap != NULL) {
        return -EBUSY;
    }
    client->tap = tap;
    return 0;
}

int chb_client_set_incoming(struct chb_qmp_client *client, int listener, const char *peer)
{
    client->incoming = chb_incoming_free(client->incoming);
    return listener < 0
               ? 0
               : chb_incoming_new(client, client->priority, listener, peer, &client->incoming);
}

int64_t chb_client_timer_priority(const struct chb_qmp_client *client)
{
    return client->priority + CHB_QMP_DEADLINE_PRIORITY_OFFSET;
}

static void on_ping_reply(void *userdata, const struct chb_qmp_reply *reply)
{
    struct ping *ping = userdata;
    const struct chb_qmp_pong pong = {
        .monitor = ping->monitor,
        .outcome = reply->outcome,
        .round_trip = chb_time_since(reply->answered_at, reply->sent_at),
        .run_state = ping->monitor == CHB_QMP_MAIN
                         ? chb_run_state_from_text(chb_json_text(reply->data, "status"))
                         : CHB_RUN_STATE_OTHER,
    };
    chb_qmp_pong_fn *fn = ping->fn;
    void *fn_userdata = ping->userdata;
    chb_client_request_free(&ping->request);
    fn(fn_userdata, &pong);
}

int chb_qmp_ping(struct chb_qmp_client *client, enum chb_qmp_monitor monitor, chb_span timeout,
                 chb_qmp_pong_fn *fn, void *userdata)
{
    assert(fn != NULL);
    struct ping *ping = chb_client_request_new(client, sizeof(*ping));
    if (ping == NULL) {
        return -ENOMEM;
    }
    ping->monitor = monitor;
    ping->fn = fn;
    ping->userdata = userdata;
    struct json_object *nothing = NULL;
    if (monitor == CHB_QMP_OOB) {
        nothing = json_object_new_object();
        json_object_object_add(nothing, "instances", json_object_new_array());
    }
    const int r =
        chb_qmp_client_send(client, monitor, monitor == CHB_QMP_OOB ? "yank" : "query-status",
                            nothing, timeout, on_ping_reply, ping, NULL);
    json_object_put(nothing);
    if (r < 0) {
        chb_client_request_free(&ping->request);
    }
    return r;
}
