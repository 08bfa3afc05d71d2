/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/qemu/cmdline_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void chb_word_format(struct chb_words_out *out, const char *format, ...)
{
    struct chb_cmdline *cmdline = out->cmdline;
    const size_t room = sizeof(cmdline->text) - cmdline->text_used;
    va_list arguments;

    if (out->overflow || cmdline->n_words == CHB_CMDLINE_WORDS_MAX) {
        out->overflow = true;
        return;
    }
    char *word = cmdline->text + cmdline->text_used;
    va_start(arguments, format);
    const int length = vsnprintf(word, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= room) {
        out->overflow = true;
        return;
    }
    cmdline->text_used += (size_t)length + 1;
    cmdline->words[cmdline->n_words++] = word;
    cmdline->words[cmdline->n_words] = NULL;
}

void chb_word(struct chb_words_out *out, const char *word)
{
    chb_word_format(out, "%s", word);
}

void chb_word_json(struct chb_words_out *out, struct json_object *object)
{
    chb_word(out, json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                             JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(object);
}

bool chb_double_commas(const char *text, char *ret_text, size_t size)
{
    size_t at = 0;
    for (; *text != '\0'; text++) {
        const size_t needed = *text == ',' ? 2 : 1;
        if (at + needed >= size) {
            ret_text[at] = '\0';
            return false;
        }
        memset(ret_text + at, *text, needed);
        at += needed;
    }
    ret_text[at] = '\0';
    return true;
}
