/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of a command line, one after the other, in the struct's own memory. */
#ifndef CHB_QEMU_CMDLINE_TEXT_H
#define CHB_QEMU_CMDLINE_TEXT_H

#include <stdbool.h>

#include <json-c/json.h>

#include "agent/qemu/cmdline.h"

/* A command line under construction. What does not fit is noted, and nothing more is added. */
struct chb_words_out {
    struct chb_cmdline *cmdline;
    bool overflow;
};

/* Adds one word. */
void chb_word(struct chb_words_out *out, const char *word);

/* Adds one word made like printf(). */
void chb_word_format(struct chb_words_out *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds @object as one word of JSON and frees it. */
void chb_word_json(struct chb_words_out *out, struct json_object *object);

/* @text with each comma doubled, as QEMU's key=value syntax wants it.
 * @ret_text: @size bytes; cut when it does not fit, and then the result is false. */
bool chb_double_commas(const char *text, char *ret_text, size_t size);

#endif
