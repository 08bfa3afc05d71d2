/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include <agent/core/limits.h>
#include <heartbeat/bytes.h>
#include <heartbeat/vm_key.h>

static unsigned __int128 fnv128(const uint8_t *bytes, size_t size)
{
    /* 144066263297769815596495629667062367629 and 2^88 + 2^8 + 0x3b */
    const unsigned __int128 offset =
        ((unsigned __int128)UINT64_C(0x6c62272e07bb0142) << 64) | UINT64_C(0x62b821756295c58d);
    const unsigned __int128 prime =
        ((unsigned __int128)UINT64_C(0x0000000001000000) << 64) | UINT64_C(0x000000000000013b);
    unsigned __int128 hash = offset;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * prime;
    }
    return hash;
}

int chb_vm_key_make(const char *name, struct chb_vm_key *ret_key)
{
    if (name == NULL) {
        return -EINVAL;
    }
    size_t length = strnlen(name, CHB_VM_NAME_MAX + 1);
    if (length == 0 || length > CHB_VM_NAME_MAX) {
        return -EINVAL;
    }

    const uint8_t *bytes = (const uint8_t *)name;
    unsigned __int128 id = fnv128(bytes, length);
    chb_put_u64(ret_key->id, (uint64_t)(id >> 64));
    chb_put_u64(ret_key->id + 8, (uint64_t)id);
    ret_key->check = chb_mix64(chb_fnv64(CHB_FNV64_START, bytes, length));
    return 0;
}

bool chb_vm_key_equal(const struct chb_vm_key *a, const struct chb_vm_key *b)
{
    return memcmp(a->id, b->id, sizeof(a->id)) == 0 && a->check == b->check;
}

bool chb_vm_key_collides(const struct chb_vm_key *a, const struct chb_vm_key *b)
{
    return memcmp(a->id, b->id, sizeof(a->id)) == 0 && a->check != b->check;
}

bool chb_vm_key_is_none(const struct chb_vm_key *key)
{
    static const struct chb_vm_key none;
    return chb_vm_key_equal(key, &none);
}
