/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `status` and `explain`: what is known, as JSON. */
#include <agent/shell/vm.h>

#include <stdio.h>
#include <string.h>

#include <agent/core/gate.h>
#include <agent/shell/clock.h>
#include <agent/text/reason.h>
#include <agent/text/say.h>

static void put_text(struct json_object *object, const char *key, const char *text)
{
    json_object_object_add(object, key, text != NULL ? json_object_new_string(text) : NULL);
}

static void put_number(struct json_object *object, const char *key, int64_t number)
{
    json_object_object_add(object, key, json_object_new_int64(number));
}

static void put_bool(struct json_object *object, const char *key, bool value)
{
    json_object_object_add(object, key, json_object_new_boolean(value));
}

static const char *node_text(const struct chb_daemon *daemon, uint32_t node, char *buffer)
{
    return node == 0 ? NULL : chb_text_node(&daemon->names, node, buffer);
}

/* One word for how the pair stands, seen from here. */
static const char *replication(const struct chb_core *core)
{
    switch (core->phase) {
    case CHB_PHASE_PAIRED:
        return core->broken_generation != 0 ? "broken" : "in-sync";
    case CHB_PHASE_HOLDING:
        return "holding";
    case CHB_PHASE_FILLING:
        return "filling";
    case CHB_PHASE_SOLO:
        return core->join == CHB_JOIN_RUNNING || core->join == CHB_JOIN_WANTED ? "filling" : "solo";
    case CHB_PHASE_GOING_SOLO:
        return "going-solo";
    case CHB_PHASE_STOPPED:
    case CHB_PHASE_SPARE:
    case CHB_PHASE_BOOTING:
    case CHB_PHASE_DYING:
    case CHB_PHASE_MAX:
        break;
    }
    return "none";
}

static const char *score_text(const struct chb_core *core)
{
    return core->score_sent ? chb_score_id(core->score) : NULL;
}

/* As fast as it was lately, and never faster than it may be. -1: nobody knows yet. */
static int64_t seconds_left(const struct chb_vm *vm, uint64_t limit)
{
    const struct chb_seq_progress *progress = &vm->qemu.progress;
    int64_t spent_ms = chb_span_ms(chb_time_since(chb_now(), vm->qemu.progress_since));
    uint64_t from = vm->qemu.progress_from;
    double speed = progress->done_bytes > from && spent_ms > 0
                       ? (double)(progress->done_bytes - from) / ((double)spent_ms / 1000.0)
                       : 0.0;
    bool limited = progress->phase == CHB_SEQ_PHASE_COPY && limit != 0;
    if (limited && (speed > (double)limit || speed <= 0.0)) {
        speed = (double)limit;
    }
    if (speed <= 0.0 || progress->total_bytes < progress->done_bytes) {
        return -1;
    }
    double rest = (double)(progress->total_bytes - progress->done_bytes);
    return (int64_t)(rest / speed + 0.5);
}

static void put_resync(struct json_object *object, const struct chb_vm *vm)
{
    const struct chb_seq_progress *progress = &vm->qemu.progress;
    if (progress->step == NULL) {
        json_object_object_add(object, "resync", NULL);
        return;
    }
    struct json_object *resync = json_object_new_object();
    put_number(resync, "percent", chb_vm_percent(vm));
    put_number(resync, "bytes", (int64_t)progress->done_bytes);
    put_text(resync, "step", progress->step);
    uint64_t wanted = vm->config != NULL ? vm->config->resync_bytes_per_s : 0;
    uint64_t limit = chb_pace_speed(&vm->qemu.joined.pace, wanted);
    put_number(resync, "eta_s", seconds_left(vm, limit));
    put_number(resync, "limit", (int64_t)limit); /* bytes per second; 0: none */
    put_bool(resync, "slowed", vm->qemu.joined.pace.limit != 0);
    json_object_object_add(object, "resync", resync);
}

static void put_qemu(struct json_object *object, const struct chb_vm *vm)
{
    if (vm->qemu.child == NULL) {
        json_object_object_add(object, "qemu", NULL);
        return;
    }
    struct json_object *qemu = json_object_new_object();
    put_number(qemu, "pid", chb_child_id(vm->qemu.child)->pid);
    put_text(qemu, "version", vm->qemu.version_text);
    put_bool(qemu, "answers", vm->qemu.ready);
    put_bool(qemu, "frozen", vm->qemu.frozen);
    json_object_object_add(object, "qemu", qemu);
    struct json_object *checkpoints = json_object_new_object();
    int64_t count = (int64_t)vm->qemu.checkpoints;
    put_number(checkpoints, "count", count);
    put_number(checkpoints, "last_ms", chb_span_ms(vm->qemu.checkpoint_last));
    put_number(checkpoints, "avg_ms", count > 0 ? chb_span_ms(vm->qemu.checkpoint_sum) / count : 0);
    json_object_object_add(object, "checkpoints", checkpoints);
}

static struct json_object *replica_json(const struct chb_daemon *daemon, uint32_t node,
                                        const struct chb_state_msg *state, const char *line)
{
    char buffer[CHB_TEXT_NODE_SIZE];
    struct json_object *object = json_object_new_object();
    put_text(object, "node", node_text(daemon, node, buffer));
    put_text(object, "phase", chb_phase_id(state->phase));
    put_text(object, "role", chb_role_id(state->role));
    put_number(object, "generation", (int64_t)state->generation);
    put_text(object, "record", chb_record_kind_id(state->record.kind));
    put_number(object, "record_generation", (int64_t)state->record.generation);
    put_text(object, "line", line);
    return object;
}

static struct json_object *nodes_json(const struct chb_vm *vm)
{
    const struct chb_daemon *daemon = vm->daemon;
    struct json_object *nodes = json_object_new_array();
    struct chb_state_msg own;
    chb_core_state(&vm->core, &own);
    json_object_array_add(nodes, replica_json(daemon, daemon->self, &own, vm->line));
    for (unsigned i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_peer *peer = &vm->core.peers[i];
        char line[CHB_TEXT_LINE_SIZE];
        struct chb_text_status status;
        if (peer->node == 0) {
            continue;
        }
        if (peer->member && peer->heard) {
            chb_text_status_of_state(&peer->msg, peer->node, &status);
            (void)chb_text_status_line(&status, &daemon->names, line, sizeof(line));
        } else {
            (void)snprintf(line, sizeof(line), "%s",
                           peer->lost     ? "its node is not in the cluster"
                           : peer->member ? "has not said anything yet"
                                          : "colo-hbd does not run there");
        }
        json_object_array_add(nodes, replica_json(daemon, peer->node, &peer->msg, line));
    }
    return nodes;
}

static struct json_object *vm_json(const struct chb_vm *vm)
{
    const struct chb_daemon *daemon = vm->daemon;
    const struct chb_core *core = &vm->core;
    char buffer[CHB_TEXT_NODE_SIZE];
    struct chb_verdict verdict = chb_gate(core);
    struct json_object *object = json_object_new_object();
    put_text(object, "name", vm->name);
    put_text(object, "role", chb_role_id(core->role));
    put_text(object, "replication", replication(core));
    put_number(object, "generation",
               (int64_t)(core->generation != 0 ? core->generation : core->record.generation));
    put_text(
        object, "peer",
        node_text(daemon, core->phase == CHB_PHASE_FILLING ? core->join_node : core->peer, buffer));
    put_text(object, "node", daemon->name);
    bool solo = core->phase == CHB_PHASE_SOLO && chb_time_is_set(core->solo_at);
    put_number(object, "solo_since",
               solo ? (chb_wall_ns() - chb_time_since(chb_now(), core->solo_at).ns) / 1000000000
                    : 0);
    put_text(object, "proof", core->proof != CHB_PROOF_NONE ? chb_proof_id(core->proof) : NULL);
    put_text(object, "reason", verdict.allowed ? NULL : chb_reason_id(verdict.reason));
    put_resync(object, vm);
    json_object_object_add(object, "join", chb_join_report_json(vm));
    put_qemu(object, vm);
    put_number(object, "health", core->health);
    put_text(object, "phase", chb_phase_id(core->phase));
    put_text(object, "score", score_text(core));
    put_bool(object, "promoted", core->promoted);
    put_text(object, "error", vm->error[0] != '\0' ? vm->error : NULL);
    put_text(object, "line", vm->line);
    json_object_object_add(object, "nodes", nodes_json(vm));
    return object;
}

struct json_object *chb_status_json(struct chb_daemon *daemon, struct chb_vm *only)
{
    struct json_object *result = json_object_new_object();
    put_text(result, "node", daemon->name);
    put_text(result, "version", CHB_VERSION);
    put_number(result, "lateness_ms_worst", daemon->lateness_ms_worst);
    struct json_object *cluster = json_object_new_object();
    put_bool(cluster, "up", daemon->cluster_up);
    put_bool(cluster, "quorate", daemon->quorate);
    put_bool(cluster, "fencing", daemon->fencing.known && daemon->fencing.configured);
    put_bool(cluster, "fencing_known", daemon->fencing.known);
    json_object_object_add(result, "cluster", cluster);
    struct json_object *vms = json_object_new_array();
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        if (only == NULL || only == daemon->vms[i]) {
            json_object_array_add(vms, vm_json(daemon->vms[i]));
        }
    }
    json_object_object_add(result, "vms", vms);
    return result;
}

/* ---- explain ---- */

/* Of a host that serves, why it is no pair; of one that may, why it does not. */
static void add_more(const struct chb_vm *vm, bool allowed, char *text, size_t size)
{
    struct chb_say say = {.text = text, .size = size, .used = strlen(text)};
    if (vm->core.phase == CHB_PHASE_SOLO) {
        chb_say(&say, "; %s", vm->line);
    } else if (allowed && vm->error[0] != '\0') {
        chb_say(&say, "; the last try failed: %s", vm->error);
    }
}

static struct json_object *own_line(struct chb_vm *vm)
{
    const struct chb_core *core = &vm->core;
    char text[CHB_TEXT_SIZE + CHB_VM_TEXT_SIZE];
    struct chb_text_about about;
    struct chb_verdict verdict = chb_gate(core);
    struct json_object *line = json_object_new_object();
    chb_text_about_core(core, &verdict, vm->name, &about);
    about.detail = vm->error[0] != '\0' ? vm->error : NULL;
    put_text(line, "node", vm->daemon->name);
    put_bool(line, "local", true);
    bool in_colo = core->phase == CHB_PHASE_PAIRED || core->phase == CHB_PHASE_HOLDING ||
                   core->phase == CHB_PHASE_GOING_SOLO;
    put_bool(line, "may_go_solo", in_colo && verdict.allowed);
    put_bool(line, "may_be_promoted",
             core->score_sent && core->score != CHB_SCORE_NEVER && core->started);
    if (verdict.allowed) {
        (void)chb_text_verdict(&verdict, &about, &vm->daemon->names, text, sizeof(text));
    } else {
        (void)chb_text_reason_and_remedy(verdict.reason, &about, &vm->daemon->names, text,
                                         sizeof(text));
    }
    add_more(vm, verdict.allowed, text, sizeof(text));
    put_text(line, "reason", text);
    enum chb_proof proof = verdict.allowed ? verdict.proof : core->proof;
    put_text(line, "proof", proof != CHB_PROOF_NONE ? chb_proof_id(proof) : NULL);
    return line;
}

static struct json_object *peer_line(struct chb_vm *vm, const struct chb_peer *peer)
{
    char text[CHB_TEXT_LINE_SIZE];
    char buffer[CHB_TEXT_NODE_SIZE];
    struct chb_text_status status;
    struct json_object *line = json_object_new_object();
    put_text(line, "node", node_text(vm->daemon, peer->node, buffer));
    put_bool(line, "local", false);
    bool talks = peer->member && peer->heard && !peer->silent;
    if (talks) {
        chb_text_status_of_state(&peer->msg, peer->node, &status);
        (void)chb_text_status_line(&status, &vm->daemon->names, text, sizeof(text));
    } else {
        (void)snprintf(text, sizeof(text), "%s",
                       peer->lost     ? "its node is not in the cluster"
                       : peer->silent ? "its agent does not answer"
                                      : "colo-hbd does not run there, or has said nothing yet");
    }
    put_text(line, "reason", text);
    return line;
}

struct json_object *chb_explain_json(struct chb_vm *vm)
{
    struct json_object *lines = json_object_new_array();
    json_object_array_add(lines, own_line(vm));
    for (unsigned i = 0; i < CHB_NODES_MAX; i++) {
        if (vm->core.peers[i].node != 0) {
            json_object_array_add(lines, peer_line(vm, &vm->core.peers[i]));
        }
    }
    struct json_object *result = json_object_new_object();
    json_object_object_add(result, "lines", lines);
    return result;
}
