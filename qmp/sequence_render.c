/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a row's argument template to JSON: see sequence_table.h. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/names.h"
#include "qmp/sequence_table.h"

#define TEXT_SIZE 256
#define CHECKPOINT_DELAY_MS 20000 /* QEMU's own default */
/* Of the migration. Without a limit the secondary's main loop is busy with loading, its NBD server
 * starves, and a client that writes to the disk was seen to wait 180 to 460 ms; with this one 50
 * to 95. */
#define MIGRATE_BYTES_PER_S UINT64_C(200000000)

uint64_t chb_seq_memory_speed(const struct chb_seq_params *params)
{
    return params->migrate_bytes_per_s != 0 ? params->migrate_bytes_per_s : MIGRATE_BYTES_PER_S;
}

struct scope {
    const struct chb_seq_params *params;
    unsigned index;
};

/* "<name>" for texts. Returns -ENOENT for an unknown name. */
static int text_value(const struct scope *scope, const char *name, size_t length, char *ret_text)
{
    const struct chb_seq_params *p = scope->params;
    const struct chb_seq_ports *ports = &p->ports;
    const unsigned nic = scope->index < CHB_NICS_MAX ? scope->index : 0;
    const struct {
        const char *name;
        const char *text; /* NULL: the port */
        uint16_t port;
    } values[] = {

        {"peer", p->peer_address, 0},
        {"prefix", p->socket_prefix, 0},
        {"nbd_port", NULL, ports->nbd},

        {"mirror_port", NULL, ports->mirror[nic]},
        {"compare_port", NULL, ports->compare[nic]},
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (strlen(values[i].name) != length || strncmp(values[i].name, name, length) != 0) {
            continue;
        }
        if (values[i].text == NULL) {
            (void)snprintf(ret_text, TEXT_SIZE, "%u", (unsigned)values[i].port);
        } else {
            (void)snprintf(ret_text, TEXT_SIZE, "%s", values[i].text);
        }
        return 0;
    }
    return -ENOENT;
}

/* "$i" and every "<name>" inside a text. */
static int expand(const struct scope *scope, const char *template, char ret_text[static TEXT_SIZE])
{
    size_t at = 0;
    for (const char *p = template; *p != '\0';) {
        char piece[TEXT_SIZE] = {*p, '\0'};
        if (p[0] == '$' && p[1] == 'i') {
            piece[0] = (char)('0' + scope->index % 10);
            p += 2;
        } else if (*p == '<') {
            const char *end = strchr(p, '>');
            if (end == NULL) {
                return -EINVAL;
            }
            const size_t length = (size_t)(end - p) - 1;
            if (text_value(scope, p + 1, length, piece) < 0) {
                return -EINVAL;
            }
            p = end + 1;
        } else {
            p++;
        }
        const size_t length = strlen(piece);
        if (at + length >= TEXT_SIZE) {
            return -EINVAL;
        }
        memcpy(ret_text + at, piece, length + 1);
        at += length;
    }
    ret_text[at] = '\0';
    return 0;
}

/* "<#name>": a number or a boolean. */
static struct json_object *typed_value(const struct scope *scope, const char *template)
{
    const struct chb_seq_params *p = scope->params;

    if (strcmp(template, "<#vnet_hdr>") == 0) {
        return json_object_new_boolean(p->vnet_hdr[scope->index % CHB_NICS_MAX]);
    }
    if (strcmp(template, "<#checkpoint_delay>") == 0) {
        return json_object_new_int64(p->checkpoint_delay_ms != 0 ? p->checkpoint_delay_ms
                                                                 : CHECKPOINT_DELAY_MS);
    }
    if (strcmp(template, "<#migrate_speed>") == 0) {
        return json_object_new_int64((int64_t)chb_seq_memory_speed(p));
    }
    return NULL;
}

/* "<?name>": a value or nothing. *ret_known tells the second from an unknown name. */
static struct json_object *optional_value(const struct scope *scope, const char *template,
                                          bool *ret_known)
{
    const struct chb_seq_params *p = scope->params;
    char name[CHB_QEMU_ID_SIZE];
    char position[CHB_QEMU_ID_SIZE + 8];

    *ret_known = true;
    if (strcmp(template, "<?insert>") == 0) {
        return p->was_secondary ? json_object_new_string("before") : NULL;
    }
    if (strcmp(template, "<?position>") == 0) {
        (void)snprintf(position, sizeof(position), "id=%s",
                       chb_qemu_name(CHB_NIC_REWRITER, scope->index, name));
        return p->was_secondary ? json_object_new_string(position) : NULL;
    }
    if (strcmp(template, "<?compare_timeout>") == 0) {
        return p->compare_timeout_ms != 0 ? json_object_new_int64(p->compare_timeout_ms) : NULL;
    }
    if (strcmp(template, "<?resync_speed>") == 0) {
        const uint64_t speed = chb_seq_share(p->resync_bytes_per_s, p->n_disks);
        return speed != 0 ? json_object_new_int64((int64_t)speed) : NULL;
    }
    *ret_known = false;
    return NULL;
}

static int fill(const struct scope *scope, struct json_object *value, struct json_object **ret_new);

static int fill_object(const struct scope *scope, struct json_object *object,
                       struct json_object **ret_new)
{
    struct json_object *filled = json_object_new_object();
    json_object_object_foreach(object, key, value)
    {
        struct json_object *member = NULL;
        const int r = fill(scope, value, &member);
        if (r < 0) {
            json_object_put(filled);
            return r;
        }
        if (member != NULL) {
            json_object_object_add(filled, key, member);
        }
    }
    *ret_new = filled;
    return 0;
}

static int fill_array(const struct scope *scope, struct json_object *array,
                      struct json_object **ret_new)
{
    struct json_object *filled = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        struct json_object *element = NULL;
        const int r = fill(scope, json_object_array_get_idx(array, i), &element);
        if (r < 0) {
            json_object_put(filled);
            return r;
        }
        json_object_array_add(filled, element);
    }
    *ret_new = filled;
    return 0;
}

static int fill_text(const struct scope *scope, const char *template, struct json_object **ret_new)
{
    char text[TEXT_SIZE];
    if (strncmp(template, "<#", 2) == 0) {
        *ret_new = typed_value(scope, template);
        return *ret_new != NULL ? 0 : -EINVAL;
    }
    if (strncmp(template, "<?", 2) == 0) {
        bool known = false;
        *ret_new = optional_value(scope, template, &known);
        return known ? 0 : -EINVAL;
    }
    const int r = expand(scope, template, text);
    if (r == 0) {
        *ret_new = json_object_new_string(text);
    }
    return r;
}

/* A copy of @value with every name filled in; *ret_new is NULL for a member that is left out.
 * Templates are ours and three levels deep: the recursion is bounded. */
static int fill(const struct scope *scope, struct json_object *value, struct json_object **ret_new)
{
    switch (json_object_get_type(value)) {
    case json_type_object:
        return fill_object(scope, value, ret_new);
    case json_type_array:
        return fill_array(scope, value, ret_new);
    case json_type_string:
        return fill_text(scope, json_object_get_string(value), ret_new);
    case json_type_null:
    case json_type_boolean:
    case json_type_double:
    case json_type_int:
        *ret_new = json_object_get(value);
        return 0;
    }
    return -EINVAL;
}

int chb_seq_render(const struct chb_seq_step *step, const struct chb_seq_params *params,
                   unsigned index, struct json_object **ret_arguments)
{
    if (step->arguments == NULL) {
        *ret_arguments = NULL;
        return 0;
    }
    const struct scope scope = {.params = params, .index = index};
    struct json_object *template = json_tokener_parse(step->arguments);
    if (template == NULL) {
        return -EINVAL;
    }
    struct json_object *filled = NULL;
    const int r = fill(&scope, template, &filled);
    json_object_put(template);
    if (r < 0) {
        return r;
    }
    *ret_arguments = filled;
    return 0;
}
