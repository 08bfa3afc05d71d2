/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a join costs the guest and the cluster, and on which leg it fails. */
#include <agent/shell/vm.h>

#include <stdio.h>

#include <agent/shell/clock.h>
#include <agent/shell/log.h>

void chb_join_report_begin(struct chb_vm *vm, uint32_t node)
{
    vm->qemu.joined = (struct chb_join_report){.node = node, .began_at = chb_now()};
    vm->qemu.stopped_at = CHB_TIME_NEVER;
}

void chb_join_report_end(struct chb_vm *vm, bool done)
{
    struct chb_join_report *joined = &vm->qemu.joined;
    if (joined->node == 0 || joined->took.ns != 0) {
        return;
    }
    joined->done = done;
    joined->took = chb_time_since(chb_now(), joined->began_at);
}

/* QEMU says STOP and RESUME whoever it was that wanted it: we, the end of the migration, or a
 * checkpoint. Between the two the guest does nothing. */
void chb_join_report_stood(struct chb_vm *vm, chb_time since, chb_time until)
{
    struct chb_join_report *joined = &vm->qemu.joined;
    chb_span stood = chb_time_since(until, since);
    joined->stops++;
    joined->stood.ns += stood.ns;
    if (stood.ns > joined->longest.ns) {
        joined->longest = stood;
    }
    struct chb_ring_entry entry = {
        .at = until,
        .wall_ns = chb_wall_ns() - chb_time_since(chb_now(), until).ns,
        .moment = CHB_MOMENT_GUEST_STOOD,
        .node = joined->node,
        .value = (uint64_t)(stood.ns / 1000),
    };
    chb_vm_note(vm, &entry);
}

static void say_pace(const struct chb_vm *vm, uint32_t late_ms)
{
    const struct chb_pace *pace = &vm->qemu.joined.pace;
    char node[CHB_TEXT_NODE_SIZE];
    chb_text_node(&vm->daemon->names, vm->qemu.joined.node, node);
    if (pace->limit == 0) {
        chb_log(LOG_NOTICE, "%s: heartbeats come in time: filling %s is not held back any more",
                vm->name, node);
    } else {
        chb_log(late_ms != 0 ? LOG_NOTICE : LOG_DEBUG,
                "%s: filling %s with at most %llu kB per second (heartbeats were late by %u ms)",
                vm->name, node, (unsigned long long)pace->limit / 1000, late_ms);
    }
}

void chb_join_pace(struct chb_vm *vm, chb_time now, uint32_t late_ms)
{
    struct chb_pace *pace = &vm->qemu.joined.pace;
    const struct chb_seq_progress *progress = &vm->qemu.progress;
    if (vm->qemu.seq == NULL || vm->qemu.seq_kind != CHB_SEQUENCE_JOIN || vm->config == NULL) {
        return;
    }
    const struct chb_pace_look look = {
        .now = now,
        .late = late_ms >= chb_span_ms(vm->daemon->options.conf.heartbeat_interval),
        .wanted = vm->config->resync_bytes_per_s,
        .phase = (int)progress->phase,
        .done_bytes = progress->done_bytes,
    };
    if (chb_pace_step(pace, &look)) {
        say_pace(vm, late_ms);
    }
    chb_seq_set_speed(vm->qemu.seq, chb_pace_speed(pace, look.wanted), pace->limit);
}

static void put_ms(struct json_object *object, const char *key, chb_span span)
{
    json_object_object_add(object, key, json_object_new_int64(chb_span_ms(span)));
}

struct json_object *chb_join_report_json(const struct chb_vm *vm)
{
    const struct chb_join_report *joined = &vm->qemu.joined;
    char node[CHB_TEXT_NODE_SIZE];
    if (joined->node == 0) {
        return NULL;
    }
    struct json_object *object = json_object_new_object();
    json_object_object_add(
        object, "node",
        json_object_new_string(chb_text_node(&vm->daemon->names, joined->node, node)));
    json_object_object_add(object, "done", json_object_new_boolean(joined->done));
    put_ms(object, "took_ms", joined->took);
    put_ms(object, "stood_ms", joined->stood);
    put_ms(object, "longest_ms", joined->longest);
    json_object_object_add(object, "stops", json_object_new_int64(joined->stops));
    json_object_object_add(object, "slowed", json_object_new_int64(joined->pace.slowed));
    return object;
}

char *chb_leg_text(const struct chb_vm *vm, enum chb_seq_leg leg, unsigned index, char *ret_text,
                   size_t size)
{
    const struct chb_vm_config *config = vm->config;
    ret_text[0] = '\0';
    if (config != NULL && leg == CHB_SEQ_LEG_DISK && index < config->spec.n_disks) {
        (void)snprintf(ret_text, size, "disk %s", config->spec.disks[index].path);
    } else if (config != NULL && leg == CHB_SEQ_LEG_NIC && index < config->spec.n_nics) {
        (void)snprintf(ret_text, size, "NIC %u on %s", index + 1, config->spec.nics[index].bridge);
    }
    return ret_text;
}
