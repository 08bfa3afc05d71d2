/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file in which a daemon tells its successor what runs. */
#include <agent/shell/runtime.h>

#include "fuzz.h"

static void judge(struct chb_runtime *runtime)
{
    struct json_object *root = chb_runtime_to_json(runtime);
    struct json_object *again = json_tokener_parse(json_object_to_json_string(root));
    struct chb_runtime second;

    CHB_FUZZ_CHECK(CHB_FUZZ_TERMINATED(runtime->resource) && CHB_FUZZ_TERMINATED(runtime->clone));
    CHB_FUZZ_CHECK(json_object_is_type(runtime->parameters, json_type_object));
    CHB_FUZZ_CHECK(runtime->settings.hang_timeout.ns >= 0);
    CHB_FUZZ_CHECK(runtime->qemu == 0 ||
                   (runtime->process.pid > 0 && CHB_FUZZ_TERMINATED(runtime->process.boot_id)));
    CHB_FUZZ_CHECK(chb_runtime_from_json(again, &second) == 0);
    CHB_FUZZ_CHECK(strcmp(second.resource, runtime->resource) == 0 &&
                   strcmp(second.clone, runtime->clone) == 0);
    CHB_FUZZ_CHECK(second.promoted == runtime->promoted && second.qemu == runtime->qemu &&
                   second.in_colo == runtime->in_colo && second.role == runtime->role &&
                   second.process.pid == runtime->process.pid &&
                   second.process.start_time == runtime->process.start_time &&
                   second.settings.spec_hash == runtime->settings.spec_hash &&
                   second.settings.hang_timeout.ns == runtime->settings.hang_timeout.ns);
    CHB_FUZZ_CHECK(memcmp(second.settings.disk_bytes, runtime->settings.disk_bytes,
                          sizeof(second.settings.disk_bytes)) == 0);
    json_object_put(second.parameters);
    json_object_put(again);
    json_object_put(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = chb_fuzz_text(data, size);
    struct json_object *root = json_tokener_parse(text); /* as the daemon reads it */
    struct chb_runtime runtime;

    if (chb_runtime_from_json(root, &runtime) == 0) {
        judge(&runtime);
        json_object_put(runtime.parameters);
    }
    json_object_put(root);
    free(text);
    return 0;
}
