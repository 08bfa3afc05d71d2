/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What QEMU says: lines, JSON, and which command or callback it belongs to. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "qmp/clock.h"
#include "qmp/conn_internal.h"
#include "qmp/json.h"

/* One turn of the loop takes no more than this from one QEMU: others want to be heard as well. */
#define PUMP_BYTES_MAX ((size_t)1024 * 1024)

static bool offers_oob(struct json_object *greeting)
{
    struct json_object *offered = chb_json_array(greeting, "capabilities");
    if (offered == NULL) {
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(offered); i++) {
        struct json_object *name = json_object_array_get_idx(offered, i);
        if (json_object_is_type(name, json_type_string) &&
            strcmp(json_object_get_string(name), "oob") == 0) {
            return true;
        }
    }
    return false;
}

static int on_greeting(struct chb_qmp_conn *conn, struct json_object *message)
{
    struct json_object *greeting = chb_json_object(message, "QMP");
    struct json_object *version = chb_json_object(greeting, "version");
    struct json_object *numbers = chb_json_object(version, "qemu");
    uint64_t major = 0;
    uint64_t minor = 0;
    uint64_t micro = 0;

    if (!chb_json_uint(numbers, "major", 9999, &major) ||
        !chb_json_uint(numbers, "minor", 9999, &minor) ||
        !chb_json_uint(numbers, "micro", 9999, &micro)) {
        return -EPROTO;
    }
    conn->version = (struct chb_qmp_version){
        .major = (unsigned)major,
        .minor = (unsigned)minor,
        .micro = (unsigned)micro,
    };
    chb_json_copy(version, "package", conn->version.package, sizeof(conn->version.package));
    if (conn->oob && !offers_oob(greeting)) {
        return -EOPNOTSUPP;
    }
    return chb_conn_negotiate(conn);
}

static chb_span lateness(struct json_object *message)
{
    struct json_object *stamp = chb_json_object(message, "timestamp");
    const int64_t late_max_us = CHB_QMP_LATE_MAX_MS * INT64_C(1000);
    struct timespec now;
    uint64_t seconds = 0;
    uint64_t us = 0;

    if (!chb_json_uint(stamp, "seconds", UINT32_MAX, &seconds) ||
        !chb_json_uint(stamp, "microseconds", 999999, &us)) {
        return (chb_span){.ns = 0};
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    int64_t late_us =
        ((int64_t)now.tv_sec - (int64_t)seconds) * 1000000 + now.tv_nsec / 1000 - (int64_t)us;
    late_us = late_us < 0 ? 0 : late_us > late_max_us ? late_max_us : late_us;
    return (chb_span){.ns = late_us * 1000};
}

static int on_event(struct chb_qmp_conn *conn, const char *name, struct json_object *message,
                    chb_time at)
{
    if (conn->state != CONN_READY) {
        return 0; /* QEMU sends none before the capabilities are agreed */
    }
    if (conn->callbacks->on_event != NULL) {
        conn->callbacks->on_event(conn->userdata, name, chb_json_object(message, "data"), at,
                                  lateness(message));
    }
    return 0;
}

/* An answer whose id nobody waits for came too late, or was cancelled: it is dropped. */
static int on_reply(struct chb_qmp_conn *conn, struct json_object *message, chb_time at)
{
    struct json_object *data = NULL;
    struct json_object *error = chb_json_object(message, "error");
    uint64_t id = 0;

    const bool is_return = json_object_object_get_ex(message, "return", &data);
    if (is_return == (error != NULL)) {
        return -EPROTO;
    }
    if (!chb_json_uint(message, "id", INT64_MAX, &id)) {
        return -EPROTO; /* QEMU could not even read our command: neither side knows what comes next
                         */
    }
    struct conn_pending *pending = chb_conn_take_pending(conn, id);
    if (pending == NULL) {
        return id >= 1 && id <= conn->last_id ? 0 : -EPROTO;
    }
    if (is_return) {
        chb_conn_answer(pending, CHB_OUTCOME_DONE, 0, data, "", "", at);
    } else {
        const char *error_class = chb_json_text(error, "class");
        const char *text = chb_json_text(error, "desc");
        chb_conn_answer(pending, CHB_OUTCOME_FAILED, -EREMOTEIO, NULL,
                        error_class != NULL ? error_class : "", text != NULL ? text : "", at);
    }
    return 0;
}

static int on_message(struct chb_qmp_conn *conn, struct json_object *message, chb_time at)
{
    if (conn->state == CONN_GREETING) {
        return on_greeting(conn, message);
    }
    const char *name = chb_json_text(message, "event");
    return name != NULL ? on_event(conn, name, message, at) : on_reply(conn, message, at);
}

static int on_line(struct chb_qmp_conn *conn, const char *line, size_t length, chb_time at)
{
    json_tokener_reset(conn->tokener);
    json_tokener_set_flags(conn->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    /* Length with the NUL, or the tokener would wait for more of a bare number. */
    struct json_object *message = json_tokener_parse_ex(conn->tokener, line, (int)length + 1);
    int r = -EPROTO;
    if (json_tokener_get_error(conn->tokener) == json_tokener_success &&
        json_object_is_type(message, json_type_object)) {
        r = on_message(conn, message, at);
    }
    json_object_put(message);
    return r;
}

/* Handles every complete line. Returns 0 or what is wrong with the stream. */
static int on_bytes(struct chb_qmp_conn *conn, chb_time at)
{
    while (conn->state != CONN_CLOSED) {
        char *line = NULL;
        size_t length = 0;
        int r = chb_frame_next(&conn->in, &line, &length);
        if (r <= 0) {
            return r;
        }
        r = on_line(conn, line, length, at);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* Reads once. Returns the bytes read, 0 when there is nothing more, or why the connection is over.
 */
static ssize_t read_some(struct chb_qmp_conn *conn)
{
    char *room = NULL;
    size_t size = 0;
    const int r = chb_frame_reserve(&conn->in, &room, &size);
    if (r < 0) {
        return r;
    }
    ssize_t got;
    do {
        got = read(conn->fd, room, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return errno == EAGAIN ? 0 : -errno;
    }
    if (got == 0) {
        return -ECONNRESET;
    }
    chb_frame_commit(&conn->in, (size_t)got);
    return got;
}

void chb_conn_pump(struct chb_qmp_conn *conn)
{
    size_t done = 0;
    (void)chb_conn_ref(conn);
    while (conn->state != CONN_CLOSED && done < PUMP_BYTES_MAX) {
        const ssize_t got = read_some(conn);
        if (got == 0) {
            break;
        }
        const int r = got < 0 ? (int)got : on_bytes(conn, chb_qmp_now());
        if (r < 0) {
            chb_qmp_conn_close(conn, r);
            break;
        }
        done += (size_t)got;
    }
    chb_conn_unref(conn);
}
