/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fences that we ask for, and the news of fences that anybody asked for. */
#include <fencing/fencer_private.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/*
 * Which errors say for sure that nothing was switched off. A time-out and a lost connection do not:
 * the device may have worked. An operation that an earlier fencer began is presumed failed by the
 * next one (EHOSTUNREACH), which is a presumption.
 */
static enum chb_outcome outcome_of(int error)
{
    switch (-error) {
    case 0:
        return CHB_OUTCOME_DONE;
    case ETIME:
    case ETIMEDOUT:
    case ENOTCONN:
    case ECONNRESET:
    case EPIPE:
    case ECOMM:
    case EINPROGRESS:
    case ECANCELED:
    case ENOMSG:
    case EPROTO:
    case EHOSTUNREACH:
        return CHB_OUTCOME_UNKNOWN;
    default:
        return CHB_OUTCOME_FAILED;
    }
}

static void finish(struct chb_fencer *fencer, struct chb_fencer_request *request,
                   enum chb_outcome outcome, int error, bool by_other, const char *text)
{
    struct chb_fence_result result = {
        .request_id = request->id,
        .outcome = outcome,
        .error = error,
        .by_other = by_other,
        .settled = chb_fencer_node_is_settled(fencer, request->node),
        .asked = request->asked,
        .sent = request->sent,
        .answered = chb_fencing_now(),
    };

    memcpy(result.node, request->node, sizeof(result.node));
    chb_fencing_copy(result.text, sizeof(result.text), text);
    request->used = false; /* before the callback, which may ask again */
    if (fencer->callbacks.result != NULL) {
        fencer->callbacks.result(fencer->userdata, &result);
    }
}

static void send_request(struct chb_fencer *fencer, struct chb_fencer_request *request)
{
    struct chb_fencing_message ask = {
        .type = CHB_FENCING_ASK_FENCE,
        .id = request->wire_id,
        .timeout_s = request->timeout_s,
    };
    chb_time now = chb_fencing_now();

    memcpy(ask.node, request->node, sizeof(ask.node));
    memcpy(ask.action, request->action, sizeof(ask.action));
    if (chb_fencer_tell(fencer, &ask)) {
        request->sent = now;
    }
}

/* A request under way for the same fence, to join. */
static const struct chb_fencer_request *find_same(const struct chb_fencer *fencer,
                                                  const struct chb_fencer_request *request)
{
    for (size_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        const struct chb_fencer_request *other = &fencer->requests[i];
        if (other != request && other->used && strcasecmp(other->node, request->node) == 0 &&
            strcmp(other->action, request->action) == 0) {
            return other;
        }
    }
    return NULL;
}

/*
 * The time-out of each fence device. The fencer gives up after 1.2 times that (its
 * TIMEOUT_MULTIPLY_FACTOR), and with two thirds it does so before we do: then its answer arrives.
 */
static int32_t fencer_timeout_s(chb_span timeout)
{
    int64_t ms = chb_span_ms(timeout) * 2 / 3;

    return (int32_t)((ms + 999) / 1000);
}

int chb_fencer_request(struct chb_fencer *fencer, const char *node, const char *action,
                       uint64_t request_id, chb_span timeout)
{
    const struct chb_fencer_request *same;
    struct chb_fencer_request *request = NULL;

    if (!chb_fencer_name_is_valid(node) || action == NULL || !chb_fencing_cuts_power(action) ||
        timeout.ns < chb_ms(CHB_FENCER_TIMEOUT_MS_MIN).ns ||
        timeout.ns > chb_ms(CHB_FENCER_TIMEOUT_MS_MAX).ns) {
        return -EINVAL;
    }
    for (size_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        if (!fencer->requests[i].used) {
            request = request == NULL ? &fencer->requests[i] : request;
        } else if (fencer->requests[i].id == request_id) {
            return -EEXIST;
        }
    }
    if (request == NULL) {
        return -ENOBUFS;
    }
    *request = (struct chb_fencer_request){
        .used = true,
        .id = request_id,
        .asked = chb_fencing_now(),
        .timeout_s = fencer_timeout_s(timeout),
    };
    request->deadline = chb_time_add(request->asked, timeout);
    chb_fencing_copy(request->node, sizeof(request->node), node);
    chb_fencing_copy(request->action, sizeof(request->action), action);
    chb_fencer_note_first(fencer, request->node); /* the fencer answers in order */
    same = find_same(fencer, request);
    if (same != NULL) {
        request->wire_id = same->wire_id;
        request->sent = chb_time_is_set(same->sent) ? request->asked : CHB_TIME_NEVER;
    } else {
        request->wire_id = ++fencer->next_wire_id;
        send_request(fencer, request);
    }
    chb_fencer_arm(fencer);
    return 0;
}

/* After a connection: what waits is sent, each fence once, however many joined it. */
void chb_fencer_send_requests(struct chb_fencer *fencer)
{
    for (size_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        struct chb_fencer_request *request = &fencer->requests[i];
        if (!request->used || chb_time_is_set(request->sent)) {
            continue;
        }
        send_request(fencer, request);
        for (size_t j = i + 1; j < CHB_FENCER_REQUESTS_MAX; j++) {
            if (fencer->requests[j].used && fencer->requests[j].wire_id == request->wire_id) {
                fencer->requests[j].sent = request->sent;
            }
        }
    }
}

/* The connection is lost: nobody knows how the fences end that it was asked for. */
void chb_fencer_drop_requests(struct chb_fencer *fencer, const char *text)
{
    char line[CHB_FENCER_TEXT_MAX];

    for (size_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        struct chb_fencer_request *request = &fencer->requests[i];
        if (request->used && chb_time_is_set(request->sent)) {
            snprintf(line, sizeof(line), "fencing of %.64s: %.250s", request->node, text);
            finish(fencer, request, CHB_OUTCOME_UNKNOWN, -ENOTCONN, false, line);
        }
    }
}

void chb_fencer_expire_requests(struct chb_fencer *fencer, chb_time now)
{
    char line[CHB_FENCER_TEXT_MAX];

    for (size_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        struct chb_fencer_request *request = &fencer->requests[i];
        if (!request->used || !chb_time_reached(now, request->deadline)) {
            continue;
        }
        if (chb_time_is_set(request->sent)) {
            snprintf(line, sizeof(line), "fencing of %.64s: no result in time", request->node);
            finish(fencer, request, CHB_OUTCOME_UNKNOWN, -ETIME, false, line);
        } else {
            snprintf(line, sizeof(line), "fencing of %.64s: the fencer was not reached: %.200s",
                     request->node, fencer->status.text);
            finish(fencer, request, CHB_OUTCOME_FAILED, -ENOTCONN, false, line);
        }
    }
}

chb_time chb_fencer_requests_deadline(const struct chb_fencer *fencer)
{
    chb_time next = CHB_TIME_FOREVER;

    for (size_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        if (fencer->requests[i].used) {
            next = chb_time_min(next, fencer->requests[i].deadline);
        }
    }
    return next;
}

void chb_fencer_on_result(struct chb_fencer *fencer, const struct chb_fencing_message *message)
{
    enum chb_outcome outcome = outcome_of(message->error);
    char node[CHB_FENCER_NAME_MAX] = "";
    char line[CHB_FENCER_TEXT_MAX];

    for (size_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        struct chb_fencer_request *request = &fencer->requests[i];
        /* Not sent: a request that took the slot of one answered a moment ago. */
        if (!request->used || request->wire_id != message->id || !chb_time_is_set(request->sent)) {
            continue;
        }
        memcpy(node, request->node, sizeof(node));
        if (outcome == CHB_OUTCOME_DONE) {
            snprintf(line, sizeof(line), "%.64s was fenced (%s)%s", request->node, request->action,
                     chb_fencer_node_is_settled(fencer, request->node)
                         ? ""
                         : ", maybe before it was last seen alive: this proves nothing");
        } else {
            snprintf(line, sizeof(line), "fencing of %.64s (%s) %s: %.250s", request->node,
                     request->action, outcome == CHB_OUTCOME_FAILED ? "failed" : "is uncertain",
                     message->text);
        }
        finish(fencer, request, outcome, message->error, false, line);
    }
    chb_fencer_look_again(fencer, node);
}

/* CLIENT.PID, where CLIENT is our name: the fencer adds the pid of the servant. */
static bool client_is_ours(const struct chb_fencer *fencer, const struct chb_fence_event *event)
{
    size_t length = strlen(fencer->client_name);

    return strcasecmp(event->origin, fencer->local_node) == 0 &&
           strncmp(event->client, fencer->client_name, length) == 0 &&
           event->client[length] == '.' &&
           event->client[length + 1 + strspn(event->client + length + 1, "0123456789")] == '\0';
}

static void describe(struct chb_fence_event *event, const char *error_text)
{
    const char *by = event->executioner[0] == '\0' ? "nobody" : event->executioner;

    if (event->manual && event->powered_off) {
        snprintf(event->text, sizeof(event->text),
                 "%.64s was confirmed to be off by a human, on %.64s", event->node, event->origin);
    } else if (event->outcome == CHB_OUTCOME_DONE) {
        snprintf(event->text, sizeof(event->text),
                 "%.64s was fenced (%s) by %.64s for %.64s on %.64s", event->node, event->action,
                 by, event->client, event->origin);
    } else {
        snprintf(event->text, sizeof(event->text),
                 "fencing of %.64s (%s) for %.64s on %.64s %s: %.100s", event->node, event->action,
                 event->client, event->origin,
                 event->outcome == CHB_OUTCOME_FAILED ? "failed" : "is uncertain", error_text);
    }
}

/*
 * A fence that is complete and was surely news after we asked answers our request, whoever did it:
 * a person who confirmed it, or the DC whose device was quicker. What our own attempt says later
 * takes nothing back.
 */
static void answer_by_event(struct chb_fencer *fencer, const struct chb_fence_event *event)
{
    for (size_t i = 0; i < CHB_FENCER_REQUESTS_MAX; i++) {
        struct chb_fencer_request *request = &fencer->requests[i];
        if (request->used && chb_time_is_set(request->sent) &&
            strcasecmp(request->node, event->node) == 0 &&
            !chb_time_before(event->not_before, request->sent)) {
            finish(fencer, request, CHB_OUTCOME_DONE, 0, !event->ours, event->text);
        }
    }
}

void chb_fencer_on_event(struct chb_fencer *fencer, const struct chb_fencing_message *message)
{
    struct chb_fencer_node *node = chb_fencer_node_find(fencer, message->node);
    struct chb_fence_event event = {
        .outcome = outcome_of(message->error),
        .error = message->error,
        .arrival = message->arrival,
        .not_before = message->not_before,
    };

    memcpy(event.node, message->node, sizeof(event.node));
    memcpy(event.action, message->action, sizeof(event.action));
    memcpy(event.executioner, message->executioner, sizeof(event.executioner));
    memcpy(event.origin, message->origin, sizeof(event.origin));
    memcpy(event.client, message->client, sizeof(event.client));
    event.powered_off = event.outcome == CHB_OUTCOME_DONE && chb_fencing_cuts_power(event.action);
    event.manual = strcmp(event.executioner, CHB_FENCING_HUMAN) == 0;
    event.ours = client_is_ours(fencer, &event);
    event.settled = node != NULL && node->settled;
    event.overtaken = event.outcome != CHB_OUTCOME_DONE && node != NULL && node->confirmed_off;
    describe(&event, message->text);
    if (event.powered_off && event.settled) {
        node->confirmed_off = true;
    }
    if (fencer->callbacks.event != NULL) {
        fencer->callbacks.event(fencer->userdata, &event);
    }
    if (event.powered_off && event.settled) {
        answer_by_event(fencer, &event);
    }
    chb_fencer_look_again(fencer, event.node);
}
