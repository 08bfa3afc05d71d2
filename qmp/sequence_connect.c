/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TCP connections of a sequence, which QEMU gets ready-made: see socket.h. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "qmp/sequence_internal.h"
#include "qmp/socket.h"

void chb_seq_connect_drop(struct chb_seq *seq)
{
    seq->connect_io = sd_event_source_disable_unref(seq->connect_io);
    if (seq->connection >= 0) {
        (void)close(seq->connection);
        seq->connection = -1;
    }
}

static int on_connect_done(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)events;
    struct chb_seq *seq = chb_seq_ref(userdata);
    seq->connect_io = sd_event_source_disable_unref(seq->connect_io);
    seq->facts.connect_error = chb_tcp_connected(fd);
    seq->facts.connect_over = true;
    chb_seq_wait_check(seq);
    chb_seq_unref(seq);
    return 0;
}

void chb_seq_connect_begin(struct chb_seq *seq)
{
    chb_seq_connect_drop(seq);
    seq->facts.connect_over = false;
    int r = chb_tcp_connect(seq->params.peer_address, seq->params.ports.migrate, &seq->connection);
    if (r == 0) {
        r = sd_event_add_io(chb_qmp_client_event(seq->client), &seq->connect_io, seq->connection,
                            EPOLLOUT, on_connect_done, seq);
    }
    if (r < 0) {
        seq->facts.connect_error = r;
        seq->facts.connect_over = true;
    }
}

int chb_seq_listen(struct chb_seq *seq)
{
    int listener = -1;
    const int r = chb_tcp_listen(seq->params.listen_address, seq->params.ports.migrate,
                                 &seq->result.ports.migrate, &listener);
    return r < 0 ? r : chb_client_set_incoming(seq->client, listener, seq->params.peer_address);
}
