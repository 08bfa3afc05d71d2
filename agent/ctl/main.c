/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coloctl: the operator's command, and what the resource agent calls. */
#include <agent/ctl/ctl.h>

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agent/config/units.h>
#include <agent/ctl/client.h>

static const char help[] =
    "usage: coloctl [--socket PATH] [--timeout TIME] COMMAND ...\n"
    "\n"
    "  status [VM] [--json]        what runs where, and how well\n"
    "  watch [VM] [--interval 1s]  the same, again and again\n"
    "  explain VM                  per host: may it go on alone, may it be promoted, why not\n"
    "  events [VM] [--max N]       what happened; --failovers: how long each step took\n"
    "\n"
    "  switchover VM [--to NODE]   planned: the other side takes over, nothing is lost\n"
    "  failover VM [--to NODE]     let go of the side that serves\n"
    "  failover VM --peer-is-down NODE\n"
    "                              say by your name that NODE is off. If it is not, the VM runs\n"
    "                              twice and data is lost\n"
    "  resync VM                   fill the second copy again\n"
    "  resync VM --from NODE       NODE has the data; other copies are overwritten\n"
    "\n"
    "  record VM [FILE]            write out what led to its decisions, for replay\n"
    "\n"
    "  doctor                      check this host and the cluster\n"
    "  vm ACTION VM                what the resource agent calls: start, stop, promote, demote,\n"
    "                              monitor, validate\n"
    "\n"
    "Exit: 0 done, 1 failed, 2 usage, 3 colo-hbd does not run, 4 no such VM, 5 refused,\n"
    "6 not now, 7 time-out, 8 wrong parameters, 9 doctor found something. See coloctl(8).\n";

static const struct {
    const char *name;
    chb_ctl_command *run;
} commands[] = {
    {"status", chb_ctl_status}, {"watch", chb_ctl_watch},       {"explain", chb_ctl_explain},
    {"events", chb_ctl_events}, {"failover", chb_ctl_failover}, {"switchover", chb_ctl_switchover},
    {"resync", chb_ctl_resync}, {"record", chb_ctl_record},     {"doctor", chb_ctl_doctor},
    {"vm", chb_ctl_vm},
};

int chb_ctl_usage(const char *command, const char *format, ...)
{
    va_list arguments;
    (void)fprintf(stderr, "coloctl: %s%s", command == NULL ? "" : command,
                  command == NULL ? "" : ": ");
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "\n");
    return CHB_CTL_USAGE;
}

/* Reads the options before the command. Returns -1 to go on, or an exit code. */
static int read_options(struct chb_ctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"socket", required_argument, NULL, 's'},
                                            {"timeout", required_argument, NULL, 't'},
                                            {0}};
    int option;
    while ((option = getopt_long(argc, argv, "+hVs:t:", options, NULL)) != -1) {
        switch (option) {
        case 'h':
            printf("%s", help);
            return CHB_CTL_OK;
        case 'V':
            printf("coloctl %s\n", CHB_VERSION);
            return CHB_CTL_OK;
        case 's':
            ctl->socket_path = optarg;
            break;
        case 't':
            if (chb_parse_span(optarg, &ctl->timeout) < 0 || ctl->timeout.ns == 0) {
                return chb_ctl_usage("--timeout",
                                     "\"%s\" is not right: write a time with its unit, "
                                     "for example 10s",
                                     optarg);
            }
            break;
        default:
            return chb_ctl_usage(NULL, "coloctl --help shows what there is");
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct chb_ctl ctl = {.socket_path = getenv("COLO_HBD_SOCKET")};
    if (ctl.socket_path == NULL || ctl.socket_path[0] == '\0') {
        ctl.socket_path = CHB_CTL_SOCKET;
    }
    int code = read_options(&ctl, argc, argv);
    if (code >= 0) {
        return code;
    }
    if (optind == argc) {
        return chb_ctl_usage(NULL, "say what to do: coloctl --help shows what there is");
    }
    argv += optind;
    argc -= optind;
    if (strcmp(argv[0], "help") == 0) {
        printf("%s", help);
        return CHB_CTL_OK;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[0], commands[i].name) == 0) {
            code = commands[i].run(&ctl, argc, argv);
            return fflush(stdout) == 0 ? code : CHB_CTL_FAILED;
        }
    }
    return chb_ctl_usage(argv[0], "there is no such command: coloctl --help shows what there is");
}
