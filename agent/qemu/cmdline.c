/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/qemu/cmdline.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/qemu/cmdline_text.h"

/* PCI slots of our devices: on pc and q35 the chipset keeps to the slots below 4 and above 0x18,
 * and devices of the user's own get the first that are free. */
#define FIRST_DISK_SLOT 0x08
#define FIRST_NIC_SLOT 0x10

static const char *or_default(const char *text, const char *otherwise)
{
    return text != NULL && text[0] != '\0' ? text : otherwise;
}

bool chb_vm_nic_has_vnet_hdr(const struct chb_vm_nic *nic)
{
    return strncmp(or_default(nic->model, "virtio-net-pci"), "virtio-net", 10) == 0;
}

__attribute__((format(printf, 4, 5))) static int refuse(char *ret_reason, size_t size, int error,
                                                        const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(ret_reason, size, format, arguments);
    va_end(arguments);
    return error;
}

static bool is_address(const char *text)
{
    struct in6_addr unused;
    return text != NULL &&
           (inet_pton(AF_INET, text, &unused) == 1 || inet_pton(AF_INET6, text, &unused) == 1);
}

static int check_spec(const struct chb_vm_spec *spec, char *ret_reason, size_t size)
{
    if (spec->name == NULL || spec->name[0] == '\0') {
        return refuse(ret_reason, size, -EINVAL, "the VM has no name");
    }
    if (spec->memory_mb == 0 || spec->cpus == 0) {
        return refuse(ret_reason, size, -EINVAL, "the VM has no memory or no CPU");
    }
    if (spec->n_disks < 1 || spec->n_disks > CHB_DISKS_MAX || spec->n_nics > CHB_NICS_MAX) {
        return refuse(ret_reason, size, -EINVAL,
                      "a VM has 1 to %d disks and at most %d NICs, this one has %u and %u",
                      CHB_DISKS_MAX, CHB_NICS_MAX, spec->n_disks, spec->n_nics);
    }
    for (unsigned i = 0; i < spec->n_disks; i++) {
        if (spec->disks[i].path == NULL || spec->disks[i].path[0] != '/') {
            return refuse(ret_reason, size, -EINVAL, "disk %u has no absolute path", i);
        }
    }
    for (unsigned i = 0; i < spec->n_nics; i++) {
        if (spec->nics[i].tap == NULL || spec->nics[i].mac == NULL) {
            return refuse(ret_reason, size, -EINVAL, "NIC %u has no tap or no MAC", i);
        }
    }
    if (spec->run_dir == NULL || spec->run_dir[0] != '/') {
        return refuse(ret_reason, size, -EINVAL, "the VM has no folder for its sockets");
    }
    if (spec->role == CHB_VM_SECONDARY && !is_address(spec->listen_address)) {
        return refuse(ret_reason, size, -EINVAL,
                      "the secondary has no numeric address to listen on");
    }
    if (spec->role == CHB_VM_SECONDARY &&
        (spec->overlay_dir == NULL || spec->overlay_dir[0] != '/')) {
        return refuse(ret_reason, size, -EINVAL, "the secondary has no folder for its overlays");
    }
    return 0;
}

static void add_machine(struct chb_words_out *out, const struct chb_vm_spec *spec)
{
    const char *accel = or_default(spec->accel, "kvm");
    const bool kvm = strncmp(accel, "kvm", 3) == 0;

    chb_word(out, "-name");
    chb_word_format(out, "guest=%s,debug-threads=on", spec->name);
    if (spec->uuid != NULL) {
        chb_word(out, "-uuid");
        chb_word(out, spec->uuid);
    }
    chb_word(out, "-nodefaults");
    chb_word(out, "-no-user-config");
    chb_word(out, "-display");
    chb_word(out, "none");
    /* A guest that powers off must not take QEMU with it: the other side would see a dead peer. */
    chb_word(out, "-no-shutdown");
    /* One that panics does what its kernel says, such as a reboot. QEMU would stop it first. */
    chb_word(out, "-action");
    chb_word(out, "panic=none");
    chb_word(out, "-machine");
    chb_word(out, or_default(spec->machine, "pc"));
    chb_word(out, "-accel");
    chb_word(out, accel);
    chb_word(out, "-cpu");
    chb_word(out, or_default(spec->cpu, kvm ? "host" : "qemu64"));
    chb_word(out, "-m");
    chb_word_format(out, "size=%uM", (unsigned)spec->memory_mb);
    chb_word(out, "-smp");
    chb_word_format(out, "cpus=%u", (unsigned)spec->cpus);
}

static int add_monitor(struct chb_words_out *out, const struct chb_vm_spec *spec,
                       enum chb_qemu_path which, const char *id)
{
    char path[CHB_QEMU_PATH_SIZE];
    char escaped[CHB_QEMU_PATH_SIZE];
    const int r = chb_qemu_path(spec, which, 0, path);
    if (r < 0) {
        return r;
    }
    (void)chb_double_commas(path, escaped, sizeof(escaped)); /* a socket's path: short */
    chb_word(out, "-chardev");
    chb_word_format(out, "socket,id=%s,path=%s,server=on,wait=off", id, escaped);
    chb_word(out, "-mon");
    chb_word_format(out, "chardev=%s,mode=control", id);
    return 0;
}

static int add_pidfile(struct chb_words_out *out, const struct chb_vm_spec *spec)
{
    char path[CHB_QEMU_PATH_SIZE];
    const int r = chb_qemu_path(spec, CHB_QEMU_PATH_PIDFILE, 0, path);
    if (r == 0) {
        chb_word(out, "-pidfile");
        chb_word(out, path);
    }
    return r;
}

/* {"driver": ..., "node-name": ...} of disk @index. */
static struct json_object *node(const char *driver, const char *pattern, unsigned index)
{
    char name[CHB_QEMU_ID_SIZE];
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "driver", json_object_new_string(driver));
    json_object_object_add(object, "node-name",
                           json_object_new_string(chb_qemu_name(pattern, index, name)));
    return object;
}

static void set_text(struct json_object *object, const char *key, const char *text)
{
    json_object_object_add(object, key, json_object_new_string(text));
}

static void add_node(struct chb_words_out *out, struct json_object *object)
{
    chb_word(out, "-blockdev");
    chb_word_json(out, object);
}

static struct json_object *file_node(const char *pattern, unsigned index, const char *path)
{
    struct json_object *file = node("file", pattern, index);
    set_text(file, "filename", path);
    return file;
}

/* A block device is not a file to QEMU. */
static bool is_device_path(const char *path)
{
    return strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/shm/", 9) != 0;
}

static void add_image(struct chb_words_out *out, const struct chb_vm_disk *disk, unsigned index)
{
    char name[CHB_QEMU_ID_SIZE];
    struct json_object *file =
        node(is_device_path(disk->path) ? "host_device" : "file", CHB_DISK_FILE, index);
    struct json_object *image = node(or_default(disk->format, "qcow2"), CHB_DISK_IMAGE, index);

    set_text(file, "filename", disk->path);
    set_text(image, "file", chb_qemu_name(CHB_DISK_FILE, index, name));
    add_node(out, file);
    add_node(out, image);
}

/* The secondary's writes stay in the active overlay until the checkpoint; what the primary
 * overwrites in the image meanwhile is kept in the hidden one (QEMU's docs/block-replication.txt).
 */
static int add_replication(struct chb_words_out *out, const struct chb_vm_spec *spec,
                           unsigned index)
{
    char active_path[CHB_QEMU_PATH_SIZE];
    char hidden_path[CHB_QEMU_PATH_SIZE];
    char name[CHB_QEMU_ID_SIZE];
    int r = chb_qemu_path(spec, CHB_QEMU_PATH_ACTIVE, index, active_path);
    if (r == 0) {
        r = chb_qemu_path(spec, CHB_QEMU_PATH_HIDDEN, index, hidden_path);
    }
    if (r < 0) {
        return r;
    }
    struct json_object *hidden = node("qcow2", CHB_DISK_HIDDEN, index);
    struct json_object *active = node("qcow2", CHB_DISK_ACTIVE, index);
    struct json_object *replication = node("replication", CHB_DISK_REPLICATION, index);

    json_object_object_add(hidden, "file", file_node(CHB_DISK_HIDDEN_FILE, index, hidden_path));
    set_text(hidden, "backing", chb_qemu_name(CHB_DISK_IMAGE, index, name));
    json_object_object_add(active, "file", file_node(CHB_DISK_ACTIVE_FILE, index, active_path));
    json_object_object_add(active, "backing", hidden);
    set_text(replication, "mode", "secondary");
    set_text(replication, "top-id", chb_qemu_name(CHB_DISK_QUORUM, index, name));
    json_object_object_add(replication, "file", active);
    add_node(out, replication);
    return 0;
}

static void add_quorum(struct chb_words_out *out, unsigned index, const char *child)
{
    char name[CHB_QEMU_ID_SIZE];
    struct json_object *quorum = node("quorum", CHB_DISK_QUORUM, index);
    struct json_object *children = json_object_new_array();

    set_text(quorum, "read-pattern", "fifo");
    json_object_object_add(quorum, "vote-threshold", json_object_new_int(1));
    json_object_array_add(children, json_object_new_string(chb_qemu_name(child, index, name)));
    json_object_object_add(quorum, "children", children);
    add_node(out, quorum);
}

static int add_disks(struct chb_words_out *out, const struct chb_vm_spec *spec)
{
    for (unsigned i = 0; i < spec->n_disks; i++) {
        add_image(out, &spec->disks[i], i);
        if (spec->role == CHB_VM_SECONDARY) {
            const int r = add_replication(out, spec, i);
            if (r < 0) {
                return r;
            }
            add_quorum(out, i, CHB_DISK_REPLICATION);
        } else {
            add_quorum(out, i, CHB_DISK_IMAGE);
        }
    }
    return 0;
}

/* The order of filters is their meaning: what the guest sends meets rew0 first, then f2, for the
 * receive queue runs backwards. What comes from the tap ends in f0: the bridge floods frames to it
 * that the mirror brings as well, and the primary's guest's own, in which this guest would hear
 * somebody else use its addresses. What the mirror brings begins at f1, behind f0. */
static void add_secondary_filters(struct chb_words_out *out, const struct chb_vm_spec *spec,
                                  unsigned index)
{
    char netdev[CHB_QEMU_ID_SIZE];
    char red0[CHB_QEMU_ID_SIZE];
    char red1[CHB_QEMU_ID_SIZE];
    char nowhere[CHB_QEMU_ID_SIZE];
    char filter[CHB_QEMU_ID_SIZE];
    const char *vnet = chb_vm_nic_has_vnet_hdr(&spec->nics[index]) ? "on" : "off";

    (void)chb_qemu_name(CHB_NIC_NETDEV, index, netdev);
    (void)chb_qemu_name(CHB_NIC_RED0, index, red0);
    (void)chb_qemu_name(CHB_NIC_RED1, index, red1);
    (void)chb_qemu_name(CHB_NIC_NOWHERE, index, nowhere);
    chb_word(out, "-chardev");
    chb_word_format(out, "socket,id=%s,host=%s,port=%u,server=on,wait=off,nodelay=on", red0,
                    spec->listen_address, (unsigned)spec->mirror_port[index]);
    chb_word(out, "-chardev");
    chb_word_format(out, "socket,id=%s,host=%s,port=%u,server=on,wait=off,nodelay=on", red1,
                    spec->listen_address, (unsigned)spec->compare_port[index]);
    chb_word(out, "-chardev");
    chb_word_format(out, "null,id=%s", nowhere);
    chb_word(out, "-object");
    chb_word_format(out, "filter-redirector,id=%s,netdev=%s,queue=tx,outdev=%s,vnet_hdr_support=%s",
                    chb_qemu_name(CHB_NIC_F0, index, filter), netdev, nowhere, vnet);
    chb_word(out, "-object");
    chb_word_format(out, "filter-redirector,id=%s,netdev=%s,queue=tx,indev=%s,vnet_hdr_support=%s",
                    chb_qemu_name(CHB_NIC_F1, index, filter), netdev, red0, vnet);
    chb_word(out, "-object");
    chb_word_format(out, "filter-redirector,id=%s,netdev=%s,queue=rx,outdev=%s,vnet_hdr_support=%s",
                    chb_qemu_name(CHB_NIC_F2, index, filter), netdev, red1, vnet);
    chb_word(out, "-object");
    chb_word_format(out, "filter-rewriter,id=%s,netdev=%s,queue=all,vnet_hdr_support=%s",
                    chb_qemu_name(CHB_NIC_REWRITER, index, filter), netdev, vnet);
}

static void add_nic_backends(struct chb_words_out *out, const struct chb_vm_spec *spec)
{
    char netdev[CHB_QEMU_ID_SIZE];

    for (unsigned i = 0; i < spec->n_nics; i++) {
        chb_word(out, "-netdev");
        chb_word_format(out, "tap,id=%s,ifname=%s,script=no,downscript=no,vhost=off",
                        chb_qemu_name(CHB_NIC_NETDEV, i, netdev), spec->nics[i].tap);
        if (spec->role == CHB_VM_SECONDARY) {
            add_secondary_filters(out, spec, i);
        }
    }
}

/* A fixed place for what sits on PCI; other devices find theirs, in the same order on both sides.
 */
static void slot_of(const char *device, unsigned slot, char ret_text[static 16])
{
    static const char *const nics[] = {"e1000",    "e1000e", "rtl8139", "pcnet",
                                       "ne2k_pci", "tulip",  "vmxnet3"};
    const size_t length = strlen(device);
    bool pci = length > 4 && strcmp(device + length - 4, "-pci") == 0;

    for (size_t i = 0; i < sizeof(nics) / sizeof(nics[0]); i++) {
        pci = pci || strcmp(device, nics[i]) == 0;
    }
    ret_text[0] = '\0';
    if (pci) {
        (void)snprintf(ret_text, 16, ",addr=0x%02x", slot);
    }
}

static void add_devices(struct chb_words_out *out, const struct chb_vm_spec *spec)
{
    char drive[CHB_QEMU_ID_SIZE];
    char id[CHB_QEMU_ID_SIZE];
    char slot[16];

    for (unsigned i = 0; i < spec->n_disks; i++) {
        const char *device = or_default(spec->disks[i].device, "virtio-blk-pci");
        const char *serial = or_default(spec->disks[i].id, "");
        slot_of(device, FIRST_DISK_SLOT + i, slot);
        chb_word(out, "-device");
        chb_word_format(out, "%s,id=%s,drive=%s%s%s%s", device,
                        chb_qemu_name(CHB_DISK_DEVICE, i, id),
                        chb_qemu_name(CHB_DISK_QUORUM, i, drive), slot,
                        serial[0] != '\0' ? ",serial=" : "", serial);
    }
    for (unsigned i = 0; i < spec->n_nics; i++) {
        const char *model = or_default(spec->nics[i].model, "virtio-net-pci");
        slot_of(model, FIRST_NIC_SLOT + i, slot);
        chb_word(out, "-device");
        chb_word_format(out, "%s,id=%s,netdev=%s,mac=%s%s", model,
                        chb_qemu_name(CHB_NIC_DEVICE, i, id),
                        chb_qemu_name(CHB_NIC_NETDEV, i, drive), spec->nics[i].mac, slot);
    }
}

static int add_all(struct chb_words_out *out, const struct chb_vm_spec *spec)
{
    chb_word(out, or_default(spec->binary, "qemu-system-x86_64"));
    add_machine(out, spec);
    int r = add_monitor(out, spec, CHB_QEMU_PATH_MONITOR, CHB_MONITOR_MAIN);
    if (r == 0) {
        r = add_monitor(out, spec, CHB_QEMU_PATH_MONITOR_OOB, CHB_MONITOR_OOB);
    }
    if (r == 0) {
        r = add_pidfile(out, spec);
    }
    if (r == 0) {
        r = add_disks(out, spec);
    }
    if (r < 0) {
        return r;
    }
    add_nic_backends(out, spec);
    add_devices(out, spec);
    if (spec->role == CHB_VM_SECONDARY) {
        chb_word(out, "-incoming");
        chb_word(out, "defer");
    } else if (spec->paused) {
        chb_word(out, "-S");
    }
    for (size_t i = 0; i < spec->n_extra; i++) {
        chb_word(out, spec->extra[i]);
    }
    return out->overflow ? -E2BIG : 0;
}

int chb_cmdline_build(const struct chb_vm_spec *spec, struct chb_cmdline *ret_cmdline,
                      char *ret_reason, size_t size)
{
    struct chb_words_out out = {.cmdline = ret_cmdline};

    ret_cmdline->n_words = 0;
    ret_cmdline->text_used = 0;
    ret_cmdline->words[0] = NULL;
    ret_reason[0] = '\0';
    int r = check_spec(spec, ret_reason, size);
    if (r < 0) {
        return r;
    }
    r = add_all(&out, spec);
    if (r == -ENAMETOOLONG) {
        return refuse(ret_reason, size, r, "the path of a socket below %s would be longer than %d",
                      spec->run_dir, CHB_QEMU_SOCKET_PATH_MAX);
    }
    if (r < 0) {
        return refuse(ret_reason, size, r, "the command line would be too long");
    }
    return 0;
}
