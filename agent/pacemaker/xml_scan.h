/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the little XML that cibadmin prints: elements and attributes, no text. One pass, one
 * allocation (30 kB), every length bounded. It is not a parser for XML in general: what it does not
 * know (DOCTYPE, CDATA, entities beyond the five and numbers below 128) makes it refuse the whole
 * input, which is right for a program that decides by what it reads.
 */
#ifndef CHB_PACEMAKER_XML_SCAN_H
#define CHB_PACEMAKER_XML_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#define CHB_XML_NAME_MAX 64
#define CHB_XML_VALUE_MAX 1024
#define CHB_XML_ATTRIBUTES_MAX 24
#define CHB_XML_DEPTH_MAX 16

struct chb_xml_attribute {
    char name[CHB_XML_NAME_MAX];
    char value[CHB_XML_VALUE_MAX]; /* entities replaced */
    bool cut;                      /* the value was longer: other people's attributes may be */
};

struct chb_xml_element {
    char name[CHB_XML_NAME_MAX];
    unsigned depth; /* 1: the root */
    size_t count;
    struct chb_xml_attribute attributes[CHB_XML_ATTRIBUTES_MAX];
};

/* Called at each start tag, in order. Not 0 ends the scan with that value. */
typedef int (*chb_xml_visit)(void *userdata, const struct chb_xml_element *element);

/*
 * Scans `size` bytes. Returns 0 if it was one well-formed element and everything was visited.
 * Errors: -EBADMSG for anything else, -E2BIG for a bound, or what `visit` returned. Elements before
 * the error have been visited: use nothing of them.
 */
int chb_xml_scan(const char *text, size_t size, chb_xml_visit visit, void *userdata);

/* Value of an attribute; NULL if there is none or it was cut. */
const char *chb_xml_get(const struct chb_xml_element *element, const char *name);

#endif
