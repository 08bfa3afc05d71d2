/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/pacemaker/cluster.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <agent/pacemaker/text.h>
#include <agent/pacemaker/xml_scan.h>

#define CIB_OUT_MAX ((size_t)1024 * 1024)
#define DEVICES_OUT_MAX 65536
#define RECORD_PREFIX "colo-hbd-"

/* One question on its way. */
struct question {
    union {
        chb_cib_records_done records;
        chb_cluster_properties_done properties;
        chb_fence_devices_done devices;
    } done;
    void *userdata;
    char name[CHB_CLUSTER_NODE_MAX]; /* attribute or node */
};

/* Why a tool gave no answer, in one line; false if it gave one. */
static bool has_failed(const struct chb_tool_result *result, enum chb_outcome *ret_outcome,
                       char *ret_text, size_t size)
{
    *ret_outcome = result->outcome;
    if (result->outcome == CHB_OUTCOME_DONE && result->out_truncated) {
        *ret_outcome = CHB_OUTCOME_FAILED;
        snprintf(ret_text, size, "the answer is too long");
    } else if (result->error != 0) {
        snprintf(ret_text, size, "%s", strerror(-result->error));
    } else if (result->outcome != CHB_OUTCOME_DONE) {
        chb_pacemaker_first_line(ret_text, size, result->err);
    }
    return *ret_outcome != CHB_OUTCOME_DONE;
}

static int ask(struct chb_tools *tools, const char *const argv[], chb_span timeout, size_t out_max,
               const struct question *question, chb_tool_done done)
{
    struct question *copy = malloc(sizeof(*copy));
    int r;

    if (copy == NULL) {
        return -ENOMEM;
    }
    *copy = *question;
    r = chb_tools_run(tools, argv, timeout, out_max, done, copy, NULL);
    if (r < 0) {
        free(copy);
    }
    return r;
}

/* Records: <nodes><node uname="n1"><instance_attributes><nvpair name="colo-hbd-VM" value="…"/> */

struct records_scan {
    const char *attribute;
    char node[CHB_CLUSTER_NODE_MAX]; /* the <node> that we are in; empty: one without a name */
    struct chb_cib_records *records;
};

static int visit_record(void *userdata, const struct chb_xml_element *element)
{
    struct records_scan *scan = userdata;
    const char *name = chb_xml_get(element, "name");
    const char *value = chb_xml_get(element, "value");
    const char *uname = chb_xml_get(element, "uname");
    struct chb_cib_record *record;

    if (element->depth == 2) {
        scan->node[0] = '\0';
        if (uname != NULL && strlen(uname) < sizeof(scan->node)) {
            memcpy(scan->node, uname, strlen(uname) + 1);
        }
        return 0;
    }
    if (strcmp(element->name, "nvpair") != 0 || name == NULL ||
        strcmp(name, scan->attribute) != 0 || scan->node[0] == '\0') {
        return 0;
    }
    /* A record that we cannot read is not "no record": nobody may conclude anything then. */
    if (value == NULL || !chb_pacemaker_is_value(value, CHB_ATTRIBUTE_VALUE_MAX) ||
        scan->records->count == CHB_CLUSTER_NODES_MAX) {
        return -E2BIG;
    }
    record = &scan->records->records[scan->records->count++];
    memcpy(record->node, scan->node, sizeof(record->node));
    memcpy(record->text, value, strlen(value) + 1);
    return 0;
}

static void on_records(void *userdata, const struct chb_tool_result *result)
{
    struct question *question = userdata;
    static struct chb_cib_records records; /* 50 kB, used by one callback at a time */
    struct records_scan scan = {.attribute = question->name, .records = &records};
    int r;

    memset(&records, 0, sizeof(records));
    if (!has_failed(result, &records.outcome, records.text, sizeof(records.text))) {
        r = chb_xml_scan(result->out, result->out_size, visit_record, &scan);
        if (r < 0) {
            records.outcome = CHB_OUTCOME_FAILED;
            records.count = 0;
            snprintf(records.text, sizeof(records.text), "the CIB's nodes cannot be read: %s",
                     strerror(-r));
        }
    }
    question->done.records(question->userdata, &records);
    free(question);
}

int chb_cluster_read_records(struct chb_tools *tools, const char *vm, chb_span timeout,
                             chb_cib_records_done done, void *userdata)
{
    const char *argv[] = {"cibadmin", "--query", "--scope=nodes", NULL};
    struct question question = {.done.records = done, .userdata = userdata};

    if (!chb_pacemaker_is_name(vm, CHB_ATTRIBUTE_NAME_MAX)) {
        return -EINVAL;
    }
    snprintf(question.name, sizeof(question.name), RECORD_PREFIX "%s", vm);
    return ask(tools, argv, timeout, CIB_OUT_MAX, &question, on_records);
}

/* Properties: <crm_config><cluster_property_set id="…"><nvpair name="…" value="…"/> */

#define MAIN_SET "cib-bootstrap-options"

struct properties_scan {
    bool want_main; /* Pacemaker lets the main set win over the others: two passes */
    bool in_main;
    unsigned seen; /* bits of enum property that have a value */
    struct chb_cluster_properties *properties;
};

enum property {
    PROPERTY_ENABLED = 1,
    PROPERTY_ACTION = 2,
    PROPERTY_WATCHDOG = 4,
    PROPERTY_MAINTENANCE = 8,
    PROPERTY_TIMEOUT = 16,
    PROPERTY_WATCHDOG_TIMEOUT = 32,
    PROPERTY_CLUSTER_NAME = 64,
};

static bool is_one_of(const char *value, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strcasecmp(value, *list) == 0) {
            return true;
        }
    }
    return false;
}

/* Pacemaker's words for true and false (crm_str_to_boolean()). Anything else changes nothing. */
static void read_boolean(const char *value, bool *ret)
{
    static const char *const yes[] = {"true", "on", "yes", "y", "1", NULL};
    static const char *const no[] = {"false", "off", "no", "n", "0", NULL};

    if (is_one_of(value, yes)) {
        *ret = true;
    } else if (is_one_of(value, no)) {
        *ret = false;
    }
}

/* A number with one of Pacemaker's units (crm_get_msec()), seconds if none. Same rule. */
static void read_duration(const char *value, chb_span *ret)
{
    static const struct {
        const char *unit;
        int64_t ns;
    } units[] = {
        {"", 1000000000},     {"s", 1000000000},    {"sec", 1000000000},   {"ms", 1000000},
        {"msec", 1000000},    {"us", 1000},         {"usec", 1000},        {"m", 60000000000},
        {"min", 60000000000}, {"h", 3600000000000}, {"hr", 3600000000000},
    };
    char *end = NULL;
    long number;

    errno = 0;
    number = strtol(value, &end, 10);
    if (end == value || errno != 0 || number > 1000000) {
        return;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcasecmp(end, units[i].unit) == 0) {
            ret->ns = number < 0 ? -1 : number * units[i].ns;
        }
    }
}

static void take_property(struct properties_scan *scan, enum property property, const char *value)
{
    struct chb_cluster_properties *properties = scan->properties;

    if ((scan->seen & property) != 0) {
        return;
    }
    scan->seen |= property;
    switch (property) {
    case PROPERTY_ENABLED:
        read_boolean(value, &properties->stonith_enabled);
        break;
    case PROPERTY_ACTION:
        /* "poweroff" is an old word for off, which Pacemaker's scheduler replaces too. */
        if (strcmp(value, "off") == 0 || strcmp(value, "poweroff") == 0) {
            snprintf(properties->stonith_action, sizeof(properties->stonith_action), "off");
        }
        break;
    case PROPERTY_WATCHDOG:
        read_boolean(value, &properties->have_watchdog);
        break;
    case PROPERTY_MAINTENANCE:
        read_boolean(value, &properties->maintenance_mode);
        break;
    case PROPERTY_TIMEOUT:
        read_duration(value, &properties->stonith_timeout);
        break;
    case PROPERTY_WATCHDOG_TIMEOUT:
        read_duration(value, &properties->watchdog_timeout);
        break;
    case PROPERTY_CLUSTER_NAME:
        chb_pacemaker_first_line(properties->cluster_name, sizeof(properties->cluster_name), value);
        break;
    }
}

static int visit_property(void *userdata, const struct chb_xml_element *element)
{
    static const struct {
        const char *name;
        enum property property;
    } known[] = {
        {"stonith-enabled", PROPERTY_ENABLED},
        {"stonith-action", PROPERTY_ACTION},
        {"have-watchdog", PROPERTY_WATCHDOG},
        {"maintenance-mode", PROPERTY_MAINTENANCE},
        {"stonith-timeout", PROPERTY_TIMEOUT},
        {"stonith-watchdog-timeout", PROPERTY_WATCHDOG_TIMEOUT},
        {"cluster-name", PROPERTY_CLUSTER_NAME},
    };
    struct properties_scan *scan = userdata;
    const char *id = chb_xml_get(element, "id");
    const char *name = chb_xml_get(element, "name");
    const char *value = chb_xml_get(element, "value");

    if (element->depth == 2) {
        scan->in_main = id != NULL && strcmp(id, MAIN_SET) == 0;
        return 0;
    }
    if (scan->in_main != scan->want_main || strcmp(element->name, "nvpair") != 0 || name == NULL ||
        value == NULL) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(name, known[i].name) == 0) {
            take_property(scan, known[i].property, value);
        }
    }
    return 0;
}

static void on_properties(void *userdata, const struct chb_tool_result *result)
{
    struct question *question = userdata;
    struct chb_cluster_properties properties = {
        .stonith_enabled = true,
        .stonith_action = "reboot",
        .stonith_timeout = {.ns = 60000000000},
    };
    struct properties_scan scan = {.want_main = true, .properties = &properties};
    int r;

    if (!has_failed(result, &properties.outcome, properties.text, sizeof(properties.text))) {
        r = chb_xml_scan(result->out, result->out_size, visit_property, &scan);
        scan.want_main = false;
        r = r < 0 ? r : chb_xml_scan(result->out, result->out_size, visit_property, &scan);
        if (r < 0) {
            properties.outcome = CHB_OUTCOME_FAILED;
            snprintf(properties.text, sizeof(properties.text),
                     "the cluster's properties cannot be read: %s", strerror(-r));
        }
    }
    question->done.properties(question->userdata, &properties);
    free(question);
}

int chb_cluster_read_properties(struct chb_tools *tools, chb_span timeout,
                                chb_cluster_properties_done done, void *userdata)
{
    const char *argv[] = {"cibadmin", "--query", "--scope=crm_config", NULL};
    const struct question question = {.done.properties = done, .userdata = userdata};

    return ask(tools, argv, timeout, CIB_OUT_MAX, &question, on_properties);
}

/* Devices: <pacemaker-result><list name="fence devices"><item name="device">ID</item> has text in
 * it, which our scanner refuses; the plain output is one line per device. */

static void read_devices(const char *out, struct chb_fence_devices *devices)
{
    const char *line = out;

    while (*line != '\0') {
        const char *end = strchrnul(line, '\n');
        char name[CHB_ATTRIBUTE_NAME_MAX] = "";
        size_t length;

        while (line < end && (*line == ' ' || *line == '*')) {
            line++;
        }
        length = (size_t)(end - line);
        /* "2 fence devices found" and a heading have blanks in them; a device's id has none. */
        if (length < sizeof(name)) {
            memcpy(name, line, length);
        }
        if (chb_pacemaker_is_name(name, sizeof(name)) && devices->count < CHB_CLUSTER_DEVICES_MAX) {
            memcpy(devices->names[devices->count++], name, sizeof(name));
        }
        line = *end == '\0' ? end : end + 1;
    }
}

static void on_devices(void *userdata, const struct chb_tool_result *result)
{
    struct question *question = userdata;
    struct chb_fence_devices devices = {0};

    memcpy(devices.node, question->name, sizeof(devices.node));
    if (!has_failed(result, &devices.outcome, devices.text, sizeof(devices.text))) {
        read_devices(result->out, &devices);
    }
    question->done.devices(question->userdata, &devices);
    free(question);
}

int chb_cluster_read_devices(struct chb_tools *tools, const char *node, chb_span timeout,
                             chb_fence_devices_done done, void *userdata)
{
    char list[CHB_CLUSTER_NODE_MAX + 16];
    const char *argv[] = {"stonith_admin", list, NULL};
    struct question question = {.done.devices = done, .userdata = userdata};

    if (!chb_pacemaker_is_name(node, sizeof(question.name))) {
        return -EINVAL;
    }
    memcpy(question.name, node, strlen(node) + 1);
    snprintf(list, sizeof(list), "--list=%s", node);
    return ask(tools, argv, timeout, DEVICES_OUT_MAX, &question, on_devices);
}

int chb_cluster_set_meta(struct chb_tools *tools, const char *resource, const char *name,
                         const char *value, chb_span timeout, chb_tool_done done, void *userdata)
{
    char resource_option[CHB_ATTRIBUTE_NAME_MAX + 32];
    char name_option[CHB_ATTRIBUTE_NAME_MAX + 32];
    char value_option[CHB_ATTRIBUTE_VALUE_MAX + 32];
    const char *argv[] = {"crm_resource", resource_option, "--meta",
                          name_option,    value_option,    NULL};

    if (!chb_pacemaker_is_name(resource, CHB_ATTRIBUTE_NAME_MAX) ||
        !chb_pacemaker_is_name(name, CHB_ATTRIBUTE_NAME_MAX) ||
        !chb_pacemaker_is_value(value, CHB_ATTRIBUTE_VALUE_MAX)) {
        return -EINVAL;
    }
    snprintf(resource_option, sizeof(resource_option), "--resource=%s", resource);
    snprintf(name_option, sizeof(name_option), "--set-parameter=%s", name);
    snprintf(value_option, sizeof(value_option), "--parameter-value=%s", value);
    return chb_tools_run(tools, argv, timeout, 4096, done, userdata, NULL);
}
