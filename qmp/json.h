/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Members of JSON objects that came from outside, with their types checked. Pure.
 *
 * Every function takes NULL and things that are no object, and finds nothing in them, so that a
 * chain of them needs one check at its end. Results are borrowed from the object.
 */
#ifndef CHB_QMP_JSON_H
#define CHB_QMP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

/* Member @name if it is an object, an array, a string; else NULL. */
struct json_object *chb_json_object(struct json_object *in, const char *name);
struct json_object *chb_json_array(struct json_object *in, const char *name);
const char *chb_json_text(struct json_object *in, const char *name);

/* Member @name if it is an integer of 0 to @max, which is at most INT64_MAX. */
bool chb_json_uint(struct json_object *in, const char *name, uint64_t max, uint64_t *ret_value);

/* True if member @name is the boolean true. */
bool chb_json_is_true(struct json_object *in, const char *name);

/* Copies string member @name, cut to @size with its NUL; "" if there is none. Control characters
 * become "?", for the text goes to logs and terminals. */
void chb_json_copy(struct json_object *in, const char *name, char *ret_text, size_t size);

/* The same for a text that is at hand; NULL gives "". */
void chb_text_copy(const char *text, char *ret_text, size_t size);

#endif
