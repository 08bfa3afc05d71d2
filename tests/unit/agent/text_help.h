/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of nodes for the tests of the texts. */
#ifndef CHB_TEST_TEXT_HELP_H
#define CHB_TEST_TEXT_HELP_H

#include <agent/text/names.h>

static inline const char *plain_name(void *userdata, uint32_t node)
{
    static const char *const known[] = {NULL, "n1", "n2", "n3"};
    (void)userdata;
    return node < 4 ? known[node] : NULL;
}

static inline const char *umlaut_name(void *userdata, uint32_t node)
{
    (void)userdata;
    (void)node;
    return "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc";
}

static const struct chb_text_names names = {.name = plain_name};

#endif
