/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a sequence waits for between its rows: events as they come, and polls for what has no event.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "qmp/clock.h"
#include "qmp/json.h"
#include "qmp/sequence_internal.h"

/* The last pass is sent with the guest standing: 8 MB take 7 ms on 10 Gbit/s. */
#define CONVERGED_BYTES (UINT64_C(8) * 1024 * 1024)
/* A guest that dirties memory faster than the link carries it never gets there; after so many
 * passes it pays with a longer stop rather than staying without a copy. */
#define PASSES_MAX 40
#define PROGRESS_MS 200

enum verdict {
    NOT_YET,
    OVER,
    BROKEN, /* it cannot come any more; the reason is in the text */
};

/* How to look. A wait with no command lives from events alone. */
struct look {
    const char *command;
    enum chb_seq_learn learn;
    uint32_t every_ms;
};

static const struct look looks[CHB_SEQ_WAIT_MAX] = {
    [CHB_SEQ_WAIT_COPY_READY] = {"query-block-jobs", CHB_SEQ_LEARN_COPIES, PROGRESS_MS},
    [CHB_SEQ_WAIT_COPY_GONE] = {"query-block-jobs", CHB_SEQ_LEARN_COPIES, 20},
    [CHB_SEQ_WAIT_COPY_ENDED] = {"query-block-jobs", CHB_SEQ_LEARN_COPIES, 20},
    [CHB_SEQ_WAIT_CONVERGED] = {"query-migrate", CHB_SEQ_LEARN_MIGRATION, 1},
    [CHB_SEQ_WAIT_COLO_ENTERED] = {"query-migrate", CHB_SEQ_LEARN_MIGRATION, 5},
    [CHB_SEQ_WAIT_COLO_LEFT] = {"query-colo-status", CHB_SEQ_LEARN_COLO, 1},
    [CHB_SEQ_WAIT_MIGRATION_SETTLED] = {"query-migrate", CHB_SEQ_LEARN_MIGRATION, 2},
    [CHB_SEQ_WAIT_RUNNING] = {"query-status", CHB_SEQ_LEARN_STATUS, 1},
    [CHB_SEQ_WAIT_FREE] = {"query-status", CHB_SEQ_LEARN_STATUS, 1},
};

static const struct chb_seq_step *wait_step(const struct chb_seq *seq)
{
    return &seq->table->steps[seq->wait_row];
}

static enum verdict broken(char *ret_text, const char *text)
{
    (void)snprintf(ret_text, CHB_SEQ_ERROR_SIZE, "%s", text);
    return BROKEN;
}

static enum verdict look_at_copies(const struct chb_seq *seq, enum chb_seq_wait wait,
                                   char *ret_text, unsigned *ret_index)
{
    unsigned n_missing = 0;
    for (unsigned i = 0; i < seq->params.n_disks; i++) {
        const struct seq_copy *copy = &seq->facts.copies[i];
        const bool ended_badly =
            copy->gone && (copy->error[0] != '\0' || wait == CHB_SEQ_WAIT_COPY_READY);
        *ret_index = i;
        if (ended_badly && wait != CHB_SEQ_WAIT_COPY_ENDED) {
            (void)snprintf(ret_text, CHB_SEQ_ERROR_SIZE, "the copy of the disk ended: %s",
                           copy->error[0] != '\0' ? copy->error : "no reason given");
            return BROKEN;
        }
        n_missing += wait == CHB_SEQ_WAIT_COPY_READY ? !copy->ready : !copy->gone;
    }
    return n_missing == 0 ? OVER : NOT_YET;
}

static bool migration_is_over(enum chb_migration_status status)
{
    return status == CHB_MIGRATION_NONE || status == CHB_MIGRATION_COMPLETED ||
           status == CHB_MIGRATION_FAILED || status == CHB_MIGRATION_CANCELLED;
}

/* The migration, before COLO. */
static enum verdict look_at_migration(const struct chb_seq *seq, enum chb_seq_wait wait,
                                      char *ret_text)
{
    const struct seq_facts *facts = &seq->facts;
    const bool entered = chb_time_is_set(chb_qmp_client_colo(seq->client)->entered_at);

    if (entered) {
        return OVER;
    }
    if (!seq->wait.polled) {
        return NOT_YET;
    }
    if (migration_is_over(facts->migration)) {
        (void)snprintf(ret_text, CHB_SEQ_ERROR_SIZE, "the migration ended as %s%s%s",
                       chb_migration_status_to_text(facts->migration),
                       facts->migration_error[0] != '\0' ? ": " : "", facts->migration_error);
        return BROKEN;
    }
    const bool small = facts->passes >= 2 && facts->remaining_bytes <= CONVERGED_BYTES;
    return wait == CHB_SEQ_WAIT_CONVERGED && facts->migration == CHB_MIGRATION_ACTIVE &&
                   (small || facts->passes >= PASSES_MAX)
               ? OVER
               : NOT_YET;
}

static enum verdict look_at_colo(const struct chb_seq *seq, enum chb_seq_wait wait, char *ret_text)
{
    const struct chb_qmp_colo_facts *colo = chb_qmp_client_colo(seq->client);
    const bool exited = chb_time_is_set(colo->exited_at);
    const bool settled = chb_time_is_set(colo->settled_at);

    if (wait == CHB_SEQ_WAIT_COLO_EXIT) {
        return exited ? OVER : NOT_YET;
    }
    if (wait == CHB_SEQ_WAIT_COLO_SETTLED) {
        return settled || !chb_time_is_set(colo->entered_at) ? OVER : NOT_YET;
    }
    if (exited) {
        return broken(ret_text, "QEMU left COLO at once: the secondary is lost, or its devices are "
                                "not those of the primary");
    }
    return (wait == CHB_SEQ_WAIT_CHECKPOINT ? seq->facts.resumed : settled) ? OVER : NOT_YET;
}

static enum verdict look(const struct chb_seq *seq, char *ret_text, unsigned *ret_index)
{
    const struct seq_facts *facts = &seq->facts;
    const enum chb_seq_wait wait = wait_step(seq)->wait;

    switch (wait) {
    case CHB_SEQ_WAIT_COPY_READY:
    case CHB_SEQ_WAIT_COPY_GONE:
    case CHB_SEQ_WAIT_COPY_ENDED:
        return look_at_copies(seq, wait, ret_text, ret_index);
    case CHB_SEQ_WAIT_CONNECTED:
        (void)snprintf(ret_text, CHB_SEQ_ERROR_SIZE, "connect to the secondary: %s",
                       strerrordesc_np(-facts->connect_error));
        return !facts->connect_over ? NOT_YET : facts->connect_error == 0 ? OVER : BROKEN;
    case CHB_SEQ_WAIT_CONVERGED:
    case CHB_SEQ_WAIT_COLO_ENTERED:
        return look_at_migration(seq, wait, ret_text);
    case CHB_SEQ_WAIT_COLO_RUNNING:
    case CHB_SEQ_WAIT_COLO_SETTLED:
    case CHB_SEQ_WAIT_CHECKPOINT:
    case CHB_SEQ_WAIT_COLO_EXIT:
        return look_at_colo(seq, wait, ret_text);
    case CHB_SEQ_WAIT_COLO_LEFT:
        return seq->wait.polled && facts->colo_mode == CHB_COLO_MODE_NONE ? OVER : NOT_YET;
    case CHB_SEQ_WAIT_MIGRATION_SETTLED:
        return seq->wait.polled && (migration_is_over(facts->migration) ||
                                    facts->migration == CHB_MIGRATION_COLO)
                   ? OVER
                   : NOT_YET;
    case CHB_SEQ_WAIT_RUNNING:
        return seq->wait.polled && facts->run_state == CHB_RUN_STATE_RUNNING ? OVER : NOT_YET;
    case CHB_SEQ_WAIT_FREE:
        return seq->wait.polled && (facts->run_state == CHB_RUN_STATE_RUNNING ||
                                    facts->run_state == CHB_RUN_STATE_SHUTDOWN ||
                                    facts->run_state == CHB_RUN_STATE_GUEST_PANICKED)
                   ? OVER
                   : NOT_YET;
    case CHB_SEQ_NO_WAIT:
    case CHB_SEQ_WAIT_MAX:
        break;
    }
    return OVER;
}

static void tell_progress(struct chb_seq *seq, chb_time now)
{
    const struct chb_seq_step *step = wait_step(seq);
    struct chb_seq_progress progress = {.step = step->name, .phase = step->phase};

    if (step->phase == CHB_SEQ_PHASE_COPY) {
        for (unsigned i = 0; i < seq->params.n_disks; i++) {
            progress.done_bytes += seq->facts.copies[i].done_bytes;
            progress.total_bytes += seq->facts.copies[i].total_bytes;
        }
    } else if (step->phase == CHB_SEQ_PHASE_MIGRATE) {
        progress.done_bytes = seq->facts.sent_bytes;
        progress.total_bytes = seq->facts.sent_bytes;
        progress.total_bytes +=
            seq->facts.remaining_bytes < INT64_MAX ? seq->facts.remaining_bytes : 0;
    }
    if ((step->flags & CHB_SEQ_STALL_WAIT) != 0 && progress.done_bytes != seq->wait.progress) {
        seq->wait.progress = progress.done_bytes;
        seq->wait.deadline = chb_time_add(now, chb_ms(step->wait_ms));
    }
    if (step->phase != CHB_SEQ_PHASE_OTHER && seq->callbacks->on_progress != NULL &&
        chb_time_since(now, seq->progress_told_at).ns >= chb_ms(PROGRESS_MS).ns) {
        seq->progress_told_at = now;
        seq->callbacks->on_progress(seq->userdata, &progress);
    }
}

/* The timer stands at the next poll or at the deadline. */
static void arm(struct chb_seq *seq)
{
    const bool polls = looks[wait_step(seq)->wait].command != NULL && !seq->wait.poll_under_way;
    const chb_time next =
        polls ? chb_time_min(seq->wait.deadline, seq->wait.next_poll) : seq->wait.deadline;
    /* Both set fields of a source that exists: nothing to fail. */
    (void)sd_event_source_set_time(seq->timer, chb_qmp_timer_us(next));
    (void)sd_event_source_set_enabled(seq->timer, SD_EVENT_ONESHOT);
}

void chb_seq_wait_end(struct chb_seq *seq)
{
    if (!seq->wait.active) {
        return;
    }
    if (seq->wait.poll_under_way) {
        chb_qmp_client_cancel(seq->client, CHB_QMP_MAIN, seq->wait.poll_id);
    }
    seq->wait = (struct seq_wait){.active = false};
    (void)sd_event_source_set_enabled(seq->timer, SD_EVENT_OFF);
}

/* The row's records last until here. */
static void end_records(struct chb_seq *seq, enum chb_outcome outcome, chb_time now)
{
    const char *name = wait_step(seq)->name;
    for (size_t i = seq->result.n_steps; i > 0 && seq->steps[i - 1].step == name; i--) {
        struct chb_seq_step_time *record = &seq->steps[i - 1];
        record->duration = chb_time_since(now, record->started_at);
        record->outcome = outcome;
    }
}

static void over(struct chb_seq *seq, chb_time now)
{
    end_records(seq, CHB_OUTCOME_DONE, now);
    chb_seq_wait_end(seq);
    chb_seq_reach(seq, wait_step(seq)->on_waited, now);
}

static bool may_not_come(const struct chb_seq *seq)
{
    const unsigned flags = wait_step(seq)->flags;
    const bool adopted = !chb_time_is_set(chb_qmp_client_colo(seq->client)->entered_at);
    return (flags & CHB_SEQ_SOFT_WAIT) != 0 || ((flags & CHB_SEQ_SOFT_IF_ADOPTED) != 0 && adopted);
}

static void not_over(struct chb_seq *seq, enum chb_outcome outcome, int error, unsigned index,
                     const char *text, chb_time now)
{
    const struct chb_seq_step *step = wait_step(seq);

    end_records(seq, outcome, now);
    chb_seq_wait_end(seq);
    chb_seq_fail(seq, step, index, outcome, error, text);
}

void chb_seq_wait_check(struct chb_seq *seq)
{
    char text[CHB_SEQ_ERROR_SIZE] = "";
    unsigned index = 0;
    if (!seq->wait.active) {
        return;
    }
    const chb_time now = chb_qmp_now();
    tell_progress(seq, now);
    if (!seq->wait.active) {
        return; /* aborted from the callback */
    }
    switch (look(seq, text, &index)) {
    case OVER:
        over(seq, now);
        break;
    case BROKEN:
        not_over(seq, CHB_OUTCOME_FAILED, chb_seq_error_number(text), index, text, now);
        break;
    case NOT_YET:
        if (!chb_time_reached(now, seq->wait.deadline)) {
            arm(seq);
            return;
        }
        if (may_not_come(seq)) {
            end_records(seq, CHB_OUTCOME_DONE, now);
            chb_seq_wait_end(seq);
        } else {
            not_over(seq, CHB_OUTCOME_FAILED, -ETIMEDOUT, 0, "it did not happen in time", now);
        }
        break;
    }
    chb_seq_advance(seq);
}

static void on_poll(void *userdata, const struct chb_qmp_reply *reply)
{
    struct chb_seq *seq = chb_seq_ref(userdata);
    const struct look *how = &looks[wait_step(seq)->wait];

    seq->wait.poll_under_way = false;
    if (reply->outcome == CHB_OUTCOME_DONE &&
        chb_seq_learn_answer(seq, how->learn, reply->data) == 0) {
        seq->wait.polled = true;
        seq->wait.next_poll = chb_time_add(chb_qmp_now(), chb_ms(how->every_ms));
        chb_seq_wait_check(seq);
    } else {
        not_over(seq,
                 reply->outcome == CHB_OUTCOME_UNKNOWN ? CHB_OUTCOME_UNKNOWN : CHB_OUTCOME_FAILED,
                 reply->outcome == CHB_OUTCOME_DONE ? -EPROTO : reply->error, 0, reply->error_text,
                 reply->answered_at);
        chb_seq_advance(seq);
    }
    chb_seq_unref(seq);
}

static void poll(struct chb_seq *seq, chb_time now)
{
    chb_span left = chb_time_since(seq->wait.deadline, now);
    if (left.ns < chb_ms(100).ns) {
        left = chb_ms(100); /* a poll near the end must not be what fails */
    }
    const int r =
        chb_qmp_client_send(seq->client, CHB_QMP_MAIN, looks[wait_step(seq)->wait].command, NULL,
                            left, on_poll, seq, &seq->wait.poll_id);
    if (r < 0) {
        not_over(seq, CHB_OUTCOME_UNKNOWN, r, 0, "QEMU cannot be asked", now);
        chb_seq_advance(seq);
        return;
    }
    seq->wait.poll_under_way = true;
    arm(seq);
}

int chb_seq_on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    struct chb_seq *seq = userdata;
    if (!seq->wait.active) {
        return 0;
    }
    (void)chb_seq_ref(seq);
    const chb_time now = chb_qmp_now();
    if (looks[wait_step(seq)->wait].command != NULL && !seq->wait.poll_under_way &&
        chb_time_reached(now, seq->wait.next_poll) && !chb_time_reached(now, seq->wait.deadline)) {
        poll(seq, now);
    } else {
        chb_seq_wait_check(seq);
    }
    chb_seq_unref(seq);
    return 0;
}

void chb_seq_wait_begin(struct chb_seq *seq)
{
    const struct chb_seq_step *step = wait_step(seq);
    const chb_time now = chb_qmp_now();
    const int64_t gb = (seq->params.memory_mb + 1023) / 1024;
    const chb_span limit = chb_ms((int64_t)step->wait_ms + gb * (int64_t)step->ms_per_gb);

    seq->wait = (struct seq_wait){
        .active = true,
        .deadline = chb_time_add(now, limit),
        .next_poll = now,
    };
    if (step->wait == CHB_SEQ_WAIT_CONNECTED) {
        chb_seq_connect_begin(seq);
    }
    if (looks[step->wait].command != NULL) {
        poll(seq, now);
    } else {
        chb_seq_wait_check(seq);
    }
}
