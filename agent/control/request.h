/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request on the control socket: one JSON object on one line,
 *
 *     {"command":"status", "vm":"NAME", "args":{...}}
 *
 * and its reply, after which the connection is closed,
 *
 *     {"ok":true, "result":{...}}
 *     {"ok":false, "error":{"code":"refused", "text":"...", "reason":"no-proof-fencing"}}
 */
#ifndef CHB_CONTROL_REQUEST_H
#define CHB_CONTROL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include <agent/core/limits.h>

#define CHB_CONTROL_REQUEST_MAX (256 * 1024) /* bytes of a line */
#define CHB_CONTROL_DEPTH_MAX 8
#define CHB_CONTROL_COMMAND_SIZE 32

struct chb_control_request {
    char command[CHB_CONTROL_COMMAND_SIZE];
    char vm[CHB_VM_NAME_MAX + 1]; /* empty: none was named */
    struct json_object *args;     /* an object, owned; NULL: none */
};

enum chb_control_code {
    CHB_CONTROL_INVALID, /* the request makes no sense */
    CHB_CONTROL_NO_SUCH_VM,
    CHB_CONTROL_REFUSED, /* understood, and not done: the text says why */
    CHB_CONTROL_BUSY,
    CHB_CONTROL_TIMEOUT,
    CHB_CONTROL_INTERNAL,
    CHB_CONTROL_NOT_READY, /* later: no cluster yet, or still starting */
    CHB_CONTROL_CODE_MAX,
};

/* Reads one request. Pure but for memory.
 * @line: @size bytes, without the line's end; may hold anything.
 * @ret_error: @error_size bytes; says what is wrong, on failure.
 * Returns 0, -EINVAL, -ENOMEM; @ret_request is untouched on failure. */
int chb_control_request_parse(const char *line, size_t size,
                              struct chb_control_request *ret_request, char *ret_error,
                              size_t error_size);

void chb_control_request_clear(struct chb_control_request *request);

/* A text among the arguments, or NULL: absent, no string, or longer than @length_max. Borrowed. */
const char *chb_control_arg_text(const struct chb_control_request *request, const char *key,
                                 size_t length_max);

/* A number from @min to @max among the arguments; @fallback when it is absent or not one. */
int64_t chb_control_arg_number(const struct chb_control_request *request, const char *key,
                               int64_t min, int64_t max, int64_t fallback);

/* True only for JSON's true. */
bool chb_control_arg_bool(const struct chb_control_request *request, const char *key);

/* Replies, owned by the caller; NULL without memory. @result: taken over; NULL: an empty object.
 * @reason: may be NULL. */
struct json_object *chb_control_ok(struct json_object *result);
struct json_object *chb_control_error(enum chb_control_code code, const char *reason,
                                      const char *text);

/* "no-such-vm", static. */
const char *chb_control_code_id(enum chb_control_code code);

#endif
