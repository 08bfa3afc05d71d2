/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <agent/qemu/cmdline.h>

#define GOLDEN_MAX_BYTES 65536

static struct chb_cmdline cmdline;

static struct chb_vm_spec some_spec(enum chb_vm_role role)
{
    return (struct chb_vm_spec){
        .name = "colo-vm",
        .uuid = "6d9c3ad2-0000-4000-8000-5d4c7d5a1c11",
        .memory_mb = 2048,
        .cpus = 2,
        .n_disks = 2,
        .disks = {{.path = "/var/lib/colo/a,b \"c\".qcow2"},
                  {.path = "/dev/vg/lv", .format = "raw", .device = "scsi-hd", .id = "data"}},
        .n_nics = 2,
        .nics = {{.bridge = "br0", .mac = "52:54:00:00:00:01", .tap = "tap0"},
                 {.bridge = "br0", .mac = "52:54:00:00:00:02", .tap = "tap1", .model = "e1000"}},
        .run_dir = "/run/colo-hbd/vm/colo-vm",
        .overlay_dir = "/var/lib/colo-hbd/overlays",
        .role = role,
        .listen_address = "fd00::1",
    };
}

static int build(const struct chb_vm_spec *spec, char reason[static 256])
{
    return chb_cmdline_build(spec, &cmdline, reason, 256);
}

static void check_golden(const char *name)
{
    char path[512];
    char *text = calloc(1, GOLDEN_MAX_BYTES);
    char *golden = calloc(1, GOLDEN_MAX_BYTES);
    for (size_t i = 0; i < cmdline.n_words; i++) {
        strcat(text, cmdline.words[i]);
        strcat(text, "\n");
    }
    (void)snprintf(path, sizeof(path), "%s/%s.txt", CHB_GOLDEN_DIR, name);
    FILE *file = fopen(path, getenv("CHB_GOLDEN_WRITE") != NULL ? "we" : "re");
    assert_non_null(file);
    if (getenv("CHB_GOLDEN_WRITE") != NULL) {
        assert_true(fputs(text, file) >= 0);
    } else {
        golden[fread(golden, 1, GOLDEN_MAX_BYTES - 1, file)] = '\0';
        assert_string_equal(text, golden);
    }
    (void)fclose(file);
    free(text);
    free(golden);
}

static void test_both_roles(void **state)
{
    (void)state;
    char reason[256];
    struct chb_vm_spec spec = some_spec(CHB_VM_PRIMARY);
    spec.paused = true;
    assert_int_equal(build(&spec, reason), 0);
    assert_string_equal(reason, "");
    assert_null(cmdline.words[cmdline.n_words]);
    check_golden("cmdline-primary");

    static const char *const extra[] = {"-serial", "null"};
    spec = some_spec(CHB_VM_SECONDARY);
    spec.extra = extra;
    spec.n_extra = 2;
    assert_int_equal(build(&spec, reason), 0);
    check_golden("cmdline-secondary");
}

/* QEMU does not compare the devices of the two sides: they must come out equal by construction. */
static void test_same_devices_on_both_sides(void **state)
{
    (void)state;
    char reason[256];
    char devices[2][4096] = {"", ""};
    for (int side = 0; side < 2; side++) {
        const struct chb_vm_spec spec = some_spec(side == 0 ? CHB_VM_PRIMARY : CHB_VM_SECONDARY);
        assert_int_equal(build(&spec, reason), 0);
        for (size_t i = 0; i + 1 < cmdline.n_words; i++) {
            static const char *const same[] = {"-device", "-machine", "-cpu",
                                               "-m",      "-smp",     "-uuid"};
            for (size_t j = 0; j < sizeof(same) / sizeof(same[0]); j++) {
                if (strcmp(cmdline.words[i], same[j]) == 0) {
                    strcat(devices[side], cmdline.words[i + 1]);
                    strcat(devices[side], "\n");
                }
            }
        }
    }
    assert_string_equal(devices[0], devices[1]);
}

static void test_what_is_missing(void **state)
{
    (void)state;
    char reason[256];
    char folder[120];
    struct chb_vm_spec specs[9];
    for (size_t i = 0; i < 9; i++) {
        specs[i] = some_spec(CHB_VM_SECONDARY);
    }
    specs[0].name = "";
    specs[1].memory_mb = 0;
    specs[2].n_disks = 0;
    specs[3].n_nics = CHB_NICS_MAX + 1;
    specs[4].disks[1].path = "relative.qcow2";
    specs[5].nics[0].tap = NULL;
    specs[6].listen_address = "some.host";
    specs[7].overlay_dir = NULL;
    specs[8].run_dir = "run";
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(build(&specs[i], reason), -EINVAL);
        assert_true(reason[0] != '\0');
    }
    memset(folder, 'x', sizeof(folder) - 1);
    folder[0] = '/';
    folder[sizeof(folder) - 1] = '\0';
    specs[0] = some_spec(CHB_VM_PRIMARY);
    specs[0].run_dir = folder;
    assert_int_equal(build(&specs[0], reason), -ENAMETOOLONG);
    assert_true(reason[0] != '\0');
}

static void test_too_long(void **state)
{
    (void)state;
    char reason[256];
    static char word[4000];
    static const char *words[100];
    struct chb_vm_spec spec = some_spec(CHB_VM_PRIMARY);
    memset(word, 'x', sizeof(word) - 1);
    for (size_t i = 0; i < 100; i++) {
        words[i] = word;
    }
    spec.extra = words;
    spec.n_extra = 100;
    assert_int_equal(build(&spec, reason), -E2BIG);
}

static void test_names(void **state)
{
    (void)state;
    char tap[IFNAMSIZ];
    char other[IFNAMSIZ];
    char mac[18];
    char second[18];

    chb_qemu_tap_name("a-vm-with-a-very-long-name-that-would-never-fit", 7, tap);
    assert_int_equal(strlen(tap), 13);
    assert_memory_equal(tap, "chb", 3);
    assert_string_equal(tap + 11, "n7");
    chb_qemu_tap_name("another", 7, other);
    assert_string_not_equal(tap, other);
    chb_qemu_default_mac("colo-vm", 0, mac);
    chb_qemu_default_mac("colo-vm", 1, second);
    assert_memory_equal(mac, "52:54:00:", 9);
    assert_int_equal(strlen(mac), 17);
    assert_string_not_equal(mac, second);
}

static void test_extra_that_is_fine(void **state)
{
    (void)state;
    static const char *const words[] = {
        "-serial", "file:/tmp/x",
        "-device", "virtio-rng-pci",
        "-object", "rng-random,id=rng0",
        "--vnc",   "127.0.0.1:1",
        "-kernel", "/boot/vmlinuz",
        "-append", "root=/dev/disk0 quiet",
        "-boot",   "menu=on",
        "-usb",    "-no-reboot",
        "-cdrom",  "/iso/x.iso",
        "-drive",  "if=pflash,format=raw,readonly=on,file=/fw/code.fd",
        "-global", "virtio-blk.x=1",
        "-qmp",    "unix:/tmp/my.sock,server,nowait",
    };
    char reason[256];
    const int r = chb_qemu_extra_check(words, sizeof(words) / sizeof(words[0]), reason, 256);
    assert_string_equal(reason, "");
    assert_int_equal(r, 0);
    assert_int_equal(chb_qemu_extra_check(NULL, 0, reason, 256), 0);
}

static void test_extra_that_breaks_colo(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"-incoming", "defer"},
        {"--incoming", "defer"},
        {"-S", NULL},
        {"-daemonize", NULL},
        {"-snapshot", NULL},
        {"-no-shutdown", NULL},
        {"-nodefaults", NULL},
        {"-action", "shutdown=pause"},
        {"-m", "4G"},
        {"-netdev", "user,id=u0"},
        {"-nic", "user"},
        {"-device", "virtio-net-pci,netdev=u0"},
        {"-device", "{\"driver\": \"e1000\", \"netdev\": \"u0\"}"},
        {"-device", "vfio-pci,host=01:00.0"},
        {"-device", "driver=vfio-pci,host=01:00.0"},
        {"-device", "{\"driver\":\"vhost-vsock-pci\"}"},
        {"-drive", "file=/x.qcow2,if=virtio"},
        {"-blockdev", "{\"driver\":\"file\",\"filename\":\"/x\",\"node-name\":\"mine\"}"},
        {"-blockdev", "driver=null-co,read-only=on,node-name=disk0"},
        {"-hda", "/x.qcow2"},
        {"-object", "filter-dump,id=d0,netdev=nic0,file=/x"},
        {"-object", "filter-mirror,id=d0,netdev=n,queue=tx,outdev=x"},
        {"-object", "{\"qom-type\":\"colo-compare\",\"id\":\"c\"}"},
        {"-chardev", "socket,id=qmp0,path=/x"},
        {"-mon", "chardev=qmp1,mode=readline"},
        {"-device", "virtio-blk-pci,drive=disk0"},
        {"-global", "migration.multifd=on"},
        {"-global", "migration.x-anything=on"},
        {"-global", "virtio-net.vhost=on"},
        {"-runas", "nobody"},
        {"-readconfig", "/x"},
        {"-help", NULL},
        {"/some/image.qcow2", NULL},
        {"-", NULL},
        {"", NULL},
        {"-serial", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char reason[256];
        const int r = chb_qemu_extra_check(cases[i], cases[i][1] == NULL ? 1 : 2, reason, 256);
        if (r == 0) {
            print_error("accepted: %s %s\n", cases[i][0], cases[i][1]);
        }
        assert_int_equal(r, -EINVAL);
        assert_true(strlen(reason) > 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_roles),
        cmocka_unit_test(test_same_devices_on_both_sides),
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_extra_that_is_fine),
        cmocka_unit_test(test_extra_that_breaks_colo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
