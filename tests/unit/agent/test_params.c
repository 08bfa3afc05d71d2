/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parameters as they come from Pacemaker. */
#include "cmocka_all.h"

#include <errno.h>

#include "params_help.h"

static void all_of_them(void **state)
{
    struct chb_vm_config *c =
        PARSED({"disks", "/a.qcow2,id=SER1 '/b c.raw,format=raw,device=virtio-scsi-x'  /d,,e.img"},
               {"nics", "bridge=br0 bridge=br1,mac=52-54-00-AB-cd-ef,model=e1000"},
               {"memory", "2G"}, {"cpus", "4"}, {"cpu", "host,-vmx"}, {"machine", "q35,usb=off"},
               {"accel", "tcg"}, {"uuid", "550e8400-e29b-41d4-a716-446655440000"},
               {"qemu", "/opt/qemu"}, {"qemu_args", "-device \"virtio-rng-pci\""},
               {"overlay_dir", "/dev/shm"}, {"replication_link", "1"}, {"checkpoint_delay", "20s"},
               {"compare_timeout", "3s"}, {"hang_timeout", "1500ms"}, {"shutdown_timeout", "3min"},
               {"resync_speed", "100M"}, {"require_fencing", "false"}, {"ipv6", "allow"},
               {"on_poweroff", "restart"}, {"name", "web"});
    (void)state;
    assert_int_equal(c->spec.n_disks, 3);
    assert_string_equal(c->spec.disks[0].path, "/a.qcow2");
    assert_string_equal(c->spec.disks[0].id, "SER1");
    assert_null(c->spec.disks[0].format);
    assert_string_equal(c->spec.disks[1].path, "/b c.raw");
    assert_string_equal(c->spec.disks[1].format, "raw");
    assert_string_equal(c->spec.disks[1].device, "virtio-scsi-x");
    assert_string_equal(c->spec.disks[2].path, "/d,e.img");
    assert_int_equal(c->spec.n_nics, 2);
    assert_string_equal(c->spec.nics[0].bridge, "br0");
    assert_string_equal(c->spec.nics[1].mac, "52:54:00:ab:cd:ef");
    assert_string_equal(c->spec.nics[1].model, "e1000");
    assert_string_equal(c->spec.name, "web");
    assert_string_equal(c->spec.uuid, "550e8400-e29b-41d4-a716-446655440000");
    assert_int_equal(c->spec.memory_mb, 2048);
    assert_int_equal(c->spec.cpus, 4);
    assert_string_equal(c->spec.cpu, "host,-vmx");
    assert_string_equal(c->spec.machine, "q35,usb=off");
    assert_string_equal(c->spec.accel, "tcg");
    assert_string_equal(c->spec.binary, "/opt/qemu");
    assert_int_equal(c->spec.n_extra, 2);
    assert_string_equal(c->spec.extra[1], "virtio-rng-pci");
    assert_string_equal(c->spec.overlay_dir, "/dev/shm");
    assert_int_equal(c->replication_link, 1);
    assert_int_equal(c->checkpoint_delay_ms, 20000);
    assert_int_equal(c->compare_timeout_ms, 3000);
    assert_int_equal(chb_span_ms(c->hang_timeout), 1500);
    assert_int_equal(chb_span_ms(c->shutdown_timeout), 180000);
    assert_int_equal(c->resync_bytes_per_s, 100 << 20);
    assert_false(c->require_fencing);
    assert_int_equal(c->ipv6, CHB_IPV6_ALLOW);
    assert_true(c->restart_guest);
    assert_null(chb_vm_config_free(c));
}

static void defaults(void **state)
{
    struct chb_vm_config *c = PARSED(DISK, {"nics", ""}, {"cpu", ""});
    (void)state;
    assert_int_equal(c->spec.memory_mb, 1024);
    assert_int_equal(c->spec.cpus, 1);
    assert_null(c->spec.cpu);
    assert_null(c->spec.machine);
    assert_null(c->spec.accel);
    assert_null(c->spec.binary);
    assert_null(c->spec.overlay_dir);
    assert_int_equal(c->spec.n_nics, 0);
    assert_int_equal(c->spec.n_extra, 0);
    assert_int_equal(c->replication_link, -1);
    assert_int_equal(c->checkpoint_delay_ms, 0);
    assert_int_equal(c->compare_timeout_ms, 0);
    assert_int_equal(chb_span_ms(c->hang_timeout), 1000);
    assert_int_equal(chb_span_ms(c->shutdown_timeout), 60000);
    assert_int_equal(c->resync_bytes_per_s, 0);
    assert_true(c->require_fencing);
    assert_int_equal(c->ipv6, CHB_IPV6_DROP);
    assert_false(c->restart_guest);
    assert_int_equal(strlen(c->spec.uuid), 36);
    assert_int_equal(c->spec.uuid[14], '8');
    chb_vm_config_free(c);
}

static void eight_of_each(void **state)
{
    struct chb_vm_config *c =
        PARSED({"disks", "/1 /2,format=raw /3 /4 /5,format=raw /6 /7 /8,format=raw"},
               {"nics", "bridge=b bridge=b bridge=b bridge=b bridge=c bridge=c bridge=c bridge=c"});
    (void)state;
    assert_int_equal(c->spec.n_disks, 8);
    assert_string_equal(c->spec.disks[7].path, "/8");
    assert_string_equal(c->spec.disks[7].format, "raw");
    assert_int_equal(c->spec.n_nics, 8);
    assert_string_equal(c->spec.nics[7].bridge, "c");
    assert_string_not_equal(c->spec.nics[7].mac, c->spec.nics[6].mac);
    chb_vm_config_free(c);
}

static void derived_addresses(void **state)
{
    struct chb_vm_config *a = PARSED(DISK, {"nics", "bridge=br0 bridge=br0"});
    struct chb_vm_config *b = PARSED({"disks", "/other"}, {"nics", "bridge=br7 bridge=br7"});
    const struct chb_param params[] = {DISK, {"nics", "bridge=br0 bridge=br0"}};
    const struct chb_vm_identity others[] = {{"web", "lab2"}, {"web2", "lab"}};
    (void)state;
    /* The same on both hosts, whatever paths and bridges are called there. */
    assert_string_equal(a->spec.nics[0].mac, b->spec.nics[0].mac);
    assert_string_equal(a->spec.nics[1].mac, b->spec.nics[1].mac);
    assert_string_equal(a->spec.uuid, b->spec.uuid);
    assert_string_not_equal(a->spec.nics[0].mac, a->spec.nics[1].mac);
    assert_string_not_equal(a->spec.nics[0].tap, a->spec.nics[1].tap);
    /* Locally administered, of one station. */
    assert_memory_equal(a->spec.nics[0].mac, "52:54:00:", 9);
    for (size_t i = 0; i < 2; i++) {
        struct chb_vm_config *c = NULL;
        assert_int_equal(chb_params_parse(&others[i], params, 2, NULL, 0, &c, NULL), 0);
        assert_string_not_equal(a->spec.nics[0].mac, c->spec.nics[0].mac);
        assert_string_not_equal(a->spec.uuid, c->spec.uuid);
        chb_vm_config_free(c);
    }
    chb_vm_config_free(a);
    chb_vm_config_free(b);
}

static void hash_ignores(void **state)
{
    struct chb_vm_config *a = PARSED(DISK, {"nics", "bridge=br0"});
    struct chb_vm_config *b =
        PARSED({"disks", "/y.raw,format=raw"}, {"nics", "bridge=br9,model=virtio-net-pci"},
               {"machine", "pc"}, {"accel", "kvm"}, {"overlay_dir", "/z"}, {"qemu", "/opt/q"},
               {"checkpoint_delay", "1s"}, {"compare_timeout", "1s"}, {"hang_timeout", "2s"},
               {"shutdown_timeout", "0s"}, {"resync_speed", "1M"}, {"memory", "1024"});
    (void)state;
    assert_true(a->spec_hash != 0);
    assert_true(a->spec_hash == b->spec_hash);
    chb_vm_config_free(a);
    chb_vm_config_free(b);
}

static void hash_sees(void **state)
{
    static const struct chb_param changes[] = {
        {"memory", "2G"},
        {"cpus", "2"},
        {"cpu", "qemu64"},
        {"machine", "q35"},
        {"accel", "tcg"},
        {"uuid", "550e8400-e29b-41d4-a716-446655440000"},
        {"disks", "/x.qcow2 /y.qcow2"},
        {"disks", "/x.qcow2,id=A"},
        {"disks", "/x.qcow2,device=ide-hd"},
        {"nics", "bridge=br0"},
        {"nics", "bridge=br0 bridge=br0"},
        {"nics", "bridge=br0,mac=52:54:00:00:00:01"},
        {"nics", "bridge=br0,model=e1000"},
        {"qemu_args", "-device virtio-rng-pci"},
        {"qemu_args", "-device virtio-balloon-pci"},
        {"replication_link", "0"},
        {"ipv6", "allow"},
        {"require_fencing", "no"},
    };
    enum { N = sizeof(changes) / sizeof(changes[0]) };
    uint64_t hashes[N + 1];
    (void)state;
    for (size_t i = 0; i <= N; i++) {
        struct chb_param params[2] = {DISK, {"memory", ""}};
        if (i < N) {
            params[strcmp(changes[i].key, "disks") == 0 ? 0 : 1] = changes[i];
        }
        struct chb_vm_config *c = parsed(params, 2);
        hashes[i] = c->spec_hash;
        for (size_t j = 0; j < i; j++) {
            assert_true(hashes[i] != hashes[j]);
        }
        chb_vm_config_free(c);
    }
}

/* A value that must not change from version to version: hosts of a pair are upgraded one by one. */
static void hash_is_stable(void **state)
{
    struct chb_vm_config *c = PARSED(DISK, {"nics", "bridge=br0,mac=52:54:00:00:00:01"},
                                     {"uuid", "550e8400-e29b-41d4-a716-446655440000"});
    (void)state;
    assert_true(c->spec_hash == UINT64_C(0xaabb4262cbfc2478));
    chb_vm_config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_them),    cmocka_unit_test(defaults),
        cmocka_unit_test(eight_of_each),  cmocka_unit_test(derived_addresses),
        cmocka_unit_test(hash_ignores),   cmocka_unit_test(hash_sees),
        cmocka_unit_test(hash_is_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
