/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qmp/caps.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/client_internal.h"
#include "qmp/json.h"

/* The schema is a list of entities; commands refer to types by name (docs/devel/qapi-code-gen.rst).
 */
static struct json_object *find_entity(struct json_object *schema, const char *name)
{
    if (name == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < json_object_array_length(schema); i++) {
        struct json_object *entity = json_object_array_get_idx(schema, i);
        const char *found = chb_json_text(entity, "name");
        if (found != NULL && strcmp(found, name) == 0) {
            return entity;
        }
    }
    return NULL;
}

static bool is_command(struct json_object *entity)
{
    const char *meta = chb_json_text(entity, "meta-type");
    return meta != NULL && strcmp(meta, "command") == 0;
}

static bool has_command(struct json_object *schema, const char *name)
{
    return is_command(find_entity(schema, name));
}

/* The element of @list whose text member @key is @value. */
static struct json_object *find_by(struct json_object *list, const char *key, const char *value)
{
    if (list == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *element = json_object_array_get_idx(list, i);
        const char *text = chb_json_text(element, key);
        if (text != NULL && strcmp(text, value) == 0) {
            return element;
        }
    }
    return NULL;
}

static struct json_object *arguments_of(struct json_object *schema, const char *command)
{
    struct json_object *entity = find_entity(schema, command);
    return is_command(entity) ? find_entity(schema, chb_json_text(entity, "arg-type")) : NULL;
}

/* The type of an object type's member; an array's element type. */
static struct json_object *type_of(struct json_object *schema, struct json_object *object,
                                   const char *member)
{
    struct json_object *found = find_by(chb_json_array(object, "members"), "name", member);
    struct json_object *type = find_entity(schema, chb_json_text(found, "type"));
    const char *element = chb_json_text(type, "element-type");
    return element != NULL ? find_entity(schema, element) : type;
}

static bool has_member(struct json_object *object, const char *member)
{
    return find_by(chb_json_array(object, "members"), "name", member) != NULL;
}

/* Enums list plain "values"; since 7.0 "members" too. */
static bool has_value(struct json_object *enumeration, const char *value)
{
    struct json_object *values = chb_json_array(enumeration, "values");
    if (values == NULL) {
        return has_member(enumeration, value);
    }
    for (size_t i = 0; i < json_object_array_length(values); i++) {
        struct json_object *text = json_object_array_get_idx(values, i);
        if (json_object_is_type(text, json_type_string) &&
            strcmp(json_object_get_string(text), value) == 0) {
            return true;
        }
    }
    return false;
}

static struct json_object *variant_of(struct json_object *schema, struct json_object *object,
                                      const char *value)
{
    struct json_object *variant = find_by(chb_json_array(object, "variants"), "case", value);
    return find_entity(schema, chb_json_text(variant, "type"));
}

static bool has_reconnect_ms(struct json_object *schema)
{
    struct json_object *backend = type_of(schema, arguments_of(schema, "chardev-add"), "backend");
    struct json_object *wrapper = variant_of(schema, backend, "socket");
    return has_member(type_of(schema, wrapper, "data"), "reconnect-ms");
}

int chb_qmp_caps_parse(const struct chb_qmp_version *version, struct json_object *schema,
                       struct chb_qmp_caps *ret_caps)
{
    if (!json_object_is_type(schema, json_type_array) || !has_command(schema, "query-qmp-schema")) {
        return -EBADMSG;
    }
    struct json_object *capability = type_of(
        schema, type_of(schema, arguments_of(schema, "migrate-set-capabilities"), "capabilities"),
        "capability");
    struct json_object *driver = type_of(schema, arguments_of(schema, "blockdev-add"), "driver");
    struct json_object *object = type_of(schema, arguments_of(schema, "object-add"), "qom-type");

    *ret_caps = (struct chb_qmp_caps){
        .version = *version,
        .lost_heartbeat = has_command(schema, "x-colo-lost-heartbeat"),
        .colo_status = has_command(schema, "query-colo-status"),
        .x_colo = has_value(capability, "x-colo"),
        .checkpoint_delay =
            has_member(arguments_of(schema, "migrate-set-parameters"), "x-checkpoint-delay"),
        .yank = chb_json_is_true(find_entity(schema, "yank"), "allow-oob"),
        .block_export_add = has_command(schema, "block-export-add"),
        .nbd_server_add = has_command(schema, "nbd-server-add"),
        .blockdev_change = has_command(schema, "x-blockdev-change"),
        .block_job_cancel = has_command(schema, "block-job-cancel"),
        .job_cancel = has_command(schema, "job-cancel"),
        .reconnect_ms = has_reconnect_ms(schema),
        .announce_self = has_command(schema, "announce-self"),
        .driver_quorum = has_value(driver, "quorum"),
        .driver_replication = has_value(driver, "replication"),
        .driver_nbd = has_value(driver, "nbd"),
        .object_colo_compare = has_value(object, "colo-compare"),
        .object_filters = has_value(object, "filter-mirror") &&
                          has_value(object, "filter-redirector") &&
                          has_value(object, "filter-rewriter"),
    };
    return 0;
}

int chb_qmp_version_parse(const char *text, struct chb_qmp_version *ret_version)
{
    static const char before[] = "version ";
    unsigned long numbers[3];
    const char *at = strstr(text, before);
    if (at == NULL) {
        return -EBADMSG;
    }
    at += strlen(before);
    for (size_t i = 0; i < 3; i++) {
        char *end = NULL;
        if (!isdigit((unsigned char)*at)) {
            return -EBADMSG; /* strtoul() would take spaces and signs */
        }
        numbers[i] = strtoul(at, &end, 10);
        if (numbers[i] > CHB_QMP_VERSION_NUMBER_MAX || (i < 2 && *end != '.')) {
            return -EBADMSG;
        }
        at = end + 1;
    }
    *ret_version = (struct chb_qmp_version){
        .major = (unsigned)numbers[0],
        .minor = (unsigned)numbers[1],
        .micro = (unsigned)numbers[2],
    };
    return 0;
}

int chb_qmp_version_check(const struct chb_qmp_version *version, char *ret_reason, size_t size)
{
    const unsigned v = version->major * 1000000 + version->minor * 1000 + version->micro;
    const char *why = NULL;

    assert(size > 0);
    if (v < 7000000) {
        why = "COLO is supported from QEMU 7.0 on";
    } else if (v >= 10000000 && v <= 10000006) {
        why = "QEMU 10.0.0 to 10.0.6 cannot enter COLO; install 10.0.7 or later";
    } else if (v == 10001000 || v == 10001001) {
        why = "QEMU 10.1.0 and 10.1.1 cannot enter COLO; install 10.1.2 or later";
    }
    ret_reason[0] = '\0';
    if (why == NULL) {
        return 0;
    }
    (void)snprintf(ret_reason, size, "QEMU %u.%u.%u: %s", version->major, version->minor,
                   version->micro, why);
    return -EOPNOTSUPP;
}

int chb_qmp_caps_check(const struct chb_qmp_caps *caps, char *ret_reason, size_t size)
{
    const struct {
        bool there;
        const char *what;
    } needed[] = {
        {caps->lost_heartbeat, "the command x-colo-lost-heartbeat"},
        {caps->colo_status, "the command query-colo-status"},
        {caps->x_colo, "the migration capability x-colo"},
        {caps->checkpoint_delay, "the migration parameter x-checkpoint-delay"},
        {caps->yank, "out-of-band yank"},
        {caps->block_export_add || caps->nbd_server_add, "block-export-add or nbd-server-add"},
        {caps->blockdev_change, "the command x-blockdev-change"},
        {caps->block_job_cancel || caps->job_cancel, "block-job-cancel or job-cancel"},
        {caps->driver_quorum, "the block driver quorum"},
        {caps->driver_replication, "the block driver replication"},
        {caps->driver_nbd, "the block driver nbd"},
        {caps->object_colo_compare, "the object colo-compare"},
        {caps->object_filters, "the filters mirror, redirector and rewriter"},
    };
    const int r = chb_qmp_version_check(&caps->version, ret_reason, size);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (!needed[i].there) {
            (void)snprintf(ret_reason, size, "QEMU %u.%u.%u was built without %s",
                           caps->version.major, caps->version.minor, caps->version.micro,
                           needed[i].what);
            return -EOPNOTSUPP;
        }
    }
    return 0;
}

struct probe {
    struct chb_client_request request;
    struct chb_qmp_version version;
    chb_qmp_caps_fn *fn;
    void *userdata;
};

static void on_schema(void *userdata, const struct chb_qmp_reply *reply)
{
    const struct probe probe = *(const struct probe *)userdata;
    struct chb_qmp_caps caps;

    chb_client_request_free(userdata);
    if (reply->outcome != CHB_OUTCOME_DONE) {
        probe.fn(probe.userdata, reply->outcome, NULL, reply->error_text);
    } else if (chb_qmp_caps_parse(&probe.version, reply->data, &caps) < 0) {
        probe.fn(probe.userdata, CHB_OUTCOME_FAILED, NULL, "QEMU's schema cannot be read");
    } else {
        probe.fn(probe.userdata, CHB_OUTCOME_DONE, &caps, "");
    }
}

int chb_qmp_caps_probe(struct chb_qmp_client *client, chb_span timeout, chb_qmp_caps_fn *fn,
                       void *userdata)
{
    struct probe *probe = chb_client_request_new(client, sizeof(*probe));
    if (probe == NULL) {
        return -ENOMEM;
    }
    probe->version = *chb_qmp_client_version(client);
    probe->fn = fn;
    probe->userdata = userdata;
    const int r = chb_qmp_client_send(client, CHB_QMP_MAIN, "query-qmp-schema", NULL, timeout,
                                      on_schema, probe, NULL);
    if (r < 0) {
        chb_client_request_free(&probe->request);
    }
    return r;
}
