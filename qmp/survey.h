/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a running QEMU is doing: asked when a daemon takes over a QEMU that an earlier one started
 * (R9), and whenever the outcome of something is unknown.
 */
#ifndef CHB_QMP_SURVEY_H
#define CHB_QMP_SURVEY_H

#include <qmp/client.h>

struct chb_qmp_survey {
    enum chb_run_state run_state;
    enum chb_colo_mode colo_mode;      /* keeps its value after COLO_EXIT(error) */
    enum chb_colo_mode colo_last_mode; /* set after x-colo-lost-heartbeat */
    enum chb_colo_reason colo_reason;
    enum chb_migration_status migration;
    unsigned n_jobs;  /* block jobs: a copy is under way */
    bool nbd_child;   /* there is an nbd node: joined or joining, or left over from that */
    bool replication; /* has a replication node: was started as secondary */
    bool overlays;    /* the secondary's overlays are still in use: the image alone is not the
                         disk. After going solo QEMU merges them by itself, and they vanish */
    chb_time at;      /* when the last answer was read */
};

typedef void chb_qmp_survey_fn(void *userdata, enum chb_outcome outcome,
                               const struct chb_qmp_survey *survey, const char *error_text);

/* Sends query-status, query-colo-status, query-migrate, query-block-jobs and
 * query-named-block-nodes back to back.
 * @timeout: for each, more than 0.
 * @fn: called once from the event loop, unless the client is freed before; @survey is NULL unless
 * DONE. Returns as chb_qmp_conn_send(). */
int chb_qmp_survey(struct chb_qmp_client *client, chb_span timeout, chb_qmp_survey_fn *fn,
                   void *userdata);

#endif
