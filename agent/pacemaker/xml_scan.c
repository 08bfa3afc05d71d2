/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/pacemaker/xml_scan.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct scan {
    const char *at;
    const char *end;
    unsigned depth;
    char open[CHB_XML_DEPTH_MAX][CHB_XML_NAME_MAX]; /* names of the elements that are open */
    bool root_seen;
    struct chb_xml_element element;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':';
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && is_space(*scan->at)) {
        scan->at++;
    }
}

static bool skip(struct scan *scan, const char *text)
{
    size_t size = strlen(text);

    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, text, size) != 0) {
        return false;
    }
    scan->at += size;
    return true;
}

/* To just behind the next `text`. */
static int skip_past(struct scan *scan, const char *text)
{
    const char *found = memmem(scan->at, (size_t)(scan->end - scan->at), text, strlen(text));

    if (found == NULL) {
        return -EBADMSG;
    }
    scan->at = found + strlen(text);
    return 0;
}

static int read_name(struct scan *scan, char *ret)
{
    size_t size = 0;

    while (scan->at < scan->end && is_name(*scan->at)) {
        if (size == CHB_XML_NAME_MAX - 1) {
            return -E2BIG;
        }
        ret[size++] = *scan->at++;
    }
    ret[size] = '\0';
    return size == 0 ? -EBADMSG : 0;
}

/* &#NN; and &#xNN;, after "&#". */
static int read_number(struct scan *scan, char *ret)
{
    unsigned base = skip(scan, "x") ? 16 : 10;
    unsigned value = 0;
    bool any = false;

    while (scan->at < scan->end && *scan->at != ';') {
        char c = *scan->at++;
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 99;
        value = value * base + digit;
        any = true;
        if (digit >= base || value > 127) {
            return -EBADMSG;
        }
    }
    if (!skip(scan, ";") || !any || value == 0) {
        return -EBADMSG;
    }
    *ret = (char)value;
    return 0;
}

static int read_entity(struct scan *scan, char *ret)
{
    static const struct {
        const char *text;
        char c;
    } known[] = {
        {"lt;", '<'}, {"gt;", '>'}, {"amp;", '&'}, {"quot;", '"'}, {"apos;", '\''},
    };

    if (skip(scan, "#")) {
        return read_number(scan, ret);
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (skip(scan, known[i].text)) {
            *ret = known[i].c;
            return 0;
        }
    }
    return -EBADMSG;
}

static int read_value(struct scan *scan, struct chb_xml_attribute *attribute)
{
    char quote = scan->at < scan->end ? *scan->at : '\0';
    size_t size = 0;

    attribute->cut = false;
    if (quote != '"' && quote != '\'') {
        return -EBADMSG;
    }
    scan->at++;
    while (scan->at < scan->end && *scan->at != quote) {
        char c = *scan->at++;
        if (c == '<' || c == '\0') {
            return -EBADMSG;
        }
        if (c == '&') {
            int r = read_entity(scan, &c);
            if (r < 0) {
                return r;
            }
        }
        if (size < CHB_XML_VALUE_MAX - 1) {
            attribute->value[size++] = c;
        } else {
            attribute->cut = true;
        }
    }
    if (scan->at == scan->end) {
        return -EBADMSG;
    }
    scan->at++;
    attribute->value[size] = '\0';
    return 0;
}

static bool has_attribute(const struct chb_xml_element *element, const char *name)
{
    for (size_t i = 0; i < element->count; i++) {
        if (strcmp(element->attributes[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int read_attribute(struct scan *scan)
{
    struct chb_xml_element *element = &scan->element;
    struct chb_xml_attribute *attribute;
    int r;

    if (element->count == CHB_XML_ATTRIBUTES_MAX) {
        return -E2BIG;
    }
    attribute = &element->attributes[element->count];
    r = read_name(scan, attribute->name);
    if (r < 0) {
        return r;
    }
    if (has_attribute(element, attribute->name)) {
        return -EBADMSG;
    }
    skip_space(scan);
    if (!skip(scan, "=")) {
        return -EBADMSG;
    }
    skip_space(scan);
    r = read_value(scan, attribute);
    if (r == 0) {
        element->count++;
    }
    return r;
}

/* A start tag, after "<". */
static int read_start(struct scan *scan, chb_xml_visit visit, void *userdata)
{
    int r = read_name(scan, scan->element.name);
    bool closed = false;

    if (r < 0) {
        return r;
    }
    if (scan->depth == CHB_XML_DEPTH_MAX) {
        return -E2BIG;
    }
    if (scan->depth == 0 && scan->root_seen) {
        return -EBADMSG;
    }
    scan->root_seen = true;
    scan->element.count = 0;
    for (;;) {
        bool spaced = scan->at < scan->end && is_space(*scan->at);
        skip_space(scan);
        closed = skip(scan, "/>");
        if (closed || skip(scan, ">")) {
            break;
        }
        r = spaced ? read_attribute(scan) : -EBADMSG;
        if (r < 0) {
            return r;
        }
    }
    memcpy(scan->open[scan->depth], scan->element.name, CHB_XML_NAME_MAX);
    scan->element.depth = scan->depth + 1;
    if (!closed) {
        scan->depth++;
    }
    return visit(userdata, &scan->element);
}

/* An end tag, after "</". */
static int read_end(struct scan *scan)
{
    char name[CHB_XML_NAME_MAX];
    int r = read_name(scan, name);

    if (r < 0) {
        return r;
    }
    skip_space(scan);
    if (!skip(scan, ">") || scan->depth == 0 || strcmp(scan->open[scan->depth - 1], name) != 0) {
        return -EBADMSG;
    }
    scan->depth--;
    return 0;
}

static int scan_all(struct scan *scan, chb_xml_visit visit, void *userdata)
{
    for (;;) {
        int r;

        skip_space(scan);
        if (scan->at == scan->end) {
            return scan->root_seen && scan->depth == 0 ? 0 : -EBADMSG;
        }
        if (skip(scan, "<?")) {
            r = scan->root_seen ? -EBADMSG : skip_past(scan, "?>");
        } else if (skip(scan, "<!--")) {
            r = skip_past(scan, "-->");
        } else if (skip(scan, "</")) {
            r = read_end(scan);
        } else if (skip(scan, "<")) {
            r = read_start(scan, visit, userdata);
        } else {
            r = -EBADMSG;
        }
        if (r != 0) {
            return r;
        }
    }
}

int chb_xml_scan(const char *text, size_t size, chb_xml_visit visit, void *userdata)
{
    struct scan *scan = calloc(1, sizeof(*scan)); /* 30 kB: not for the stack */
    int r;

    if (scan == NULL) {
        return -ENOMEM;
    }
    scan->at = text;
    scan->end = text + size;
    r = scan_all(scan, visit, userdata);
    free(scan);
    return r;
}

const char *chb_xml_get(const struct chb_xml_element *element, const char *name)
{
    for (size_t i = 0; i < element->count; i++) {
        if (strcmp(element->attributes[i].name, name) == 0) {
            return element->attributes[i].cut ? NULL : element->attributes[i].value;
        }
    }
    return NULL;
}
