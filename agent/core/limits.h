/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every bound of the core in one place. The shell's bounds live with the shell. */
#ifndef CHB_CORE_LIMITS_H
#define CHB_CORE_LIMITS_H

#define CHB_NODES_MAX 16   /* hosts that may hold or hear of one VM; corosync itself advises 16 */
#define CHB_NICS_MAX 8     /* NICs of one VM */
#define CHB_DISKS_MAX 8    /* disks of one VM */
#define CHB_ACTIONS_MAX 32 /* actions of one step; the worst step needs under half of it */
#define CHB_VM_NAME_MAX 63 /* bytes of a VM's name, without the final NUL */

/* hang_timeout: after how long a silent QEMU counts as one that hangs */
#define CHB_HANG_TIMEOUT_MIN_MS 100
#define CHB_HANG_TIMEOUT_MAX_MS 600000

#endif
