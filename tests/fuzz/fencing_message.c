/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages between the daemon and its fencing servant. Input: direction (1 byte), the message, from
 * its type on: magic and version are put right, and the message is padded to its size. What is
 * decoded is what encode() makes, byte for byte. */
#include <fencing/message.h>

#include "fuzz.h"

#define PREFIX 8

static void try_message(const uint8_t *buffer, size_t size, bool from_servant)
{
    struct chb_fencing_message message;
    uint8_t again[CHB_FENCING_MESSAGE_SIZE];

    if (chb_fencing_decode(buffer, size, from_servant, &message) < 0) {
        return;
    }
    CHB_FUZZ_CHECK(chb_fencing_encode(&message, again) == 0);
    CHB_FUZZ_CHECK(size == sizeof(again) && memcmp(again, buffer, size) == 0);
    CHB_FUZZ_CHECK(chb_fencing_decode(buffer, size, !from_servant, &message) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t prefix[PREFIX] = {0x46, 0x42, 0x48, 0x43, CHB_FENCING_VERSION};
    uint8_t buffer[CHB_FENCING_MESSAGE_SIZE] = {0};

    if (size == 0) {
        return 0;
    }
    const bool from_servant = (data[0] & 1) != 0;
    uint8_t *raw = chb_fuzz_copy(data + 1, size - 1);
    try_message(raw, size - 1, from_servant);
    memcpy(buffer, prefix, PREFIX);
    memcpy(buffer + PREFIX, raw,
           size - 1 < sizeof(buffer) - PREFIX ? size - 1 : sizeof(buffer) - PREFIX);
    try_message(buffer, sizeof(buffer), from_servant);
    free(raw);

    char cut[CHB_FENCER_ACTION_MAX];
    char *text = chb_fuzz_text(data, size);
    const bool whole = chb_fencing_copy(cut, sizeof(cut), text);
    CHB_FUZZ_CHECK(CHB_FUZZ_TERMINATED(cut) && whole == (strlen(text) < sizeof(cut)));
    free(text);
    return 0;
}
