/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One question to the daemon and its answer (control protocol: doc/man/coloctl.8, PROTOCOL).
 * Blocks, but never beyond its time-outs.
 */
#ifndef CHB_CTL_CLIENT_H
#define CHB_CTL_CLIENT_H

#include <stdbool.h>

#include <json-c/json.h>

#include <agent/core/time.h>

#define CHB_CTL_SOCKET "/run/colo-hbd/control.sock"
#define CHB_CTL_LINE_MAX (256 * 1024)
#define CHB_CTL_TEXT_SIZE 1024

struct chb_reply {
    int error;                /* 0: the daemon answered; else negative errno: it did not */
    bool ok;                  /* the daemon did it */
    struct json_object *root; /* the whole answer; owns the rest */
    struct json_object *result;
    const char *code;             /* without ok: no-such-vm, refused, ...; never NULL then */
    const char *reason;           /* machine-readable reason, or "" */
    char text[CHB_CTL_TEXT_SIZE]; /* without ok: what, where, what to do */
};

/*
 * Asks. vm: may be NULL. args: borrowed, may be NULL.
 * connect_limit: how long to go on trying while nothing listens (the daemon is being restarted).
 * answer_limit: from the connection to the answer, more than 0.
 * ret_reply: always set; free with chb_reply_clear(). Errors in it: -ENOENT and -ECONNREFUSED when
 * nothing listens, -EACCES, -ETIMEDOUT, -ECONNRESET when the daemon went away, -EPROTO for an
 * answer that is none, -EMSGSIZE.
 */
void chb_ctl_ask(const char *socket_path, const char *command, const char *vm,
                 struct json_object *args, chb_span connect_limit, chb_span answer_limit,
                 struct chb_reply *ret_reply);

void chb_reply_clear(struct chb_reply *reply);

/* The exit code that belongs to a reply. */
int chb_reply_exit(const struct chb_reply *reply);

/* Prints what went wrong: "coloctl: VM: TEXT". vm: may be NULL. */
void chb_reply_complain(const struct chb_reply *reply, const char *vm);

/* Moment on the clock that the limits use. */
chb_time chb_ctl_now(void);

#endif
