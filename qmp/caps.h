/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a QEMU can do, and whether COLO works with it.
 *
 * COLO's commands are marked unstable (x-), so the schema is asked, not only the version.
 * Source: QEMU's docs/interop/qmp-intro.rst ("query-qmp-schema").
 */
#ifndef CHB_QMP_CAPS_H
#define CHB_QMP_CAPS_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include <qmp/client.h>

#define CHB_QMP_VERSION_NUMBER_MAX 255 /* agents tell each other a byte of each */

struct chb_qmp_caps {
    struct chb_qmp_version version;
    bool lost_heartbeat;   /* x-colo-lost-heartbeat */
    bool colo_status;      /* query-colo-status */
    bool x_colo;           /* migration capability x-colo */
    bool checkpoint_delay; /* migration parameter x-checkpoint-delay */
    bool yank;             /* yank, and it may run out-of-band */
    bool block_export_add; /* else nbd-server-add */
    bool nbd_server_add;
    bool blockdev_change;  /* x-blockdev-change */
    bool block_job_cancel; /* else job-cancel */
    bool job_cancel;
    bool reconnect_ms; /* socket chardevs: reconnect-ms, else reconnect in seconds */
    bool announce_self;
    bool driver_quorum; /* block drivers that a build may leave out */
    bool driver_replication;
    bool driver_nbd;
    bool object_colo_compare;
    bool object_filters; /* filter-mirror, filter-redirector and filter-rewriter */
};

typedef void chb_qmp_caps_fn(void *userdata, enum chb_outcome outcome,
                             const struct chb_qmp_caps *caps, const char *error_text);

/* Asks @client (which must be ready) for its schema; the version comes from the greeting.
 * @fn: called once from the event loop, unless the client is freed before. @caps is NULL unless
 * DONE. Returns as chb_qmp_conn_send(). */
int chb_qmp_caps_probe(struct chb_qmp_client *client, chb_span timeout, chb_qmp_caps_fn *fn,
                       void *userdata);

/* Reads the answer to query-qmp-schema. Pure.
 * @schema: borrowed. Returns 0, -EBADMSG when it is not a schema; @ret_caps untouched then. */
int chb_qmp_caps_parse(const struct chb_qmp_version *version, struct json_object *schema,
                       struct chb_qmp_caps *ret_caps);

/* Reads the version out of what `qemu --version` prints: "version 7.2.22", with anything around it.
 * The text is from outside: each number is at most CHB_QMP_VERSION_NUMBER_MAX. Pure.
 * Returns 0, -EBADMSG when it does not say so; @ret_version untouched then. */
int chb_qmp_version_parse(const char *text, struct chb_qmp_version *ret_version);

/* Whether COLO can work with this version at all: -EOPNOTSUPP for 10.0.0 to 10.0.6, 10.1.0 and
 * 10.1.1 (cannot enter COLO) and before 7.0; 0 otherwise. Pure.
 * @ret_reason: @size bytes, "" on success; for people. */
int chb_qmp_version_check(const struct chb_qmp_version *version, char *ret_reason, size_t size);

/* The same for everything a COLO pair needs: -EOPNOTSUPP with the reason, or 0. Pure. */
int chb_qmp_caps_check(const struct chb_qmp_caps *caps, char *ret_reason, size_t size);

#endif
