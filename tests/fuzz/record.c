/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A slot of a record's file, as it is and with its checksum put right. A name of 1 to 63 bytes
 * follows the slot; without one it is "vm". */
#include <agent/records/codec.h>
#include <heartbeat/crc32c.h>

#include "fuzz.h"

#define AT_NAME 24
#define AT_END_OF_FIELDS 107
#define AT_CRC (CHB_SLOT_SIZE - 4)

static void try_slot(const uint8_t *slot, const char *name)
{
    struct chb_record record;
    struct chb_record again;
    uint64_t sequence = 0;
    uint64_t sequence_again = 0;
    uint8_t encoded[CHB_SLOT_SIZE];

    if (chb_slot_decode(slot, name, &sequence, &record) < 0) {
        return;
    }
    CHB_FUZZ_CHECK(record.kind < CHB_RECORD_KIND_MAX && record.kind != CHB_RECORD_UNKNOWN);
    CHB_FUZZ_CHECK((record.generation == 0) == (record.kind == CHB_RECORD_NONE));
    CHB_FUZZ_CHECK(chb_slot_encode(name, sequence, &record, encoded) == 0);
    CHB_FUZZ_CHECK(chb_slot_decode(encoded, name, &sequence_again, &again) == 0);
    CHB_FUZZ_CHECK(sequence_again == sequence && again.generation == record.generation &&
                   again.author == record.author && again.peer == record.peer &&
                   again.kind == record.kind && again.role == record.role &&
                   again.overlays_pending == record.overlays_pending);
    CHB_FUZZ_CHECK(memcmp(encoded, slot, AT_NAME + strlen(name)) == 0);
    CHB_FUZZ_CHECK(memcmp(encoded + 88, slot + 88, AT_END_OF_FIELDS - 88) == 0);
}

static void put_right(uint8_t *slot)
{
    const uint32_t crc = chb_crc32c(0, slot, AT_CRC);
    for (unsigned i = 0; i < 4; i++) {
        slot[AT_CRC + i] = (uint8_t)(crc >> (8 * i));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t slot[CHB_SLOT_SIZE] = {0};
    char name[CHB_VM_NAME_MAX + 1] = "vm";

    memcpy(slot, data, size < sizeof(slot) ? size : sizeof(slot));
    if (size > sizeof(slot) && data[sizeof(slot)] != '\0') {
        size_t length = size - sizeof(slot);
        length = length > CHB_VM_NAME_MAX ? CHB_VM_NAME_MAX : length;
        memset(name, 0, sizeof(name));
        memcpy(name, data + sizeof(slot), length);
    }
    try_slot(slot, name);
    put_right(slot);
    try_slot(slot, name);
    return 0;
}
