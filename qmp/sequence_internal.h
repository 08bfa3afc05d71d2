/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sequence.c (rows and answers), sequence_wait.c (waits) and sequence_learn.c (what answers
 * and events teach) share. */
#ifndef CHB_QMP_SEQUENCE_INTERNAL_H
#define CHB_QMP_SEQUENCE_INTERNAL_H

#include "qmp/client_internal.h"
#include "qmp/sequence_table.h"

#define CHB_SEQ_ROWS_MAX 64
#define CHB_SEQ_DETAIL_SIZE 128

/* One disk's copy job. */
struct seq_copy {
    bool ready;
    bool gone;
    uint64_t done_bytes;
    uint64_t total_bytes;
    char error[CHB_SEQ_DETAIL_SIZE];
};

/* What is known of the QEMU, from answers and events. */
struct seq_facts {
    enum chb_run_state run_state;
    enum chb_colo_mode colo_mode;
    enum chb_migration_status migration;
    uint64_t passes;          /* of the migration over the memory */
    uint64_t remaining_bytes; /* of it */
    uint64_t sent_bytes;
    char migration_error[CHB_SEQ_DETAIL_SIZE];
    bool connect_over; /* the connection for the migration stands, or will not */
    int connect_error;
    bool resumed; /* RESUME since the last row that waits for a checkpoint was sent */
    struct seq_copy copies[CHB_DISKS_MAX];
};

/* One command without an answer. */
struct seq_flight {
    struct chb_seq *seq;
    uint64_t id;
    bool used;
    uint16_t row;
    uint16_t record; /* in steps[] */
};

struct seq_wait {
    bool active;
    bool polled; /* at least one poll was answered */
    bool poll_under_way;
    uint64_t poll_id;
    chb_time deadline;
    chb_time next_poll;
    uint64_t progress; /* as of the last look; a stalled wait is one in which it stands */
};

struct chb_seq {
    struct chb_qmp_client *client;
    const struct chb_seq_table *table;
    struct chb_seq_params params;
    struct chb_qmp_caps caps;
    const struct chb_seq_callbacks *callbacks;
    void *userdata;
    struct chb_client_tap tap;
    sd_event_source *timer;

    unsigned refs;
    bool freed;
    bool finished;

    size_t row;      /* next to be sent */
    size_t wait_row; /* whose wait follows the answers, or is active */
    bool wait_next;  /* there is one */
    uint16_t row_unanswered[CHB_SEQ_ROWS_MAX];
    bool row_bad[CHB_SEQ_ROWS_MAX]; /* a failure that counts: no milestone */
    unsigned n_flights;
    struct seq_flight flights[CHB_SEQ_STEPS_MAX];

    bool failed;  /* result holds the first failure */
    bool stopped; /* by a failure that is not to be passed over: nothing more is sent */
    struct chb_seq_result result; /* the first failure, milestones, ports */
    int connection;               /* to the peer, until QEMU has it; -1 */
    sd_event_source *connect_io;
    struct seq_facts facts;
    struct seq_wait wait;
    chb_time progress_told_at;
    uint64_t disk_speed; /* of each copy, as QEMU was told */
    struct chb_seq_step_time steps[CHB_SEQ_STEPS_MAX];
};

/* Notes a failure of @step; the first one is told. Stops the sequence unless the step says GO_ON.
 */
void chb_seq_fail(struct chb_seq *seq, const struct chb_seq_step *step, unsigned index,
                  enum chb_outcome outcome, int error, const char *text);

/* Goes on with the rows as far as it can without an answer; ends the sequence when all is done. */
void chb_seq_advance(struct chb_seq *seq);

/* Keeps the sequence's memory while callbacks run. */
struct chb_seq *chb_seq_ref(struct chb_seq *seq);
void chb_seq_unref(struct chb_seq *seq);

/* Whether a row's condition holds now; how many commands it makes; parameters within their range.
 */
bool chb_seq_applies(const struct chb_seq *seq, enum chb_seq_when when);
unsigned chb_seq_times(const struct chb_seq *seq, const struct chb_seq_step *step);
bool chb_seq_params_are_sane(const struct chb_seq_params *params);

/* Notes and tells a milestone. Anything may have happened to the sequence after it. */
void chb_seq_reach(struct chb_seq *seq, enum chb_seq_milestone milestone, chb_time at);

/* Starts the wait of the row seq->wait_row; it may be over at once. */
void chb_seq_wait_begin(struct chb_seq *seq);

/* Looks whether the active wait is over: after an event, after a poll. */
void chb_seq_wait_check(struct chb_seq *seq);

/* Lets go of the active wait, if any. */
void chb_seq_wait_end(struct chb_seq *seq);

int chb_seq_on_timer(sd_event_source *source, uint64_t usec, void *userdata);

/* Starts to connect to the peer for the migration; facts.connect_over comes, perhaps at once. */
void chb_seq_connect_begin(struct chb_seq *seq);
void chb_seq_connect_drop(struct chb_seq *seq);

/* Listens for the peer's connection, on behalf of the client. Returns 0 or a negative errno. */
int chb_seq_listen(struct chb_seq *seq);

/* Takes in an answer. Returns 0, or -EPROTO when what must be there is not. */
int chb_seq_learn_answer(struct chb_seq *seq, enum chb_seq_learn learn, struct json_object *data);

void chb_seq_learn_event(struct chb_seq *seq, const struct chb_qmp_event *event);

/* What a pattern and index name, and whether it is @name. */
bool chb_seq_is_named(const char *pattern, unsigned index, const char *name);

/* QEMU's words for "it is not there". Pure. */
bool chb_seq_error_is_missing(const struct chb_qmp_reply *reply);

/* An errno for QEMU's words if they hold the C library's, -EREMOTEIO else. Pure. */
int chb_seq_error_number(const char *text);

#endif
