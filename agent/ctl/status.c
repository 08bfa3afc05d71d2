/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coloctl status, coloctl watch */
#include <agent/ctl/ctl.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <agent/config/units.h>
#include <agent/ctl/client.h>

#define STATUS_TIMEOUT_MS 5000
#define WATCH_INTERVAL_MS 1000

static void print_cluster(struct json_object *result)
{
    struct json_object *cluster = chb_ctl_member(result, "cluster");
    const char *node = chb_ctl_text(result, "node", "");
    bool up = chb_ctl_bool(cluster, "up", false);
    printf("%s: colo-hbd %s, corosync %s%s%s\n", node[0] != '\0' ? node : "this host",
           chb_ctl_text(result, "version", "?"), up ? "up" : "not reachable",
           !up                                       ? ""
           : chb_ctl_bool(cluster, "quorate", false) ? ", quorate"
                                                     : ", no quorum",
           !up                                             ? ""
           : !chb_ctl_bool(cluster, "fencing_known", true) ? ", fencing not known yet"
           : chb_ctl_bool(cluster, "fencing", false)       ? ", fencing configured"
                                                     : ", NO FENCING: a lost host means hold");
}

static void print_resync(struct json_object *vm)
{
    struct json_object *resync = chb_ctl_member(vm, "resync");
    int64_t percent = chb_ctl_number(resync, "percent", -1);
    int64_t eta = chb_ctl_number(resync, "eta_s", -1);
    if (percent < 0) {
        return;
    }
    printf("  resync: %" PRId64 " %%, %" PRId64 " MB", percent,
           chb_ctl_number(resync, "bytes", 0) / (1024 * 1024));
    if (eta >= 0) {
        printf(", %" PRId64 " s left", eta);
    }
    if (chb_ctl_bool(resync, "slowed", false)) {
        printf(", slowed down to %" PRId64 " kB/s: heartbeats are late",
               chb_ctl_number(resync, "limit", 0) / 1000);
    }
    printf("\n");
}

/* What the last join cost the guest. */
static void print_join(struct json_object *vm)
{
    struct json_object *join = chb_ctl_member(vm, "join");
    int64_t took_ms = chb_ctl_number(join, "took_ms", 0);
    if (took_ms <= 0) {
        return;
    }
    printf("  join with %s: %s after %.1f s; the guest stood still for %" PRId64 " ms, %" PRId64
           " ms at once\n",
           chb_ctl_text(join, "node", "?"), chb_ctl_bool(join, "done", false) ? "done" : "failed",
           (double)took_ms / 1000.0, chb_ctl_number(join, "stood_ms", 0),
           chb_ctl_number(join, "longest_ms", 0));
}

/* seconds: wall clock, since 1970; 0: none */
static void print_since(int64_t seconds)
{
    char text[64];
    struct tm local;
    const time_t moment = (time_t)seconds;
    if (seconds > 0 && localtime_r(&moment, &local) != NULL &&
        strftime(text, sizeof(text), "%F %T", &local) > 0) {
        printf(", alone since %s", text);
    }
}

static void print_vm(struct json_object *vm)
{
    struct json_object *nodes = chb_ctl_member(vm, "nodes");
    struct json_object *checkpoints = chb_ctl_member(vm, "checkpoints");
    struct json_object *qemu = chb_ctl_member(vm, "qemu");
    const char *proof = chb_ctl_text(vm, "proof", "");
    const char *error = chb_ctl_text(vm, "error", "");

    printf("%s: %s\n", chb_ctl_text(vm, "name", "?"), chb_ctl_text(vm, "line", "?"));
    for (size_t i = 0; i < chb_ctl_count(nodes); i++) {
        struct json_object *node = chb_ctl_item(nodes, i);
        printf("  %-12s %s\n", chb_ctl_text(node, "node", "?"), chb_ctl_text(node, "line", "?"));
    }
    if (proof[0] != '\0' && strcmp(proof, "none") != 0) {
        printf("  serves by right of: %s", proof);
        print_since(chb_ctl_number(vm, "solo_since", 0));
        printf("\n");
    }
    if (error[0] != '\0') {
        printf("  last error: %s\n", error);
    }
    print_resync(vm);
    print_join(vm);
    if (chb_ctl_number(checkpoints, "count", 0) > 0) {
        printf("  checkpoints: %" PRId64 ", last %" PRId64 " ms, average %" PRId64 " ms\n",
               chb_ctl_number(checkpoints, "count", 0), chb_ctl_number(checkpoints, "last_ms", 0),
               chb_ctl_number(checkpoints, "avg_ms", 0));
    }
    if (chb_ctl_number(qemu, "pid", 0) > 0) {
        printf("  QEMU %s, pid %" PRId64 "\n", chb_ctl_text(qemu, "version", "?"),
               chb_ctl_number(qemu, "pid", 0));
    }
}

static int print_status(struct chb_ctl *ctl, const char *vm, struct chb_reply *reply)
{
    struct json_object *vms = chb_ctl_member(reply->result, "vms");
    if (ctl->json) {
        printf("%s\n", json_object_to_json_string_ext(reply->result, JSON_C_TO_STRING_PRETTY |
                                                                         JSON_C_TO_STRING_SPACED));
        return CHB_CTL_OK;
    }
    print_cluster(reply->result);
    if (chb_ctl_count(vms) == 0 && vm == NULL) {
        printf("no VM is started on this host\n");
    }
    for (size_t i = 0; i < chb_ctl_count(vms); i++) {
        print_vm(chb_ctl_item(vms, i));
    }
    return CHB_CTL_OK;
}

/* One round of status. */
static int show(struct chb_ctl *ctl, const char *vm)
{
    struct chb_reply reply;
    chb_span limit = ctl->timeout.ns != 0 ? ctl->timeout : chb_ms(STATUS_TIMEOUT_MS);
    chb_ctl_ask(ctl->socket_path, "status", vm, NULL, chb_ms(0), limit, &reply);
    int code = chb_reply_exit(&reply);
    if (code == CHB_CTL_OK) {
        code = print_status(ctl, vm, &reply);
    } else {
        chb_reply_complain(&reply, vm);
    }
    chb_reply_clear(&reply);
    return code;
}

int chb_ctl_status(struct chb_ctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "j", options, NULL)) != -1) {
        if (option != 'j') {
            return chb_ctl_usage("status", "usage: coloctl status [VM] [--json]");
        }
        ctl->json = true;
    }
    if (argc - optind > 1) {
        return chb_ctl_usage("status", "one VM at a time, or none for all of them");
    }
    return show(ctl, argv[optind]);
}

int chb_ctl_watch(struct chb_ctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {
        {"interval", required_argument, NULL, 'i'}, {"count", required_argument, NULL, 'n'}, {0}};
    chb_span interval = chb_ms(WATCH_INTERVAL_MS);
    uint64_t rounds = UINT64_MAX;
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "i:n:", options, NULL)) != -1) {
        if (option == 'i' && chb_parse_span(optarg, &interval) == 0 &&
            chb_span_ms(interval) >= 100) {
            continue;
        }
        if (option == 'n' && chb_parse_number(optarg, 1, UINT64_MAX, &rounds) == 0) {
            continue;
        }
        return chb_ctl_usage("watch", "usage: coloctl watch [VM] [--interval 1s] [--count N]; the "
                                      "interval is 100ms or more");
    }
    if (argc - optind > 1) {
        return chb_ctl_usage("watch", "one VM at a time, or none for all of them");
    }
    int code = CHB_CTL_OK;
    while (rounds-- > 0) {
        if (isatty(STDOUT_FILENO)) {
            printf("\033[H\033[2J");
        }
        code = show(ctl, argv[optind]);
        (void)fflush(stdout);
        const struct timespec pause = {.tv_sec = interval.ns / 1000000000,
                                       .tv_nsec = interval.ns % 1000000000};
        if (rounds > 0) {
            (void)nanosleep(&pause, NULL);
        }
    }
    return code;
}
