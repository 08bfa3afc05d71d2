/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/shell/strangers.h>

bool chb_strangers_add(struct chb_strangers *strangers, const struct chb_vm_key *vm)
{
    for (uint32_t i = 0; i < strangers->count; i++) {
        if (chb_vm_key_equal(&strangers->list[i], vm)) {
            return false;
        }
    }
    if (strangers->count == CHB_STRANGERS_MAX) {
        return false;
    }
    strangers->list[strangers->count++] = *vm;
    return true;
}

void chb_strangers_remove(struct chb_strangers *strangers, const struct chb_vm_key *vm)
{
    for (uint32_t i = 0; i < strangers->count; i++) {
        if (chb_vm_key_equal(&strangers->list[i], vm)) {
            strangers->count--;
            strangers->list[i] = strangers->list[strangers->count];
            return;
        }
    }
}
