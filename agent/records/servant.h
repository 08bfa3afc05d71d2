/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that waits for the disk, so that the daemon never does. It takes one request at a
 * time from a SOCK_SEQPACKET socket, in order, and ends when the other end is closed.
 */
#ifndef CHB_RECORDS_SERVANT_H
#define CHB_RECORDS_SERVANT_H

#include <stdint.h>

#include <agent/core/limits.h>
#include <agent/core/record.h>

#define CHB_SERVANT_TEXT_MAX 1024

enum chb_servant_what {
    CHB_SERVANT_LOAD,
    CHB_SERVANT_SAVE,
    CHB_SERVANT_APPEND, /* text to NAME.history; not synced */
    CHB_SERVANT_COPY,   /* a recording: keep.h */
};

/* Both ends are the same program, so these are plain structs. */
struct chb_servant_request {
    uint64_t id;
    enum chb_servant_what what;
    char name[CHB_VM_NAME_MAX + 1];
    struct chb_record record;        /* SAVE */
    char text[CHB_SERVANT_TEXT_MAX]; /* APPEND: one line, with its newline;
                                        COPY: where from, NUL, name of the copy */
};

struct chb_servant_answer {
    uint64_t id;
    int error;                /* 0 or a negative errno */
    struct chb_record record; /* LOAD */
};

#define CHB_HISTORY_BYTES_MAX (1024 * 1024) /* then the file is moved to NAME.history.old */

/* Serves until the socket ends. @dir_fd: the folder of the records. Returns the exit status. */
int chb_servant_run(int socket_fd, int dir_fd);

#endif
