/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The language of the tables: one row is one QMP command, or one thing to wait for, or both.
 *
 * Arguments are JSON with single quotes. Inside a string "$i" is the disk's or NIC's index and
 * "<name>" a text from the parameters. A whole string "<#name>" becomes a number or a boolean, and
 * a member whose string is "<?name>" is left out when the parameter says nothing. Values go in
 * after parsing, so no value can ever change the shape of a command. The names are those of
 * sequence_render.c.
 */
#ifndef CHB_QMP_SEQUENCE_TABLE_H
#define CHB_QMP_SEQUENCE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "qmp/sequence.h"

enum chb_seq_repeat {
    CHB_SEQ_ONCE,
    CHB_SEQ_EACH_DISK, /* all of them back to back, then their answers */
    CHB_SEQ_EACH_NIC,
};

/* A row that does not apply is skipped. Judged when the row's turn comes. */
enum chb_seq_when {
    CHB_SEQ_ALWAYS,
    CHB_SEQ_IF_BLOCK_EXPORT_ADD,
    CHB_SEQ_IF_NBD_SERVER_ADD, /* no block-export-add */
    CHB_SEQ_IF_BLOCK_JOB_CANCEL,
    CHB_SEQ_IF_JOB_CANCEL, /* no block-job-cancel */
    CHB_SEQ_IF_NICS,       /* there is at least one NIC */
    CHB_SEQ_IF_REACHABLE,
    CHB_SEQ_IF_UNREACHABLE,
    CHB_SEQ_IF_YANK,         /* peer unreachable, or COLO_EXIT not seen */
    CHB_SEQ_IF_NOT_SETTLED,  /* between entering COLO and its first sign of life */
    CHB_SEQ_IF_MIGRATING,    /* by the last query-migrate: neither ended nor in COLO */
    CHB_SEQ_IF_OUTSIDE_COLO, /* by the last query-migrate */
    CHB_SEQ_IF_PRIMARY,      /* by the last query-colo-status */
    CHB_SEQ_IF_STANDING,     /* by the last query-status: stopped, and `cont` may start it */
};

/* What must be seen after the answers before the next row. */
enum chb_seq_wait {
    CHB_SEQ_NO_WAIT,
    CHB_SEQ_WAIT_COPY_READY,        /* every disk's job says ready */
    CHB_SEQ_WAIT_COPY_GONE,         /* every disk's job is gone, without an error */
    CHB_SEQ_WAIT_COPY_ENDED,        /* every disk's job is gone, however it ended */
    CHB_SEQ_WAIT_CONNECTED,         /* our own connection to the peer's migration port */
    CHB_SEQ_WAIT_CONVERGED,         /* little memory left to send; or in COLO already */
    CHB_SEQ_WAIT_COLO_ENTERED,      /* MIGRATION colo */
    CHB_SEQ_WAIT_COLO_RUNNING,      /* RESUME after it; COLO_EXIT is a failure */
    CHB_SEQ_WAIT_COLO_SETTLED,      /* RESUME or COLO_EXIT after it, or never entered */
    CHB_SEQ_WAIT_CHECKPOINT,        /* a RESUME from now on; COLO_EXIT is a failure */
    CHB_SEQ_WAIT_COLO_EXIT,         /* COLO_EXIT, now or before */
    CHB_SEQ_WAIT_COLO_LEFT,         /* query-colo-status says none */
    CHB_SEQ_WAIT_MIGRATION_SETTLED, /* ended, or in COLO */
    CHB_SEQ_WAIT_RUNNING,           /* query-status says running */
    CHB_SEQ_WAIT_FREE,              /* the same, or off by the guest's own will */
    CHB_SEQ_WAIT_MAX,
};

/* What an answer teaches: the conditions above, ports, progress. */
enum chb_seq_learn {
    CHB_SEQ_LEARN_NOTHING,
    CHB_SEQ_LEARN_STATUS,
    CHB_SEQ_LEARN_COLO,
    CHB_SEQ_LEARN_MIGRATION,
    CHB_SEQ_LEARN_COPIES,
    CHB_SEQ_LEARN_CHARDEV_PORTS, /* fails when one is missing */
};

enum chb_seq_flags {
    /* The next row is sent at once, in the same write. */
    CHB_SEQ_BACK_TO_BACK = 1 << 0,
    /* An error that says that the thing is not there counts as done. */
    CHB_SEQ_MISSING_OK = 1 << 1,
    /* Whatever comes of it, also no answer, is fine. */
    CHB_SEQ_TOLERATE = 1 << 2,
    /* A failure makes the sequence fail, but only after the rest was done too. */
    CHB_SEQ_GO_ON = 1 << 3,
    /* What is waited for need not come; after wait_ms the next row's turn is. */
    CHB_SEQ_SOFT_WAIT = 1 << 4,
    /* The wait is soft if the client cannot have seen the event: COLO was entered before it. */
    CHB_SEQ_SOFT_IF_ADOPTED = 1 << 5,
    /* wait_ms starts anew whenever there is progress. */
    CHB_SEQ_STALL_WAIT = 1 << 6,
    /* A listening socket goes along, on listen_address and ports.nbd. */
    CHB_SEQ_PASS_LISTENER = 1 << 7,
    /* The connection that was waited for goes along. */
    CHB_SEQ_PASS_CONNECTION = 1 << 8,
    /* No command: we listen for the migration, on listen_address and ports.migrate; or no longer.
     */
    CHB_SEQ_LISTEN = 1 << 9,
    CHB_SEQ_UNLISTEN = 1 << 10,
    /* What was heard of an earlier COLO is forgotten when this is sent. */
    CHB_SEQ_FORGET_COLO = 1 << 11,
};

struct chb_seq_step {
    const char *name;      /* for people: what it does */
    const char *command;   /* NULL: only waits, or what the flags say */
    const char *arguments; /* NULL: none */
    enum chb_qmp_monitor monitor;
    enum chb_seq_repeat repeat;
    enum chb_seq_when when;
    enum chb_seq_learn learn;
    enum chb_seq_wait wait;
    unsigned flags;     /* enum chb_seq_flags */
    uint32_t answer_ms; /* time for the answer; 0: CHB_SEQ_ANSWER_MS */
    uint32_t wait_ms;   /* time for the wait */
    uint32_t ms_per_gb; /* added to both for each GB of the guest's memory, begun or whole */
    enum chb_seq_phase phase;
    enum chb_seq_milestone on_sent;     /* handed to the socket */
    enum chb_seq_milestone on_answered; /* all answered, none with a failure that counts */
    enum chb_seq_milestone on_waited;   /* wait over */
};

struct chb_seq_table {
    const char *name;
    const struct chb_seq_step *steps;
    size_t n_steps;
};

#define CHB_SEQ_TABLE(table, text, list)                                                           \
    const struct chb_seq_table table = {                                                           \
        .name = (text), .steps = (list), .n_steps = sizeof(list) / sizeof((list)[0])}

/* Most commands take 0.3 to 2 ms; a busy main loop was seen at 295 ms. */
#define CHB_SEQ_ANSWER_MS 5000

/* The arguments of @step for disk or NIC @index. Pure but for the memory.
 * @ret_arguments: owned by the caller; NULL when the step has none.
 * Returns 0, -EINVAL for a template that is wrong (a test renders them all), -ENOMEM. */
int chb_seq_render(const struct chb_seq_step *step, const struct chb_seq_params *params,
                   unsigned index, struct json_object **ret_arguments);

/* One of @count parts of a speed, where 0 is no limit. Pure. */
uint64_t chb_seq_share(uint64_t bytes_per_s, unsigned count);

/* Of the migration, in bytes a second. Pure. */
uint64_t chb_seq_memory_speed(const struct chb_seq_params *params);

#endif
