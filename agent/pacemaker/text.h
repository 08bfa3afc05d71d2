/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be handed to a Pacemaker tool as a name or a value. Pure. Internal to this folder. */
#ifndef CHB_PACEMAKER_TEXT_H
#define CHB_PACEMAKER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* [A-Za-z0-9_.-]+, not beginning with '-', at most size - 1 bytes. */
static inline bool chb_pacemaker_is_name(const char *name, size_t size)
{
    size_t length = name == NULL ? 0 : strnlen(name, size);

    return length > 0 && length < size && name[0] != '-' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") ==
               length;
}

/* Length of the UTF-8 character at `text`, 0 if there is none that XML allows. */
static inline size_t chb_pacemaker_utf8_length(const unsigned char *text)
{
    if (text[0] < 0x80) {
        return text[0] >= 0x20 && text[0] != 0x7f ? 1 : 0;
    }
    if (text[0] >= 0xc2 && text[0] <= 0xdf) {
        return (text[1] & 0xc0) == 0x80 && !(text[0] == 0xc2 && text[1] < 0xa0) ? 2 : 0;
    }
    if (text[0] >= 0xe0 && text[0] <= 0xef) {
        bool is_overlong = text[0] == 0xe0 && text[1] < 0xa0;
        bool is_surrogate = text[0] == 0xed && text[1] > 0x9f;
        bool is_no_character = text[0] == 0xef && text[1] == 0xbf && text[2] >= 0xbe;
        return !is_overlong && !is_surrogate && !is_no_character && (text[1] & 0xc0) == 0x80 &&
                       (text[2] & 0xc0) == 0x80
                   ? 3
                   : 0;
    }
    if (text[0] >= 0xf0 && text[0] <= 0xf4) {
        bool is_overlong = text[0] == 0xf0 && text[1] < 0x90;
        bool is_too_large = text[0] == 0xf4 && text[1] > 0x8f;
        return !is_overlong && !is_too_large && (text[1] & 0xc0) == 0x80 &&
                       (text[2] & 0xc0) == 0x80 && (text[3] & 0xc0) == 0x80
                   ? 4
                   : 0;
    }
    return 0;
}

/* Not empty, UTF-8 without control characters, at most size - 1 bytes. */
static inline bool chb_pacemaker_is_value(const char *value, size_t size)
{
    const unsigned char *at = (const unsigned char *)value;
    size_t length;

    if (value == NULL || value[0] == '\0' || strnlen(value, size) == size) {
        return false;
    }
    while (*at != '\0') {
        length = chb_pacemaker_utf8_length(at);
        if (length == 0) {
            return false;
        }
        at += length;
    }
    return true;
}

/* Copies the first line, cut to fit, for a message to people. */
static inline void chb_pacemaker_first_line(char *to, size_t size, const char *from)
{
    size_t length = 0;

    while (length < size - 1 && from[length] != '\0' && from[length] != '\n') {
        unsigned char c = (unsigned char)from[length];
        to[length] = c < 0x20 || c == 0x7f ? '?' : from[length];
        length++;
    }
    to[length] = '\0';
}

#endif
