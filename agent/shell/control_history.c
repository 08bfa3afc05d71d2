/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `events` and `timeline`: what has happened, as JSON. */
#include <agent/shell/vm.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <agent/text/note.h>

#define STEPS_MAX 32

static void put_text(struct json_object *object, const char *key, const char *text)
{
    json_object_object_add(object, key, text != NULL ? json_object_new_string(text) : NULL);
}

static void put_time(struct json_object *object, const struct chb_ring_entry *entry)
{
    char text[64];
    char when[32];
    time_t seconds = (time_t)(entry->wall_ns / 1000000000);
    struct tm parts;
    (void)gmtime_r(&seconds, &parts);
    (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text, sizeof(text), "%s.%03dZ", when,
                   (int)(entry->wall_ns % 1000000000 / 1000000));
    put_text(object, "time", text);
    json_object_object_add(object, "boottime_ns", json_object_new_int64(entry->at.ns));
}

static struct json_object *event_json(const struct chb_vm *vm, const struct chb_ring_entry *entry)
{
    struct json_object *object = json_object_new_object();
    char text[CHB_TEXT_SIZE];
    char buffer[CHB_TEXT_NODE_SIZE];
    put_time(object, entry);
    put_text(object, "vm", vm->name);
    if (entry->moment != CHB_MOMENT_NONE) {
        put_text(object, "note", chb_moment_id(entry->moment));
        (void)chb_moment_text(entry, text, sizeof(text));
    } else {
        struct chb_text_about about = {.vm = vm->name, .self = vm->daemon->self};
        put_text(object, "note", chb_note_id(entry->note));
        (void)chb_text_note(entry->note, entry->node, entry->arg, entry->value, &about,
                            &vm->daemon->names, text, sizeof(text));
    }
    put_text(object, "text", text);
    put_text(object, "node",
             entry->node != 0 ? chb_text_node(&vm->daemon->names, entry->node, buffer) : NULL);
    json_object_object_add(object, "value", json_object_new_uint64(entry->value));
    return object;
}

/* Of several VMs, the oldest that is not taken yet. */
static int next_of(struct chb_daemon *daemon, const struct chb_vm *only, const size_t *taken)
{
    int best = -1;
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        const struct chb_ring *history = &daemon->vms[i]->history;
        if ((only != NULL && only != daemon->vms[i]) || taken[i] >= chb_ring_size(history)) {
            continue;
        }
        if (best < 0 ||
            chb_time_before(chb_ring_at(history, taken[i])->at,
                            chb_ring_at(&daemon->vms[best]->history, taken[best])->at)) {
            best = (int)i;
        }
    }
    return best;
}

struct json_object *chb_events_json(struct chb_daemon *daemon, struct chb_vm *only, size_t max)
{
    struct json_object *events = json_object_new_array();
    size_t taken[CHB_VMS_MAX] = {0};
    size_t total = 0;
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        total +=
            only == NULL || only == daemon->vms[i] ? chb_ring_size(&daemon->vms[i]->history) : 0;
    }
    size_t skip = total > max ? total - max : 0;
    for (int i = next_of(daemon, only, taken); i >= 0; i = next_of(daemon, only, taken)) {
        const struct chb_vm *vm = daemon->vms[i];
        if (skip == 0) {
            json_object_array_add(events, event_json(vm, chb_ring_at(&vm->history, taken[i])));
        } else {
            skip--;
        }
        taken[i]++;
    }
    struct json_object *result = json_object_new_object();
    json_object_object_add(result, "events", events);
    return result;
}

/* ---- the ledger of a failover ---- */

struct ledger {
    struct json_object *failovers;
    struct json_object *steps; /* of the one that is open; NULL: none */
    size_t n_steps;
    bool decided;
};

static void close_ledger(struct ledger *ledger)
{
    if (ledger->decided) {
        struct json_object *failover = json_object_new_object();
        json_object_object_add(failover, "steps", ledger->steps);
        json_object_array_add(ledger->failovers, failover);
    } else {
        json_object_put(ledger->steps);
    }
    ledger->steps = NULL;
    ledger->n_steps = 0;
    ledger->decided = false;
}

static bool ends_ledger(const struct chb_ring_entry *entry)
{
    return entry->moment == CHB_MOMENT_NONE &&
           (entry->note == CHB_NOTE_SOLO || entry->note == CHB_NOTE_RELEASED ||
            entry->note == CHB_NOTE_PAIRED);
}

/* The first of a kind counts: a death is told again with each state. */
static bool has_step(const struct ledger *ledger, const char *step)
{
    for (size_t i = 0; i < ledger->n_steps; i++) {
        struct json_object *name = NULL;
        if (json_object_object_get_ex(json_object_array_get_idx(ledger->steps, i), "step", &name) &&
            strcmp(json_object_get_string(name), step) == 0) {
            return true;
        }
    }
    return false;
}

static void add_step(struct ledger *ledger, const struct chb_vm *vm,
                     const struct chb_ring_entry *entry, const char *step)
{
    char buffer[CHB_TEXT_NODE_SIZE];
    if (has_step(ledger, step)) {
        return;
    }
    struct json_object *object = json_object_new_object();
    if (ledger->steps == NULL) {
        ledger->steps = json_object_new_array();
    }
    put_text(object, "step", step);
    put_time(object, entry);
    put_text(object, "node",
             entry->node != 0 ? chb_text_node(&vm->daemon->names, entry->node, buffer) : NULL);
    json_object_array_add(ledger->steps, object);
    ledger->n_steps++;
    ledger->decided =
        ledger->decided || (entry->moment == CHB_MOMENT_NONE && entry->note == CHB_NOTE_PROVEN);
}

struct json_object *chb_timeline_json(struct chb_vm *vm)
{
    struct ledger ledger = {.failovers = json_object_new_array()};
    size_t size = chb_ring_size(&vm->history);
    for (size_t i = 0; i < size; i++) {
        const struct chb_ring_entry *entry = chb_ring_at(&vm->history, i);
        const char *step = chb_ring_step(entry);
        bool told = entry->moment == CHB_MOMENT_NONE && entry->note == CHB_NOTE_PEER_DIED;
        if (told && ledger.n_steps < STEPS_MAX) {
            add_step(&ledger, vm, entry, "death"); /* when its agent's word came */
        }
        if (step != NULL && ledger.n_steps < STEPS_MAX) {
            add_step(&ledger, vm, entry, step);
        }
        if (ends_ledger(entry)) {
            close_ledger(&ledger);
        }
    }
    if (ledger.steps != NULL) {
        close_ledger(&ledger);
    }
    struct json_object *result = json_object_new_object();
    json_object_object_add(result, "failovers", ledger.failovers);
    return result;
}
