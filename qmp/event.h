/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's events as plain data. Pure.
 *
 * Only the events that matter for a COLO pair; every text is bounded and cut, never trusted.
 * Source: QEMU's qapi/{run-state,migration,block-core,job}.json.
 */
#ifndef CHB_QMP_EVENT_H
#define CHB_QMP_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include <agent/core/time.h>

enum chb_qmp_event_kind {
    CHB_QMP_EVENT_COLO_EXIT,
    CHB_QMP_EVENT_SHUTDOWN,
    CHB_QMP_EVENT_RESET,
    CHB_QMP_EVENT_STOP,
    CHB_QMP_EVENT_RESUME,
    CHB_QMP_EVENT_GUEST_PANICKED,
    CHB_QMP_EVENT_MIGRATION,
    CHB_QMP_EVENT_BLOCK_JOB_READY,
    CHB_QMP_EVENT_BLOCK_JOB_COMPLETED,
    CHB_QMP_EVENT_BLOCK_JOB_CANCELLED,
    CHB_QMP_EVENT_BLOCK_JOB_ERROR,
    CHB_QMP_EVENT_BLOCK_IO_ERROR,
    CHB_QMP_EVENT_QUORUM_REPORT_BAD,
    CHB_QMP_EVENT_QUORUM_FAILURE,
    CHB_QMP_EVENT_JOB_STATUS_CHANGE,
    CHB_QMP_EVENT_MAX,
};

enum chb_colo_mode {
    CHB_COLO_MODE_NONE,
    CHB_COLO_MODE_PRIMARY,
    CHB_COLO_MODE_SECONDARY,
};

enum chb_colo_reason {
    CHB_COLO_REASON_NONE,
    CHB_COLO_REASON_REQUEST, /* x-colo-lost-heartbeat */
    CHB_COLO_REASON_ERROR,   /* QEMU lost its peer, or the peer refused a checkpoint */
    CHB_COLO_REASON_PROCESSING,
};

enum chb_run_state {
    CHB_RUN_STATE_OTHER,
    CHB_RUN_STATE_RUNNING,
    CHB_RUN_STATE_PAUSED,
    CHB_RUN_STATE_COLO, /* inside a checkpoint; stuck there, the peer is gone */
    CHB_RUN_STATE_INMIGRATE,
    CHB_RUN_STATE_FINISH_MIGRATE,
    CHB_RUN_STATE_POSTMIGRATE,
    CHB_RUN_STATE_PRELAUNCH,
    CHB_RUN_STATE_SHUTDOWN,
    CHB_RUN_STATE_GUEST_PANICKED,
    CHB_RUN_STATE_IO_ERROR,
    CHB_RUN_STATE_INTERNAL_ERROR,
    CHB_RUN_STATE_SUSPENDED,
};

enum chb_migration_status {
    CHB_MIGRATION_NONE,
    CHB_MIGRATION_OTHER, /* device, pre-switchover, postcopy and so on: under way */
    CHB_MIGRATION_SETUP,
    CHB_MIGRATION_ACTIVE,
    CHB_MIGRATION_COLO,
    CHB_MIGRATION_COMPLETED,
    CHB_MIGRATION_FAILED,
    CHB_MIGRATION_CANCELLING,
    CHB_MIGRATION_CANCELLED,
};

struct chb_qmp_event {
    enum chb_qmp_event_kind kind;
    chb_time received_at;                /* this host's clock, when the line was read */
    chb_time happened_at;                /* ... when it happened, about: it may be told late */
    enum chb_colo_mode colo_mode;        /* COLO_EXIT */
    enum chb_colo_reason colo_reason;    /* COLO_EXIT */
    enum chb_migration_status migration; /* MIGRATION */
    bool guest;                          /* SHUTDOWN, RESET: the guest itself asked for it */
    bool write;                          /* BLOCK_IO_ERROR: a write, not a read */
    bool stopped;                        /* BLOCK_IO_ERROR: action "stop", the VM stands still */
    int64_t offset;                      /* BLOCK_JOB_*: bytes done */
    int64_t length;                      /* BLOCK_JOB_*: bytes in all */
    char id[64];     /* job id; node name for BLOCK_IO_ERROR and QUORUM_*, device if none */
    char reason[64]; /* SHUTDOWN, RESET: cause; GUEST_PANICKED: action; JOB_STATUS_CHANGE: status */
    char error[160]; /* QEMU's error text, "" if none */
};

/* Parses one event.
 * @name, @data: as read; @data may be NULL.
 * Returns 0; -ENOENT for an event that is not in the list; -EBADMSG when a member that the event
 * must have is missing or of another type. @ret_event is untouched on failure. */
int chb_qmp_event_parse(const char *name, struct json_object *data, chb_time at,
                        struct chb_qmp_event *ret_event);

/* QEMU's own name of the event ("COLO_EXIT"). */
const char *chb_qmp_event_name(enum chb_qmp_event_kind kind);

/* QEMU's text to value; unknown text gives CHB_RUN_STATE_OTHER, CHB_MIGRATION_OTHER and _NONE. NULL
 * is fine and means none. */
enum chb_run_state chb_run_state_from_text(const char *text);
enum chb_migration_status chb_migration_status_from_text(const char *text);
enum chb_colo_mode chb_colo_mode_from_text(const char *text);
enum chb_colo_reason chb_colo_reason_from_text(const char *text);

/* Value to QEMU's text, for people. */
const char *chb_run_state_to_text(enum chb_run_state state);
const char *chb_migration_status_to_text(enum chb_migration_status status);

#endif
