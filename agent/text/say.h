/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text that is written piece by piece into a bounded buffer. Private to agent/text. */
#ifndef CHB_TEXT_SAY_H
#define CHB_TEXT_SAY_H

#include <stddef.h>

struct chb_say {
    char *text;
    size_t size;
    size_t used;
};

/* size: at least 1. Makes the text "". */
struct chb_say chb_say_begin(char *text, size_t size);

/* Appends, and cuts what does not fit. What is not printable ASCII or UTF-8 becomes '?', because
 * nodes' names and QEMU's own texts end up in logs and terminals. */
void chb_say(struct chb_say *say, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
