/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/pacemaker/attributes.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <agent/pacemaker/text.h>

#define BACKOFF_FIRST_MS 200
#define BACKOFF_MAX_MS 10000
#define ATTRD_TIMEOUT_MS 5000 /* one message to a local daemon */
#define CIB_TIMEOUT_MS                                                                             \
    15000 /* a change of the CIB goes through the DC, which may be in election                     \
           */
#define AFTERWORD_MS 3000
#define OUT_MAX 256
#define ACCURACY_USEC 1000

/* What Pacemaker should have, may have, or is being told. Deleted: an empty text. */
struct content {
    bool known;
    char text[CHB_ATTRIBUTE_VALUE_MAX];
};

struct value {
    struct chb_attributes *owner;
    enum chb_attribute_kind kind;
    char name[CHB_ATTRIBUTE_NAME_MAX];
    struct content wanted;
    struct content written; /* known: Pacemaker has accepted it from us */
    struct content writing;
    uint64_t ticket;         /* newest set call */
    uint64_t writing_ticket; /* newest set call when the write under way began */
    uint64_t run_id;         /* 0: no write is under way */
    bool dirty;              /* wanted must be written */
    bool uncertain;          /* a write of unknown end may still be on its way to Pacemaker */
    bool confirm;            /* set to what it already is: only a report is due */
    chb_time retry_at;
    chb_span backoff;
};

struct chb_attributes {
    sd_event *event;
    sd_event_source *timer;
    struct chb_tools *tools;
    char local_node[256];
    chb_attribute_written written;
    void *userdata;
    uint64_t last_ticket;
    struct value *values[CHB_ATTRIBUTES_MAX]; /* NULL: free */
};

static chb_time now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (chb_time){.ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec};
}

static void set_content(struct content *content, const char *text)
{
    memset(content, 0, sizeof(*content));
    content->known = true;
    memcpy(content->text, text, strlen(text));
}

static bool same_content(const struct content *a, const struct content *b)
{
    return a->known && b->known && strcmp(a->text, b->text) == 0;
}

/* Sets the timer to the next write that may begin. */
static void arm(struct chb_attributes *attributes)
{
    chb_time next = CHB_TIME_FOREVER;

    for (size_t i = 0; i < CHB_ATTRIBUTES_MAX; i++) {
        const struct value *value = attributes->values[i];
        if (value == NULL) {
            continue;
        }
        if (value->confirm) {
            next = (chb_time){.ns = 1};
        } else if (value->dirty && value->run_id == 0) {
            next = chb_time_min(next, value->retry_at);
        }
    }
    (void)sd_event_source_set_time(
        attributes->timer, next.ns == INT64_MAX ? UINT64_MAX : (uint64_t)next.ns / 1000 + 1);
    (void)sd_event_source_set_enabled(attributes->timer, SD_EVENT_ONESHOT);
}

static void report(const struct value *value, const struct content *content, uint64_t ticket,
                   enum chb_outcome outcome, const char *text)
{
    const struct chb_attributes *attributes = value->owner;
    char name[CHB_ATTRIBUTE_NAME_MAX];
    struct content copy = *content; /* the callback may change or forget the value */
    const struct chb_attribute_report report = {
        .kind = value->kind,
        .name = name,
        .value = copy.text[0] == '\0' ? NULL : copy.text,
        .ticket = ticket,
        .outcome = outcome,
        .newest = ticket == value->ticket,
        .at = now(),
        .text = text,
    };

    memcpy(name, value->name, sizeof(name));
    if (attributes->written != NULL) {
        attributes->written(attributes->userdata, &report);
    }
}

static void back_off(struct value *value)
{
    value->dirty = true;
    value->retry_at = chb_time_add(now(), value->backoff);
    value->backoff.ns *= 2;
    if (value->backoff.ns > chb_ms(BACKOFF_MAX_MS).ns) {
        value->backoff = chb_ms(BACKOFF_MAX_MS);
    }
}

static void on_written(void *userdata, const struct chb_tool_result *result)
{
    struct value *value = userdata;
    struct chb_attributes *attributes = value->owner;
    char text[256] = "";

    value->run_id = 0;
    if (result->outcome == CHB_OUTCOME_DONE) {
        value->written = value->writing;
        value->backoff = chb_ms(BACKOFF_FIRST_MS);
        if (value->uncertain && !value->dirty) {
            /* What was given up may arrive after this: the last word must be the newest. */
            value->dirty = true;
            value->retry_at = chb_time_add(now(), chb_ms(AFTERWORD_MS));
        }
        value->uncertain = false;
    } else {
        /* Not DONE may have worked or not: what Pacemaker has is not known any more. */
        value->written.known = false;
        value->uncertain = value->uncertain || result->outcome == CHB_OUTCOME_UNKNOWN;
        back_off(value);
        if (result->error != 0) {
            snprintf(text, sizeof(text), "%s", strerror(-result->error));
        } else {
            chb_pacemaker_first_line(text, sizeof(text),
                                     result->err[0] == '\0' ? result->out : result->err);
        }
    }
    arm(attributes);
    report(value, &value->writing, value->writing_ticket, result->outcome, text);
}

static int run_transient(struct value *value)
{
    struct chb_attributes *attributes = value->owner;
    const char *prefix = value->kind == CHB_ATTRIBUTE_SCORE ? "master-" : "";
    char name[CHB_ATTRIBUTE_NAME_MAX + 32];
    char update[CHB_ATTRIBUTE_VALUE_MAX + 32] = "--delete";
    const char *argv[] = {"attrd_updater", name, update, NULL};

    snprintf(name, sizeof(name), "--name=%s%s", prefix, value->name);
    if (value->wanted.text[0] != '\0') {
        snprintf(update, sizeof(update), "--update=%s", value->wanted.text);
    }
    return chb_tools_run(attributes->tools, argv, chb_ms(ATTRD_TIMEOUT_MS), OUT_MAX, on_written,
                         value, &value->run_id);
}

static int run_record(struct value *value)
{
    struct chb_attributes *attributes = value->owner;
    char node[288];
    char name[CHB_ATTRIBUTE_NAME_MAX + 32];
    char update[CHB_ATTRIBUTE_VALUE_MAX + 32];
    const char *argv[] = {"crm_attribute", node, name, update, "--lifetime=forever", NULL};

    snprintf(node, sizeof(node), "--node=%s", attributes->local_node);
    snprintf(name, sizeof(name), "--name=colo-hbd-%s", value->name);
    snprintf(update, sizeof(update), "--update=%s", value->wanted.text);
    return chb_tools_run(attributes->tools, argv, chb_ms(CIB_TIMEOUT_MS), OUT_MAX, on_written,
                         value, &value->run_id);
}

static void begin_write(struct value *value)
{
    int r = value->kind == CHB_ATTRIBUTE_RECORD ? run_record(value) : run_transient(value);

    if (r < 0) {
        value->run_id = 0;
        back_off(value);
        return;
    }
    value->writing = value->wanted;
    value->writing_ticket = value->ticket;
    value->dirty = false;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_attributes *attributes = userdata;
    chb_time at = now();

    (void)source;
    (void)usec;
    for (size_t i = 0; i < CHB_ATTRIBUTES_MAX; i++) {
        struct value *value = attributes->values[i];
        if (value == NULL) {
            continue;
        }
        if (value->dirty && value->run_id == 0 && chb_time_reached(at, value->retry_at)) {
            begin_write(value);
        }
        if (value->confirm) {
            value->confirm = false;
            report(value, &value->written, value->ticket, CHB_OUTCOME_DONE, "");
        }
    }
    arm(attributes);
    return 0;
}

int chb_attributes_new(sd_event *event, struct chb_tools *tools, const char *local_node,
                       int64_t priority, chb_attribute_written written, void *userdata,
                       struct chb_attributes **ret)
{
    struct chb_attributes *attributes;
    int r;

    if (!chb_pacemaker_is_name(local_node, sizeof(attributes->local_node))) {
        return -EINVAL;
    }
    attributes = calloc(1, sizeof(*attributes));
    if (attributes == NULL) {
        return -ENOMEM;
    }
    attributes->event = sd_event_ref(event);
    attributes->tools = tools;
    attributes->written = written;
    attributes->userdata = userdata;
    memcpy(attributes->local_node, local_node, strlen(local_node));
    r = sd_event_add_time(event, &attributes->timer, CLOCK_BOOTTIME, UINT64_MAX, ACCURACY_USEC,
                          on_timer, attributes);
    if (r >= 0) {
        r = sd_event_source_set_priority(attributes->timer, priority);
    }
    if (r < 0) {
        chb_attributes_free(attributes);
        return r;
    }
    *ret = attributes;
    return 0;
}

static void remove_value(struct chb_attributes *attributes, size_t index)
{
    struct value *value = attributes->values[index];

    if (value != NULL && value->run_id != 0) {
        (void)chb_tools_cancel(attributes->tools, value->run_id);
    }
    free(value);
    attributes->values[index] = NULL;
}

struct chb_attributes *chb_attributes_free(struct chb_attributes *attributes)
{
    if (attributes == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < CHB_ATTRIBUTES_MAX; i++) {
        remove_value(attributes, i);
    }
    sd_event_source_disable_unref(attributes->timer);
    sd_event_unref(attributes->event);
    free(attributes);
    return NULL;
}

/* Index of a name's value, or of the first free place, or CHB_ATTRIBUTES_MAX. */
static size_t find(const struct chb_attributes *attributes, enum chb_attribute_kind kind,
                   const char *name)
{
    size_t free_index = CHB_ATTRIBUTES_MAX;

    for (size_t i = 0; i < CHB_ATTRIBUTES_MAX; i++) {
        const struct value *value = attributes->values[i];
        if (value == NULL) {
            free_index = free_index == CHB_ATTRIBUTES_MAX ? i : free_index;
        } else if (value->kind == kind && strcmp(value->name, name) == 0) {
            return i;
        }
    }
    return free_index;
}

/* text: what to have, or "" for deleted. Checked by the caller. */
static int want(struct chb_attributes *attributes, enum chb_attribute_kind kind, const char *name,
                const char *text, uint64_t *ret_ticket)
{
    size_t index = find(attributes, kind, name);
    struct value *value;
    struct content wanted;

    if (index == CHB_ATTRIBUTES_MAX) {
        return -ENOBUFS;
    }
    value = attributes->values[index];
    if (value == NULL) {
        value = calloc(1, sizeof(*value));
        if (value == NULL) {
            return -ENOMEM;
        }
        value->owner = attributes;
        value->kind = kind;
        value->backoff = chb_ms(BACKOFF_FIRST_MS);
        memcpy(value->name, name, strlen(name));
        attributes->values[index] = value;
    }
    set_content(&wanted, text);
    value->ticket = ++attributes->last_ticket;
    if (value->run_id == 0 && !value->dirty && same_content(&wanted, &value->written)) {
        value->confirm = true;
    } else {
        if (!same_content(&wanted, &value->wanted)) {
            /* News does not wait for the patience that the old value had earned. */
            value->backoff = chb_ms(BACKOFF_FIRST_MS);
            value->retry_at = CHB_TIME_NEVER;
        }
        value->confirm = false;
        value->dirty = true;
    }
    value->wanted = wanted;
    if (ret_ticket != NULL) {
        *ret_ticket = value->ticket;
    }
    arm(attributes);
    return 0;
}

int chb_attributes_set(struct chb_attributes *attributes, const char *name, const char *value,
                       uint64_t *ret_ticket)
{
    if (!chb_pacemaker_is_name(name, CHB_ATTRIBUTE_NAME_MAX) ||
        !chb_pacemaker_is_value(value, CHB_ATTRIBUTE_VALUE_MAX)) {
        return -EINVAL;
    }
    return want(attributes, CHB_ATTRIBUTE_TRANSIENT, name, value, ret_ticket);
}

int chb_attributes_set_score(struct chb_attributes *attributes, const char *resource, int32_t score,
                             uint64_t *ret_ticket)
{
    char text[16] = "-INFINITY";

    if (!chb_pacemaker_is_name(resource, CHB_ATTRIBUTE_NAME_MAX)) {
        return -EINVAL;
    }
    if (score != CHB_SCORE_MINUS_INFINITY) {
        if (score < -CHB_ATTRIBUTE_SCORE_MAX || score > CHB_ATTRIBUTE_SCORE_MAX) {
            return -EINVAL;
        }
        snprintf(text, sizeof(text), "%d", (int)score);
    }
    return want(attributes, CHB_ATTRIBUTE_SCORE, resource, text, ret_ticket);
}

int chb_attributes_clear_score(struct chb_attributes *attributes, const char *resource,
                               uint64_t *ret_ticket)
{
    if (!chb_pacemaker_is_name(resource, CHB_ATTRIBUTE_NAME_MAX)) {
        return -EINVAL;
    }
    return want(attributes, CHB_ATTRIBUTE_SCORE, resource, "", ret_ticket);
}

int chb_attributes_set_record(struct chb_attributes *attributes, const char *vm, const char *text,
                              uint64_t *ret_ticket)
{
    if (!chb_pacemaker_is_name(vm, CHB_ATTRIBUTE_NAME_MAX) ||
        !chb_pacemaker_is_value(text, CHB_ATTRIBUTE_VALUE_MAX)) {
        return -EINVAL;
    }
    return want(attributes, CHB_ATTRIBUTE_RECORD, vm, text, ret_ticket);
}

void chb_attributes_republish(struct chb_attributes *attributes, bool transient_only)
{
    for (size_t i = 0; i < CHB_ATTRIBUTES_MAX; i++) {
        struct value *value = attributes->values[i];
        if (value == NULL || (transient_only && value->kind == CHB_ATTRIBUTE_RECORD)) {
            continue;
        }
        value->written.known = false;
        value->confirm = false;
        value->dirty = true;
    }
    arm(attributes);
}

void chb_attributes_forget(struct chb_attributes *attributes, enum chb_attribute_kind kind,
                           const char *name)
{
    size_t index = find(attributes, kind, name);

    if (index < CHB_ATTRIBUTES_MAX) {
        remove_value(attributes, index);
        arm(attributes);
    }
}

unsigned chb_attributes_dirty(const struct chb_attributes *attributes)
{
    unsigned count = 0;

    for (size_t i = 0; i < CHB_ATTRIBUTES_MAX; i++) {
        const struct value *value = attributes->values[i];
        count += value != NULL && (value->dirty || value->run_id != 0);
    }
    return count;
}
