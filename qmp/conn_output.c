/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes to QEMU: commands as text, and descriptors that travel with them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp/conn_internal.h"

void chb_conn_drop_out(struct chb_qmp_conn *conn)
{
    for (unsigned i = 0; i < conn->n_out_fds; i++) {
        (void)close(conn->out_fds[i].fd);
    }
    conn->n_out_fds = 0;
    free(conn->out);
    conn->out = NULL;
    conn->out_used = 0;
    conn->out_allocated = 0;
}

/* Sends the bytes up to the next descriptor's offset, the descriptor with the first of them. */
static ssize_t write_some(struct chb_qmp_conn *conn)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec piece = {.iov_base = conn->out, .iov_len = conn->out_used};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

    if (conn->n_out_fds > 0 && conn->out_fds[0].offset == 0) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof(control.space);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &conn->out_fds[0].fd, sizeof(int));
        if (conn->n_out_fds > 1) {
            piece.iov_len = conn->out_fds[1].offset;
        }
    } else if (conn->n_out_fds > 0) {
        piece.iov_len = conn->out_fds[0].offset;
    }
    const ssize_t sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}

static void forget_written(struct chb_qmp_conn *conn, size_t size)
{
    if (conn->n_out_fds > 0 && conn->out_fds[0].offset == 0) {
        (void)close(conn->out_fds[0].fd);
        conn->n_out_fds--;
        memmove(&conn->out_fds[0], &conn->out_fds[1], conn->n_out_fds * sizeof(conn->out_fds[0]));
    }
    for (unsigned i = 0; i < conn->n_out_fds; i++) {
        conn->out_fds[i].offset -= size;
    }
    memmove(conn->out, conn->out + size, conn->out_used - size);
    conn->out_used -= size;
}

void chb_conn_flush(struct chb_qmp_conn *conn)
{
    while (conn->out_used > 0 && conn->out_held == 0) {
        const ssize_t sent = write_some(conn);
        if (sent == -EINTR) {
            continue;
        }
        if (sent == -EAGAIN) {
            break;
        }
        if (sent <= 0) {
            /* Not closed from here, for our caller expects no callbacks: the loop will see the end
             * of the stream, after what QEMU still said. */
            (void)shutdown(conn->fd, SHUT_RDWR);
            chb_conn_drop_out(conn);
            break;
        }
        forget_written(conn, (size_t)sent);
    }
    const bool wants_out = conn->out_used > 0 && conn->out_held == 0;
    if (wants_out != conn->wants_out) {
        conn->wants_out = wants_out;
        (void)sd_event_source_set_io_events(conn->io, wants_out ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

static int append_out(struct chb_qmp_conn *conn, const char *text, size_t size)
{
    if (size > CHB_QMP_UNSENT_BYTES_MAX - conn->out_used) {
        return -ENOBUFS;
    }
    if (size > conn->out_allocated - conn->out_used) {
        const size_t wanted = (conn->out_used + size + 4095) / 4096 * 4096;
        char *out = realloc(conn->out, wanted);
        if (out == NULL) {
            return -ENOMEM;
        }
        conn->out = out;
        conn->out_allocated = wanted;
    }
    memcpy(conn->out + conn->out_used, text, size);
    conn->out_used += size;
    return 0;
}

static int append_fd(struct chb_qmp_conn *conn, int fd)
{
    if (conn->n_out_fds == CHB_QMP_UNSENT_FDS_MAX) {
        return -EMFILE;
    }
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        return -errno;
    }
    conn->out_fds[conn->n_out_fds++] = (struct conn_out_fd){.offset = conn->out_used, .fd = copy};
    return 0;
}

int chb_conn_append(struct chb_qmp_conn *conn, const char *verb, const char *command,
                    struct json_object *arguments, uint64_t id, int fd)
{
    struct json_object *message = json_object_new_object();
    if (message == NULL) {
        return -ENOMEM;
    }
    json_object_object_add(message, verb, json_object_new_string(command));
    if (arguments != NULL) {
        json_object_object_add(message, "arguments", json_object_get(arguments));
    }
    json_object_object_add(message, "id", json_object_new_int64((int64_t)id));
    size_t size = 0;
    const char *text = json_object_to_json_string_length(
        message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
    int r = text == NULL ? -ENOMEM : 0;
    const size_t used_before = conn->out_used;
    const unsigned fds_before = conn->n_out_fds;
    if (r == 0 && fd >= 0) {
        r = append_fd(conn, fd);
    }
    if (r == 0) {
        r = append_out(conn, text, size);
    }
    if (r == 0) {
        r = append_out(conn, "\n", 1);
    }
    if (r < 0) {
        conn->out_used = used_before;
        if (conn->n_out_fds > fds_before) {
            (void)close(conn->out_fds[--conn->n_out_fds].fd);
        }
    }
    json_object_put(message);
    return r;
}
