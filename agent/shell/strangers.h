/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMs that other agents tell of and that this host has never had: no parameters, no record, no
 * QEMU. Saying so is worth something to them, because a cold start waits to hear from every member.
 * Pure.
 */
#ifndef CHB_SHELL_STRANGERS_H
#define CHB_SHELL_STRANGERS_H

#include <stdbool.h>
#include <stdint.h>

#include <heartbeat/vm_key.h>

#define CHB_STRANGERS_MAX 64

struct chb_strangers {
    uint32_t count;
    struct chb_vm_key list[CHB_STRANGERS_MAX];
};

/* Returns true if it is new and there was room for it. */
bool chb_strangers_add(struct chb_strangers *strangers, const struct chb_vm_key *vm);

/* It is known by now. */
void chb_strangers_remove(struct chb_strangers *strangers, const struct chb_vm_key *vm);

#endif
