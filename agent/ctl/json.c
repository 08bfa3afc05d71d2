/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/ctl/ctl.h>

struct json_object *chb_ctl_member(struct json_object *object, const char *key)
{
    struct json_object *member = NULL;
    if (!json_object_is_type(object, json_type_object)) {
        return NULL;
    }
    (void)json_object_object_get_ex(object, key, &member);
    return member;
}

const char *chb_ctl_text(struct json_object *object, const char *key, const char *fallback)
{
    struct json_object *member = chb_ctl_member(object, key);
    if (!json_object_is_type(member, json_type_string)) {
        return fallback;
    }
    const char *text = json_object_get_string(member);
    for (const char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f) {
            return "(unprintable)"; /* never let the daemon's input reach the terminal raw */
        }
    }
    return text;
}

int64_t chb_ctl_number(struct json_object *object, const char *key, int64_t fallback)
{
    struct json_object *member = chb_ctl_member(object, key);
    if (!json_object_is_type(member, json_type_int) &&
        !json_object_is_type(member, json_type_double)) {
        return fallback;
    }
    return json_object_get_int64(member);
}

bool chb_ctl_bool(struct json_object *object, const char *key, bool fallback)
{
    struct json_object *member = chb_ctl_member(object, key);
    return json_object_is_type(member, json_type_boolean) ? json_object_get_boolean(member) != 0
                                                          : fallback;
}

size_t chb_ctl_count(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

struct json_object *chb_ctl_item(struct json_object *list, size_t index)
{
    return index < chb_ctl_count(list) ? json_object_array_get_idx(list, index) : NULL;
}
