/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/records/codec.h>

#include <errno.h>
#include <string.h>

#include <heartbeat/crc32c.h>

#define SLOT_VERSION 1
#define NAME_FIELD 64

_Static_assert(CHB_VM_NAME_MAX < NAME_FIELD, "a name must fit with its NUL");

enum offset {
    AT_MAGIC = 0,
    AT_VERSION = 8,
    AT_SIZE = 12,
    AT_SEQUENCE = 16,
    AT_NAME = 24,
    AT_GENERATION = 88,
    AT_AUTHOR = 96,
    AT_PEER = 100,
    AT_KIND = 104,
    AT_ROLE = 105,
    AT_OVERLAYS = 106,
    AT_CRC = CHB_SLOT_SIZE - 4,
};

/* CR LF as in PNG: a copy that was taken for text is found out. */
static const uint8_t magic[8] = {'C', 'H', 'B', 'R', 'E', 'C', '\r', '\n'};

static void put(uint8_t *slot, enum offset at, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++) {
        slot[(unsigned)at + i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t get(const uint8_t *slot, enum offset at, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)slot[(unsigned)at + i] << (8 * i);
    }
    return value;
}

/* What no version of this program would have written, checksum or not. */
static bool plausible(const struct chb_record *record)
{
    if (record->role >= CHB_ROLE_MAX) {
        return false;
    }
    switch (record->kind) {
    case CHB_RECORD_NONE:
        return record->generation == 0;
    case CHB_RECORD_SOLO:
    case CHB_RECORD_PAIRED:
    case CHB_RECORD_FILLING:
        return record->generation != 0;
    case CHB_RECORD_UNKNOWN:
    case CHB_RECORD_KIND_MAX:
        break;
    }
    return false;
}

int chb_slot_encode(const char *name, uint64_t sequence, const struct chb_record *record,
                    uint8_t ret_slot[static CHB_SLOT_SIZE])
{
    size_t length = strnlen(name, NAME_FIELD);
    if (length == 0 || length > CHB_VM_NAME_MAX || !plausible(record)) {
        return -EINVAL;
    }
    memset(ret_slot, 0, CHB_SLOT_SIZE);
    memcpy(ret_slot + AT_MAGIC, magic, sizeof(magic));
    put(ret_slot, AT_VERSION, 4, SLOT_VERSION);
    put(ret_slot, AT_SIZE, 4, CHB_SLOT_SIZE);
    put(ret_slot, AT_SEQUENCE, 8, sequence);
    memcpy(ret_slot + AT_NAME, name, length);
    put(ret_slot, AT_GENERATION, 8, record->generation);
    put(ret_slot, AT_AUTHOR, 4, record->author);
    put(ret_slot, AT_PEER, 4, record->peer);
    put(ret_slot, AT_KIND, 1, (uint64_t)record->kind);
    put(ret_slot, AT_ROLE, 1, (uint64_t)record->role);
    put(ret_slot, AT_OVERLAYS, 1, record->overlays_pending ? 1 : 0);
    put(ret_slot, AT_CRC, 4, chb_crc32c(0, ret_slot, AT_CRC));
    return 0;
}

int chb_slot_decode(const uint8_t slot[static CHB_SLOT_SIZE], const char *name,
                    uint64_t *ret_sequence, struct chb_record *ret_record)
{
    if (memcmp(slot + AT_MAGIC, magic, sizeof(magic)) != 0 ||
        get(slot, AT_SIZE, 4) != CHB_SLOT_SIZE ||
        get(slot, AT_CRC, 4) != chb_crc32c(0, slot, AT_CRC)) {
        return -EBADMSG;
    }
    if (get(slot, AT_VERSION, 4) != SLOT_VERSION) {
        return -EPROTONOSUPPORT;
    }
    char stored[NAME_FIELD + 1] = {0};
    memcpy(stored, slot + AT_NAME, NAME_FIELD);
    if (strcmp(stored, name) != 0) {
        return -EXDEV;
    }
    uint64_t kind = get(slot, AT_KIND, 1);
    uint64_t role = get(slot, AT_ROLE, 1);
    uint64_t overlays = get(slot, AT_OVERLAYS, 1);
    if (kind >= CHB_RECORD_KIND_MAX || role >= CHB_ROLE_MAX || overlays > 1) {
        return -EBADMSG;
    }
    struct chb_record record = {
        .generation = get(slot, AT_GENERATION, 8),
        .author = (uint32_t)get(slot, AT_AUTHOR, 4),
        .peer = (uint32_t)get(slot, AT_PEER, 4),
        .kind = (enum chb_record_kind)kind,
        .role = (enum chb_role)role,
        .overlays_pending = overlays == 1,
    };
    if (!plausible(&record)) {
        return -EBADMSG;
    }
    *ret_sequence = get(slot, AT_SEQUENCE, 8);
    *ret_record = record;
    return 0;
}
