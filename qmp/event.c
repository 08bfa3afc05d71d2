/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qmp/event.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "qmp/json.h"

struct word {
    const char *text;
    int value;
};

static const char *const event_names[CHB_QMP_EVENT_MAX] = {
    [CHB_QMP_EVENT_COLO_EXIT] = "COLO_EXIT",
    [CHB_QMP_EVENT_SHUTDOWN] = "SHUTDOWN",
    [CHB_QMP_EVENT_RESET] = "RESET",
    [CHB_QMP_EVENT_STOP] = "STOP",
    [CHB_QMP_EVENT_RESUME] = "RESUME",
    [CHB_QMP_EVENT_GUEST_PANICKED] = "GUEST_PANICKED",
    [CHB_QMP_EVENT_MIGRATION] = "MIGRATION",
    [CHB_QMP_EVENT_BLOCK_JOB_READY] = "BLOCK_JOB_READY",
    [CHB_QMP_EVENT_BLOCK_JOB_COMPLETED] = "BLOCK_JOB_COMPLETED",
    [CHB_QMP_EVENT_BLOCK_JOB_CANCELLED] = "BLOCK_JOB_CANCELLED",
    [CHB_QMP_EVENT_BLOCK_JOB_ERROR] = "BLOCK_JOB_ERROR",
    [CHB_QMP_EVENT_BLOCK_IO_ERROR] = "BLOCK_IO_ERROR",
    [CHB_QMP_EVENT_QUORUM_REPORT_BAD] = "QUORUM_REPORT_BAD",
    [CHB_QMP_EVENT_QUORUM_FAILURE] = "QUORUM_FAILURE",
    [CHB_QMP_EVENT_JOB_STATUS_CHANGE] = "JOB_STATUS_CHANGE",
};

static const struct word run_states[] = {
    {"running", CHB_RUN_STATE_RUNNING},
    {"paused", CHB_RUN_STATE_PAUSED},
    {"colo", CHB_RUN_STATE_COLO},
    {"inmigrate", CHB_RUN_STATE_INMIGRATE},
    {"finish-migrate", CHB_RUN_STATE_FINISH_MIGRATE},
    {"postmigrate", CHB_RUN_STATE_POSTMIGRATE},
    {"prelaunch", CHB_RUN_STATE_PRELAUNCH},
    {"shutdown", CHB_RUN_STATE_SHUTDOWN},
    {"guest-panicked", CHB_RUN_STATE_GUEST_PANICKED},
    {"io-error", CHB_RUN_STATE_IO_ERROR},
    {"internal-error", CHB_RUN_STATE_INTERNAL_ERROR},
    {"suspended", CHB_RUN_STATE_SUSPENDED},
};

static const struct word migration_states[] = {
    {"none", CHB_MIGRATION_NONE},
    {"setup", CHB_MIGRATION_SETUP},
    {"active", CHB_MIGRATION_ACTIVE},
    {"colo", CHB_MIGRATION_COLO},
    {"completed", CHB_MIGRATION_COMPLETED},
    {"failed", CHB_MIGRATION_FAILED},
    {"cancelling", CHB_MIGRATION_CANCELLING},
    {"cancelled", CHB_MIGRATION_CANCELLED},
};

static const struct word colo_modes[] = {
    {"primary", CHB_COLO_MODE_PRIMARY},
    {"secondary", CHB_COLO_MODE_SECONDARY},
};

static const struct word colo_reasons[] = {
    {"request", CHB_COLO_REASON_REQUEST},
    {"error", CHB_COLO_REASON_ERROR},
    {"processing", CHB_COLO_REASON_PROCESSING},
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static int value_of(const struct word *words, size_t n, const char *text, int otherwise)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(words[i].text, text) == 0) {
            return words[i].value;
        }
    }
    return otherwise;
}

static const char *text_of(const struct word *words, size_t n, int value)
{
    for (size_t i = 0; i < n; i++) {
        if (words[i].value == value) {
            return words[i].text;
        }
    }
    return "other";
}

enum chb_run_state chb_run_state_from_text(const char *text)
{
    return text == NULL ? CHB_RUN_STATE_OTHER
                        : (enum chb_run_state)value_of(run_states, COUNT(run_states), text,
                                                       CHB_RUN_STATE_OTHER);
}

enum chb_migration_status chb_migration_status_from_text(const char *text)
{
    return text == NULL ? CHB_MIGRATION_NONE
                        : (enum chb_migration_status)value_of(
                              migration_states, COUNT(migration_states), text, CHB_MIGRATION_OTHER);
}

enum chb_colo_mode chb_colo_mode_from_text(const char *text)
{
    return text == NULL ? CHB_COLO_MODE_NONE
                        : (enum chb_colo_mode)value_of(colo_modes, COUNT(colo_modes), text,
                                                       CHB_COLO_MODE_NONE);
}

enum chb_colo_reason chb_colo_reason_from_text(const char *text)
{
    return text == NULL ? CHB_COLO_REASON_NONE
                        : (enum chb_colo_reason)value_of(colo_reasons, COUNT(colo_reasons), text,
                                                         CHB_COLO_REASON_NONE);
}

const char *chb_run_state_to_text(enum chb_run_state state)
{
    return text_of(run_states, COUNT(run_states), (int)state);
}

const char *chb_migration_status_to_text(enum chb_migration_status status)
{
    return text_of(migration_states, COUNT(migration_states), (int)status);
}

const char *chb_qmp_event_name(enum chb_qmp_event_kind kind)
{
    assert(kind >= 0 && kind < CHB_QMP_EVENT_MAX);
    return event_names[kind];
}

/* An event's text member that must be there. */
static bool take_text(struct json_object *data, const char *name, char *ret_text, size_t size)
{
    chb_json_copy(data, name, ret_text, size);
    return chb_json_text(data, name) != NULL;
}

static bool parse_job(struct json_object *data, struct chb_qmp_event *event)
{
    uint64_t offset = 0;
    uint64_t length = 0;
    if (chb_json_uint(data, "offset", INT64_MAX, &offset) &&
        chb_json_uint(data, "len", INT64_MAX, &length)) {
        event->offset = (int64_t)offset;
        event->length = (int64_t)length;
    }
    chb_json_copy(data, "error", event->error, sizeof(event->error));
    return take_text(data, "device", event->id, sizeof(event->id));
}

static bool parse_io_error(struct json_object *data, struct chb_qmp_event *event)
{
    const char *operation = chb_json_text(data, "operation");
    const char *action = chb_json_text(data, "action");
    const char *node = chb_json_text(data, "node-name");

    event->write = operation != NULL && strcmp(operation, "write") == 0;
    event->stopped = action != NULL && strcmp(action, "stop") == 0;
    chb_text_copy(node != NULL ? node : chb_json_text(data, "device"), event->id,
                  sizeof(event->id));
    chb_json_copy(data, "reason", event->error, sizeof(event->error));
    return operation != NULL && action != NULL;
}

static bool parse_data(struct json_object *data, struct chb_qmp_event *event)
{
    switch (event->kind) {
    case CHB_QMP_EVENT_COLO_EXIT:
        event->colo_mode = chb_colo_mode_from_text(chb_json_text(data, "mode"));
        event->colo_reason = chb_colo_reason_from_text(chb_json_text(data, "reason"));
        return event->colo_reason != CHB_COLO_REASON_NONE;
    case CHB_QMP_EVENT_SHUTDOWN:
    case CHB_QMP_EVENT_RESET:
        event->guest = chb_json_is_true(data, "guest");
        chb_json_copy(data, "reason", event->reason, sizeof(event->reason));
        return data != NULL;
    case CHB_QMP_EVENT_STOP:
    case CHB_QMP_EVENT_RESUME:
        return true;
    case CHB_QMP_EVENT_GUEST_PANICKED:
        return take_text(data, "action", event->reason, sizeof(event->reason));
    case CHB_QMP_EVENT_MIGRATION:
        event->migration = chb_migration_status_from_text(chb_json_text(data, "status"));
        return chb_json_text(data, "status") != NULL;
    case CHB_QMP_EVENT_BLOCK_JOB_READY:
    case CHB_QMP_EVENT_BLOCK_JOB_COMPLETED:
    case CHB_QMP_EVENT_BLOCK_JOB_CANCELLED:
    case CHB_QMP_EVENT_BLOCK_JOB_ERROR:
        return parse_job(data, event);
    case CHB_QMP_EVENT_BLOCK_IO_ERROR:
        return parse_io_error(data, event);
    case CHB_QMP_EVENT_QUORUM_REPORT_BAD:
        chb_json_copy(data, "error", event->error, sizeof(event->error));
        return take_text(data, "node-name", event->id, sizeof(event->id));
    case CHB_QMP_EVENT_QUORUM_FAILURE:
        return take_text(data, "reference", event->id, sizeof(event->id));
    case CHB_QMP_EVENT_JOB_STATUS_CHANGE:
        return take_text(data, "id", event->id, sizeof(event->id)) &&
               take_text(data, "status", event->reason, sizeof(event->reason));
    case CHB_QMP_EVENT_MAX:
        break;
    }
    return false;
}

int chb_qmp_event_parse(const char *name, struct json_object *data, chb_time at,
                        struct chb_qmp_event *ret_event)
{
    for (int kind = 0; kind < CHB_QMP_EVENT_MAX; kind++) {
        if (strcmp(event_names[kind], name) != 0) {
            continue;
        }
        struct chb_qmp_event event = {
            .kind = (enum chb_qmp_event_kind)kind, .received_at = at, .happened_at = at};
        if (!parse_data(data, &event)) {
            return -EBADMSG;
        }
        *ret_event = event;
        return 0;
    }
    return -ENOENT;
}
