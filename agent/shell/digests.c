/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/shell/digests.h>

void chb_digests_set(struct chb_digests *digests, uint32_t node, const struct chb_vm_key *vm,
                     uint64_t digest)
{
    for (uint32_t i = 0; i < digests->count; i++) {
        if (digests->list[i].node == node && chb_vm_key_equal(&digests->list[i].vm, vm)) {
            digests->list[i].digest = digest;
            return;
        }
    }
    if (digests->count < CHB_DIGESTS_MAX) {
        digests->list[digests->count].node = node;
        digests->list[digests->count].vm = *vm;
        digests->list[digests->count].digest = digest;
        digests->count++;
    }
}

void chb_digests_forget(struct chb_digests *digests, uint32_t node)
{
    for (uint32_t i = 0; i < digests->count;) {
        if (digests->list[i].node == node) {
            digests->count--;
            digests->list[i] = digests->list[digests->count];
        } else {
            i++;
        }
    }
}

uint64_t chb_digests_sum(const struct chb_digests *digests, uint32_t node)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < digests->count; i++) {
        sum += digests->list[i].node == node ? digests->list[i].digest : 0;
    }
    return sum;
}
