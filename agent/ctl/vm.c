/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coloctl vm: what the resource agent calls. Exit codes are OCF's; standard error has the reason,
 * as one line. */
#include <agent/ctl/ctl.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <agent/config/conf_file.h>
#include <agent/ctl/client.h>
#include <agent/ctl/doctor_qemu.h>
#include <agent/ctl/fallback.h>
#include <agent/ctl/ocf.h>
#include <agent/ctl/vm_params.h>

#define RESTART_MS 5000 /* a daemon that is restarted is back by then */
#define MONITOR_ANSWER_MS 5000
#define LATER_MS 300   /* between two tries when it is not ready yet */
#define MARGIN_MS 1000 /* of an operation's time, kept for ourselves */

typedef enum chb_ocf vm_action(struct chb_ctl *ctl, const struct chb_vm_args *args);

static void say(const char *text)
{
    (void)fprintf(stderr, "%s\n", text);
}

/* The time for an answer: the operation's, less what we need ourselves. */
static chb_span answer_limit(const struct chb_vm_args *args, chb_span spent)
{
    int64_t ms = chb_span_ms(args->timeout) - chb_span_ms(spent) - MARGIN_MS;
    return chb_ms(ms < MARGIN_MS ? MARGIN_MS : ms);
}

static chb_span shorter(chb_span a, chb_span b)
{
    return a.ns < b.ns ? a : b;
}

/* The daemon is absent, or says nothing. */
static bool is_silent(const struct chb_reply *reply)
{
    return reply->error != 0;
}

static enum chb_ocf ocf_of_reply(const struct chb_reply *reply)
{
    if (reply->error == 0 && reply->ok) {
        return CHB_OCF_SUCCESS;
    }
    say(reply->text);
    if (reply->error != 0) {
        return CHB_OCF_ERR_GENERIC;
    }
    if (strcmp(reply->code, "invalid") == 0) {
        return CHB_OCF_ERR_CONFIGURED;
    }
    return strcmp(reply->code, "no-such-vm") == 0 ? CHB_OCF_NOT_RUNNING : CHB_OCF_ERR_GENERIC;
}

/* The daemon has ended, by its watchdog or for an upgrade, while it was being asked. The next one
 * can be asked again: Pacemaker's commands may be given twice. */
static bool is_replaced(const struct chb_reply *reply)
{
    return reply->error == -ECONNRESET || reply->error == -EPIPE;
}

/* Later may be better: a host that boots has no corosync yet, and a failure would count against it.
 */
static bool is_later(const struct chb_reply *reply)
{
    return reply->error == 0 && !reply->ok &&
           (strcmp(reply->code, "not-ready") == 0 || strcmp(reply->code, "busy") == 0);
}

static enum chb_ocf ask_simply(struct chb_ctl *ctl, const struct chb_vm_args *args,
                               const char *command, struct json_object *json)
{
    const struct timespec pause = {.tv_nsec = LATER_MS * 1000000L};
    chb_time begin = chb_ctl_now();
    chb_time give_up = chb_time_add(begin, chb_ms(chb_span_ms(args->timeout) / 2));
    struct chb_reply reply;
    for (;;) {
        chb_span spent = chb_time_since(chb_ctl_now(), begin);
        chb_ctl_ask(ctl->socket_path, command, args->vm, json, chb_ms(RESTART_MS),
                    answer_limit(args, chb_ms(RESTART_MS + chb_span_ms(spent))), &reply);
        bool again = is_later(&reply) || is_replaced(&reply);
        if (!again || chb_time_reached(chb_ctl_now(), give_up)) {
            break;
        }
        chb_reply_clear(&reply);
        (void)nanosleep(&pause, NULL);
    }
    enum chb_ocf code = ocf_of_reply(&reply);
    chb_reply_clear(&reply);
    return code;
}

static struct json_object *parameters_json(const struct chb_vm_args *args)
{
    struct json_object *parameters = json_object_new_object();
    for (size_t i = 0; i < args->n_params; i++) {
        json_object_object_add(parameters, args->params[i].key,
                               json_object_new_string(args->params[i].value));
    }
    return parameters;
}

/* What they need of this host. Returns 0, or -errno with @ret_error. */
static int check_host(const struct chb_vm_config *config, struct chb_config_error *ret_error)
{
    struct chb_conf conf;
    char reason[256];
    if (chb_conf_load(NULL, &conf, NULL) < 0) {
        chb_conf_init(&conf);
    }
    const char *qemu = config->spec.binary != NULL ? config->spec.binary : conf.qemu;
    int r = chb_vm_config_check_host(config, conf.qemu, ret_error);
    if (r == 0 && chb_doctor_qemu_version(qemu, reason, sizeof(reason)) < 0) {
        r = chb_config_fail(ret_error, -EOPNOTSUPP, "qemu", 0, "qemu: %.200s on this host: %s",
                            qemu, reason);
    }
    return r;
}

/* Reads the parameters as the daemon will, and looks at what they need of this host. */
static enum chb_ocf check(const struct chb_vm_args *args, bool host)
{
    const struct chb_vm_identity identity = {.vm = args->vm};
    struct chb_vm_config *config = NULL;
    struct chb_config_error error;
    int r = chb_params_load(&identity, args->params, args->n_params, &config, &error);
    if (r == -EINVAL || r == -E2BIG) {
        say(error.text);
        return CHB_OCF_ERR_CONFIGURED;
    }
    if (r == 0 && host) {
        r = check_host(config, &error);
    }
    (void)chb_vm_config_free(config);
    if (r < 0) {
        say(error.text);
        return strcmp(error.key, "qemu") == 0 ? CHB_OCF_ERR_INSTALLED : CHB_OCF_ERR_ARGS;
    }
    return CHB_OCF_SUCCESS;
}

static enum chb_ocf validate(struct chb_ctl *ctl, const struct chb_vm_args *args)
{
    (void)ctl;
    return check(args, args->check_host);
}

static enum chb_ocf start(struct chb_ctl *ctl, const struct chb_vm_args *args)
{
    enum chb_ocf code = check(args, true);
    if (code != CHB_OCF_SUCCESS) {
        return code;
    }
    struct json_object *json = json_object_new_object();
    json_object_object_add(json, "parameters", parameters_json(args));
    json_object_object_add(json, "resource", json_object_new_string(args->resource));
    if (args->clone != NULL) {
        json_object_object_add(json, "clone", json_object_new_string(args->clone));
    }
    code = ask_simply(ctl, args, "vm-start", json);
    json_object_put(json);
    return code;
}

static enum chb_ocf change_role(struct chb_ctl *ctl, const struct chb_vm_args *args,
                                const char *command)
{
    int64_t ms = chb_span_ms(answer_limit(args, chb_ms(RESTART_MS)));
    struct json_object *json = json_object_new_object();
    json_object_object_add(json, "timeout_ms", json_object_new_int64(ms));
    enum chb_ocf code = ask_simply(ctl, args, command, json);
    json_object_put(json);
    return code;
}

static enum chb_ocf promote(struct chb_ctl *ctl, const struct chb_vm_args *args)
{
    return change_role(ctl, args, "vm-promote");
}

static enum chb_ocf demote(struct chb_ctl *ctl, const struct chb_vm_args *args)
{
    return change_role(ctl, args, "vm-demote");
}

static void ask_to_stop(struct chb_ctl *ctl, const char *vm, chb_span connect_limit, chb_span limit,
                        struct chb_reply *ret_reply)
{
    struct json_object *json = json_object_new_object();
    json_object_object_add(json, "timeout_ms", json_object_new_int64(chb_span_ms(limit)));
    chb_ctl_ask(ctl->socket_path, "vm-stop", vm, json, connect_limit, limit, ret_reply);
    json_object_put(json);
}

/* A failed stop has the host fenced, so a daemon that is away is waited for, and in the end the VM
 * is stopped without it. Its time has three equal parts: to connect, to be answered, and to do
 * without; who is asked twice shares the first two between both. */
static enum chb_ocf stop(struct chb_ctl *ctl, const struct chb_vm_args *args)
{
    struct chb_left_behind left;
    struct chb_reply reply;
    char text[256];
    chb_time begin = chb_ctl_now();
    bool nothing_left = chb_left_behind_read(ctl->socket_path, args->vm, &left) == -ENOENT;
    chb_span wait = chb_ms(chb_span_ms(args->timeout) / 3);
    chb_span connect_limit = nothing_left ? chb_ms(0) : wait;
    ask_to_stop(ctl, args->vm, connect_limit, wait, &reply);
    int64_t left_ms = 2 * chb_span_ms(wait) - chb_span_ms(chb_time_since(chb_ctl_now(), begin));
    chb_span half = shorter(wait, chb_ms(left_ms / 2));
    if (is_replaced(&reply) && chb_span_ms(half) > 0) {
        chb_reply_clear(&reply);
        ask_to_stop(ctl, args->vm, shorter(connect_limit, half), half, &reply);
    }
    enum chb_ocf code = CHB_OCF_SUCCESS;
    if (is_silent(&reply)) {
        chb_span rest = answer_limit(args, chb_time_since(chb_ctl_now(), begin));
        code = chb_fallback_stop(ctl->socket_path, args->vm,
                                 shorter(shorter(wait, rest), chb_ms(10000)), text, sizeof(text));
        if (code != CHB_OCF_SUCCESS) {
            say(text);
        }
    } else if (strcmp(reply.code, "no-such-vm") != 0) {
        code = ocf_of_reply(&reply);
    }
    chb_reply_clear(&reply);
    return code;
}

static enum chb_ocf ocf_of_state(const struct chb_reply *reply)
{
    const char *state = chb_ctl_text(reply->result, "ocf", "");
    const char *reason = chb_ctl_text(reply->result, "reason", "");
    if (json_object_get_boolean(chb_ctl_member(reply->result, "holding"))) {
        say(reason); /* no failure, and yet nobody is served: the agent's log is to have it */
    }
    if (strcmp(state, "promoted") == 0) {
        return CHB_OCF_RUNNING_PROMOTED;
    }
    if (strcmp(state, "unpromoted") == 0) {
        return CHB_OCF_SUCCESS;
    }
    if (strcmp(state, "not-running") == 0) {
        return CHB_OCF_NOT_RUNNING;
    }
    say(reason[0] != '\0' ? reason : "colo-hbd reports a failure without a reason: see its log");
    return strcmp(state, "failed") == 0 ? CHB_OCF_FAILED_PROMOTED : CHB_OCF_ERR_GENERIC;
}

static enum chb_ocf monitor(struct chb_ctl *ctl, const struct chb_vm_args *args)
{
    struct chb_left_behind left;
    struct chb_reply reply;
    char text[256] = "";
    bool nothing_left = chb_left_behind_read(ctl->socket_path, args->vm, &left) == -ENOENT;
    chb_span connect_limit = shorter(chb_ms(RESTART_MS), chb_ms(chb_span_ms(args->timeout) / 3));
    chb_span limit = shorter(chb_ms(MONITOR_ANSWER_MS), answer_limit(args, connect_limit));
    struct json_object *json = json_object_new_object();
    json_object_object_add(json, "probe", json_object_new_boolean(args->probe));
    chb_ctl_ask(ctl->socket_path, "vm-monitor", args->vm, json,
                nothing_left ? chb_ms(0) : connect_limit, limit, &reply);
    json_object_put(json);
    enum chb_ocf code;
    if (is_silent(&reply)) {
        code = chb_fallback_monitor(ctl->socket_path, args->vm, args->probe, text, sizeof(text));
        if (text[0] != '\0') {
            say(text);
        }
    } else if (reply.ok) {
        code = ocf_of_state(&reply);
    } else if (strcmp(reply.code, "no-such-vm") == 0) {
        code = CHB_OCF_NOT_RUNNING;
    } else {
        code = ocf_of_reply(&reply);
    }
    chb_reply_clear(&reply);
    return code;
}

int chb_ctl_vm(struct chb_ctl *ctl, int argc, char **argv)
{
    static const struct {
        const char *name;
        vm_action *run;
        int timeout_ms; /* when nobody says one */
    } actions[] = {
        {"start", start, 30000},   {"stop", stop, 60000},       {"promote", promote, 30000},
        {"demote", demote, 30000}, {"monitor", monitor, 20000}, {"validate", validate, 20000},
    };
    struct chb_vm_args args;
    for (size_t i = 0; argc > 1 && i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(argv[1], actions[i].name) != 0) {
            continue;
        }
        enum chb_ocf code = CHB_OCF_ERR_ARGS;
        if (chb_vm_args_read(argc - 1, argv + 1, chb_ms(actions[i].timeout_ms), &args)) {
            args.timeout = ctl->timeout.ns != 0 ? ctl->timeout : args.timeout;
            code = actions[i].run(ctl, &args);
        }
        chb_vm_args_clear(&args);
        return (int)code;
    }
    (void)chb_ctl_usage("vm", "say what to do: start, stop, promote, demote, monitor or validate");
    return CHB_OCF_ERR_UNIMPLEMENTED;
}
