/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine: rows in order, answers, the end.
 *
 * Rows that may go back to back are one batch: sent in one write, and the batch is over when every
 * answer is in. Then comes the wait of its last row, then the next batch. A failure lets what was
 * sent be answered and sends nothing more, so that the outcome says all there is to say.
 */
#include "qmp/sequence.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/clock.h"
#include "qmp/json.h"
#include "qmp/sequence_internal.h"
#include "qmp/socket.h"

struct chb_seq *chb_seq_ref(struct chb_seq *seq)
{
    seq->refs++;
    return seq;
}

void chb_seq_unref(struct chb_seq *seq)
{
    assert(seq->refs > 0);
    if (--seq->refs > 0) {
        return;
    }
    assert(seq->freed && seq->n_flights == 0);
    free(seq);
}

static enum chb_seq_leg leg_of(enum chb_seq_repeat repeat)
{
    switch (repeat) {
    case CHB_SEQ_EACH_DISK:
        return CHB_SEQ_LEG_DISK;
    case CHB_SEQ_EACH_NIC:
        return CHB_SEQ_LEG_NIC;
    case CHB_SEQ_ONCE:
        break;
    }
    return CHB_SEQ_LEG_NONE;
}

void chb_seq_fail(struct chb_seq *seq, const struct chb_seq_step *step, unsigned index,
                  enum chb_outcome outcome, int error, const char *text)
{
    if ((step->flags & CHB_SEQ_GO_ON) == 0) {
        seq->stopped = true;
    }
    if (seq->failed) {
        return;
    }
    seq->failed = true;
    seq->result.outcome = outcome;
    seq->result.error = error;
    seq->result.step = step->name;
    seq->result.index = index;
    seq->result.leg = leg_of(step->repeat);
    chb_text_copy(text, seq->result.text, sizeof(seq->result.text));
}

void chb_seq_reach(struct chb_seq *seq, enum chb_seq_milestone milestone, chb_time at)
{
    if (milestone == CHB_SEQ_NO_MILESTONE || chb_time_is_set(seq->result.milestones[milestone])) {
        return;
    }
    seq->result.milestones[milestone] = at;
    if (!seq->finished && seq->callbacks->on_milestone != NULL) {
        seq->callbacks->on_milestone(seq->userdata, milestone, at);
    }
}

/* Lets go of the client: no answer, event or timer reaches us any more. */
static void detach(struct chb_seq *seq)
{
    seq->finished = true;
    chb_seq_wait_end(seq);
    for (size_t i = 0; i < CHB_SEQ_STEPS_MAX; i++) {
        if (seq->flights[i].used) {
            chb_qmp_client_cancel(seq->client, seq->table->steps[seq->flights[i].row].monitor,
                                  seq->flights[i].id);
            seq->flights[i].used = false;
        }
    }
    seq->n_flights = 0;
    seq->timer = sd_event_source_disable_unref(seq->timer);
    chb_seq_connect_drop(seq);
    (void)chb_client_set_tap(seq->client, NULL);
}

static void finish(struct chb_seq *seq)
{
    detach(seq);
    seq->result.finished_at = chb_qmp_now();
    seq->result.steps = seq->steps;
    if (seq->callbacks->on_done != NULL) {
        seq->callbacks->on_done(seq->userdata, &seq->result);
    }
}

struct chb_seq *chb_seq_free(struct chb_seq *seq)
{
    if (seq == NULL) {
        return NULL;
    }
    assert(!seq->freed);
    if (!seq->finished) {
        detach(seq);
    }
    seq->freed = true;
    chb_seq_unref(seq);
    return NULL;
}

void chb_seq_abort(struct chb_seq *seq)
{
    static const struct chb_seq_step before_first = {.name = "start"};
    if (seq->finished) {
        return;
    }
    (void)chb_seq_ref(seq);
    const bool in_flight = seq->n_flights > 0;
    const size_t last = seq->row > 0 ? seq->row - 1 : 0;
    seq->result.aborted = true;
    chb_seq_fail(seq, seq->row > 0 ? &seq->table->steps[last] : &before_first, 0,
                 in_flight ? CHB_OUTCOME_UNKNOWN : CHB_OUTCOME_FAILED, -ECANCELED, "aborted");
    finish(seq);
    chb_seq_unref(seq);
}

static struct chb_seq_step_time *add_record(struct chb_seq *seq, const struct chb_seq_step *step,
                                            unsigned index)
{
    assert(seq->result.n_steps < CHB_SEQ_STEPS_MAX); /* a test counts the longest table */
    struct chb_seq_step_time *record = &seq->steps[seq->result.n_steps++];
    *record = (struct chb_seq_step_time){
        .step = step->name,
        .index = index,
        .outcome = CHB_OUTCOME_UNKNOWN,
        .started_at = chb_qmp_now(),
    };
    return record;
}

/* Sorts an answer. Returns true if the row may count as done. */
static bool take_answer(struct chb_seq *seq, const struct chb_seq_step *step,
                        struct chb_seq_step_time *record, const struct chb_qmp_reply *reply)
{
    record->outcome = reply->outcome;
    record->duration = chb_time_since(reply->answered_at, record->started_at);
    if (reply->outcome == CHB_OUTCOME_DONE) {
        const int r = chb_seq_learn_answer(seq, step->learn, reply->data);
        if (r == 0) {
            return true;
        }
        record->outcome = CHB_OUTCOME_FAILED;
        chb_seq_fail(seq, step, record->index, CHB_OUTCOME_FAILED, r,
                     "QEMU's answer does not say what it must");
        return false;
    }
    const bool missing = reply->outcome == CHB_OUTCOME_FAILED && chb_seq_error_is_missing(reply);
    if ((step->flags & CHB_SEQ_TOLERATE) != 0 ||
        ((step->flags & CHB_SEQ_MISSING_OK) != 0 && missing)) {
        record->tolerated = true;
        return true;
    }
    chb_seq_fail(seq, step, record->index, reply->outcome,
                 reply->outcome == CHB_OUTCOME_FAILED ? chb_seq_error_number(reply->error_text)
                                                      : reply->error,
                 reply->error_text);
    return false;
}

static void on_reply(void *userdata, const struct chb_qmp_reply *reply)
{
    struct seq_flight *flight = userdata;
    struct chb_seq *seq = chb_seq_ref(flight->seq);
    const size_t row = flight->row;
    const struct chb_seq_step *step = &seq->table->steps[row];

    flight->used = false;
    seq->n_flights--;
    seq->row_unanswered[row]--;
    if (!take_answer(seq, step, &seq->steps[flight->record], reply)) {
        seq->row_bad[row] = true;
    }
    if (seq->row_unanswered[row] == 0 && !seq->row_bad[row]) {
        chb_seq_reach(seq, step->on_answered, reply->answered_at);
    }
    chb_seq_advance(seq);
    chb_seq_unref(seq);
}

static int send_one(struct chb_seq *seq, const struct chb_seq_step *step, unsigned index,
                    struct seq_flight *flight)
{
    const int64_t gb = (seq->params.memory_mb + 1023) / 1024;
    const uint32_t base_ms = step->answer_ms != 0 ? step->answer_ms : CHB_SEQ_ANSWER_MS;
    const chb_span timeout = chb_ms((int64_t)base_ms + gb * (int64_t)step->ms_per_gb);
    struct json_object *arguments = NULL;
    int listener = -1;

    int r = chb_seq_render(step, &seq->params, index, &arguments);
    if (r == 0 && (step->flags & CHB_SEQ_PASS_LISTENER) != 0) {
        r = chb_tcp_listen(seq->params.listen_address, seq->params.ports.nbd,
                           &seq->result.ports.nbd, &listener);
    }
    if (r == 0) {
        const int fd = (step->flags & CHB_SEQ_PASS_CONNECTION) != 0 ? seq->connection : listener;
        r = chb_qmp_client_send_fd(seq->client, step->monitor, step->command, arguments, fd,
                                   timeout, on_reply, flight, &flight->id);
    }
    /* QEMU has its own copy, or never will. */
    if (listener >= 0) {
        (void)close(listener);
    }
    if ((step->flags & CHB_SEQ_PASS_CONNECTION) != 0) {
        chb_seq_connect_drop(seq);
    }
    json_object_put(arguments);
    return r;
}

static struct seq_flight *free_flight(struct chb_seq *seq)
{
    for (size_t i = 0; i < CHB_SEQ_STEPS_MAX; i++) {
        if (!seq->flights[i].used) {
            return &seq->flights[i];
        }
    }
    return NULL;
}

/* All of one row. Stops at the first that cannot be sent. */
static void send_row(struct chb_seq *seq, size_t row)
{
    const struct chb_seq_step *step = &seq->table->steps[row];

    for (unsigned index = 0; index < chb_seq_times(seq, step) && !seq->stopped; index++) {
        struct chb_seq_step_time *record = add_record(seq, step, index);
        struct seq_flight *flight = free_flight(seq);
        assert(flight != NULL); /* as many as there are records */
        *flight = (struct seq_flight){
            .seq = seq,
            .row = (uint16_t)row,
            .record = (uint16_t)(record - seq->steps),
        };
        const int r = send_one(seq, step, index, flight);
        if (r < 0) {
            record->outcome = CHB_OUTCOME_FAILED;
            record->tolerated = (step->flags & CHB_SEQ_TOLERATE) != 0;
            if (!record->tolerated) {
                seq->row_bad[row] = true;
                chb_seq_fail(seq, step, index, CHB_OUTCOME_FAILED, r, strerrordesc_np(-r));
            }
            continue;
        }
        flight->used = true;
        seq->n_flights++;
        seq->row_unanswered[row]++;
    }
}

/* A row without a command: what its flags say is done here and now, then comes its wait. */
static void do_row(struct chb_seq *seq, const struct chb_seq_step *step)
{
    struct chb_seq_step_time *record = add_record(seq, step, 0);
    int r = 0;
    if ((step->flags & CHB_SEQ_LISTEN) != 0) {
        r = chb_seq_listen(seq);
    } else if ((step->flags & CHB_SEQ_UNLISTEN) != 0) {
        r = chb_client_set_incoming(seq->client, -1, "");
    }
    record->outcome = r < 0 ? CHB_OUTCOME_FAILED : CHB_OUTCOME_DONE;
    if (r < 0) {
        chb_seq_fail(seq, step, 0, CHB_OUTCOME_FAILED, r, strerrordesc_np(-r));
    }
}

/* One batch: up to and with the first row that does not let the next one follow at once. */
static void send_batch(struct chb_seq *seq)
{
    struct chb_qmp_client *client = seq->client;
    bool more = true;

    chb_qmp_client_hold(client, CHB_QMP_MAIN);
    chb_qmp_client_hold(client, CHB_QMP_OOB);
    while (more && !seq->finished && !seq->stopped && seq->row < seq->table->n_steps) {
        const size_t row = seq->row;
        const struct chb_seq_step *step = &seq->table->steps[row];
        if (!chb_seq_applies(seq, step->when)) {
            seq->row++;
            continue;
        }
        if (step->command == NULL && seq->n_flights > 0) {
            break; /* a wait alone follows the answers to what was sent */
        }
        seq->row++;
        if (step->command == NULL) {
            do_row(seq, step);
        } else {
            if (step->wait == CHB_SEQ_WAIT_CHECKPOINT) {
                seq->facts.resumed = false;
            } else if (step->wait == CHB_SEQ_WAIT_COPY_READY) {
                seq->disk_speed =
                    chb_seq_share(seq->params.resync_bytes_per_s, seq->params.n_disks);
            }
            if ((step->flags & CHB_SEQ_FORGET_COLO) != 0) {
                chb_client_forget_colo(seq->client);
            }
            send_row(seq, row);
            chb_seq_reach(seq, step->on_sent, chb_qmp_now());
        }
        more = (step->flags & CHB_SEQ_BACK_TO_BACK) != 0;
        seq->wait_row = row;
        seq->wait_next = step->wait != CHB_SEQ_NO_WAIT && chb_seq_times(seq, step) > 0;
        more = more && !seq->wait_next;
    }
    chb_qmp_client_release(client, CHB_QMP_OOB); /* what frees others goes first */
    chb_qmp_client_release(client, CHB_QMP_MAIN);
}

void chb_seq_advance(struct chb_seq *seq)
{
    (void)chb_seq_ref(seq);
    while (!seq->finished && seq->n_flights == 0 && !seq->wait.active) {
        if (seq->stopped || (seq->row == seq->table->n_steps && !seq->wait_next)) {
            finish(seq);
        } else if (seq->wait_next) {
            seq->wait_next = false;
            chb_seq_wait_begin(seq);
        } else {
            send_batch(seq);
        }
    }
    chb_seq_unref(seq);
}

static void on_event(void *userdata, const struct chb_qmp_event *event)
{
    struct chb_seq *seq = chb_seq_ref(userdata);
    chb_seq_learn_event(seq, event);
    chb_seq_wait_check(seq);
    chb_seq_unref(seq);
}

/* Everything outstanding was answered UNKNOWN before; what is left is a wait that lives from
 * events. */
static void on_closed(void *userdata, int error)
{
    static const struct chb_seq_step lost = {.name = "connection to QEMU"};
    struct chb_seq *seq = chb_seq_ref(userdata);
    if (!seq->finished) {
        const struct chb_seq_step *step =
            seq->wait.active ? &seq->table->steps[seq->wait_row] : &lost;
        chb_seq_wait_end(seq);
        chb_seq_fail(seq, step, 0, CHB_OUTCOME_UNKNOWN, error, "the monitor was closed");
        finish(seq);
    }
    chb_seq_unref(seq);
}

/* The first row too comes from the loop, so that no callback runs inside chb_seq_start(). */
static int on_start(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_seq *seq = userdata;
    if (seq->row > 0 || seq->wait.active) {
        return chb_seq_on_timer(source, usec, userdata);
    }
    chb_seq_advance(seq);
    return 0;
}

int chb_seq_start(struct chb_qmp_client *client, const struct chb_seq_table *table,
                  const struct chb_seq_params *params, const struct chb_qmp_caps *caps,
                  const struct chb_seq_callbacks *callbacks, void *userdata,
                  struct chb_seq **ret_seq)
{
    assert(table->n_steps > 0 && table->n_steps <= CHB_SEQ_ROWS_MAX);
    if (!chb_seq_params_are_sane(params)) {
        return -EINVAL;
    }
    if (!chb_qmp_client_is_ready(client)) {
        return -ENOTCONN;
    }
    struct chb_seq *seq = calloc(1, sizeof(*seq));
    if (seq == NULL) {
        return -ENOMEM;
    }
    seq->refs = 1;
    seq->client = client;
    seq->table = table;
    seq->params = *params;
    seq->caps = *caps;
    seq->callbacks = callbacks;
    seq->userdata = userdata;
    seq->connection = -1;
    seq->result.step = "";
    seq->result.started_at = chb_qmp_now();
    seq->tap = (struct chb_client_tap){
        .on_event = on_event,
        .on_closed = on_closed,
        .userdata = seq,
    };
    int r = chb_client_set_tap(client, &seq->tap);
    if (r < 0) {
        free(seq);
        return r;
    }
    r = sd_event_add_time(chb_qmp_client_event(client), &seq->timer, CLOCK_BOOTTIME, 0,
                          CHB_QMP_TIMER_ACCURACY_US, on_start, seq);
    if (r >= 0) {
        r = sd_event_source_set_priority(seq->timer, chb_client_timer_priority(client));
    }
    if (r < 0) {
        (void)chb_seq_free(seq);
        return r;
    }
    *ret_seq = seq;
    return 0;
}

const char *chb_seq_table_name(const struct chb_seq_table *table)
{
    return table->name;
}

const char *chb_seq_milestone_name(enum chb_seq_milestone milestone)
{
    static const char *const names[CHB_SEQ_MILESTONE_MAX] = {
        [CHB_SEQ_NO_MILESTONE] = "none",
        [CHB_SEQ_OUTPUT_OPEN] = "output-open",
        [CHB_SEQ_LOST_HEARTBEAT_SENT] = "lost-heartbeat-sent",
        [CHB_SEQ_LOST_HEARTBEAT_ANSWERED] = "lost-heartbeat-answered",
        [CHB_SEQ_SOLO_RUNNING] = "solo-running",
        [CHB_SEQ_COPY_READY] = "copy-ready",
        [CHB_SEQ_STOP_SENT] = "stop-sent",
        [CHB_SEQ_IN_COLO] = "in-colo",
        [CHB_SEQ_TRUE_COPY] = "true-copy",
    };
    assert(milestone >= 0 && milestone < CHB_SEQ_MILESTONE_MAX);
    return names[milestone];
}
