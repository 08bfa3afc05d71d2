/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test only: colo-hbd as a later version may be, linked around its calls to CPG (ld's --wrap).
 *
 *   OTHER_MAJOR 1  protocol 1.1: every message has bytes at its end that 1.0 does not know, the
 *                  header's reserved field has a meaning, and heartbeats have a new flag
 *   OTHER_MAJOR 2  protocol 2.0: whose messages 1.x refuses, and which refuses those of 1.x
 *
 * It is the same code otherwise, which is what an upgrade of the protocol alone would be.
 */
#include <errno.h>
#include <string.h>

#include <corosync/cpg.h>

#include <heartbeat/bytes.h>
#include <heartbeat/crc32c.h>
#include <heartbeat/wire.h>

/* wire.h has the table. */
enum {
    AT_MAJOR = 4,
    AT_TYPE = 6,
    AT_CHECKSUM = 12,
    AT_RESERVED = 44,
    AT_HEARTBEAT_FLAGS = CHB_WIRE_HEADER_SIZE + 4,
};

#define NEW_FLAG UINT32_C(0x80000000)

cs_error_t __real_cpg_mcast_joined(cpg_handle_t handle, cpg_guarantee_t guarantee,
                                   const struct iovec *iovec, unsigned int iov_len);
cs_error_t __wrap_cpg_mcast_joined(cpg_handle_t handle, cpg_guarantee_t guarantee,
                                   const struct iovec *iovec, unsigned int iov_len);

static void seal(uint8_t *bytes, size_t size)
{
    chb_put_u32(bytes + AT_CHECKSUM, 0);
    chb_put_u32(bytes + AT_CHECKSUM, chb_crc32c(0, bytes, size));
}

#if OTHER_MAJOR == 1
/* Returns the new length, or less than 0. */
static int change(uint8_t *bytes, size_t size, size_t length)
{
    static const uint8_t extra[] = {0xa5, 0, 0xff, 1, 2, 3, 4, 5, 6, 7, 8};
    int longer = chb_wire_append(bytes, size, length, CHB_WIRE_MINOR + 1, extra, sizeof(extra));
    if (longer > 0) {
        chb_put_u32(bytes + AT_RESERVED, 0xdecade);
        if (chb_get_u16(bytes + AT_TYPE) == CHB_WIRE_HEARTBEAT) {
            uint32_t flags = chb_get_u32(bytes + AT_HEARTBEAT_FLAGS);
            chb_put_u32(bytes + AT_HEARTBEAT_FLAGS, flags | NEW_FLAG);
        }
        seal(bytes, (size_t)longer);
    }
    return longer;
}
#else
int __real_chb_wire_decode(const uint8_t *bytes, size_t size, struct chb_wire_message *ret_message);
int __wrap_chb_wire_decode(const uint8_t *bytes, size_t size, struct chb_wire_message *ret_message);

static int change(uint8_t *bytes, size_t size, size_t length)
{
    (void)size;
    bytes[AT_MAJOR] = OTHER_MAJOR;
    seal(bytes, length);
    return (int)length;
}

/* To the code below, its own version is the one that it knows, and that one is another. */
int __wrap_chb_wire_decode(const uint8_t *bytes, size_t size, struct chb_wire_message *ret_message)
{
    uint8_t copy[CHB_WIRE_SIZE_MAX];
    if (size < CHB_WIRE_HEADER_SIZE || size > sizeof(copy)) {
        return -EMSGSIZE;
    }
    memcpy(copy, bytes, size);
    copy[AT_MAJOR] = bytes[AT_MAJOR] == OTHER_MAJOR      ? CHB_WIRE_MAJOR
                     : bytes[AT_MAJOR] == CHB_WIRE_MAJOR ? OTHER_MAJOR
                                                         : bytes[AT_MAJOR];
    seal(copy, size);
    return __real_chb_wire_decode(copy, size, ret_message);
}
#endif

cs_error_t __wrap_cpg_mcast_joined(cpg_handle_t handle, cpg_guarantee_t guarantee,
                                   const struct iovec *iovec, unsigned int iov_len)
{
    uint8_t bytes[CHB_WIRE_SIZE_MAX];
    if (iov_len != 1 || iovec->iov_len > sizeof(bytes)) {
        return CS_ERR_INVALID_PARAM;
    }
    memcpy(bytes, iovec->iov_base, iovec->iov_len);
    int length = change(bytes, sizeof(bytes), iovec->iov_len);
    if (length < 0) {
        return CS_ERR_INVALID_PARAM;
    }
    struct iovec changed = {.iov_base = bytes, .iov_len = (size_t)length};
    return __real_cpg_mcast_joined(handle, guarantee, &changed, 1);
}
