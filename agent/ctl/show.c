/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coloctl explain, coloctl events */
#include <agent/ctl/ctl.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <agent/config/units.h>
#include <agent/ctl/client.h>

#define SHOW_TIMEOUT_MS 5000
#define EVENTS_MAX 10000

/* Asks, and prints the error or, with --json, the result as it is. Returns true when there is a
 * result to print. */
static bool ask(struct chb_ctl *ctl, const char *command, const char *vm, struct json_object *args,
                struct chb_reply *ret_reply, int *ret_code)
{
    chb_span limit = ctl->timeout.ns != 0 ? ctl->timeout : chb_ms(SHOW_TIMEOUT_MS);
    chb_ctl_ask(ctl->socket_path, command, vm, args, chb_ms(0), limit, ret_reply);
    *ret_code = chb_reply_exit(ret_reply);
    if (*ret_code != CHB_CTL_OK) {
        chb_reply_complain(ret_reply, vm);
        return false;
    }
    if (ctl->json) {
        printf("%s\n", json_object_to_json_string_ext(
                           ret_reply->result, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED));
        return false;
    }
    return true;
}

/* What a replica may do; another host's agent may leave it out, and then nothing is claimed. */
static bool print_may(struct json_object *line, const char *before, const char *key,
                      const char *words)
{
    if (!json_object_is_type(chb_ctl_member(line, key), json_type_boolean)) {
        return false;
    }
    printf("%s%s %s", before, chb_ctl_bool(line, key, false) ? "may" : "may not", words);
    return true;
}

static void print_explanation(struct json_object *line)
{
    const char *proof = chb_ctl_text(line, "proof", "");
    printf("%s%s", chb_ctl_text(line, "node", "?"),
           chb_ctl_bool(line, "local", false) ? " (this host)" : "");
    bool said = print_may(line, ": ", "may_go_solo", "go on alone");
    (void)print_may(line, said ? ", " : ": ", "may_be_promoted", "be promoted");
    printf(": %s", chb_ctl_text(line, "reason", "?"));
    if (proof[0] != '\0' && strcmp(proof, "none") != 0) {
        printf(" [proof: %s]", proof);
    }
    printf("\n");
}

int chb_ctl_explain(struct chb_ctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
    struct chb_reply reply;
    int option;
    int code;
    optind = 0;
    while ((option = getopt_long(argc, argv, "j", options, NULL)) != -1) {
        if (option != 'j') {
            return chb_ctl_usage("explain", "usage: coloctl explain VM [--json]");
        }
        ctl->json = true;
    }
    if (argc - optind != 1) {
        return chb_ctl_usage("explain", "name one VM: coloctl explain VM");
    }
    if (ask(ctl, "explain", argv[optind], NULL, &reply, &code)) {
        struct json_object *lines = chb_ctl_member(reply.result, "lines");
        for (size_t i = 0; i < chb_ctl_count(lines); i++) {
            print_explanation(chb_ctl_item(lines, i));
        }
    }
    chb_reply_clear(&reply);
    return code;
}

static int show_events(struct chb_ctl *ctl, const char *vm, uint64_t max)
{
    struct chb_reply reply;
    int code;
    struct json_object *args = json_object_new_object();
    json_object_object_add(args, "max", json_object_new_int64((int64_t)max));
    if (ask(ctl, "events", vm, args, &reply, &code)) {
        struct json_object *events = chb_ctl_member(reply.result, "events");
        for (size_t i = 0; i < chb_ctl_count(events); i++) {
            struct json_object *event = chb_ctl_item(events, i);
            printf("%s %s: %s\n", chb_ctl_text(event, "time", "?"), chb_ctl_text(event, "vm", "-"),
                   chb_ctl_text(event, "text", chb_ctl_text(event, "note", "?")));
        }
    }
    chb_reply_clear(&reply);
    json_object_put(args);
    return code;
}

/* A failover's time ledger: each step's distance from the first and from the one before. */
static void print_failover(struct json_object *failover)
{
    struct json_object *steps = chb_ctl_member(failover, "steps");
    int64_t first = chb_ctl_number(chb_ctl_item(steps, 0), "boottime_ns", 0);
    int64_t before = first;
    printf("%s\n", chb_ctl_text(chb_ctl_item(steps, 0), "time", "failover"));
    for (size_t i = 0; i < chb_ctl_count(steps); i++) {
        struct json_object *step = chb_ctl_item(steps, i);
        int64_t at = chb_ctl_number(step, "boottime_ns", before);
        printf("  %9.3f ms  +%8.3f  %s\n", (double)(at - first) / 1e6, (double)(at - before) / 1e6,
               chb_ctl_text(step, "step", "?"));
        before = at;
    }
}

static int show_timeline(struct chb_ctl *ctl, const char *vm)
{
    struct chb_reply reply;
    int code;
    if (ask(ctl, "timeline", vm, NULL, &reply, &code)) {
        struct json_object *failovers = chb_ctl_member(reply.result, "failovers");
        for (size_t i = 0; i < chb_ctl_count(failovers); i++) {
            print_failover(chb_ctl_item(failovers, i));
        }
        if (chb_ctl_count(failovers) == 0) {
            printf("no failover since colo-hbd was started\n");
        }
    }
    chb_reply_clear(&reply);
    return code;
}

int chb_ctl_events(struct chb_ctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"max", required_argument, NULL, 'm'},
                                            {"failovers", no_argument, NULL, 'f'},
                                            {0}};
    uint64_t max = 100;
    bool failovers = false;
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "jm:f", options, NULL)) != -1) {
        if (option == 'j') {
            ctl->json = true;
        } else if (option == 'f') {
            failovers = true;
        } else if (option != 'm' || chb_parse_number(optarg, 1, EVENTS_MAX, &max) < 0) {
            return chb_ctl_usage("events",
                                 "usage: coloctl events [VM] [--max 1..%d] [--failovers] "
                                 "[--json]",
                                 EVENTS_MAX);
        }
    }
    if (argc - optind > 1) {
        return chb_ctl_usage("events", "one VM at a time, or none for all of them");
    }
    if (failovers && argc - optind != 1) {
        return chb_ctl_usage("events", "name one VM: coloctl events VM --failovers");
    }
    return failovers ? show_timeline(ctl, argv[optind]) : show_events(ctl, argv[optind], max);
}
