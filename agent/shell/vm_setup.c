/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vm-start`: reads the parameters, looks at the images and asks QEMU for its version, and then
 * tells the core. Nothing is in force before all of it is known, and Pacemaker has a score to go
 * by. */
#include <agent/shell/vm.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <agent/shell/clock.h>
#include <agent/shell/log.h>

#define INFO_TIMEOUT_MS 20000
#define START_TIMEOUT_MS 20000
#define SCORE_TIMEOUT_MS 3000

struct parameters {
    size_t count;
    struct chb_param list[CHB_PARAMS_MAX];
};

/* Borrows from @object. */
static int take_parameters(struct json_object *object, struct parameters *ret,
                           struct chb_config_error *ret_error)
{
    ret->count = 0;
    json_object_object_foreach(object, key, value)
    {
        if (ret->count == CHB_PARAMS_MAX) {
            return chb_config_fail(ret_error, -E2BIG, NULL, 0, "more than %d parameters",
                                   CHB_PARAMS_MAX);
        }
        if (!json_object_is_type(value, json_type_string) ||
            strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value)) {
            return chb_config_fail(ret_error, -EINVAL, key, 0, "%s: its value is not a text", key);
        }
        ret->list[ret->count++] =
            (struct chb_param){.key = key, .value = json_object_get_string(value)};
    }
    return 0;
}

static int load(struct chb_daemon *daemon, const char *name, struct json_object *object,
                struct chb_vm_config **ret_config, struct chb_config_error *ret_error)
{
    struct parameters parameters;
    struct chb_vm_identity identity = {.vm = name, .cluster = daemon->cluster_name};
    int r = take_parameters(object, &parameters, ret_error);
    if (r < 0) {
        return r;
    }
    return chb_params_load(&identity, parameters.list, parameters.count, ret_config, ret_error);
}

static struct json_object *parameters_of(const struct chb_control_request *request)
{
    struct json_object *object = NULL;
    if (request->args == NULL || !json_object_object_get_ex(request->args, "parameters", &object) ||
        !json_object_is_type(object, json_type_object)) {
        return NULL;
    }
    return object;
}

struct json_object *chb_vm_validate(struct chb_daemon *daemon, const char *name,
                                    const struct chb_control_request *request)
{
    struct chb_config_error error = {0};
    struct chb_vm_config *config = NULL;
    struct json_object *object = parameters_of(request);
    if (object == NULL) {
        return chb_control_error(CHB_CONTROL_INVALID, NULL, "\"parameters\" is missing");
    }
    int r = load(daemon, name, object, &config, &error);
    if (r == 0) {
        r = chb_vm_config_check_bridges(config, &error);
    }
    chb_vm_config_free(config);
    return r < 0 ? chb_control_error(CHB_CONTROL_INVALID, NULL, error.text) : chb_control_ok(NULL);
}

/* ---- the end: all is known ---- */

static void put_in_force(struct chb_vm *vm)
{
    chb_vm_config_free(vm->config);
    json_object_put(vm->parameters);
    vm->config = vm->setup.config;
    vm->parameters = vm->setup.parameters;
    vm->settings = vm->setup.settings;
    memcpy(vm->resource, vm->setup.resource, sizeof(vm->resource));
    memcpy(vm->clone, vm->setup.clone, sizeof(vm->clone));
    vm->setup.config = NULL;
    vm->setup.parameters = NULL;
    vm->saved.valid = false;
}

static void tell_core(struct chb_vm *vm, uint32_t command)
{
    struct chb_event event = {.kind = CHB_EVENT_START};
    event.u.command.id = command;
    event.u.command.settings = vm->settings;
    chb_vm_event(vm, &event);
}

static void say_ipv6(const struct chb_vm *vm)
{
    if (vm->config->spec.n_nics == 0) {
        return;
    }
    if (vm->config->ipv6 == CHB_IPV6_DROP) {
        chb_log(LOG_NOTICE, "%s: IPv6 from and to the guest is dropped, COLO cannot hold it back",
                vm->name);
    } else {
        chb_log(LOG_WARNING,
                "%s: the guest's IPv6 leaves before both copies agree (ipv6=allow): a failover may "
                "undo what clients over IPv6 have seen",
                vm->name);
    }
}

/* Pacemaker was told that it is never to be promoted, which the core does not know: one that wants
 * what it wanted before it was stopped would have nothing new to say. */
static void tell_score_again(struct chb_vm *vm)
{
    if (vm->core.started && vm->core.score_sent) {
        chb_vm_tell_score(vm, vm->core.score);
    }
}

static void stop_awaiting(struct chb_vm *vm)
{
    vm->setup.score_ticket = 0;
    vm->setup.score_late = sd_event_source_disable_unref(vm->setup.score_late);
}

static void clear(struct chb_vm *vm)
{
    stop_awaiting(vm);
    vm->setup.chain = chb_chain_free(vm->setup.chain);
    vm->setup.config = chb_vm_config_free(vm->setup.config);
    json_object_put(vm->setup.parameters);
    vm->setup.parameters = NULL;
    vm->setup.running = false;
}

void chb_vm_setup_cancel(struct chb_vm *vm)
{
    if (vm->setup.running && vm->daemon->control != NULL) {
        chb_control_reply(vm->daemon->control, vm->setup.client,
                          chb_control_error(CHB_CONTROL_REFUSED, NULL, "stopped meanwhile"));
    }
    clear(vm);
}

static void refuse(struct chb_vm *vm, enum chb_control_code code, const char *text)
{
    chb_log(LOG_WARNING, "%s: %s: %s", vm->name,
            vm->setup.seed ? "its data is not taken from here" : "not started", text);
    chb_control_reply(vm->daemon->control, vm->setup.client, chb_control_error(code, NULL, text));
    clear(vm);
}

/* The images were looked at again, and the operator's word goes to the core. Meanwhile the VM may
 * have been stopped, or be on its way. */
static void finish_seed(struct chb_vm *vm)
{
    uint64_t client = vm->setup.client;
    if (!vm->core.started || vm->core.stop_wanted || vm->core.qemu != 0) {
        refuse(vm, CHB_CONTROL_REFUSED, "its state has changed meanwhile: see coloctl status");
        return;
    }
    put_in_force(vm);
    vm->setup.running = false;
    tell_core(vm, 0);
    struct chb_event event = {.kind = CHB_EVENT_SEED};
    event.u.command.node = vm->daemon->self;
    event.u.command.id =
        chb_command_new(vm->daemon, CHB_COMMAND_PLAIN, client, vm, chb_ms(START_TIMEOUT_MS));
    if (event.u.command.id != 0) {
        chb_vm_event(vm, &event);
    }
}

static void finish(struct chb_vm *vm)
{
    uint64_t client = vm->setup.client;
    put_in_force(vm);
    chb_vm_forget_mark(vm);
    say_ipv6(vm);
    vm->setup.running = false;
    uint32_t command =
        chb_command_new(vm->daemon, CHB_COMMAND_PLAIN, client, vm, chb_ms(START_TIMEOUT_MS));
    if (command != 0) {
        tell_core(vm, command);
        tell_score_again(vm);
        chb_vm_health(vm, true);
        chb_cib_read(vm);
    }
}

void chb_vm_setup_scored(struct chb_vm *vm, const char *resource, uint64_t ticket)
{
    if (vm->setup.score_ticket != 0 && ticket >= vm->setup.score_ticket &&
        strcmp(resource, vm->setup.resource) == 0) {
        stop_awaiting(vm);
        finish(vm);
    }
}

static int on_score_late(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_vm *vm = userdata;
    (void)source;
    (void)usec;
    chb_log(LOG_WARNING, "%s: Pacemaker does not take its promotion score; started all the same",
            vm->name);
    stop_awaiting(vm);
    finish(vm);
    return 0;
}

/* Pacemaker must not find the resource started and without a score of ours: until it has one it
 * goes by any that somebody has left there for good, and would promote it on that. */
static void await_score(struct chb_vm *vm)
{
    enum chb_score score = vm->core.started ? vm->core.score : CHB_SCORE_NEVER;
    vm->setup.score_ticket = chb_cib_score_first(vm->daemon, vm->setup.resource, score);
    if (vm->setup.score_ticket == 0 || chb_timer_new(vm->daemon, CHB_PRIORITY_SLOW, on_score_late,
                                                     vm, &vm->setup.score_late) < 0) {
        stop_awaiting(vm);
        finish(vm);
        return;
    }
    chb_timer_set(vm->setup.score_late, chb_time_add(chb_now(), chb_ms(SCORE_TIMEOUT_MS)));
}

/* ---- images and version ---- */

static void on_info(void *userdata, size_t index, const char *text)
{
    struct chb_vm *vm = userdata;
    if (index == 0) {
        struct chb_qmp_version version;
        if (chb_qmp_version_parse(text, &version) == 0) {
            vm->setup.settings.qemu_version =
                version.major << 16 | version.minor << 8 | version.micro;
        }
        return;
    }
    struct json_object *root = json_tokener_parse(text);
    struct json_object *size = NULL;
    if (json_object_is_type(root, json_type_object) &&
        json_object_object_get_ex(root, "virtual-size", &size) &&
        json_object_is_type(size, json_type_int)) {
        vm->setup.settings.disk_bytes[vm->setup.disks[index]] = json_object_get_uint64(size);
    }
    json_object_put(root);
}

static void on_info_done(void *userdata, const struct chb_chain_result *result)
{
    struct chb_vm *vm = userdata;
    vm->setup.chain = NULL;
    if (result->outcome != CHB_OUTCOME_DONE) {
        refuse(vm, CHB_CONTROL_REFUSED, result->error);
        return;
    }
    if (vm->setup.settings.qemu_version == 0) {
        refuse(vm, CHB_CONTROL_REFUSED, "QEMU does not tell its version");
        return;
    }
    if (vm->setup.seed) {
        finish_seed(vm);
    } else {
        await_score(vm);
    }
}

static int start_info(struct chb_vm *vm)
{
    const struct chb_vm_spec *spec = &vm->setup.config->spec;
    const struct chb_conf *conf = &vm->daemon->options.conf;
    struct chb_chain *chain = chb_chain_new(vm->daemon->images);
    if (chain == NULL) {
        return -ENOMEM;
    }
    const char *version[] = {"env", spec->binary != NULL ? spec->binary : conf->qemu, "--version",
                             NULL};
    chb_chain_add(chain, chb_ms(INFO_TIMEOUT_MS), version);
    unsigned n_commands = 1;
    for (unsigned i = 0; i < spec->n_disks && n_commands < CHB_DISKS_MAX + 1; i++) {
        const struct chb_vm_disk *disk = &spec->disks[i];
        if (access(disk->path, F_OK) < 0) {
            continue;
        }
        const char *info[] = {"env",
                              conf->qemu_img,
                              "info",
                              "-U",
                              "--output=json",
                              "-f",
                              disk->format != NULL ? disk->format : "qcow2",
                              disk->path,
                              NULL};
        chb_chain_add(chain, chb_ms(INFO_TIMEOUT_MS), info);
        vm->setup.disks[n_commands++] = i;
    }
    int r = chb_chain_start(chain, on_info, on_info_done, vm);
    if (r < 0) {
        chb_chain_free(chain);
        return r;
    }
    vm->setup.chain = chain;
    return 0;
}

/* ---- the beginning ---- */

/* A QEMU that runs cannot be given other parameters. */
static bool contradicts(const struct chb_vm *vm)
{
    return vm->qemu.identity != 0 && vm->parameters != NULL &&
           json_object_equal(vm->parameters, vm->setup.parameters) == 0;
}

static void take_settings(struct chb_vm *vm)
{
    const struct chb_vm_config *config = vm->setup.config;
    int missing = chb_vm_config_missing_image(config, NULL);
    vm->setup.settings = (struct chb_settings){
        .spec_hash = config->spec_hash,
        .hang_timeout = config->hang_timeout,
        .require_fencing = config->require_fencing,
        .image_present = missing == 0,
        .restart_guest = config->restart_guest,
    };
    memcpy(vm->setup.settings.spec_parts, config->spec_parts, sizeof(config->spec_parts));
}

static void take_name(const struct chb_control_request *request, const char *key,
                      const char *fallback, char ret_name[static CHB_RESOURCE_NAME_SIZE])
{
    const char *text = chb_control_arg_text(request, key, CHB_RESOURCE_NAME_SIZE - 1);
    (void)snprintf(ret_name, CHB_RESOURCE_NAME_SIZE, "%s",
                   text != NULL && text[0] != '\0' ? text : fallback);
}

/* What comes first, whether it is started or a seed: reads the parameters (NULL: there are none).
 * Returns false after having answered. */
static bool begin(struct chb_vm *vm, uint64_t client, bool seed, struct json_object *parameters)
{
    struct chb_config_error error = {0};
    if (vm->setup.running) {
        chb_control_reply(
            vm->daemon->control, client,
            chb_control_error(CHB_CONTROL_BUSY, NULL, "this VM is being started already"));
        return false;
    }
    vm->setup.running = true;
    vm->setup.seed = seed;
    vm->setup.client = client;
    if (parameters == NULL) {
        refuse(vm, CHB_CONTROL_INVALID, "\"parameters\" is missing");
        return false;
    }
    vm->setup.parameters = json_object_get(parameters);
    if (load(vm->daemon, vm->name, parameters, &vm->setup.config, &error) < 0) {
        refuse(vm, CHB_CONTROL_INVALID, error.text);
        return false;
    }
    return true;
}

/* What comes last: the images and QEMU are asked, and on_info_done() goes on. */
static void ask_host(struct chb_vm *vm)
{
    take_settings(vm);
    int r = start_info(vm);
    if (r < 0) {
        refuse(vm, CHB_CONTROL_INTERNAL, strerror(-r));
    }
}

void chb_vm_setup(struct chb_vm *vm, uint64_t client, const struct chb_control_request *request)
{
    struct chb_config_error error = {0};
    if (!begin(vm, client, false, parameters_of(request))) {
        return;
    }
    take_name(request, "resource", vm->name, vm->setup.resource);
    take_name(request, "clone", vm->setup.resource, vm->setup.clone);
    /* Of this host alone: on another one it may well start. coloctl has looked at all the rest. */
    if (chb_vm_config_check_bridges(vm->setup.config, &error) < 0) {
        refuse(vm, CHB_CONTROL_REFUSED, error.text);
        return;
    }
    if (contradicts(vm)) {
        refuse(vm, CHB_CONTROL_REFUSED,
               "its QEMU runs with other parameters on this node: stop the resource, then start "
               "it with the new ones");
        return;
    }
    ask_host(vm);
}

void chb_vm_set_version(struct chb_vm *vm, uint32_t version)
{
    vm->settings.qemu_version = version;
    if (vm->core.started && !vm->core.stop_wanted) {
        struct chb_event event = {.kind = CHB_EVENT_START};
        event.u.command.settings = vm->core.settings; /* it knows images that it had made */
        event.u.command.settings.qemu_version = version;
        chb_vm_event(vm, &event);
    }
}

/* The operator says that the data is here, and it is not, or cannot be used. */
static void refuse_seed(struct chb_vm *vm, const char *image, int error)
{
    char text[CHB_VM_TEXT_SIZE];
    if (error == ENOENT) {
        (void)snprintf(text, sizeof(text),
                       "this host has no image %.200s: put it there first, or name the host that "
                       "has the data",
                       image);
    } else {
        (void)snprintf(text, sizeof(text),
                       "image %.200s on this host: %s: mend that first, or name the host that has "
                       "the data",
                       image, strerror(error));
    }
    refuse(vm, CHB_CONTROL_REFUSED, text);
}

void chb_vm_seed(struct chb_vm *vm, uint64_t client)
{
    if (!begin(vm, client, true, vm->parameters)) {
        return;
    }
    memcpy(vm->setup.resource, vm->resource, sizeof(vm->resource));
    memcpy(vm->setup.clone, vm->clone, sizeof(vm->clone));
    const char *image = NULL;
    int r = chb_vm_config_missing_image(vm->setup.config, &image);
    if (r < 0) {
        refuse_seed(vm, image, -r);
        return;
    }
    ask_host(vm);
}

int chb_vm_configure(struct chb_vm *vm, const struct chb_runtime *runtime)
{
    struct chb_config_error error = {0};
    struct chb_vm_config *config = NULL;
    int r = load(vm->daemon, vm->name, runtime->parameters, &config, &error);
    if (r < 0) {
        chb_log(LOG_ERR, "%s: the parameters that it was started with cannot be read again: %s",
                vm->name, error.text);
        return r;
    }
    vm->config = config;
    vm->parameters = json_object_get(runtime->parameters);
    vm->settings = runtime->settings;
    memcpy(vm->resource, runtime->resource, sizeof(vm->resource));
    memcpy(vm->clone, runtime->clone, sizeof(vm->clone));
    tell_core(vm, 0);
    return 0;
}
