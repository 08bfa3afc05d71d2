/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The config file of a VM, and what the parameters name on this host. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "params_help.h"

static int parse(const char *json, const struct chb_param *params, size_t n,
                 struct chb_vm_config **ret_config)
{
    error.text[0] = '\0';
    return chb_params_parse(&web, params, n, json, strlen(json), ret_config, &error);
}

static void lists_and_objects(void **state)
{
    static const char json[] =
        "{\n"
        "  \"disks\": [\"/a b.qcow2,id=A\", {\"path\": \"/c,d \\\"e\\\\.raw\", \"format\": "
        "\"raw\"}],\n"
        "  \"nics\": [{\"bridge\": \"br0\"}, \"bridge=br1\"],\n"
        "  \"qemu_args\": [\"-device\", \"virtio-rng-pci,id=a b\"],\n"
        "  \"cpus\": 4, \"require_fencing\": false, \"memory\": \"2G\"\n"
        "}\n";
    struct chb_vm_config *c = NULL;
    (void)state;
    int r = parse(json, NULL, 0, &c);
    assert_string_equal(error.text, "");
    assert_int_equal(r, 0);
    assert_int_equal(c->spec.n_disks, 2);
    /* A text in a list is one entry, blanks and all. */
    assert_string_equal(c->spec.disks[0].path, "/a b.qcow2");
    assert_string_equal(c->spec.disks[0].id, "A");
    assert_string_equal(c->spec.disks[1].path, "/c,d \"e\\.raw");
    assert_string_equal(c->spec.disks[1].format, "raw");
    assert_int_equal(c->spec.n_nics, 2);
    assert_int_equal(c->spec.n_extra, 2);
    assert_string_equal(c->spec.extra[1], "virtio-rng-pci,id=a b");
    assert_int_equal(c->spec.cpus, 4);
    assert_int_equal(c->spec.memory_mb, 2048);
    assert_false(c->require_fencing);
    chb_vm_config_free(c);
}

static void same_as_parameters(void **state)
{
    struct chb_vm_config *a = NULL;
    (void)state;
    assert_int_equal(parse("{\"disks\": \"/x.qcow2\", \"nics\": \"bridge=br0\"}", NULL, 0, &a), 0);
    struct chb_vm_config *b = PARSED(DISK, {"nics", "bridge=br0"});
    assert_true(a->spec_hash == b->spec_hash);
    chb_vm_config_free(a);
    chb_vm_config_free(b);
}

static void refused_files(void **state)
{
    static const struct {
        const char *json;
        const char *part;
    } cases[] = {
        {"", "line 1"},
        {"[]", "one object"},
        {"\"x\"", "one object"},
        {"{\n\"memory\": \"1G\",\n\"cpus\": }", "line 3"},
        {"{\"cpus\": 1", "too early"},
        {"{\"cpus\": 1} x", "no valid JSON"},
        {"{\"cpus\": 1.5}", "\"cpus\": write a text, a whole number"},
        {"{\"cpus\": null}", "\"cpus\""},
        {"{\"cpus\": [1]}", "\"cpus\""},
        {"{\"memory\": \"1\\u00002\"}", "\"memory\""},
        {"{\"disks\": [[\"/x\"]]}", "list of texts and objects"},
        {"{\"disks\": [{\"path\": {}}]}", "list of texts and objects"},
        {"{\"qemu_args\": [{\"a\": \"b\"}]}", "or a list of texts"},
        {"{\"cpuz\": 1}", "write cpu"},
        {"{\"config\": \"/y\"}", "cannot stand in the file itself"},
        {"{\"name\": \"web\"}", "cannot stand in the file itself"},
        {"{\"disks\": [\"/x\", \"/y,fromat=raw\"]}", "entry 2"},
    };
    struct chb_vm_config *c = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(cases[i].json, NULL, 0, &c), -EINVAL);
        assert_contains(error.text, cases[i].part);
    }
    const struct chb_param params[] = {DISK};
    assert_int_equal(parse("{\"disks\": \"/y\"}", params, 1, &c), -EINVAL);
    assert_contains(error.text, "as a parameter and in the config file");
    char *deep = malloc(20001);
    assert_non_null(deep);
    memset(deep, '[', 20000);
    deep[20000] = '\0';
    assert_int_equal(parse(deep, NULL, 0, &c), -EINVAL);
    free(deep);
}

/* A scratch folder of this test's own. */
static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/chb-params.XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    char path[128];
    (void)state;
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    (void)unlink(path);
    return rmdir(folder);
}

static const char *write_file(const char *text)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void loading(void **state)
{
    struct chb_vm_config *c = NULL;
    struct chb_param params[] = {{"config", write_file("{\"disks\": \"/x\", \"cpus\": 3}")}};
    (void)state;
    assert_int_equal(chb_params_load(&web, params, 1, &c, &error), 0);
    assert_int_equal(c->spec.cpus, 3);
    chb_vm_config_free(c);
    params[0].value = "relative";
    assert_int_equal(chb_params_load(&web, params, 1, &c, &error), -EINVAL);
    params[0].value = "/nowhere/web.json";
    assert_int_equal(chb_params_load(&web, params, 1, &c, &error), -ENOENT);
    assert_contains(error.text, "/nowhere/web.json on this host");
    params[0].value = folder;
    assert_int_equal(chb_params_load(&web, params, 1, &c, &error), -EINVAL);
    params[0].value = "/dev/zero";
    assert_int_equal(chb_params_load(&web, params, 1, &c, &error), -EINVAL);
}

static void what_the_host_has(void **state)
{
    char disks[160];
    const char *image = write_file("image");
    const char *missing = NULL;
    (void)state;
    (void)snprintf(disks, sizeof(disks), "%s,format=raw", image);
    struct chb_vm_config *c =
        PARSED({"disks", disks}, {"qemu", "/bin/sh"}, {"overlay_dir", folder});
    assert_int_equal(chb_vm_config_missing_image(c, &missing), 0);
    assert_null(missing);
    assert_int_equal(chb_vm_config_check_host(c, "qemu", &error), 0);
    (void)unlink(image);
    assert_int_equal(chb_vm_config_missing_image(c, &missing), -ENOENT);
    assert_string_equal(missing, image);
    assert_int_equal(chb_vm_config_check_host(c, "qemu", &error), 0); /* it can be made */
    chb_vm_config_free(c);

    c = PARSED({"disks", "/nowhere/vm.qcow2"}, {"qemu", "/bin/sh"});
    assert_int_equal(chb_vm_config_check_host(c, "qemu", &error), -ENOENT);
    assert_contains(error.text, "folder /nowhere");
    chb_vm_config_free(c);

    c = PARSED({"disks", write_file("no header")});
    assert_int_equal(chb_vm_config_check_host(c, "/bin/sh", &error), -EBADMSG);
    assert_contains(error.text, "no qcow2 image");
    (void)write_file("QFI\xfb and more");
    assert_int_equal(chb_vm_config_check_host(c, "/bin/sh", &error), 0);
    assert_int_equal(chb_vm_config_check_host(c, "/nowhere/qemu", &error), -ENOENT);
    chb_vm_config_free(c);

    c = PARSED({"disks", folder}, {"qemu", "/bin/sh"});
    assert_int_equal(chb_vm_config_missing_image(c, NULL), -EISDIR);
    assert_int_equal(chb_vm_config_check_host(c, "qemu", &error), -EISDIR);
    assert_contains(error.text, "entry 1");
    chb_vm_config_free(c);

    c = PARSED({"disks", disks}, {"qemu", "/nowhere/qemu"});
    assert_int_equal(chb_vm_config_check_host(c, "qemu", &error), -ENOENT);
    assert_string_equal(error.key, "qemu");
    chb_vm_config_free(c);

    c = PARSED({"disks", disks}, {"qemu", "/bin/sh"}, {"overlay_dir", "/nowhere"});
    assert_int_equal(chb_vm_config_check_host(c, "qemu", &error), -ENOENT);
    assert_string_equal(error.key, "overlay_dir");
    chb_vm_config_free(c);

    c = PARSED({"disks", disks}, {"qemu", "/bin/sh"}, {"nics", "bridge=lo"});
    assert_int_equal(chb_vm_config_check_host(c, "qemu", &error), -ENODEV);
    assert_contains(error.text, "no bridge lo");
    chb_vm_config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_and_objects),
        cmocka_unit_test(same_as_parameters),
        cmocka_unit_test(refused_files),
        cmocka_unit_test_setup_teardown(loading, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_the_host_has, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
