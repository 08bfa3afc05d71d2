/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/control/request.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const code_ids[CHB_CONTROL_CODE_MAX] = {
    [CHB_CONTROL_INVALID] = "invalid",     [CHB_CONTROL_NO_SUCH_VM] = "no-such-vm",
    [CHB_CONTROL_REFUSED] = "refused",     [CHB_CONTROL_BUSY] = "busy",
    [CHB_CONTROL_TIMEOUT] = "timeout",     [CHB_CONTROL_INTERNAL] = "internal",
    [CHB_CONTROL_NOT_READY] = "not-ready",
};

const char *chb_control_code_id(enum chb_control_code code)
{
    return code >= 0 && code < CHB_CONTROL_CODE_MAX ? code_ids[code] : "internal";
}

static int fail(char *ret_error, size_t size, const char *text)
{
    (void)snprintf(ret_error, size, "%s", text);
    return -EINVAL;
}

/* A short text of the request. Returns 0, also when it is absent; -EINVAL. */
static int take_text(struct json_object *root, const char *key, char *ret_text, size_t size)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(root, key, &value)) {
        ret_text[0] = '\0';
        return 0;
    }
    if (!json_object_is_type(value, json_type_string)) {
        return -EINVAL;
    }
    size_t length = (size_t)json_object_get_string_len(value);
    const char *text = json_object_get_string(value);
    if (length >= size || strlen(text) != length) {
        return -EINVAL;
    }
    memcpy(ret_text, text, length + 1);
    return 0;
}

static int take_request(struct json_object *root, struct chb_control_request *ret_request,
                        char *ret_error, size_t size)
{
    struct chb_control_request request = {0};
    if (!json_object_is_type(root, json_type_object)) {
        return fail(ret_error, size, "the request is not a JSON object");
    }
    if (take_text(root, "command", request.command, sizeof(request.command)) < 0 ||
        request.command[0] == '\0') {
        return fail(ret_error, size, "the request has no \"command\", or it is not a short text");
    }
    if (take_text(root, "vm", request.vm, sizeof(request.vm)) < 0) {
        return fail(ret_error, size, "\"vm\" is not the name of a VM");
    }
    struct json_object *args = NULL;
    if (json_object_object_get_ex(root, "args", &args)) {
        if (!json_object_is_type(args, json_type_object)) {
            return fail(ret_error, size, "\"args\" is not a JSON object");
        }
        request.args = json_object_get(args);
    }
    *ret_request = request;
    return 0;
}

int chb_control_request_parse(const char *line, size_t size,
                              struct chb_control_request *ret_request, char *ret_error,
                              size_t error_size)
{
    if (size == 0 || size > CHB_CONTROL_REQUEST_MAX) {
        return fail(ret_error, error_size, "the request is empty or too long");
    }
    struct json_tokener *tokener = json_tokener_new_ex(CHB_CONTROL_DEPTH_MAX);
    if (tokener == NULL) {
        return -ENOMEM;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *root = json_tokener_parse_ex(tokener, line, (int)size);
    /* A number at the very end would wait for more, but a request is an object. */
    bool whole = json_tokener_get_error(tokener) == json_tokener_success &&
                 json_tokener_get_parse_end(tokener) == size;
    int r = whole ? take_request(root, ret_request, ret_error, error_size)
                  : fail(ret_error, error_size, "the request is not valid JSON");
    json_object_put(root);
    json_tokener_free(tokener);
    return r;
}

void chb_control_request_clear(struct chb_control_request *request)
{
    json_object_put(request->args);
    *request = (struct chb_control_request){0};
}

const char *chb_control_arg_text(const struct chb_control_request *request, const char *key,
                                 size_t length_max)
{
    struct json_object *value = NULL;
    if (request->args == NULL || !json_object_object_get_ex(request->args, key, &value) ||
        !json_object_is_type(value, json_type_string)) {
        return NULL;
    }
    size_t length = (size_t)json_object_get_string_len(value);
    const char *text = json_object_get_string(value);
    return length <= length_max && strlen(text) == length ? text : NULL;
}

int64_t chb_control_arg_number(const struct chb_control_request *request, const char *key,
                               int64_t min, int64_t max, int64_t fallback)
{
    struct json_object *value = NULL;
    if (request->args == NULL || !json_object_object_get_ex(request->args, key, &value) ||
        !json_object_is_type(value, json_type_int)) {
        return fallback;
    }
    int64_t number = json_object_get_int64(value);
    return number >= min && number <= max ? number : fallback;
}

bool chb_control_arg_bool(const struct chb_control_request *request, const char *key)
{
    struct json_object *value = NULL;
    return request->args != NULL && json_object_object_get_ex(request->args, key, &value) &&
           json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

struct json_object *chb_control_ok(struct json_object *result)
{
    struct json_object *reply = json_object_new_object();
    json_object_object_add(reply, "ok", json_object_new_boolean(true));
    json_object_object_add(reply, "result", result != NULL ? result : json_object_new_object());
    return reply;
}

struct json_object *chb_control_error(enum chb_control_code code, const char *reason,
                                      const char *text)
{
    struct json_object *error = json_object_new_object();
    json_object_object_add(error, "code", json_object_new_string(chb_control_code_id(code)));
    json_object_object_add(error, "text", json_object_new_string(text));
    if (reason != NULL) {
        json_object_object_add(error, "reason", json_object_new_string(reason));
    }
    struct json_object *reply = json_object_new_object();
    json_object_object_add(reply, "ok", json_object_new_boolean(false));
    json_object_object_add(reply, "error", error);
    return reply;
}
