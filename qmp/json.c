/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qmp/json.h"

#include <assert.h>

static struct json_object *member(struct json_object *in, const char *name, enum json_type type)
{
    struct json_object *found = NULL;
    if (!json_object_is_type(in, json_type_object) ||
        !json_object_object_get_ex(in, name, &found) || !json_object_is_type(found, type)) {
        return NULL;
    }
    return found; /* NULL too for a JSON null */
}

struct json_object *chb_json_object(struct json_object *in, const char *name)
{
    return member(in, name, json_type_object);
}

struct json_object *chb_json_array(struct json_object *in, const char *name)
{
    return member(in, name, json_type_array);
}

const char *chb_json_text(struct json_object *in, const char *name)
{
    struct json_object *found = member(in, name, json_type_string);
    return found == NULL ? NULL : json_object_get_string(found);
}

bool chb_json_uint(struct json_object *in, const char *name, uint64_t max, uint64_t *ret_value)
{
    assert(max <= INT64_MAX);
    struct json_object *found = member(in, name, json_type_int);
    if (found == NULL) {
        return false;
    }
    const int64_t value = json_object_get_int64(found);
    if (value < 0 || (uint64_t)value > max) {
        return false;
    }
    *ret_value = (uint64_t)value;
    return true;
}

bool chb_json_is_true(struct json_object *in, const char *name)
{
    struct json_object *found = member(in, name, json_type_boolean);
    return found != NULL && json_object_get_boolean(found);
}

void chb_text_copy(const char *text, char *ret_text, size_t size)
{
    assert(size > 0);
    size_t at = 0;
    for (; text != NULL && text[at] != '\0' && at + 1 < size; at++) {
        const unsigned char c = (unsigned char)text[at];
        ret_text[at] = c < 0x20 || c == 0x7f ? '?' : text[at];
    }
    if (text != NULL && ((unsigned char)text[at] & 0xc0) == 0x80) {
        /* Cut inside a character of several bytes: the whole of it goes. */
        while (at > 0 && ((unsigned char)ret_text[at - 1] & 0xc0) == 0x80) {
            at--;
        }
        at -= at > 0 ? 1 : 0;
    }
    ret_text[at] = '\0';
}

void chb_json_copy(struct json_object *in, const char *name, char *ret_text, size_t size)
{
    chb_text_copy(chb_json_text(in, name), ret_text, size);
}
