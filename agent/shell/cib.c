/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Pacemaker knows of the VMs: promotion scores, node attributes, and the cluster's copy of the
 * records, as text: "solo 7 author 1 peer 2 role primary". */
#include <agent/shell/vm.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <agent/config/units.h>
#include <agent/shell/clock.h>
#include <agent/shell/log.h>

#define READ_TIMEOUT_MS 10000
#define META_TIMEOUT_MS 30000
#define META_RETRY_MS 5000
/* Small, so that any sensible stickiness is larger than their difference. */
#define SCORE_BEST 1000
#define SCORE_SECONDARY 500
#define GENERATION_MAX (UINT64_MAX / 2) /* they rise by one, so more is nobody's */

static int32_t score_of(enum chb_score score)
{
    switch (score) {
    case CHB_SCORE_BEST:
        return SCORE_BEST;
    case CHB_SCORE_SECONDARY:
        return SCORE_SECONDARY;
    case CHB_SCORE_NEVER:
    case CHB_SCORE_MAX:
        break;
    }
    return CHB_SCORE_MINUS_INFINITY;
}

void chb_cib_score(struct chb_vm *vm, enum chb_score score)
{
    struct chb_attributes *attributes = vm->daemon->attributes;
    if (attributes == NULL || vm->resource[0] == '\0') {
        return;
    }
    int r = chb_attributes_set_score(attributes, vm->resource, score_of(score), NULL);
    if (r < 0) {
        chb_log(LOG_ERR, "%s: promotion score of %s not set: %s", vm->name, vm->resource,
                strerror(-r));
    }
}

uint64_t chb_cib_score_first(struct chb_daemon *daemon, const char *resource, enum chb_score score)
{
    uint64_t ticket = 0;
    if (daemon->attributes == NULL) {
        return 0;
    }
    /* Whatever somebody else or an earlier life left there: ours is written once more. */
    chb_attributes_republish(daemon->attributes, true);
    int r = chb_attributes_set_score(daemon->attributes, resource, score_of(score), &ticket);
    return r < 0 ? 0 : ticket;
}

void chb_cib_line(struct chb_vm *vm, const char *line)
{
    if (vm->daemon->attributes != NULL) {
        (void)chb_attributes_set(vm->daemon->attributes, vm->name, line, NULL);
    }
}

void chb_cib_write(struct chb_vm *vm, const struct chb_record *record)
{
    char text[128];
    if (vm->daemon->attributes == NULL) {
        return;
    }
    (void)snprintf(text, sizeof(text), "%s %" PRIu64 " author %u peer %u role %s",
                   chb_record_kind_id(record->kind), record->generation, record->author,
                   record->peer, chb_role_id(record->role));
    int r = chb_attributes_set_record(vm->daemon->attributes, vm->name, text, NULL);
    if (r < 0) {
        chb_log(LOG_ERR, "%s: the cluster's copy of the record is not written: %s", vm->name,
                strerror(-r));
    }
}

/* Only what is a history counts; a copy that is being filled has none of its own. Anybody may have
 * written the text: "solo -1" must not become a generation that no other can follow. */
static uint64_t generation_of(const char *text)
{
    char kind[16];
    char number[24];
    uint64_t generation = 0;
    if (sscanf(text, "%15s %23s", kind, number) != 2 ||
        (strcmp(kind, chb_record_kind_id(CHB_RECORD_SOLO)) != 0 &&
         strcmp(kind, chb_record_kind_id(CHB_RECORD_PAIRED)) != 0) ||
        chb_parse_number(number, 1, GENERATION_MAX, &generation) < 0) {
        return 0;
    }
    return generation;
}

static void on_records(void *userdata, const struct chb_cib_records *records)
{
    struct chb_vm *vm = userdata;
    struct chb_event event = {.kind = CHB_EVENT_CIB};
    vm->cib_reading = false;
    /* Without quorum this host's copy of the CIB may be an old one. */
    if (records->outcome != CHB_OUTCOME_DONE || !vm->daemon->quorate) {
        return;
    }
    event.u.cib.known = true;
    for (size_t i = 0; i < records->count; i++) {
        uint64_t generation = generation_of(records->records[i].text);
        if (generation > event.u.cib.generation) {
            event.u.cib.generation = generation;
            event.u.cib.node = chb_node_id(vm->daemon, records->records[i].node);
        }
    }
    chb_vm_event(vm, &event);
}

void chb_cib_read(struct chb_vm *vm)
{
    if (vm->cib_reading || !vm->daemon->quorate || vm->daemon->tools == NULL) {
        return;
    }
    vm->cib_reading = chb_cluster_read_records(vm->daemon->tools, vm->name, chb_ms(READ_TIMEOUT_MS),
                                               on_records, vm) == 0;
}

static int on_off_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_vm *vm = userdata;
    (void)source;
    (void)usec;
    /* Stopped and started since, it is on again, and somebody wanted that. */
    if (vm->core.started && vm->core.guest_off) {
        chb_cib_resource_off(vm);
    }
    return 0;
}

/* Untold, Pacemaker would show a guest that is off as running for ever. */
static void off_again(struct chb_vm *vm, const char *why)
{
    chb_log(LOG_ERR, "%s: the guest is off, but Pacemaker could not be told: %s; tried again",
            vm->name, why);
    if (vm->off_timer == NULL &&
        chb_timer_new(vm->daemon, CHB_PRIORITY_SLOW, on_off_timer, vm, &vm->off_timer) < 0) {
        return;
    }
    chb_timer_set(vm->off_timer, chb_time_add(chb_now(), chb_ms(META_RETRY_MS)));
}

static void on_meta(void *userdata, const struct chb_tool_result *result)
{
    const struct chb_event event = {.kind = CHB_EVENT_RESOURCE_IS_OFF};
    if (result->outcome == CHB_OUTCOME_DONE) {
        chb_vm_event(userdata, &event);
    } else {
        off_again(userdata, result->err[0] != '\0' ? result->err : strerror(-result->error));
    }
}

void chb_cib_resource_off(struct chb_vm *vm)
{
    const char *resource = vm->clone[0] != '\0' ? vm->clone : vm->resource;
    if (vm->daemon->tools == NULL || resource[0] == '\0') {
        return;
    }
    chb_log(LOG_NOTICE, "%s: the guest has switched itself off: target-role of %s becomes Stopped",
            vm->name, resource);
    int r = chb_cluster_set_meta(vm->daemon->tools, resource, "target-role", "Stopped",
                                 chb_ms(META_TIMEOUT_MS), on_meta, vm);
    if (r < 0) {
        off_again(vm, strerror(-r));
    }
}

static void on_written(void *userdata, const struct chb_attribute_report *report)
{
    const struct chb_daemon *daemon = userdata;
    if (report->outcome != CHB_OUTCOME_DONE) {
        chb_log(LOG_WARNING, "%s: not written to Pacemaker: %s; tried again", report->name,
                report->text);
        return;
    }
    for (uint32_t i = 0; report->kind == CHB_ATTRIBUTE_SCORE && i < daemon->n_vms; i++) {
        chb_vm_setup_scored(daemon->vms[i], report->name, report->ticket);
    }
}

/* What the cores wanted before the node's name was known. */
static void catch_up(struct chb_daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        struct chb_vm *vm = daemon->vms[i];
        if (vm->core.score_sent) {
            chb_cib_score(vm, vm->core.score);
        }
        if (vm->core.record.generation != 0) {
            chb_cib_write(vm, &vm->core.record);
        }
        if (vm->line[0] != '\0') {
            chb_cib_line(vm, vm->line);
        }
    }
}

int chb_cib_start(struct chb_daemon *daemon)
{
    int r = chb_attributes_new(daemon->event, daemon->tools, daemon->name, CHB_PRIORITY_TOOLS,
                               on_written, daemon, &daemon->attributes);
    if (r == 0) {
        catch_up(daemon);
    }
    return r;
}

void chb_cib_stop(struct chb_daemon *daemon)
{
    daemon->attributes = chb_attributes_free(daemon->attributes);
}
