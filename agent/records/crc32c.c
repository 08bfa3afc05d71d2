/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/records/crc32c.h>

/* A record is 512 bytes and written a few times a day: the bitwise form is fast enough. */
uint32_t chb_crc32c(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
        }
    }
    return ~crc;
}
