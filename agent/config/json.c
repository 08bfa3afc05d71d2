/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file named by `config`: the same parameters as JSON. */
#include <agent/config/reader.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#define DEPTH_MAX 5 /* object, list, object, value, and one to see that it is too deep */

/* A text that grows up to CHB_PARAM_VALUE_MAX. */
struct growing {
    size_t used;
    bool full;
    char text[CHB_PARAM_VALUE_MAX + 1];
};

static void grow(struct growing *growing, const char *text, size_t length)
{
    if (length > CHB_PARAM_VALUE_MAX - growing->used) {
        growing->full = true;
        return;
    }
    memcpy(growing->text + growing->used, text, length);
    growing->used += length;
    growing->text[growing->used] = '\0';
}

/* Adds text so that word splitting gives it back; commas doubled if it is a field of an entry. */
static void grow_quoted(struct growing *growing, const char *text, bool double_commas)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\') {
            grow(growing, "\\", 1);
        }
        grow(growing, p, 1);
        if (*p == ',' && double_commas) {
            grow(growing, p, 1);
        }
    }
}

/* The text of a single value, or NULL for null, fractions, lists, objects and embedded NULs. */
static const char *scalar_text(struct json_object *value)
{
    if (json_object_is_type(value, json_type_string)) {
        const char *text = json_object_get_string(value);
        return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
    }
    if (json_object_is_type(value, json_type_int) ||
        json_object_is_type(value, json_type_boolean)) {
        return json_object_get_string(value);
    }
    return NULL;
}

static bool grow_object(struct growing *growing, struct json_object *object)
{
    bool first = true;
    json_object_object_foreach(object, name, value)
    {
        const char *text = scalar_text(value);
        if (text == NULL) {
            return false;
        }
        if (!first) {
            grow(growing, ",", 1);
        }
        grow_quoted(growing, name, true);
        grow(growing, "=", 1);
        grow_quoted(growing, text, true);
        first = false;
    }
    return true;
}

static bool grow_list(struct growing *growing, struct json_object *list, bool objects_allowed)
{
    size_t n = json_object_array_length(list);
    for (size_t i = 0; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        const char *text = scalar_text(item);
        bool is_object = json_object_is_type(item, json_type_object);
        if (text == NULL && !(objects_allowed && is_object)) {
            return false;
        }
        grow(growing, " \"", i == 0 ? 0 : 1);
        grow(growing, "\"", 1);
        if (text != NULL) {
            grow_quoted(growing, text, false);
        } else if (!grow_object(growing, item)) {
            return false;
        }
        grow(growing, "\"", 1);
    }
    return true;
}

static bool is_list_key(enum chb_param_key key)
{
    return key == CHB_PARAM_DISKS || key == CHB_PARAM_NICS || key == CHB_PARAM_QEMU_ARGS;
}

static int note_member(struct chb_param_reader *reader, const char *name, struct json_object *value,
                       struct growing *growing)
{
    enum chb_param_key key = chb_param_key_find(name);
    const char *text = scalar_text(value);
    *growing = (struct growing){0};
    if (text != NULL) {
        grow(growing, text, strlen(text));
    } else if (!is_list_key(key) || !json_object_is_type(value, json_type_array) ||
               !grow_list(growing, value, key != CHB_PARAM_QEMU_ARGS)) {
        return chb_config_fail(reader->error, -EINVAL, name, 0,
                               "config file, \"%.40s\": write a text, a whole number, true or false"
                               "%s",
                               name,
                               !is_list_key(key)            ? ""
                               : key == CHB_PARAM_QEMU_ARGS ? ", or a list of texts"
                                                            : ", or a list of texts and objects");
    }
    if (growing->full) {
        return chb_config_fail(reader->error, -E2BIG, name, 0,
                               "config file, \"%.40s\": longer than %d bytes", name,
                               CHB_PARAM_VALUE_MAX);
    }
    const char *copy = chb_arena_text(reader->arena, growing->text, growing->used);
    if (copy == NULL) {
        return chb_config_fail(reader->error, -ENOMEM, name, 0, "config file: out of memory");
    }
    return chb_param_note(reader, name, copy, true);
}

static unsigned line_of(const char *text, size_t offset)
{
    unsigned line = 1;
    for (size_t i = 0; i < offset; i++) {
        line += text[i] == '\n' ? 1U : 0U;
    }
    return line;
}

/* Parses all of text as one object. */
static int parse_object(struct chb_param_reader *reader, const char *text, size_t size,
                        struct json_object **ret_object)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    if (tokener == NULL) {
        return chb_config_fail(reader->error, -ENOMEM, "config", 0, "config file: out of memory");
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *object = json_tokener_parse_ex(tokener, text, (int)size);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    size_t end = json_tokener_get_parse_end(tokener);
    json_tokener_free(tokener);
    size_t rest = end;
    while (rest < size && strchr(" \t\r\n", text[rest]) != NULL && text[rest] != '\0') {
        rest++;
    }
    if (error == json_tokener_success && rest == size &&
        json_object_is_type(object, json_type_object)) {
        *ret_object = object;
        return 0;
    }
    json_object_put(object);
    unsigned line = line_of(text, end < size ? end : size);
    const char *what = "the file must hold one object, { \"memory\": \"2G\", ... }";
    if (error == json_tokener_continue) {
        what = "the text ends too early: a } or a quote is missing";
    } else if (error != json_tokener_success) {
        what = json_tokener_error_desc(error);
    } else if (rest != size) {
        what = "there is something after the end of the object: remove it";
    }
    return chb_config_fail(reader->error, -EINVAL, "config", line,
                           "config file, line %u: no valid JSON: %s", line, what);
}

int chb_param_note_json(struct chb_param_reader *reader, const char *text, size_t size)
{
    struct json_object *object;
    if (size > CHB_PARAM_FILE_MAX) {
        return chb_config_fail(reader->error, -E2BIG, "config", 0,
                               "config file: longer than %d bytes", CHB_PARAM_FILE_MAX);
    }
    int r = parse_object(reader, text, size, &object);
    if (r < 0) {
        return r;
    }
    struct growing *growing = chb_arena_alloc(reader->arena, sizeof(*growing));
    if (growing == NULL) {
        r = chb_config_fail(reader->error, -ENOMEM, "config", 0, "config file: out of memory");
    } else {
        json_object_object_foreach(object, name, value)
        {
            r = note_member(reader, name, value, growing);
            if (r < 0) {
                break;
            }
        }
    }
    json_object_put(object);
    return r;
}
