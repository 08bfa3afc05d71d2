/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CRC-32C (Castagnoli), as in iSCSI: finds every burst of up to 32 damaged bits. */
#ifndef CHB_HEARTBEAT_CRC32C_H
#define CHB_HEARTBEAT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues a checksum over `size` more bytes. Begin with 0; the result of one call is the
 * `checksum` of the next. Pure. Source: RFC 3720, appendix B.4. */
uint32_t chb_crc32c(uint32_t checksum, const void *bytes, size_t size);

#endif
