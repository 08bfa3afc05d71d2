/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a VM is, as far as QEMU's command line is concerned. Plain data; every pointer is borrowed.
 */
#ifndef CHB_QEMU_VM_SPEC_H
#define CHB_QEMU_VM_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <qmp/names.h>

struct chb_vm_disk {
    const char *path;   /* absolute, the image or block device */
    const char *format; /* "qcow2" or "raw"; NULL: qcow2 */
    const char *device; /* a QEMU device; NULL: virtio-blk-pci */
    const char *id;     /* serial number that the guest sees; NULL: none */
};

struct chb_vm_nic {
    const char *bridge; /* not for QEMU: whoever makes the tap puts it there */
    const char *mac;    /* "52:54:00:12:34:56" */
    const char *model;  /* a QEMU device; NULL: virtio-net-pci */
    const char *tap;    /* name of an existing persistent tap, chb_qemu_tap_name() */
};

enum chb_vm_role {
    CHB_VM_PRIMARY,
    CHB_VM_SECONDARY,
};

struct chb_vm_spec {
    const char *name;
    const char *uuid;   /* equal on both hosts; NULL: none */
    const char *binary; /* NULL: qemu-system-x86_64 */
    uint32_t memory_mb;
    uint32_t cpus;
    const char *cpu;     /* NULL: host with kvm, qemu64 else */
    const char *machine; /* NULL: pc */
    const char *accel;   /* NULL: kvm */
    unsigned n_disks;    /* 1 to CHB_DISKS_MAX */
    struct chb_vm_disk disks[CHB_DISKS_MAX];
    unsigned n_nics; /* 0 to CHB_NICS_MAX */
    struct chb_vm_nic nics[CHB_NICS_MAX];
    const char *const *extra; /* the user's words, already accepted by chb_qemu_extra_check() */
    size_t n_extra;

    /* Per start, not part of what the two hosts compare. */
    const char *run_dir;     /* absolute; QMP sockets and the pid file: this VM's alone */
    const char *overlay_dir; /* absolute; secondary's overlays */
    enum chb_vm_role role;
    bool paused;                         /* primary: do not run before `cont` */
    const char *listen_address;          /* secondary: numeric; IPv6 without brackets */
    uint16_t mirror_port[CHB_NICS_MAX];  /* secondary; 0: the kernel chooses, see chb_seq_ports */
    uint16_t compare_port[CHB_NICS_MAX]; /* secondary; the same */
};

/* True when filters on this NIC must be told of the virtio header. NULL (the default) is virtio. */
bool chb_vm_nic_has_vnet_hdr(const struct chb_vm_nic *nic);

#endif
