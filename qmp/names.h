/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every id that we give to a thing inside QEMU, in one place: the command line creates half of
 * them, the sequences the other half, and each must find what the other made.
 *
 * "$i" stands for the index of the disk or NIC. All results are well-formed QEMU ids (a letter,
 * then letters, digits, "-", "." or "_") and at most 31 characters, QEMU's limit for a node name.
 * User arguments that begin with "disk<digit>", "nic<digit>" or "qmp<digit>" are refused
 * (agent/qemu), so these names cannot collide.
 */
#ifndef CHB_QMP_NAMES_H
#define CHB_QMP_NAMES_H

#include <stddef.h>
#include <string.h>

#include <agent/core/limits.h>

#define CHB_QEMU_ID_SIZE 32

/* Disks, on both sides. The guest's device sits on the quorum; the image is the quorum's only child
 * on a QEMU that was started as primary, and the bottom of the replication chain on a secondary. */
#define CHB_DISK_QUORUM "disk$i"
#define CHB_DISK_DEVICE "disk$i-dev"
#define CHB_DISK_IMAGE "disk$i-img"
#define CHB_DISK_FILE "disk$i-file"
/* Disks, secondary only. */
#define CHB_DISK_REPLICATION "disk$i-repl"
#define CHB_DISK_ACTIVE "disk$i-active"
#define CHB_DISK_ACTIVE_FILE "disk$i-active-file"
#define CHB_DISK_HIDDEN "disk$i-hidden"
#define CHB_DISK_HIDDEN_FILE "disk$i-hidden-file"
#define CHB_DISK_EXPORT "disk$i-exp"
#define CHB_DISK_EXPORT_NAME "disk$i"
/* Disks, primary only: the second child of the quorum, and the short-lived target of the first copy
 * with its job. */
#define CHB_DISK_NBD "disk$i-nbd"
#define CHB_DISK_SYNC "disk$i-sync"
#define CHB_DISK_JOB "disk$i-job"
/* How a quorum names its second child; QEMU gives the number back when the child is removed. */
#define CHB_DISK_SECOND_CHILD "children.1"

/* NICs, on both sides. */
#define CHB_NIC_NETDEV "nic$i"
#define CHB_NIC_DEVICE "nic$i-dev"
/* NICs, secondary only. */
#define CHB_NIC_RED0 "nic$i-red0"
#define CHB_NIC_RED1 "nic$i-red1"
#define CHB_NIC_NOWHERE "nic$i-null0"
#define CHB_NIC_F0 "nic$i-f0"
#define CHB_NIC_F1 "nic$i-f1"
#define CHB_NIC_F2 "nic$i-f2"
#define CHB_NIC_REWRITER "nic$i-rew0"
/* NICs, primary only: what goes to the secondary, what comes back, and two pairs inside QEMU. */
#define CHB_NIC_MIRROR_CHARDEV "nic$i-mirror0"
#define CHB_NIC_COMPARE_CHARDEV "nic$i-compare1"
#define CHB_NIC_LOCAL_IN "nic$i-compare0"
#define CHB_NIC_LOCAL_IN_PEER "nic$i-compare0-0"
#define CHB_NIC_LOCAL_OUT "nic$i-compare_out"
#define CHB_NIC_LOCAL_OUT_PEER "nic$i-compare_out0"
#define CHB_NIC_MIRROR "nic$i-m0"
#define CHB_NIC_REDIRECT_IN "nic$i-redire0"
#define CHB_NIC_REDIRECT_OUT "nic$i-redire1"
#define CHB_NIC_IOTHREAD "nic$i-iothread"
#define CHB_NIC_COMPARE "nic$i-comp0"

/* The two monitors' chardevs. */
#define CHB_MONITOR_MAIN "qmp0"
#define CHB_MONITOR_OOB "qmp1"

/* One of the patterns above with its index filled in.
 * @index: below CHB_DISKS_MAX or CHB_NICS_MAX, so one digit.
 * @ret_name: CHB_QEMU_ID_SIZE bytes; always terminated. Returns @ret_name. Pure. */
static inline char *chb_qemu_name(const char *pattern, unsigned index,
                                  char ret_name[static CHB_QEMU_ID_SIZE])
{
    size_t at = 0;
    for (const char *p = pattern; *p != '\0' && at + 1 < CHB_QEMU_ID_SIZE; p++) {
        if (p[0] == '$' && p[1] == 'i') {
            ret_name[at++] = (char)('0' + index % 10);
            p++;
        } else {
            ret_name[at++] = *p;
        }
    }
    ret_name[at] = '\0';
    return ret_name;
}

#endif
