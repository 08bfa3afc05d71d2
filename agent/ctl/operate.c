/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coloctl failover, switchover, resync: an operator's wishes. The daemon decides. */
#include <agent/ctl/ctl.h>

#include <getopt.h>
#include <stdio.h>

#include <agent/ctl/client.h>

#define OPERATE_TIMEOUT_MS 60000

/* An option that takes a node and the argument that it becomes. */
struct node_option {
    const char *option;
    const char *argument;
};

/* Reads "[--OPTION NODE]... VM". Returns false after a complaint. */
static bool read_arguments(int argc, char **argv, const struct node_option *known, size_t n_known,
                           const char *usage, struct json_object *args, const char **ret_vm)
{
    struct option options[4] = {0};
    int option;
    for (size_t i = 0; i < n_known; i++) {
        options[i] = (struct option){known[i].option, required_argument, NULL, (int)i + 1};
    }
    optind = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option < 1 || (size_t)option > n_known || optarg[0] == '\0') {
            (void)chb_ctl_usage(argv[0], "usage: %s", usage);
            return false;
        }
        json_object_object_add(args, known[option - 1].argument, json_object_new_string(optarg));
    }
    if (argc - optind != 1) {
        (void)chb_ctl_usage(argv[0], "name one VM: %s", usage);
        return false;
    }
    *ret_vm = argv[optind];
    return true;
}

static int operate(struct chb_ctl *ctl, const char *command, const char *vm,
                   struct json_object *args, const char *done)
{
    struct chb_reply reply;
    chb_span limit = ctl->timeout.ns != 0 ? ctl->timeout : chb_ms(OPERATE_TIMEOUT_MS);
    chb_ctl_ask(ctl->socket_path, command, vm, args, chb_ms(0), limit, &reply);
    int code = chb_reply_exit(&reply);
    if (code == CHB_CTL_OK) {
        printf("%s: %s\n", vm, chb_ctl_text(reply.result, "text", done));
    } else {
        chb_reply_complain(&reply, vm);
    }
    chb_reply_clear(&reply);
    return code;
}

int chb_ctl_failover(struct chb_ctl *ctl, int argc, char **argv)
{
    static const struct node_option known[] = {{"to", "to"}, {"peer-is-down", "peer_is_down"}};
    const char *vm;
    int code = CHB_CTL_USAGE;
    struct json_object *args = json_object_new_object();
    if (read_arguments(argc, argv, known, 2,
                       "coloctl failover VM [--to NODE] [--peer-is-down NODE]", args, &vm)) {
        code = operate(ctl, "failover", vm, args, "accepted: coloctl status shows how it goes on");
    }
    json_object_put(args);
    return code;
}

int chb_ctl_switchover(struct chb_ctl *ctl, int argc, char **argv)
{
    static const struct node_option known[] = {{"to", "to"}};
    const char *vm;
    int code = CHB_CTL_USAGE;
    struct json_object *args = json_object_new_object();
    if (read_arguments(argc, argv, known, 1, "coloctl switchover VM [--to NODE]", args, &vm)) {
        code =
            operate(ctl, "switchover", vm, args, "accepted: coloctl status shows how it goes on");
    }
    json_object_put(args);
    return code;
}

int chb_ctl_resync(struct chb_ctl *ctl, int argc, char **argv)
{
    static const struct node_option known[] = {{"from", "from"}};
    const char *vm;
    int code = CHB_CTL_USAGE;
    struct json_object *args = json_object_new_object();
    if (read_arguments(argc, argv, known, 1, "coloctl resync VM [--from NODE]", args, &vm)) {
        code = operate(ctl, "resync", vm, args, "accepted: coloctl status shows how it goes on");
    }
    json_object_put(args);
    return code;
}
