/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <heartbeat/connect.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <heartbeat/cluster_private.h>

#define JOIN_TRIES 50
#define JOIN_WAIT_NS 10000000L /* between two tries; a ring is formed anew in the mean time */

const char *chb_cs_text(cs_error_t error)
{
    /* The library's own words need one more library; only these are ever met here. */
    switch ((int)error) {
    case CS_OK:
        return "success";
    case CS_ERR_LIBRARY:
        return "connection to corosync lost or refused";
    case CS_ERR_TIMEOUT:
        return "time-out";
    case CS_ERR_TRY_AGAIN:
        return "corosync is not ready";
    case CS_ERR_NO_MEMORY:
        return "no memory";
    case CS_ERR_BAD_HANDLE:
        return "connection closed";
    case CS_ERR_BUSY:
        return "corosync is busy";
    case CS_ERR_ACCESS:
        return "corosync denies access; run as root or allow it in corosync's uidgid.d";
    case CS_ERR_NOT_EXIST:
        return "does not exist";
    case CS_ERR_EXIST:
        return "already joined";
    case CS_ERR_SECURITY:
        return "corosync denies access; run as root or allow it in corosync's uidgid.d";
    case CS_ERR_NO_RESOURCES:
        return "no resources; is /dev/shm full?";
    default:
        return "unexpected error";
    }
}

/* Keeps which call failed and why; gives the errno of it. */
static int failed(struct chb_connection *connection, const char *call, cs_error_t error)
{
    snprintf(connection->text, sizeof(connection->text), "%s: %s (corosync error %d)", call,
             chb_cs_text(error), (int)error);
    switch ((int)error) {
    case CS_ERR_LIBRARY:
    case CS_ERR_BAD_HANDLE:
        return -ECONNREFUSED;
    case CS_ERR_TRY_AGAIN:
    case CS_ERR_BUSY:
    case CS_ERR_EXIST:
        return -EAGAIN;
    default:
        return -EIO;
    }
}

static int open_cmap(struct chb_connection *connection)
{
    cs_error_t error = cmap_initialize(&connection->cmap);
    if (error != CS_OK) {
        return failed(connection, "cmap_initialize", error);
    }
    connection->has_cmap = true;

    error = cmap_fd_get(connection->cmap, &connection->cmap_fd);
    if (error != CS_OK) {
        return failed(connection, "cmap_fd_get", error);
    }
    /* Notifications first, so that no change falls between. */
    error = chb_cmap_track(connection->cmap, connection->context);
    if (error != CS_OK) {
        return failed(connection, "cmap_track_add", error);
    }
    error = chb_cmap_read(connection->cmap, &connection->topology);
    return error == CS_OK ? 0 : failed(connection, "reading the nodelist", error);
}

static int open_quorum(struct chb_connection *connection)
{
    uint32_t type = QUORUM_FREE;
    cs_error_t error = chb_quorum_initialize(&connection->quorum, connection->context, &type);
    if (error != CS_OK) {
        return failed(connection, "quorum_model_initialize", error);
    }
    connection->has_quorum = true;
    connection->topology.has_quorum = type == QUORUM_SET;

    error = quorum_fd_get(connection->quorum, &connection->quorum_fd);
    if (error != CS_OK) {
        return failed(connection, "quorum_fd_get", error);
    }
    error = quorum_trackstart(connection->quorum, CS_TRACK_CURRENT | CS_TRACK_CHANGES);
    return error == CS_OK ? 0 : failed(connection, "quorum_trackstart", error);
}

static int join(struct chb_connection *connection)
{
    struct cpg_name name = {.length = (uint32_t)strlen(connection->group)};
    memcpy(name.value, connection->group, name.length);

    cs_error_t error = CS_ERR_TRY_AGAIN;
    for (int try = 0; try < JOIN_TRIES; try++) {
        error = cpg_join(connection->cpg, &name);
        if (error != CS_ERR_TRY_AGAIN) {
            break;
        }
        nanosleep(&(struct timespec){.tv_nsec = JOIN_WAIT_NS}, NULL);
    }
    return error == CS_OK ? 0 : failed(connection, "cpg_join", error);
}

static int open_cpg(struct chb_connection *connection)
{
    cs_error_t error = chb_cpg_initialize(&connection->cpg, connection->context);
    if (error != CS_OK) {
        return failed(connection, "cpg_model_initialize", error);
    }
    connection->has_cpg = true;

    error = cpg_fd_get(connection->cpg, &connection->cpg_fd);
    if (error != CS_OK) {
        return failed(connection, "cpg_fd_get", error);
    }
    unsigned int self = 0;
    error = cpg_local_get(connection->cpg, &self);
    if (error != CS_OK) {
        return failed(connection, "cpg_local_get", error);
    }
    connection->topology.self = self;
    return join(connection);
}

int chb_connection_open(struct chb_connection *connection)
{
    int r = open_cmap(connection);
    if (r == 0) {
        r = open_quorum(connection);
    }
    if (r == 0) {
        r = open_cpg(connection);
    }
    if (r < 0) {
        chb_connection_close(connection);
    }
    return r;
}

void chb_connection_close(struct chb_connection *connection)
{
    /* The group first: the others hear of it at once. Errors say only that corosync is gone. */
    if (connection->has_cpg) {
        (void)cpg_finalize(connection->cpg);
    }
    if (connection->has_quorum) {
        (void)quorum_finalize(connection->quorum);
    }
    if (connection->has_cmap) {
        (void)cmap_finalize(connection->cmap);
    }
    connection->has_cpg = false;
    connection->has_quorum = false;
    connection->has_cmap = false;
}

int chb_connection_read_topology(struct chb_connection *connection)
{
    cmap_handle_t cmap;

    cs_error_t error = cmap_initialize(&cmap);
    if (error != CS_OK) {
        return failed(connection, "cmap_initialize", error);
    }
    error = chb_cmap_read(cmap, &connection->topology);
    (void)cmap_finalize(cmap);
    return error == CS_OK ? 0 : failed(connection, "reading the nodelist", error);
}
