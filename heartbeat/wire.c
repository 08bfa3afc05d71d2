/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header, and what is common to all messages. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <heartbeat/bytes.h>
#include <heartbeat/crc32c.h>
#include <heartbeat/wire.h>
#include <heartbeat/wire_body.h>

/* Offsets in the header: wire.h has the table. */
enum {
    AT_MAGIC = 0,
    AT_MAJOR = 4,
    AT_MINOR = 5,
    AT_TYPE = 6,
    AT_LENGTH = 8,
    AT_CHECKSUM = 12,
    AT_VM_ID = 16,
    AT_VM_CHECK = 32,
    AT_SENDER = 40,
    AT_RESERVED = 44,
    AT_BOOT = 48,
    AT_SEQUENCE = 56,
    AT_SENT = 64,
};

/* Of the whole message, as if the field for it held zeros. */
static uint32_t checksum_of(const uint8_t *bytes, size_t size)
{
    static const uint8_t zeros[4];

    uint32_t checksum = chb_crc32c(0, bytes, AT_CHECKSUM);
    checksum = chb_crc32c(checksum, zeros, sizeof(zeros));
    return chb_crc32c(checksum, bytes + AT_VM_ID, size - AT_VM_ID);
}

/* Fields of the header whose range does not depend on the version. */
static bool header_is_valid(const struct chb_wire_message *message)
{
    bool agent_wide = message->type == CHB_WIRE_HEARTBEAT;
    return message->sender != 0 && message->boot != 0 && message->sequence != 0 &&
           message->sent.ns >= 0 && chb_vm_key_is_none(&message->vm) == agent_wide;
}

int chb_wire_encode(const struct chb_wire_message *message, uint8_t *ret_bytes, size_t size)
{
    size_t body = chb_wire_body_size(message->type);
    if (body == 0 || !header_is_valid(message) || !chb_wire_body_is_valid(message)) {
        return -EINVAL;
    }
    size_t length = CHB_WIRE_HEADER_SIZE + body;
    if (size < length) {
        return -EMSGSIZE;
    }

    chb_put_u32(ret_bytes + AT_MAGIC, CHB_WIRE_MAGIC);
    ret_bytes[AT_MAJOR] = CHB_WIRE_MAJOR;
    ret_bytes[AT_MINOR] = CHB_WIRE_MINOR;
    chb_put_u16(ret_bytes + AT_TYPE, (uint16_t)message->type);
    chb_put_u32(ret_bytes + AT_LENGTH, (uint32_t)length);
    memcpy(ret_bytes + AT_VM_ID, message->vm.id, CHB_VM_ID_SIZE);
    chb_put_u64(ret_bytes + AT_VM_CHECK, message->vm.check);
    chb_put_u32(ret_bytes + AT_SENDER, message->sender);
    chb_put_u32(ret_bytes + AT_RESERVED, 0);
    chb_put_u64(ret_bytes + AT_BOOT, message->boot);
    chb_put_u64(ret_bytes + AT_SEQUENCE, message->sequence);
    chb_put_u64(ret_bytes + AT_SENT, (uint64_t)message->sent.ns);
    chb_wire_put_body(message, ret_bytes + CHB_WIRE_HEADER_SIZE);
    chb_put_u32(ret_bytes + AT_CHECKSUM, checksum_of(ret_bytes, length));
    return (int)length;
}

/* Is this a whole, undamaged message of a version and type that we know? */
static int check_envelope(const uint8_t *bytes, size_t size)
{
    if (size < CHB_WIRE_HEADER_SIZE || size > CHB_WIRE_SIZE_MAX) {
        return -EMSGSIZE;
    }
    if (chb_get_u32(bytes + AT_MAGIC) != CHB_WIRE_MAGIC) {
        return -EBADMSG;
    }
    /* Before the checksum: another major version may have another one. */
    if (bytes[AT_MAJOR] != CHB_WIRE_MAJOR) {
        return -EPROTONOSUPPORT;
    }
    if (chb_get_u32(bytes + AT_LENGTH) != size) {
        return -EMSGSIZE;
    }
    if (chb_get_u32(bytes + AT_CHECKSUM) != checksum_of(bytes, size)) {
        return -EBADMSG;
    }

    uint16_t type = chb_get_u16(bytes + AT_TYPE);
    if (type >= CHB_WIRE_TYPE_MAX) {
        return -ENOMSG;
    }
    size_t body = chb_wire_body_size((enum chb_wire_type)type);
    if (body == 0) {
        return -ENOMSG;
    }
    bool newer = bytes[AT_MINOR] > CHB_WIRE_MINOR;
    size_t known = CHB_WIRE_HEADER_SIZE + body;
    if (size < known || (size > known && !newer)) {
        return -EMSGSIZE;
    }
    return 0;
}

int chb_wire_decode(const uint8_t *bytes, size_t size, struct chb_wire_message *ret_message)
{
    int r = check_envelope(bytes, size);
    if (r < 0) {
        return r;
    }

    struct chb_wire_message message;
    memset(&message, 0, sizeof(message));
    message.type = (enum chb_wire_type)chb_get_u16(bytes + AT_TYPE);
    message.minor = bytes[AT_MINOR];
    memcpy(message.vm.id, bytes + AT_VM_ID, CHB_VM_ID_SIZE);
    message.vm.check = chb_get_u64(bytes + AT_VM_CHECK);
    message.sender = chb_get_u32(bytes + AT_SENDER);
    message.boot = chb_get_u64(bytes + AT_BOOT);
    message.sequence = chb_get_u64(bytes + AT_SEQUENCE);
    uint64_t sent_ns = chb_get_u64(bytes + AT_SENT);
    if (sent_ns > INT64_MAX) {
        return -EPROTO;
    }
    message.sent = (chb_time){.ns = (int64_t)sent_ns};

    bool newer = message.minor > CHB_WIRE_MINOR;
    if (!header_is_valid(&message) || (chb_get_u32(bytes + AT_RESERVED) != 0 && !newer)) {
        return -EPROTO;
    }
    if (!chb_wire_get_body(bytes + CHB_WIRE_HEADER_SIZE, newer, &message)) {
        return -EPROTO;
    }
    *ret_message = message;
    return 0;
}

const char *chb_wire_error_text(int error)
{
    switch (error) {
    case 0:
        return "nothing is wrong with it";
    case -EMSGSIZE:
        return "it has not the length that its type and version need";
    case -EBADMSG:
        return "it is damaged or was not sent by colo-hbd";
    case -EPROTONOSUPPORT:
        return "it is of another protocol version; run colo-hbd of the same major version "
               "everywhere";
    case -ENOMSG:
        return "it is of a type that this version does not know";
    case -EPROTO:
        return "a field holds a value that it may not hold";
    default:
        return "unknown error";
    }
}

int chb_wire_append(uint8_t *bytes, size_t size, size_t length, uint8_t minor, const uint8_t *extra,
                    size_t extra_size)
{
    struct chb_wire_message message;

    if (length > size || minor <= CHB_WIRE_MINOR || chb_wire_decode(bytes, length, &message) < 0) {
        return -EINVAL;
    }
    if (extra_size > size - length || extra_size > CHB_WIRE_SIZE_MAX - length) {
        return -EMSGSIZE;
    }
    if (extra_size > 0) {
        memcpy(bytes + length, extra, extra_size);
    }
    size_t total = length + extra_size;
    bytes[AT_MINOR] = minor;
    chb_put_u32(bytes + AT_LENGTH, (uint32_t)total);
    chb_put_u32(bytes + AT_CHECKSUM, checksum_of(bytes, total));
    return (int)total;
}

int chb_wire_trailing(const uint8_t *bytes, size_t size, const uint8_t **ret_extra,
                      size_t *ret_extra_size)
{
    struct chb_wire_message message;

    int r = chb_wire_decode(bytes, size, &message);
    if (r < 0) {
        return r;
    }
    size_t known = CHB_WIRE_HEADER_SIZE + chb_wire_body_size(message.type);
    *ret_extra = bytes + known;
    *ret_extra_size = size - known;
    return 0;
}

uint64_t chb_wire_state_digest(const struct chb_vm_key *vm, const struct chb_state_msg *state)
{
    uint8_t body[CHB_WIRE_STATE_BODY_SIZE];
    uint8_t check[8];

    chb_wire_put_state(state, body);
    chb_put_u64(check, vm->check);
    uint64_t hash = chb_fnv64(CHB_FNV64_START, vm->id, sizeof(vm->id));
    hash = chb_fnv64(hash, check, sizeof(check));
    hash = chb_fnv64(hash, body, sizeof(body));
    return chb_mix64(hash); /* sums of plain FNV hashes would hide differences */
}
