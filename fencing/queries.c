/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to the fencer's history, and what is remembered of each node. */
#include <fencing/fencer_private.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* How often operations of the past are looked at that have not ended. */
#define LOOK_AGAIN_MS 500

struct chb_fencer_node *chb_fencer_node_find(struct chb_fencer *fencer, const char *name)
{
    for (size_t i = 0; i < CHB_FENCER_NODES_MAX; i++) {
        if (strcasecmp(fencer->nodes[i].name, name) == 0) {
            return &fencer->nodes[i];
        }
    }
    return NULL;
}

struct chb_fencer_node *chb_fencer_node_make(struct chb_fencer *fencer, const char *name)
{
    struct chb_fencer_node *node = chb_fencer_node_find(fencer, name);

    if (node == NULL) {
        node = chb_fencer_node_find(fencer, "");
        if (node != NULL) {
            chb_fencing_copy(node->name, sizeof(node->name), name);
        }
    }
    return node;
}

static bool ask_history(struct chb_fencer *fencer, const char *node, uint64_t *ret_wire_id)
{
    struct chb_fencing_message ask = {
        .type = CHB_FENCING_ASK_HISTORY,
        .id = fencer->next_wire_id + 1,
    };

    chb_fencing_copy(ask.node, sizeof(ask.node), node);
    if (!chb_fencer_tell(fencer, &ask)) {
        return false;
    }
    *ret_wire_id = ++fencer->next_wire_id;
    return true;
}

int chb_fencer_note_alive(struct chb_fencer *fencer, const char *name)
{
    struct chb_fencer_node *node;

    if (!chb_fencer_name_is_valid(name)) {
        return -EINVAL;
    }
    node = chb_fencer_node_make(fencer, name);
    if (node == NULL) {
        return -ENOBUFS;
    }
    node->noted = true;
    node->answered = false;
    node->settled = false;
    node->confirmed_off = false;
    node->barrier_id = 0;
    (void)ask_history(fencer, node->name, &node->barrier_id);
    return 0;
}

int chb_fencer_renew_alive(struct chb_fencer *fencer, const char *name)
{
    struct chb_fencer_node *node = chb_fencer_node_find(fencer, name);

    if (node == NULL || !node->noted) {
        return chb_fencer_note_alive(fencer, name);
    }
    if (node->settled && node->barrier_id == 0) {
        (void)ask_history(fencer, node->name, &node->barrier_id);
    }
    return 0;
}

void chb_fencer_note_first(struct chb_fencer *fencer, const char *name)
{
    const struct chb_fencer_node *node = chb_fencer_node_find(fencer, name);

    if (node == NULL || !node->noted) {
        (void)chb_fencer_note_alive(fencer, name);
    }
}

bool chb_fencer_node_is_settled(struct chb_fencer *fencer, const char *name)
{
    const struct chb_fencer_node *node = chb_fencer_node_find(fencer, name);

    return node != NULL && node->settled;
}

void chb_fencer_look_again(struct chb_fencer *fencer, const char *name)
{
    struct chb_fencer_node *node = chb_fencer_node_find(fencer, name);

    if (node == NULL || !node->noted || node->settled) {
        return;
    }
    if (node->barrier_id != 0) {
        node->look_at_once = true; /* the answer that is on its way may be from before */
    } else {
        (void)ask_history(fencer, node->name, &node->barrier_id);
    }
}

void chb_fencer_look(struct chb_fencer *fencer, chb_time now)
{
    for (size_t i = 0; i < CHB_FENCER_NODES_MAX; i++) {
        struct chb_fencer_node *node = &fencer->nodes[i];
        if (node->answered && !node->settled && node->barrier_id == 0 &&
            chb_time_reached(now, node->look_at)) {
            (void)ask_history(fencer, node->name, &node->barrier_id);
        }
    }
}

/* The fencer's answer about a node that is, or was a moment ago, alive. */
static void settle(struct chb_fencer *fencer, struct chb_fencer_node *node)
{
    const struct chb_history *now = &fencer->collecting;

    /* The first answer, or a renewed one, says what is of the past; the later ones, whether that
     * is over. What began in between is not of the past, however long it takes. */
    bool stale = node->answered && !node->settled ? chb_history_stale(now, &node->before)
                                                  : chb_history_is_pending(now);

    if (!node->answered || node->settled || !stale) {
        node->before = *now;
    }
    node->answered = true;
    node->settled = !stale;
    node->barrier_id = 0;
    node->look_at = chb_time_add(chb_fencing_now(), chb_ms(LOOK_AGAIN_MS));
    if (node->look_at_once && stale) {
        (void)ask_history(fencer, node->name, &node->barrier_id);
    }
    node->look_at_once = false;
}

static void finish(struct chb_fencer *fencer, struct chb_fencer_query *query,
                   const struct chb_history_finding *finding, int error, bool pending,
                   const char *text)
{
    struct chb_fence_verdict verdict = {
        .query_id = query->id,
        .outcome = finding->outcome,
        .error = error,
        .pending = pending,
        .manual = finding->manual,
        .since = query->since,
        .answered = chb_fencing_now(),
    };

    memcpy(verdict.node, query->node, sizeof(verdict.node));
    snprintf(verdict.text, sizeof(verdict.text), "%.64s: %.250s", query->node, text);
    if (finding->outcome == CHB_OUTCOME_DONE) {
        int64_t offset_ns = chb_fencing_clock(CLOCK_REALTIME) - chb_fencing_clock(CLOCK_BOOTTIME);
        verdict.completed.ns = finding->completed_ns - offset_ns;
        if (chb_time_before(verdict.completed, query->since)) {
            verdict.completed = query->since;
        }
        verdict.completed = chb_time_min(verdict.completed, verdict.answered);
    }
    query->used = false;
    if (fencer->callbacks.verdict != NULL) {
        fencer->callbacks.verdict(fencer->userdata, &verdict);
    }
}

static void finish_unknown(struct chb_fencer *fencer, struct chb_fencer_query *query, int error,
                           const char *text)
{
    const struct chb_history_finding finding = {.outcome = CHB_OUTCOME_UNKNOWN};

    finish(fencer, query, &finding, error, false, text);
}

int chb_fencer_query(struct chb_fencer *fencer, const char *node, chb_time since, uint64_t query_id,
                     chb_span timeout)
{
    struct chb_fencer_query *query = NULL;

    if (!chb_fencer_name_is_valid(node) || !chb_time_is_set(since) ||
        timeout.ns < chb_ms(CHB_FENCER_TIMEOUT_MS_MIN).ns ||
        timeout.ns > chb_ms(CHB_FENCER_TIMEOUT_MS_MAX).ns ||
        chb_time_before(chb_fencing_now(), since)) {
        return -EINVAL;
    }
    for (size_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        if (!fencer->queries[i].used) {
            query = query == NULL ? &fencer->queries[i] : query;
        } else if (fencer->queries[i].id == query_id) {
            return -EEXIST;
        }
    }
    if (query == NULL) {
        return -ENOBUFS;
    }
    *query = (struct chb_fencer_query){
        .used = true,
        .id = query_id,
        .since = since,
        .deadline = chb_time_add(chb_fencing_now(), timeout),
    };
    chb_fencing_copy(query->node, sizeof(query->node), node);
    chb_fencer_note_first(fencer, node);
    query->sent = ask_history(fencer, query->node, &query->wire_id);
    chb_fencer_arm(fencer);
    return 0;
}

/* After a connection: everything that has no answer is asked again. */
void chb_fencer_send_queries(struct chb_fencer *fencer)
{
    for (size_t i = 0; i < CHB_FENCER_NODES_MAX; i++) {
        struct chb_fencer_node *node = &fencer->nodes[i];
        if (node->noted && !node->settled) {
            node->barrier_id = 0;
            (void)ask_history(fencer, node->name, &node->barrier_id);
        }
    }
    for (size_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        struct chb_fencer_query *query = &fencer->queries[i];
        if (query->used && !query->sent) {
            query->sent = ask_history(fencer, query->node, &query->wire_id);
        }
    }
}

void chb_fencer_drop_queries(struct chb_fencer *fencer, const char *text)
{
    fencer->collecting_id = 0;
    for (size_t i = 0; i < CHB_FENCER_NODES_MAX; i++) {
        fencer->nodes[i].barrier_id = 0;
    }
    for (size_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        struct chb_fencer_query *query = &fencer->queries[i];
        if (query->used && query->sent) {
            finish_unknown(fencer, query, -ENOTCONN, text);
        }
    }
}

void chb_fencer_expire_queries(struct chb_fencer *fencer, chb_time now)
{
    for (size_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        struct chb_fencer_query *query = &fencer->queries[i];
        if (query->used && chb_time_reached(now, query->deadline)) {
            finish_unknown(fencer, query, -ETIME, "the fencer did not tell its history in time");
        }
    }
}

chb_time chb_fencer_queries_deadline(const struct chb_fencer *fencer)
{
    chb_time next = CHB_TIME_FOREVER;

    for (size_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        if (fencer->queries[i].used) {
            next = chb_time_min(next, fencer->queries[i].deadline);
        }
    }
    return next;
}

/* The servant tells one history at a time: another id begins another. */
static void collect(struct chb_fencer *fencer, uint64_t id)
{
    if (fencer->collecting_id != id) {
        fencer->collecting_id = id;
        memset(&fencer->collecting, 0, sizeof(fencer->collecting));
    }
}

void chb_fencer_on_entry(struct chb_fencer *fencer, const struct chb_fencing_message *message)
{
    bool there = fencer->callbacks.is_member == NULL ||
                 fencer->callbacks.is_member(fencer->userdata, message->origin);

    collect(fencer, message->id);
    chb_history_add(&fencer->collecting, message, there);
}

static void judge(struct chb_fencer *fencer, struct chb_fencer_query *query)
{
    const struct chb_fencer_node *node = chb_fencer_node_find(fencer, query->node);
    struct chb_history_finding finding;
    int64_t since_ns;

    if (chb_time_before(query->since, fencer->begun) ||
        chb_clock_watch_latest(&fencer->clock, query->since, &since_ns) < 0) {
        finish_unknown(fencer, query, -ENODATA,
                       "nobody watched the clock at the moment that is asked for");
        return;
    }
    if (node == NULL || !node->settled) {
        finish_unknown(fencer, query, -EAGAIN,
                       "a fence from before the node was last seen alive may still be under way");
        return;
    }
    chb_history_judge(&fencer->collecting, &node->before, since_ns,
                      chb_fencing_clock(CLOCK_REALTIME), &finding);
    finish(fencer, query, &finding, 0, chb_history_is_pending(&fencer->collecting), finding.reason);
}

void chb_fencer_on_end(struct chb_fencer *fencer, const struct chb_fencing_message *message)
{
    collect(fencer, message->id);
    if (message->error != 0) {
        /* A connection that cannot answer this is good for nothing; the next one asks again. */
        chb_fencer_lose(fencer, message->text[0] == '\0' ? "the fencer did not tell its history"
                                                         : message->text);
        return;
    }
    for (size_t i = 0; i < CHB_FENCER_NODES_MAX; i++) {
        struct chb_fencer_node *node = &fencer->nodes[i];
        if (node->name[0] != '\0' && node->barrier_id == message->id) {
            settle(fencer, node);
        }
    }
    for (size_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        struct chb_fencer_query *query = &fencer->queries[i];
        if (query->used && query->sent && query->wire_id == message->id) {
            judge(fencer, query);
        }
    }
    fencer->collecting_id = 0;
}
