/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each mistake is refused, and the text says which parameter, where in it, and what to write. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>

#include "params_help.h"

static void wrong_values(void **state)
{
    static const struct {
        const char *key;
        const char *value;
        const char *part; /* of the text */
    } cases[] = {
        {"memory", "lots", "write whole megabytes"},
        {"memory", "1.5G", "write whole megabytes"},
        {"memory", "1K", "write whole megabytes"},
        {"memory", "15M", "from 16M"},
        {"memory", "100T", "to 16T"},
        {"cpus", "0", "1 to 255"},
        {"cpus", "two", "1 to 255"},
        {"cpu", "host -incoming x", "cpu: \"host -incoming x\""},
        {"machine", "-x", "for example pc"},
        {"accel", "xen", "kvm or tcg"},
        {"accel", "kvm:tcg", "one of kvm and tcg"},
        {"accel", "kvmx", "one of kvm and tcg"},
        {"uuid", "550e8400", "32 hexadecimal digits"},
        {"uuid", "550e8400-e29b-41d4-a716-44665544000g", "32 hexadecimal digits"},
        {"qemu", "qemu", "absolute path"},
        {"overlay_dir", "tmp", "absolute path"},
        {"replication_link", "8", "0 to 7"},
        {"replication_link", "-1", "0 to 7"},
        {"checkpoint_delay", "20", "with its unit"},
        {"checkpoint_delay", "0", "from 1ms"},
        {"compare_timeout", "11min", "to 10min"},
        {"hang_timeout", "99ms", "from 100ms"},
        {"hang_timeout", "601s", "to 10min"},
        {"shutdown_timeout", "61min", "up to 1h"},
        {"shutdown_timeout", "-1s", "up to 1h"},
        {"resync_speed", "100", "with their unit"},
        {"resync_speed", "1K", "64K or more"},
        {"require_fencing", "perhaps", "true or false"},
        {"ipv6", "yes", "drop or allow"},
        {"on_poweroff", "destroy", "stop or restart"},
        {"name", "other", "not the VM that was asked for"},
        {"nics", "br0", "KEY=VALUE"},
        {"nics", "mac=52:54:00:00:00:01", "bridge=br0"},
        {"nics", "bridge=../../x", "bridge=br0"},
        {"nics", "bridge=..", "bridge=br0"},
        {"nics", "bridge=a-name-too-long-for-linux", "bridge=br0"},
        {"nics", "bridge=br0,mac=01:54:00:00:00:01", "six pairs"},
        {"nics", "bridge=br0,mac=00:00:00:00:00:00", "six pairs"},
        {"nics", "bridge=br0,mac=52:54:00:00:00", "six pairs"},
        {"nics", "bridge=br0,mac=5g:54:00:00:00:01", "six pairs"},
        {"nics", "bridge=br0,modle=e1000", "write model"},
        {"nics", "bridge=br0,model=a=b", "no device's name"},
        {"nics", "bridge=br0,bridge=br1", "\"bridge\" twice"},
        {"nics", "bridge=b,mac=52:54:00:00:00:01 bridge=b,mac=52:54:00:00:00:01", "same MAC"},
        {"qemu_args", "-device 'x", "character 9"},
        {"qemu_args", "a\\", "character 2"},
        {"qemu_args", "-incoming defer", "-incoming"},
        {"qemu_args", "-S", "-S"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text = REFUSED(DISK, {cases[i].key, cases[i].value});
        assert_contains(text, cases[i].part);
        assert_contains(text, cases[i].key);
        assert_string_equal(error.key, cases[i].key);
    }
}

static void wrong_disks(void **state)
{
    static const struct {
        const char *value;
        const char *part;
    } cases[] = {
        {"x.qcow2", "option 1"},
        {"format=raw", "absolute path"},
        {"path=x", "absolute path"},
        {"/", "absolute path"},
        {"/x,format=vmdk", "format=qcow2 or format=raw"},
        {"/x,fromat=raw", "write format"},
        {"/x,what=raw", "write path, format, device or id"},
        {"/x,format", "option 2"},
        {"/x,format=", "option 2"},
        {"/x,", "option 2"},
        {"/x,device=a;b", "no device's name"},
        {"/x,id=123456789012345678901", "1 to 20"},
        {"/x /y,id=a /z,id=a", "entries 2 and 3 have the same id"},
        {"/x /y /x", "entries 1 and 3 have the same path"},
        {"/x,path=/y", "\"path\" twice"},
        {"/x,a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8", "too many options"},
        {"/x \"/y", "character 4"},
        {"   ", "required"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text = REFUSED({"disks", cases[i].value});
        assert_contains(text, cases[i].part);
    }
    assert_contains(REFUSED({"memory", "1G"}), "disks: required");
}

static void wrong_keys(void **state)
{
    (void)state;
    assert_contains(REFUSED(DISK, {"memroy", "1G"}), "write memory");
    assert_contains(REFUSED(DISK, {"Disks", "/x"}), "write disks");
    assert_contains(REFUSED(DISK, {"nonsense", "1"}), "ocf_colo_vm(7)");
    assert_contains(REFUSED(DISK, {"", "1"}), "no parameter");
    assert_contains(REFUSED(DISK, DISK), "given twice");
    assert_contains(REFUSED(DISK, {"cpu", "a\x01"}), "byte 2 is a control character");
    /* What a hostile input put in is not repeated raw. */
    const char *text = REFUSED(DISK, {"k\x1b[31m", "1"});
    assert_null(strchr(text, '\x1b'));
}

static void wrong_names(void **state)
{
    static const char *const bad[] = {
        "",    "-x",       ".x",
        "..",  "a/b",      "a b",
        "a:0", "\xc3\xa4", "0123456789012345678901234567890123456789012345678901234567890123"};
    static const char *const good[] = {
        "a", "0", "web-1", "A.b_c",
        "012345678901234567890123456789012345678901234567890123456789012"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(chb_vm_name_check(bad[i], &error), -EINVAL);
        assert_contains(error.text, "cannot name a VM");
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(chb_vm_name_check(good[i], NULL), 0);
    }
}

static void too_much(void **state)
{
    struct chb_vm_config *config = NULL;
    static struct chb_param many[CHB_PARAMS_MAX + 1];
    char *value = malloc(CHB_PARAM_VALUE_MAX + 2);
    (void)state;
    assert_non_null(value);
    memset(value, 'x', CHB_PARAM_VALUE_MAX + 1);
    value[0] = '/';
    value[CHB_PARAM_VALUE_MAX + 1] = '\0';
    const struct chb_param one[] = {{"disks", value}};
    assert_int_equal(chb_params_parse(&web, one, 1, NULL, 0, &config, &error), -E2BIG);
    value[CHB_PARAM_VALUE_MAX] = '\0';
    assert_int_equal(chb_params_parse(&web, one, 1, NULL, 0, &config, &error), -EINVAL);
    const struct chb_param nine[] = {{"disks", "/1 /2 /3 /4 /5 /6 /7 /8 /9"}};
    assert_int_equal(chb_params_parse(&web, nine, 1, NULL, 0, &config, &error), -E2BIG);
    assert_contains(error.text, "more than 8");
    const struct chb_param nics[] = {
        {"disks", "/1"},
        {"nics",
         "bridge=b bridge=b bridge=b bridge=b bridge=b bridge=b bridge=b bridge=b bridge=b"},
    };
    assert_int_equal(chb_params_parse(&web, nics, 2, NULL, 0, &config, &error), -E2BIG);
    assert_contains(error.text, "nics: more than 8");
    for (size_t i = 0; i <= CHB_PARAMS_MAX; i++) {
        many[i] = (struct chb_param){"disks", ""};
    }
    assert_int_equal(chb_params_parse(&web, many, CHB_PARAMS_MAX + 1, NULL, 0, &config, &error),
                     -E2BIG);
    assert_null(config);
    free(value);
}

/* Whatever bytes come, the parser ends, and says yes or no. */
static void noise(void **state)
{
    static const char alphabet[] = "/x ,='\"\\\tbridge:0\x7f\xff-";
    uint64_t seed = 42;
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        char value[40];
        size_t length = 0;
        for (; length < 39; length++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            value[length] = alphabet[(seed >> 33) % (sizeof(alphabet) - 1)];
            if ((seed >> 57) % 24 == 0) {
                break;
            }
        }
        value[length] = '\0';
        static const char *const keys[] = {"disks", "nics", "qemu_args"};
        const struct chb_param params[] = {DISK, {keys[round % 3], value}};
        struct chb_vm_config *config = NULL;
        error.text[0] = '\0';
        size_t skip = round % 3 == 0 ? 1 : 0;
        int r = chb_params_parse(&web, params + skip, 2 - skip, NULL, 0, &config, &error);
        assert_true(r == 0 ? config != NULL : error.text[0] != '\0');
        chb_vm_config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_values), cmocka_unit_test(wrong_disks), cmocka_unit_test(wrong_keys),
        cmocka_unit_test(wrong_names),  cmocka_unit_test(too_much),    cmocka_unit_test(noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
