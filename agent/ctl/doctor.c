/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coloctl doctor: what this host and cluster lack, and what to do about it. Only looks. */
#include <agent/ctl/ctl.h>

#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <agent/config/conf_file.h>
#include <agent/ctl/client.h>
#include <agent/ctl/doctor_qemu.h>
#include <agent/ctl/run.h>

#define DAEMON_TIMEOUT_MS 5000
#define TOOL_TIMEOUT_MS 10000
#define OUTPUT_SIZE 4096

enum mark { GOOD, ADVICE, BAD };

struct report {
    unsigned advice;
    unsigned bad;
};

/* One finding; the remedy follows on a line of its own unless all is well. */
static void find(struct report *report, enum mark mark, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void find(struct report *report, enum mark mark, const char *remedy, const char *format, ...)
{
    static const char *const marks[] = {
        [GOOD] = "ok      ", [ADVICE] = "advice  ", [BAD] = "PROBLEM "};
    va_list arguments;
    printf("%s", marks[mark]);
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    if (mark != GOOD) {
        printf("        -> %s\n", remedy);
    }
    report->advice += mark == ADVICE ? 1U : 0U;
    report->bad += mark == BAD ? 1U : 0U;
}

static int tool(const char *const *argv, char output[static OUTPUT_SIZE])
{
    int r = chb_ctl_run(argv, NULL, chb_ms(TOOL_TIMEOUT_MS), output, OUTPUT_SIZE);
    output[strcspn(output, "\n")] = '\0';
    return r;
}

/* What the daemon itself found: {"checks":[{"level":"ok|advice|problem","text":..,"remedy":..}]} */
static void report_daemons_checks(struct report *report, struct json_object *result)
{
    struct json_object *checks = chb_ctl_member(result, "checks");
    for (size_t i = 0; i < chb_ctl_count(checks); i++) {
        struct json_object *check = chb_ctl_item(checks, i);
        const char *level = chb_ctl_text(check, "level", "problem");
        find(report,
             strcmp(level, "ok") == 0       ? GOOD
             : strcmp(level, "advice") == 0 ? ADVICE
                                            : BAD,
             chb_ctl_text(check, "remedy", "see colo-hbd(8)"), "%s",
             chb_ctl_text(check, "text", "?"));
    }
}

static void check_daemon(struct chb_ctl *ctl, struct report *report)
{
    struct chb_reply reply;
    chb_ctl_ask(ctl->socket_path, "doctor", NULL, NULL, chb_ms(0),
                ctl->timeout.ns != 0 ? ctl->timeout : chb_ms(DAEMON_TIMEOUT_MS), &reply);
    if (reply.error != 0) {
        find(report, BAD, reply.text, "colo-hbd does not answer");
    } else {
        find(report, GOOD, "", "colo-hbd answers on %s", ctl->socket_path);
        report_daemons_checks(report, reply.result);
    }
    chb_reply_clear(&reply);
}

static void check_conf(struct report *report)
{
    struct chb_conf conf;
    struct chb_config_error error;
    if (chb_conf_load(NULL, &conf, &error) < 0) {
        find(report, BAD, error.text, "%s is not right", CHB_CONF_PATH);
    } else {
        find(report, GOOD, "", "configuration file %s", CHB_CONF_PATH);
    }
}

static void check_corosync(struct report *report)
{
    static const char *const quorum[] = {"corosync-quorumtool", "-s", NULL};
    static const char *const links[] = {"corosync-cmapctl", "-g", "runtime.config.totem.token",
                                        NULL};
    char output[OUTPUT_SIZE];
    int r = tool(quorum, output);
    /* 0: no quorum, 1: error, 2: quorate (corosync-quorumtool(8)) */
    if (r != 0 && r != 2) {
        find(report, BAD, "systemctl start corosync; its log says why it does not run",
             "corosync is not reachable on this host");
        return;
    }
    find(report, GOOD, "", "corosync runs");
    find(report, r == 2 ? GOOD : BAD,
         "start the other nodes; without quorum nobody can be fenced, so a lost host means hold",
         r == 2 ? "the cluster is quorate" : "the cluster has no quorum");
    r = tool(links, output);
    const char *equals = strchr(output, '=');
    long token = r == 0 && equals != NULL ? strtol(equals + 1, NULL, 10) : 0;
    if (token > 1000) {
        find(report, ADVICE,
             "a lost host is noticed after about 2.2 times this; token: 300 works on a quiet "
             "network "
             "with knet_ping_timeout: 1000 and link_mode: active",
             "corosync's token time-out is %ld ms", token);
    }
}

static void check_fencing(struct report *report)
{
    static const char *const enabled[] = {
        "crm_attribute", "--type",  "crm_config", "--name", "stonith-enabled",
        "--query",       "--quiet", "--default",  "true",   NULL};
    static const char *const devices[] = {"stonith_admin", "--list-registered", NULL};
    char output[OUTPUT_SIZE];
    int r = tool(enabled, output);
    if (r != 0) {
        find(report, BAD, "systemctl start pacemaker, and run this as root",
             "Pacemaker does not answer on this host");
        return;
    }
    bool off = strcmp(output, "false") == 0 || strcmp(output, "0") == 0 ||
               strcmp(output, "no") == 0 || strcmp(output, "off") == 0;
    find(report, off ? BAD : GOOD,
         "pcs property set stonith-enabled=true; without it nothing can prove that a lost host is "
         "off, and its VMs hold until it is back",
         off ? "fencing is switched off (stonith-enabled=false)" : "fencing is switched on");
    r = tool(devices, output);
    bool none = r != 0 || output[0] == '\0' || strncmp(output, "No ", 3) == 0 ||
                strncmp(output, "0 ", 2) == 0;
    find(report, none ? BAD : GOOD,
         "pcs stonith create; test it with pcs stonith fence NODE before you need it",
         none ? "no fence device is registered here" : "a fence device is registered here");
}

/* Two nodes that both have a vote ask for each other's death at the same moment. */
static void check_race(struct report *report)
{
    static const char *const two_node[] = {"corosync-cmapctl", "-g", "runtime.votequorum.two_node",
                                           NULL};
    static const char *const delays[] = {
        "cibadmin", "--query", "--xpath",
        "//nvpair[@name='pcmk_delay_base' or @name='pcmk_delay_max']", NULL};
    char output[OUTPUT_SIZE];
    int r = tool(two_node, output);
    const char *equals = strchr(output, '=');
    if (r != 0 || equals == NULL || strtol(equals + 1, NULL, 10) == 0) {
        return;
    }
    bool delayed = tool(delays, output) == 0;
    find(report, delayed ? GOOD : ADVICE,
         "pcs stonith update the device of one node with pcmk_delay_base=5s: then that node wins; "
         "or "
         "use a quorum device; see ocf_colo_vm(7)",
         delayed ? "two nodes, and a delay decides who wins a split"
                 : "two nodes, and in a split each may have the other fenced");
}

static void check_host(struct report *report)
{
    char text[128] = "";
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    find(report, fd >= 0 ? GOOD : ADVICE,
         "switch virtualization on in the firmware, or use accel=tcg, which is slow",
         fd >= 0 ? "/dev/kvm can be opened" : "KVM is not usable on this host");
    if (fd >= 0) {
        (void)close(fd);
    }
    fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
    text[n < 0 ? 0 : n] = '\0';
    if (fd >= 0) {
        (void)close(fd);
    }
    if (n > 0 && strstr(text, "[always]") == NULL) {
        find(report, ADVICE,
             "echo always > /sys/kernel/mm/transparent_hugepage/enabled; a takeover is then up to "
             "ten "
             "times shorter with much memory",
             "transparent huge pages are not on \"always\"");
    }
}

static void check_qemu(struct report *report)
{
    struct chb_conf conf;
    char version[64];
    char reason[512];
    if (chb_conf_load(NULL, &conf, NULL) < 0) {
        chb_conf_init(&conf);
    }
    int r = chb_doctor_qemu(conf.qemu, version, sizeof(version), reason, sizeof(reason));
    find(report, r < 0 ? BAD : GOOD, reason,
         r < 0 ? "QEMU %s cannot run a COLO pair" : "QEMU %s can run a COLO pair",
         version[0] != '\0' ? version : conf.qemu);
}

int chb_ctl_doctor(struct chb_ctl *ctl, int argc, char **argv)
{
    struct report report = {0};
    if (argc > 1) {
        return chb_ctl_usage("doctor", "usage: coloctl doctor; \"%s\" is too much", argv[1]);
    }
    const char *path = getenv("PATH");
    char with_sbin[4096];
    (void)snprintf(with_sbin, sizeof(with_sbin), "%s:/usr/sbin:/sbin",
                   path == NULL ? "/bin" : path);
    (void)setenv("PATH", with_sbin, 1);
    check_daemon(ctl, &report);
    check_conf(&report);
    check_corosync(&report);
    check_fencing(&report);
    check_race(&report);
    check_qemu(&report);
    check_host(&report);
    printf("%u problems, %u pieces of advice\n", report.bad, report.advice);
    return report.bad > 0 ? CHB_CTL_FINDINGS : CHB_CTL_OK;
}
