/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's life: its servant process, its connection, its one timer. */
#include <fencing/fencer_private.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 2000
#define CALL_LIMIT_MS 2000
#define SILENCE_LIMIT_MS 4000
#define ACCURACY_USEC 1000

/* What Pacemaker may call a node: visible characters, and never an option of a tool. */
bool chb_fencer_name_is_valid(const char *name)
{
    size_t length = name == NULL ? 0 : strnlen(name, CHB_FENCER_NAME_MAX);

    if (length == 0 || length == CHB_FENCER_NAME_MAX || name[0] == '-') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c <= 0x20 || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static void set_status(struct chb_fencer *fencer, bool connected, const char *text)
{
    bool changed = fencer->status.connected != connected;

    if (!changed && strcmp(fencer->status.text, text) == 0) {
        return;
    }
    if (changed) {
        fencer->status.since = chb_fencing_now();
    }
    fencer->status.connected = connected;
    chb_fencing_copy(fencer->status.text, sizeof(fencer->status.text), text);
    if (fencer->callbacks.status != NULL) {
        fencer->callbacks.status(fencer->userdata, &fencer->status);
    }
}

void chb_fencer_lose(struct chb_fencer *fencer, const char *text)
{
    if (fencer->reason[0] == '\0') {
        chb_fencing_copy(fencer->reason, sizeof(fencer->reason), text);
    }
    chb_servant_kill(&fencer->servant);
    set_status(fencer, false, fencer->reason);
    chb_fencer_drop_requests(fencer, fencer->reason);
    chb_fencer_drop_queries(fencer, fencer->reason);
}

bool chb_fencer_tell(struct chb_fencer *fencer, const struct chb_fencing_message *message)
{
    if (!fencer->status.connected || fencer->ailing) {
        return false;
    }
    if (chb_servant_send(&fencer->servant, message) < 0) {
        /* The timer replaces it, not we: our caller is no callback, and none may run in it. */
        fencer->ailing = true;
        chb_fencer_arm(fencer);
        return false;
    }
    return true;
}

static void note_clocks(struct chb_fencer *fencer)
{
    int64_t real_ns = chb_fencing_clock(CLOCK_REALTIME);

    chb_clock_watch_note(&fencer->clock, chb_fencing_now(), real_ns);
}

static void on_connected(struct chb_fencer *fencer)
{
    fencer->status.attempts = 0;
    fencer->backoff = chb_ms(BACKOFF_FIRST_MS);
    set_status(fencer, true, "");
    chb_fencer_send_requests(fencer);
    chb_fencer_send_queries(fencer);
}

static void on_message(void *userdata, const struct chb_fencing_message *message)
{
    struct chb_fencer *fencer = userdata;

    fencer->heard = chb_fencing_now();
    note_clocks(fencer);
    if (fencer->servant.killed && message->type != CHB_FENCING_SAY_EVENT) {
        return; /* sent before its death. A fence that it saw is true all the same */
    }
    switch (message->type) {
    case CHB_FENCING_SAY_CONNECTED:
        fencer->status.drained = message->not_before;
        on_connected(fencer);
        break;
    case CHB_FENCING_SAY_LIFE:
        fencer->status.drained = message->not_before;
        chb_fencer_look(fencer, fencer->heard);
        break;
    case CHB_FENCING_SAY_RESULT:
        chb_fencer_on_result(fencer, message);
        break;
    case CHB_FENCING_SAY_EVENT:
        chb_fencer_on_event(fencer, message);
        break;
    case CHB_FENCING_SAY_ENTRY:
        chb_fencer_on_entry(fencer, message);
        break;
    case CHB_FENCING_SAY_END:
        chb_fencer_on_end(fencer, message);
        break;
    case CHB_FENCING_SAY_GOODBYE:
        chb_fencer_lose(fencer,
                        message->text[0] == '\0' ? "the fencing servant gave up" : message->text);
        break;
    case CHB_FENCING_ASK_FENCE:
    case CHB_FENCING_ASK_HISTORY:
    case CHB_FENCING_ASK_MARK:
        break; /* the codec refuses these from a servant */
    }
    chb_fencer_arm(fencer);
}

static void on_broken(void *userdata, const char *text)
{
    struct chb_fencer *fencer = userdata;

    chb_fencer_lose(fencer, text);
    chb_fencer_arm(fencer);
}

static void on_gone(void *userdata, const char *text)
{
    struct chb_fencer *fencer = userdata;
    chb_span wait = fencer->backoff;

    on_broken(userdata, text);
    fencer->retry_at = chb_time_add(chb_fencing_now(), wait);
    wait.ns *= 2;
    fencer->backoff = wait.ns > fencer->backoff_max.ns ? fencer->backoff_max : wait;
    chb_fencer_arm(fencer);
}

static void start_servant(struct chb_fencer *fencer)
{
    const struct chb_servant_spec spec = {
        .path = fencer->servant_path,
        .client_name = fencer->client_name,
        .call_limit = fencer->call_limit,
        .priority = fencer->io_priority,
    };
    char text[CHB_FENCER_TEXT_MAX];
    int r;

    fencer->status.attempts++;
    fencer->heard = chb_fencing_now();
    fencer->collecting_id = 0;
    fencer->ailing = false;
    fencer->reason[0] = '\0';
    r = chb_servant_start(&fencer->servant, &spec);
    if (r < 0) {
        snprintf(text, sizeof(text), "cannot start %s: %s", fencer->servant_path, strerror(-r));
        on_gone(fencer, text);
    }
}

/* When the servant is given up if nothing more comes from it. */
static chb_time patience_end(const struct chb_fencer *fencer)
{
    return fencer->ailing ? fencer->heard : chb_time_add(fencer->heard, fencer->silence_limit);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_fencer *fencer = userdata;
    chb_time now = chb_fencing_now();

    (void)source;
    (void)usec;
    note_clocks(fencer);
    if (!chb_servant_runs(&fencer->servant)) {
        if (chb_time_reached(now, fencer->retry_at)) {
            start_servant(fencer);
        }
    } else if (!fencer->servant.killed && chb_time_reached(now, patience_end(fencer))) {
        chb_fencer_lose(fencer, fencer->ailing ? "the fencing servant does not read"
                                               : "the fencing servant is silent");
    }
    chb_fencer_expire_requests(fencer, now);
    chb_fencer_expire_queries(fencer, now);
    chb_fencer_arm(fencer);
    return 0;
}

void chb_fencer_arm(struct chb_fencer *fencer)
{
    chb_time next =
        chb_time_min(chb_fencer_requests_deadline(fencer), chb_fencer_queries_deadline(fencer));

    if (!chb_servant_runs(&fencer->servant)) {
        next = chb_time_min(next, fencer->retry_at);
    } else if (!fencer->servant.killed) {
        next = chb_time_min(next, patience_end(fencer));
    }
    /* Rounded up: a timer that fires early would only be set again. */
    (void)sd_event_source_set_time(
        fencer->timer, next.ns == INT64_MAX ? UINT64_MAX : (uint64_t)next.ns / 1000 + 1);
    (void)sd_event_source_set_enabled(fencer->timer, SD_EVENT_ONESHOT);
}

static chb_span default_span(chb_span given, int64_t ms)
{
    return given.ns == 0 ? chb_ms(ms) : given;
}

static int check_config(const struct chb_fencer_config *config)
{
    const char *name = config->client_name == NULL ? "colo-hbd" : config->client_name;
    size_t length = strnlen(name, 32);

    if (config->servant_path == NULL || config->servant_path[0] != '/' ||
        !chb_fencer_name_is_valid(config->local_node) || length == 0 || length == 32 ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != length || name[0] == '-') {
        return -EINVAL;
    }
    if (config->timer_priority <= config->io_priority || config->call_limit.ns < 0 ||
        config->silence_limit.ns < 0 || config->backoff_max.ns < 0) {
        return -EINVAL;
    }
    return 0;
}

int chb_fencer_new(sd_event *event, const struct chb_fencer_config *config,
                   const struct chb_fencer_callbacks *callbacks, void *userdata,
                   struct chb_fencer **ret)
{
    struct chb_fencer *fencer;
    int r = check_config(config);

    if (r < 0) {
        return r;
    }
    fencer = calloc(1, sizeof(*fencer));
    if (fencer == NULL) {
        return -ENOMEM;
    }
    fencer->event = sd_event_ref(event);
    fencer->callbacks = *callbacks;
    fencer->userdata = userdata;
    fencer->servant_path = strdup(config->servant_path);
    chb_fencing_copy(fencer->client_name, sizeof(fencer->client_name),
                     config->client_name == NULL ? "colo-hbd" : config->client_name);
    chb_fencing_copy(fencer->local_node, sizeof(fencer->local_node), config->local_node);
    fencer->io_priority = config->io_priority;
    fencer->call_limit = default_span(config->call_limit, CALL_LIMIT_MS);
    fencer->silence_limit = default_span(config->silence_limit, SILENCE_LIMIT_MS);
    fencer->backoff_max = default_span(config->backoff_max, BACKOFF_MAX_MS);
    fencer->backoff = chb_ms(BACKOFF_FIRST_MS);
    fencer->servant = (struct chb_servant_process){
        .event = event,
        .fd = -1,
        .message = on_message,
        .broken = on_broken,
        .gone = on_gone,
        .userdata = fencer,
    };
    fencer->begun = chb_fencing_now();
    fencer->status.since = fencer->begun;
    fencer->retry_at = fencer->begun;
    note_clocks(fencer);
    chb_fencing_copy(fencer->status.text, sizeof(fencer->status.text), "connecting");
    r = fencer->servant_path == NULL ? -ENOMEM : 0;
    if (r == 0) {
        r = sd_event_add_time(event, &fencer->timer, CLOCK_BOOTTIME, 0, ACCURACY_USEC, on_timer,
                              fencer);
    }
    if (r >= 0) {
        r = sd_event_source_set_priority(fencer->timer, config->timer_priority);
    }
    if (r < 0) {
        chb_fencer_free(fencer);
        return r;
    }
    *ret = fencer;
    return 0;
}

struct chb_fencer *chb_fencer_free(struct chb_fencer *fencer)
{
    if (fencer == NULL) {
        return NULL;
    }
    chb_servant_destroy(&fencer->servant);
    sd_event_source_disable_unref(fencer->timer);
    sd_event_unref(fencer->event);
    free(fencer->servant_path);
    free(fencer);
    return NULL;
}

void chb_fencer_mark(struct chb_fencer *fencer)
{
    const struct chb_fencing_message mark = {.type = CHB_FENCING_ASK_MARK};

    (void)chb_fencer_tell(fencer, &mark);
}

const struct chb_fencer_status *chb_fencer_get_status(const struct chb_fencer *fencer)
{
    return &fencer->status;
}
