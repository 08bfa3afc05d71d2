/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CRC-32C (Castagnoli), as in RFC 3720, appendix B.4. Pure. */
#ifndef CHB_RECORDS_CRC32C_H
#define CHB_RECORDS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of @size bytes at @data. The one of "123456789" is 0xe3069283. */
uint32_t chb_crc32c(const void *data, size_t size);

#endif
