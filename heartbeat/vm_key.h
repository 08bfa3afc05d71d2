/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VM is called on the wire.
 *
 * Messages have a fixed size, so they carry hashes of the VM's name and not the name. The id says
 * which VM is meant; the check, made by another function, shows two names that share an id by
 * chance or by somebody's effort: a message whose id fits and whose check does not is of another
 * VM.
 */
#ifndef CHB_HEARTBEAT_VM_KEY_H
#define CHB_HEARTBEAT_VM_KEY_H

#include <stdbool.h>
#include <stdint.h>

#define CHB_VM_ID_SIZE 16

struct chb_vm_key {
    uint8_t id[CHB_VM_ID_SIZE]; /* FNV-1a, 128 bits, of the name's bytes; big-endian */
    uint64_t check;             /* FNV-1a, 64 bits, of the name's bytes, mixed once more */
};

/*
 * Makes the key of a VM.
 *   name  1 .. CHB_VM_NAME_MAX bytes, NUL-terminated, any bytes
 * Returns 0, or -EINVAL if the name is empty, too long or NULL. Pure.
 * Source: FNV, draft-eastlake-fnv, section 2.
 */
int chb_vm_key_make(const char *name, struct chb_vm_key *ret_key);

/* The same VM? Pure. */
bool chb_vm_key_equal(const struct chb_vm_key *a, const struct chb_vm_key *b);

/* The same id and another check: two VMs whose names collide. Pure. */
bool chb_vm_key_collides(const struct chb_vm_key *a, const struct chb_vm_key *b);

/* No VM: all bytes zero, as in agent-wide messages. Pure. */
bool chb_vm_key_is_none(const struct chb_vm_key *key);

#endif
