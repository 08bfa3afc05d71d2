/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/text/say.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

struct chb_say chb_say_begin(char *text, size_t size)
{
    text[0] = '\0';
    return (struct chb_say){.text = text, .size = size};
}

/* Takes a UTF-8 character off the end that was cut in its middle. */
static void drop_cut_character(struct chb_say *say)
{
    size_t i = say->used;
    while (i > 0 && ((unsigned char)say->text[i - 1] & 0xc0) == 0x80) {
        i--;
    }
    if (i == 0 || (unsigned char)say->text[i - 1] < 0xc0) {
        return;
    }
    unsigned char first = (unsigned char)say->text[i - 1];
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (say->used - (i - 1) < length) {
        say->used = i - 1;
        say->text[say->used] = '\0';
    }
}

void chb_say(struct chb_say *say, const char *format, ...)
{
    size_t room = say->size - say->used;
    char *from = say->text + say->used;
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(from, room, format, arguments);
    va_end(arguments);
    if (n < 0) {
        *from = '\0';
        return;
    }
    bool cut = (size_t)n >= room;
    say->used += cut ? room - 1 : (size_t)n;
    for (char *p = from; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f) {
            *p = '?';
        }
    }
    if (cut) {
        drop_cut_character(say);
    }
}
