/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/config/error.h>

#include <stdarg.h>
#include <stdio.h>

static void make_printable(char *text)
{
    for (char *p = text; *p != '\0'; p++) {
        if (*p < ' ' || *p > '~') {
            *p = '?';
        }
    }
}

int chb_config_fail(struct chb_config_error *ret_error, int error, const char *key, unsigned line,
                    const char *format, ...)
{
    if (ret_error == NULL) {
        return error;
    }
    ret_error->line = line;
    (void)snprintf(ret_error->key, sizeof(ret_error->key), "%s", key == NULL ? "" : key);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(ret_error->text, sizeof(ret_error->text), format, arguments);
    va_end(arguments);
    make_printable(ret_error->key);
    make_printable(ret_error->text);
    return error;
}
