/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The servant: a thread for the calls into corosync's libraries that may block. It does one job
 * after the other, decides nothing, and touches nothing but the job at hand. Its results wait until
 * the loop collects them. It blocks all signals. Private to this folder.
 */
#ifndef CHB_HEARTBEAT_SERVANT_H
#define CHB_HEARTBEAT_SERVANT_H

#include <heartbeat/connect.h>

enum chb_servant_task {
    CHB_SERVANT_CONNECT,  /* chb_connection_open() */
    CHB_SERVANT_CLOSE,    /* chb_connection_close(), then the job is freed: no result */
    CHB_SERVANT_TOPOLOGY, /* chb_connection_read_topology() */
};

/* A job is owned by the servant from submission until it is collected. It carries its connection,
 * so that closing what a job has opened needs no memory. */
struct chb_servant_job {
    enum chb_servant_task task;
    int result;
    struct chb_connection connection;
    struct chb_servant_job *next;
};

struct chb_servant;

/* Starts the thread. Returns 0 or a negative errno. */
int chb_servant_new(struct chb_servant **ret_servant);

/* Readable when a result waits. Owned by the servant. */
int chb_servant_fd(const struct chb_servant *servant);

/* Hands over a job; never blocks, never fails. Jobs are done in this order. */
void chb_servant_submit(struct chb_servant *servant, struct chb_servant_job *job);

/* The next result, or NULL. The caller owns it; free() it, or submit it again as CLOSE. */
struct chb_servant_job *chb_servant_collect(struct chb_servant *servant);

/* Closes what is still open, ends. Waits at most 200 ms; after that the thread is left to itself
 * and frees everything when corosync lets it go. NULL is fine. Returns NULL. */
struct chb_servant *chb_servant_free(struct chb_servant *servant);

#endif
