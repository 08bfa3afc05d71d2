/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers to and from big-endian bytes, and 64-bit hashes of bytes. Pure; private to this folder.
 */
#ifndef CHB_HEARTBEAT_BYTES_H
#define CHB_HEARTBEAT_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline void chb_put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void chb_put_u32(uint8_t *at, uint32_t value)
{
    chb_put_u16(at, (uint16_t)(value >> 16));
    chb_put_u16(at + 2, (uint16_t)value);
}

static inline void chb_put_u64(uint8_t *at, uint64_t value)
{
    chb_put_u32(at, (uint32_t)(value >> 32));
    chb_put_u32(at + 4, (uint32_t)value);
}

static inline uint16_t chb_get_u16(const uint8_t *at)
{
    return (uint16_t)((at[0] << 8) | at[1]);
}

static inline uint32_t chb_get_u32(const uint8_t *at)
{
    return ((uint32_t)chb_get_u16(at) << 16) | chb_get_u16(at + 2);
}

static inline uint64_t chb_get_u64(const uint8_t *at)
{
    return ((uint64_t)chb_get_u32(at) << 32) | chb_get_u32(at + 4);
}

#define CHB_FNV64_START UINT64_C(0xcbf29ce484222325)

/* FNV-1a; begin with CHB_FNV64_START. Source: draft-eastlake-fnv, section 2. */
static inline uint64_t chb_fnv64(uint64_t hash, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x00000100000001b3);
    }
    return hash;
}

/* Spreads every bit over all: the finaliser of SplitMix64. */
static inline uint64_t chb_mix64(uint64_t hash)
{
    hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
    return hash ^ (hash >> 31);
}

#endif
