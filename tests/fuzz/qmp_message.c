/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One JSON value from QEMU: an event if it is an object, a schema if it is a list. */
#include <qmp/caps.h>
#include <qmp/conn.h>
#include <qmp/event.h>
#include <qmp/json.h>

#include "fuzz.h"

static void try_event(struct json_object *message)
{
    struct chb_qmp_event event;
    const char *name = chb_json_text(message, "event");
    const chb_time at = {.ns = 1};

    if (name == NULL ||
        chb_qmp_event_parse(name, chb_json_object(message, "data"), at, &event) < 0) {
        return;
    }
    CHB_FUZZ_CHECK(event.kind < CHB_QMP_EVENT_MAX);
    CHB_FUZZ_CHECK(strcmp(chb_qmp_event_name(event.kind), name) == 0);
    CHB_FUZZ_CHECK(CHB_FUZZ_TERMINATED(event.id) && CHB_FUZZ_TERMINATED(event.reason) &&
                   CHB_FUZZ_TERMINATED(event.error));
    CHB_FUZZ_CHECK(event.offset >= 0 && event.length >= 0);
    for (const char *p = event.error; *p != '\0'; p++) {
        CHB_FUZZ_CHECK((unsigned char)*p >= 0x20 && *p != 0x7f); /* it goes to logs */
    }
    (void)chb_migration_status_to_text(event.migration);
}

static void try_schema(struct json_object *schema)
{
    const struct chb_qmp_version version = {.major = 7, .minor = 2};
    struct chb_qmp_caps caps;
    char reason[160];

    if (chb_qmp_caps_parse(&version, schema, &caps) == 0) {
        const int r = chb_qmp_caps_check(&caps, reason, sizeof(reason));
        CHB_FUZZ_CHECK((r == 0) == (reason[0] == '\0'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_tokener *tokener = json_tokener_new_ex(CHB_QMP_DEPTH_MAX);
    char *text = chb_fuzz_text(data, size);

    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *message = json_tokener_parse_ex(tokener, text, (int)size + 1);
    if (json_tokener_get_error(tokener) == json_tokener_success) {
        try_event(message);
        try_schema(message);
    }
    json_object_put(message);
    json_tokener_free(tokener);
    free(text);
    return 0;
}
