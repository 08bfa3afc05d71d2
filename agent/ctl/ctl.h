/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of coloctl share. */
#ifndef CHB_CTL_CTL_H
#define CHB_CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include <agent/core/time.h>

/* Exit codes; stable, documented in coloctl(8). `coloctl vm …` uses OCF's instead (ocf.h). */
enum chb_ctl_exit {
    CHB_CTL_OK = 0,
    CHB_CTL_FAILED = 1,    /* the daemon could not do it, or something unexpected */
    CHB_CTL_USAGE = 2,     /* the command line is wrong */
    CHB_CTL_NO_DAEMON = 3, /* colo-hbd does not answer */
    CHB_CTL_NO_SUCH_VM = 4,
    CHB_CTL_REFUSED = 5,  /* it would not be safe, or makes no sense now */
    CHB_CTL_NOT_NOW = 6,  /* busy or not ready: try again */
    CHB_CTL_TIMEOUT = 7,  /* it may still happen */
    CHB_CTL_INVALID = 8,  /* parameters are wrong */
    CHB_CTL_FINDINGS = 9, /* doctor found something that needs attention */
};

/* What holds for the whole run. */
struct chb_ctl {
    const char *socket_path;
    chb_span timeout; /* for one request; 0: the command's own */
    bool json;
};

/* Every command: argv[0] is its name. Returns an exit code. */
typedef int chb_ctl_command(struct chb_ctl *ctl, int argc, char **argv);

chb_ctl_command chb_ctl_status;   /* status.c */
chb_ctl_command chb_ctl_watch;    /* status.c */
chb_ctl_command chb_ctl_explain;  /* show.c */
chb_ctl_command chb_ctl_events;   /* show.c */
chb_ctl_command chb_ctl_failover; /* operate.c */
chb_ctl_command chb_ctl_switchover;
chb_ctl_command chb_ctl_resync;
chb_ctl_command chb_ctl_record; /* record.c */
chb_ctl_command chb_ctl_doctor; /* doctor.c */
chb_ctl_command chb_ctl_vm;     /* vm.c */

/* "coloctl: COMMAND: TEXT" on standard error, and the exit code CHB_CTL_USAGE. */
int chb_ctl_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Members of JSON objects, with a fallback for what is absent or of another type; object may be
 * NULL. Texts are borrowed and printable: never NULL unless the fallback is. */
const char *chb_ctl_text(struct json_object *object, const char *key, const char *fallback);
int64_t chb_ctl_number(struct json_object *object, const char *key, int64_t fallback);
bool chb_ctl_bool(struct json_object *object, const char *key, bool fallback);
struct json_object *chb_ctl_member(struct json_object *object, const char *key);
/* Length of a list that may be absent, and its item or NULL. */
size_t chb_ctl_count(struct json_object *list);
struct json_object *chb_ctl_item(struct json_object *list, size_t index);

#endif
