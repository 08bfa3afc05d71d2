/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/ctl/vm_params.h>

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <agent/config/units.h>
#include <agent/ctl/ctl.h>

#define TIMEOUT_MS_MAX 86400000

static const char usage[] =
    "usage: coloctl vm start|stop|promote|demote|monitor|validate VM "
    "[--param KEY=VALUE]... [--resource ID] [--clone ID] [--probe] [--host]";

/* "KEY=VALUE" that is Pacemaker's own, or of resource-agents' tracing. */
static bool is_foreign(const char *text)
{
    static const char *const prefixes[] = {"CRM_meta_",
                                           "crm_feature_set=", "trace_ra=", "trace_file="};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool add_param(struct chb_vm_args *args, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        (void)chb_ctl_usage("vm", "\"%.60s\" is not right: write --param KEY=VALUE", text);
        return false;
    }
    if (args->n_params == CHB_PARAMS_MAX) {
        (void)chb_ctl_usage("vm", "more than %d parameters", CHB_PARAMS_MAX);
        return false;
    }
    char *key = strndup(text, (size_t)(equals - text));
    if (key == NULL) {
        (void)chb_ctl_usage("vm", "out of memory");
        return false;
    }
    args->keys[args->n_params] = key;
    args->params[args->n_params++] = (struct chb_param){key, equals + 1};
    return true;
}

static bool read_environment(struct chb_vm_args *args)
{
    static const char prefix[] = "OCF_RESKEY_";
    for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
        if (strncmp(*variable, prefix, sizeof(prefix) - 1) != 0) {
            continue;
        }
        const char *text = *variable + sizeof(prefix) - 1;
        if (!is_foreign(text) && !add_param(args, text)) {
            return false;
        }
    }
    uint64_t ms;
    const char *timeout = getenv("OCF_RESKEY_CRM_meta_timeout");
    if (timeout != NULL && chb_parse_number(timeout, 1, TIMEOUT_MS_MAX, &ms) == 0) {
        args->timeout = chb_ms((int64_t)ms);
    }
    return true;
}

bool chb_vm_args_read(int argc, char **argv, chb_span timeout, struct chb_vm_args *ret_args)
{
    static const struct option options[] = {
        {"param", required_argument, NULL, 'p'}, {"resource", required_argument, NULL, 'r'},
        {"clone", required_argument, NULL, 'c'}, {"probe", no_argument, NULL, 'P'},
        {"host", no_argument, NULL, 'H'},        {0}};
    struct chb_vm_args *args = ret_args;
    *args = (struct chb_vm_args){.timeout = timeout};
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "p:", options, NULL)) != -1) {
        if (option == 'p' && !add_param(args, optarg)) {
            return false;
        }
        if (option == 'r') {
            args->resource = optarg;
        } else if (option == 'c') {
            args->clone = optarg;
        } else if (option == 'P') {
            args->probe = true;
        } else if (option == 'H') {
            args->check_host = true;
        } else if (option != 'p') {
            (void)chb_ctl_usage("vm", "%s", usage);
            return false;
        }
    }
    if (argc - optind != 1) {
        (void)chb_ctl_usage("vm", "%s", usage);
        return false;
    }
    args->vm = argv[optind];
    if (args->resource == NULL) {
        args->resource = args->vm;
    }
    return read_environment(args);
}

void chb_vm_args_clear(struct chb_vm_args *args)
{
    for (size_t i = 0; i < args->n_params; i++) {
        free(args->keys[i]);
    }
    args->n_params = 0;
}
