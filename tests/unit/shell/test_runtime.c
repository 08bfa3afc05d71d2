/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <agent/shell/runtime.h>

static struct chb_runtime sample(void)
{
    struct chb_runtime runtime = {
        .resource = "colo-vm",
        .clone = "colo-vm-clone",
        .parameters = json_object_new_object(),
        .settings = {.spec_hash = UINT64_MAX,
                     .hang_timeout = {.ns = 1500000000},
                     .qemu_version = 0x070216,
                     .require_fencing = true,
                     .image_present = true,
                     .restart_guest = true},
        .promoted = true,
        .qemu = (UINT64_C(1) << 63) | 5,
        .process = {.pid = 4711, .start_time = 99, .boot_id = "0123456789abcdef"},
        .started_as = CHB_ROLE_SECONDARY,
        .role = CHB_ROLE_PRIMARY,
        .in_colo = true,
        .copy_failed = true,
    };
    runtime.settings.disk_bytes[1] = UINT64_C(1) << 40;
    json_object_object_add(runtime.parameters, "memory", json_object_new_string("2G"));
    return runtime;
}

static void round_trip(void **state)
{
    (void)state;
    struct chb_runtime before = sample();
    struct json_object *root = chb_runtime_to_json(&before);
    struct json_object *again = json_tokener_parse(json_object_to_json_string(root));
    struct chb_runtime after;
    assert_int_equal(chb_runtime_from_json(again, &after), 0);
    assert_string_equal(after.resource, "colo-vm");
    assert_string_equal(after.clone, "colo-vm-clone");
    assert_true(json_object_equal(after.parameters, before.parameters));
    assert_int_equal(after.settings.spec_hash, UINT64_MAX);
    assert_int_equal(after.settings.hang_timeout.ns, 1500000000);
    assert_int_equal(after.settings.qemu_version, 0x070216);
    assert_int_equal(after.settings.disk_bytes[1], UINT64_C(1) << 40);
    assert_true(after.settings.require_fencing && after.settings.image_present);
    assert_true(after.settings.restart_guest);
    assert_true(after.promoted && after.in_colo && after.copy_failed);
    assert_int_equal(after.qemu, (UINT64_C(1) << 63) | 5);
    assert_int_equal(after.process.pid, 4711);
    assert_int_equal(after.process.start_time, 99);
    assert_string_equal(after.process.boot_id, "0123456789abcdef");
    assert_int_equal(after.started_as, CHB_ROLE_SECONDARY);
    assert_int_equal(after.role, CHB_ROLE_PRIMARY);
    json_object_put(after.parameters);
    json_object_put(before.parameters);
    json_object_put(again);
    json_object_put(root);
}

static void without_qemu(void **state)
{
    (void)state;
    struct chb_runtime before = sample();
    before.qemu = 0;
    struct json_object *root = chb_runtime_to_json(&before);
    struct chb_runtime after;
    assert_int_equal(chb_runtime_from_json(root, &after), 0);
    assert_int_equal(after.qemu, 0);
    assert_true(after.promoted);
    json_object_put(after.parameters);
    json_object_put(before.parameters);
    json_object_put(root);
}

/* A file that was cut or touched by hand: refused as a whole, or read, but never a crash. */
static void damaged(void **state)
{
    (void)state;
    struct chb_runtime before = sample();
    struct json_object *root = chb_runtime_to_json(&before);
    static const char *const keys[] = {"version", "resource", "clone", "parameters", "settings"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct json_object *copy = json_tokener_parse(json_object_to_json_string(root));
        json_object_object_add(copy, keys[i], json_object_new_array());
        struct chb_runtime after = {.qemu = 7};
        assert_int_equal(chb_runtime_from_json(copy, &after), -EBADMSG);
        assert_int_equal(after.qemu, 7);
        json_object_put(copy);
    }
    static const char *const qemu_keys[] = {"identity", "pid",        "start_time",
                                            "boot_id",  "started_as", "role"};
    for (size_t i = 0; i < sizeof(qemu_keys) / sizeof(qemu_keys[0]); i++) {
        struct json_object *copy = json_tokener_parse(json_object_to_json_string(root));
        struct json_object *qemu = NULL;
        struct chb_runtime after;
        assert_true(json_object_object_get_ex(copy, "qemu", &qemu));
        json_object_object_add(qemu, qemu_keys[i], NULL);
        assert_int_equal(chb_runtime_from_json(copy, &after), -EBADMSG);
        json_object_put(copy);
    }
    struct json_object *copy = json_tokener_parse(json_object_to_json_string(root));
    struct chb_runtime after;
    json_object_object_add(copy, "resource", json_object_new_string_len("vm\0x", 4));
    assert_int_equal(chb_runtime_from_json(copy, &after), -EBADMSG);
    json_object_put(copy);
    json_object_put(before.parameters);
    json_object_put(root);
}

static void files(void **state)
{
    (void)state;
    char folder[] = "/tmp/chb-runtime-XXXXXX";
    char path[64];
    char *text = NULL;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    assert_int_equal(chb_file_read(path, 100, &text), -ENOENT);
    assert_int_equal(chb_file_replace(path, "one"), 0);
    assert_int_equal(chb_file_replace(path, "second"), 0);
    assert_int_equal(chb_file_read(path, 6, &text), 0);
    assert_string_equal(text, "second");
    free(text);
    assert_int_equal(chb_file_read(path, 5, &text), -EFBIG);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    (void)unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing else is left */
    assert_int_equal(chb_file_replace("/nonexistent/file", "x"), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(without_qemu),
        cmocka_unit_test(damaged),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
