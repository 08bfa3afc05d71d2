/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the other agents have told about all VMs, as one number per node, to be compared with the
 * digest that each heartbeat carries: a state that was lost is noticed and asked for. Pure.
 */
#ifndef CHB_SHELL_DIGESTS_H
#define CHB_SHELL_DIGESTS_H

#include <stdbool.h>
#include <stdint.h>

#include <heartbeat/vm_key.h>

#define CHB_DIGESTS_MAX 1024 /* nodes times VMs */

struct chb_digests {
    uint32_t count;
    struct {
        uint32_t node;
        struct chb_vm_key vm;
        uint64_t digest;
    } list[CHB_DIGESTS_MAX];
};

/* Node @node has told the state with @digest of @vm. What does not fit is left out. */
void chb_digests_set(struct chb_digests *digests, uint32_t node, const struct chb_vm_key *vm,
                     uint64_t digest);

/* The agent of @node is gone or new: what it told before counts no more. */
void chb_digests_forget(struct chb_digests *digests, uint32_t node);

/* The sum of what @node has told. */
uint64_t chb_digests_sum(const struct chb_digests *digests, uint32_t node);

#endif
