/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operator's and the resource agent's commands: each becomes an event for a core, whose reply
 * is the answer, or is answered from what is known. */
#include <agent/shell/vm.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <agent/core/gate.h>
#include <agent/shell/clock.h>
#include <agent/shell/log.h>

#define COMMAND_TIMEOUT_MS 20000
#define STOP_TIMEOUT_MS 60000
#define PROMOTE_TIMEOUT_MS 90000
#define TIMEOUT_MS_MAX 3600000
#define LOADED_TIMEOUT_MS 10000
#define SHUTDOWN_TIMEOUT_MS 60000 /* when the parameters are not known */
#define KILL_MARGIN_MS 5000       /* of a command's time: for a QEMU to be killed and seen dead */

static void answer(struct chb_daemon *daemon, uint64_t client, struct json_object *reply)
{
    chb_control_reply(daemon->control, client, reply);
}

static void refuse(struct chb_daemon *daemon, uint64_t client, enum chb_control_code code,
                   const char *text)
{
    answer(daemon, client, chb_control_error(code, NULL, text));
}

/* ---- commands that wait ---- */

/* The command with this id that waits, or NULL. */
static struct chb_command *find(struct chb_daemon *daemon, uint32_t id)
{
    for (unsigned i = 0; id != 0 && i < CHB_COMMANDS_MAX; i++) {
        struct chb_command *command = &daemon->commands[i];
        if (command->kind != CHB_COMMAND_NONE && command->id == id) {
            return command;
        }
    }
    return NULL;
}

uint32_t chb_command_new(struct chb_daemon *daemon, enum chb_command_kind kind, uint64_t client,
                         struct chb_vm *vm, chb_span timeout)
{
    for (unsigned i = 0; i < CHB_COMMANDS_MAX; i++) {
        struct chb_command *command = &daemon->commands[i];
        if (command->kind != CHB_COMMAND_NONE) {
            continue;
        }
        daemon->next_command += daemon->next_command == UINT32_MAX ? 2 : 1;
        *command = (struct chb_command){
            .kind = kind,
            .id = daemon->next_command,
            .client = client,
            .vm = vm,
            .deadline = chb_time_add(chb_now(), timeout),
        };
        return command->id;
    }
    refuse(daemon, client, CHB_CONTROL_BUSY, "too many commands are under way");
    return 0;
}

const struct chb_command *chb_command_take(struct chb_daemon *daemon, uint32_t id)
{
    static struct chb_command taken;
    struct chb_command *command = find(daemon, id);
    if (command == NULL) {
        return NULL;
    }
    taken = *command;
    *command = (struct chb_command){0};
    return &taken;
}

void chb_command_expire(struct chb_daemon *daemon)
{
    chb_time now = chb_now();
    for (unsigned i = 0; i < CHB_COMMANDS_MAX; i++) {
        struct chb_command *command = &daemon->commands[i];
        if (command->kind != CHB_COMMAND_NONE && chb_time_reached(now, command->deadline)) {
            uint64_t client = command->client;
            *command = (struct chb_command){0};
            refuse(daemon, client, CHB_CONTROL_TIMEOUT,
                   "no answer in time; the command may still be carried out: see coloctl status");
        }
    }
}

/* A daemon that has just been started does not know yet which QEMU runs here. Before it does, the
 * core would take a stop or a demote for done, and what the last daemon left behind would undo it.
 */
void chb_command_give(struct chb_vm *vm, uint64_t client, struct chb_event *event, chb_span timeout)
{
    struct chb_daemon *daemon = vm->daemon;
    uint32_t id = chb_command_new(daemon, vm->core.loaded ? CHB_COMMAND_PLAIN : CHB_COMMAND_HELD,
                                  client, vm, timeout);
    struct chb_command *command = find(daemon, id);
    if (command == NULL) {
        return;
    }
    event->u.command.id = id;
    if (vm->core.loaded) {
        chb_vm_event(vm, event);
        return;
    }
    command->event = event->kind;
    command->node = event->u.command.node;
    command->patience = event->u.command.patience;
}

/* In the order in which they came: a daemon that has just been started has filled the table from
 * its beginning. */
static void give_held(struct chb_vm *vm)
{
    struct chb_daemon *daemon = vm->daemon;
    for (unsigned i = 0; i < CHB_COMMANDS_MAX; i++) {
        struct chb_command *command = &daemon->commands[i];
        if (command->vm == vm && command->kind == CHB_COMMAND_HELD) {
            struct chb_event event = {.kind = command->event};
            event.u.command.id = command->id;
            event.u.command.node = command->node;
            event.u.command.patience = command->patience;
            command->kind = CHB_COMMAND_PLAIN;
            chb_vm_event(vm, &event);
        }
    }
}

static void on_gone(void *userdata, uint64_t client)
{
    struct chb_daemon *daemon = userdata;
    for (unsigned i = 0; i < CHB_COMMANDS_MAX; i++) {
        if (daemon->commands[i].kind != CHB_COMMAND_NONE && daemon->commands[i].client == client) {
            daemon->commands[i] = (struct chb_command){0};
        }
    }
}

/* ---- monitor ---- */

static void answer_monitor(struct chb_vm *vm, uint64_t client, bool probe)
{
    enum chb_monitor monitor = probe ? chb_core_probe(&vm->core) : chb_core_monitor(&vm->core);
    struct json_object *result = json_object_new_object();
    json_object_object_add(result, "ocf", json_object_new_string(chb_monitor_id(monitor)));
    json_object_object_add(result, "reason", json_object_new_string(vm->line));
    json_object_object_add(result, "holding",
                           json_object_new_boolean(vm->core.phase == CHB_PHASE_HOLDING));
    answer(vm->daemon, client, chb_control_ok(result));
    if (probe) {
        chb_vm_signal(vm, CHB_EVENT_PROBED);
    }
}

static void remember_monitor(struct chb_daemon *daemon, struct chb_vm *vm, const char *name,
                             uint64_t client, bool probe)
{
    uint32_t id = chb_command_new(daemon, probe ? CHB_COMMAND_PROBE : CHB_COMMAND_MONITOR, client,
                                  vm, chb_ms(LOADED_TIMEOUT_MS));
    struct chb_command *command = find(daemon, id);
    if (command != NULL) {
        (void)snprintf(command->name, sizeof(command->name), "%s", name);
    }
}

static void monitor(struct chb_daemon *daemon, const char *name, uint64_t client, bool probe)
{
    struct chb_vm *vm = chb_vm_find(daemon, name);
    if (vm == NULL && daemon->self == 0) {
        remember_monitor(daemon, NULL, name, client, probe); /* who knows what runs here */
    } else if (vm == NULL) {
        struct json_object *result = json_object_new_object();
        json_object_object_add(result, "ocf", json_object_new_string("not-running"));
        json_object_object_add(result, "reason",
                               json_object_new_string("not started on this node"));
        answer(daemon, client, chb_control_ok(result));
    } else if (!vm->core.loaded) {
        /* A daemon that has just been started does not know yet, and must not guess. */
        remember_monitor(daemon, vm, name, client, probe);
    } else {
        answer_monitor(vm, client, probe);
    }
}

void chb_command_loaded(struct chb_vm *vm)
{
    struct chb_daemon *daemon = vm->daemon;
    give_held(vm);
    for (unsigned i = 0; i < CHB_COMMANDS_MAX; i++) {
        struct chb_command command = daemon->commands[i];
        if (command.vm == vm &&
            (command.kind == CHB_COMMAND_MONITOR || command.kind == CHB_COMMAND_PROBE)) {
            daemon->commands[i] = (struct chb_command){0};
            answer_monitor(vm, command.client, command.kind == CHB_COMMAND_PROBE);
        }
    }
}

void chb_command_adopted(struct chb_daemon *daemon)
{
    for (unsigned i = 0; i < CHB_COMMANDS_MAX; i++) {
        struct chb_command command = daemon->commands[i];
        if (command.vm == NULL &&
            (command.kind == CHB_COMMAND_MONITOR || command.kind == CHB_COMMAND_PROBE)) {
            daemon->commands[i] = (struct chb_command){0};
            monitor(daemon, command.name, command.client, command.kind == CHB_COMMAND_PROBE);
        }
    }
}

/* ---- commands for the core ---- */

static void to_core(struct chb_vm *vm, uint64_t client, enum chb_event_kind kind, uint32_t node,
                    int64_t timeout_ms)
{
    struct chb_event event = {.kind = kind};
    event.u.command.node = node;
    chb_command_give(vm, client, &event, chb_ms(timeout_ms));
}

/* A stop, or a demote of the last replica: the guest may switch itself off, and is killed before
 * the command's own time is over. */
static void take_down(struct chb_vm *vm, uint64_t client, enum chb_event_kind kind,
                      int64_t timeout_ms)
{
    struct chb_event event = {.kind = kind};
    chb_span patience =
        vm->config != NULL ? vm->config->shutdown_timeout : chb_ms(SHUTDOWN_TIMEOUT_MS);
    chb_span most = chb_ms(timeout_ms > KILL_MARGIN_MS ? timeout_ms - KILL_MARGIN_MS : 0);
    event.u.command.patience = most.ns < patience.ns ? most : patience;
    chb_command_give(vm, client, &event, chb_ms(timeout_ms));
}

/* The node named by an argument. Returns false after having answered. */
static bool take_node(struct chb_daemon *daemon, uint64_t client,
                      const struct chb_control_request *request, const char *key,
                      uint32_t *ret_node)
{
    const char *name = chb_control_arg_text(request, key, CHB_HOST_TEXT_MAX - 1);
    *ret_node = 0;
    if (name == NULL) {
        return true;
    }
    *ret_node = chb_node_id(daemon, name);
    if (*ret_node == 0) {
        char text[CHB_HOST_TEXT_MAX + 128];
        (void)snprintf(text, sizeof(text),
                       "no node \"%s\" in corosync's nodelist: see coloctl status for their names",
                       name);
        refuse(daemon, client, CHB_CONTROL_INVALID, text);
        return false;
    }
    return true;
}

static void failover(struct chb_vm *vm, uint64_t client, const struct chb_control_request *request)
{
    uint32_t to = 0;
    uint32_t down = 0;
    if (!take_node(vm->daemon, client, request, "to", &to) ||
        !take_node(vm->daemon, client, request, "peer_is_down", &down)) {
        return;
    }
    if (down != 0) {
        chb_log(LOG_WARNING, "%s: the operator says that %s is down", vm->name,
                chb_node_name(vm->daemon, down));
        to_core(vm, client, CHB_EVENT_PEER_IS_DOWN, down, COMMAND_TIMEOUT_MS);
    } else {
        to_core(vm, client, CHB_EVENT_SWITCHOVER, to, COMMAND_TIMEOUT_MS);
    }
}

static void resync(struct chb_vm *vm, uint64_t client, const struct chb_control_request *request)
{
    uint32_t from = 0;
    if (!take_node(vm->daemon, client, request, "from", &from)) {
        return;
    }
    if (from != 0 && from != vm->daemon->self) {
        char text[CHB_HOST_TEXT_MAX * 2];
        const char *name = chb_node_name(vm->daemon, from);
        (void)snprintf(text, sizeof(text), "run this on %s: coloctl resync %s --from %s", name,
                       vm->name, name);
        refuse(vm->daemon, client, CHB_CONTROL_REFUSED, text);
        return;
    }
    bool seed = from != 0 && vm->core.qemu == 0;
    if (seed && vm->core.started && vm->parameters != NULL) {
        chb_vm_seed(vm, client);
    } else {
        to_core(vm, client, seed ? CHB_EVENT_SEED : CHB_EVENT_RESYNC, from, COMMAND_TIMEOUT_MS);
    }
}

static void start(struct chb_daemon *daemon, uint64_t client,
                  const struct chb_control_request *request)
{
    struct chb_vm *vm = chb_vm_find(daemon, request->vm);
    struct chb_config_error error = {0};
    if (vm == NULL && chb_vm_name_check(request->vm, &error) < 0) {
        refuse(daemon, client, CHB_CONTROL_INVALID, error.text);
        return;
    }
    int r = vm == NULL ? chb_vm_new(daemon, request->vm, &vm) : 0;
    if (r == -EAGAIN) {
        refuse(daemon, client, CHB_CONTROL_NOT_READY,
               "corosync has not answered yet, so this node does not know its own name: is "
               "corosync running?");
    } else if (r < 0) {
        refuse(daemon, client, CHB_CONTROL_INTERNAL,
               r == -ENOSPC ? "too many VMs on this node" : strerror(-r));
    } else {
        chb_vm_setup(vm, client, request);
    }
}

/* ---- dispatch ---- */

enum verb {
    VERB_STATUS,
    VERB_EXPLAIN,
    VERB_EVENTS,
    VERB_DOCTOR,
    VERB_TIMELINE,
    VERB_FAILOVER,
    VERB_SWITCHOVER,
    VERB_RESYNC,
    VERB_RECORD,
    VERB_VM_START,
    VERB_VM_STOP,
    VERB_VM_PROMOTE,
    VERB_VM_DEMOTE,
    VERB_VM_MONITOR,
    VERB_VM_VALIDATE,
    VERB_MAX,
};

static const char *const verbs[VERB_MAX] = {
    [VERB_STATUS] = "status",         [VERB_EXPLAIN] = "explain",
    [VERB_EVENTS] = "events",         [VERB_TIMELINE] = "timeline",
    [VERB_FAILOVER] = "failover",     [VERB_SWITCHOVER] = "switchover",
    [VERB_RESYNC] = "resync",         [VERB_RECORD] = "record",
    [VERB_VM_START] = "vm-start",     [VERB_VM_STOP] = "vm-stop",
    [VERB_VM_PROMOTE] = "vm-promote", [VERB_VM_DEMOTE] = "vm-demote",
    [VERB_VM_MONITOR] = "vm-monitor", [VERB_VM_VALIDATE] = "vm-validate",
    [VERB_DOCTOR] = "doctor",
};

static enum verb verb_of(const char *command)
{
    unsigned i = 0;
    while (i < VERB_MAX && strcmp(verbs[i], command) != 0) {
        i++;
    }
    return (enum verb)i;
}

static void needs_vm(struct chb_vm *vm, uint64_t client, const struct chb_control_request *request,
                     enum verb verb)
{
    int64_t timeout = chb_control_arg_number(request, "timeout_ms", 1, TIMEOUT_MS_MAX, 0);
    uint32_t to = 0;
    switch (verb) {
    case VERB_EXPLAIN:
        answer(vm->daemon, client, chb_control_ok(chb_explain_json(vm)));
        return;
    case VERB_TIMELINE:
        answer(vm->daemon, client, chb_control_ok(chb_timeline_json(vm)));
        return;
    case VERB_FAILOVER:
        failover(vm, client, request);
        return;
    case VERB_SWITCHOVER:
        if (take_node(vm->daemon, client, request, "to", &to)) {
            to_core(vm, client, CHB_EVENT_SWITCHOVER, to, COMMAND_TIMEOUT_MS);
        }
        return;
    case VERB_RESYNC:
        resync(vm, client, request);
        return;
    case VERB_RECORD:
        chb_recording_ask(vm, client);
        return;
    case VERB_VM_STOP:
        chb_vm_setup_cancel(vm);
        take_down(vm, client, CHB_EVENT_STOP, timeout > 0 ? timeout : STOP_TIMEOUT_MS);
        return;
    case VERB_VM_PROMOTE:
        to_core(vm, client, CHB_EVENT_PROMOTE, 0, timeout > 0 ? timeout : PROMOTE_TIMEOUT_MS);
        return;
    case VERB_VM_DEMOTE:
        take_down(vm, client, CHB_EVENT_DEMOTE, timeout > 0 ? timeout : STOP_TIMEOUT_MS);
        return;
    case VERB_STATUS:
    case VERB_EVENTS:
    case VERB_DOCTOR:
    case VERB_VM_START:
    case VERB_VM_MONITOR:
    case VERB_VM_VALIDATE:
    case VERB_MAX:
        break;
    }
    refuse(vm->daemon, client, CHB_CONTROL_INTERNAL, "this command is not known here");
}

static void unknown_vm(struct chb_daemon *daemon, uint64_t client, enum verb verb,
                       const struct chb_control_request *request)
{
    char text[256];
    if (daemon->self == 0) {
        refuse(daemon, client, CHB_CONTROL_NOT_READY,
               "corosync has not answered yet, so this node does not know what is its own");
        return;
    }
    if (verb == VERB_VM_STOP || verb == VERB_VM_DEMOTE) {
        answer(daemon, client, chb_control_ok(NULL)); /* what is not there is stopped */
        return;
    }
    if (request->vm[0] == '\0') {
        refuse(daemon, client, CHB_CONTROL_INVALID, "which VM? \"vm\" is missing");
        return;
    }
    (void)snprintf(text, sizeof(text),
                   "no VM \"%s\" on this node: it is not started here, or its name is another",
                   request->vm);
    refuse(daemon, client, CHB_CONTROL_NO_SUCH_VM, text);
}

static void on_request(void *userdata, uint64_t client, const struct chb_control_request *request)
{
    struct chb_daemon *daemon = userdata;
    enum verb verb = verb_of(request->command);
    struct chb_vm *vm = request->vm[0] != '\0' ? chb_vm_find(daemon, request->vm) : NULL;
    bool named = request->vm[0] != '\0';
    if (verb == VERB_MAX) {
        char text[128];
        (void)snprintf(text, sizeof(text), "unknown command \"%s\"", request->command);
        refuse(daemon, client, CHB_CONTROL_INVALID, text);
    } else if (verb == VERB_VM_START) {
        start(daemon, client, request);
    } else if (verb == VERB_VM_VALIDATE) {
        answer(daemon, client, chb_vm_validate(daemon, request->vm, request));
    } else if (verb == VERB_VM_MONITOR) {
        monitor(daemon, request->vm, client, chb_control_arg_bool(request, "probe"));
    } else if (verb == VERB_DOCTOR) {
        answer(daemon, client, chb_control_ok(chb_doctor_json(daemon)));
    } else if ((verb == VERB_STATUS || verb == VERB_EVENTS) && (vm != NULL || !named)) {
        size_t max = (size_t)chb_control_arg_number(request, "max", 1, CHB_RING_MAX, CHB_RING_MAX);
        answer(daemon, client,
               chb_control_ok(verb == VERB_STATUS ? chb_status_json(daemon, vm)
                                                  : chb_events_json(daemon, vm, max)));
    } else if (vm == NULL) {
        unknown_vm(daemon, client, verb, request);
    } else {
        needs_vm(vm, client, request, verb);
    }
}

int chb_control_start(struct chb_daemon *daemon)
{
    struct chb_control_config config = {
        .path = daemon->options.socket,
        .group = daemon->options.conf.control_group,
        .priority = CHB_PRIORITY_CONTROL,
    };
    return chb_control_server_new(daemon->event, &config, on_request, on_gone, daemon,
                                  &daemon->control);
}

void chb_control_stop(struct chb_daemon *daemon)
{
    daemon->control = chb_control_server_free(daemon->control);
}
