/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon's recording. The first byte says what the rest is:
 *
 *   0  the file as it is
 *   1  the body of an event, 2 of a state, 3 of a result
 *   4  a file that is made here, with sound checksums, of: bytes to cut off / 32 (1), then entries:
 *      part (1), type (1), number (1), size of its body (2, little endian), the body
 */
#include <stdbool.h>

#include <agent/recorder/layout.h>
#include <agent/recorder/reader.h>

#include "fuzz.h"

#define PARTS 3
#define PART_BYTES 8192
#define ITEMS_MAX 100000

static void read_all(const uint8_t *bytes, size_t size)
{
    static struct chb_item item; /* large */
    struct chb_recording *recording = NULL;
    char version[32];
    uint64_t items = 0;

    if (chb_recording_open(bytes, size, version, &recording) < 0) {
        return;
    }
    do {
        chb_recording_next(recording, &item);
        CHB_FUZZ_CHECK(item.kind <= CHB_ITEM_KIND_MAX && ++items < ITEMS_MAX);
        if (item.kind == CHB_ITEM_EVENT) {
            CHB_FUZZ_CHECK(item.event.kind < CHB_EVENT_MAX && item.event.at.ns >= 0);
        } else if (item.kind == CHB_ITEM_SEGMENT) {
            CHB_FUZZ_CHECK(item.core.phase < CHB_PHASE_MAX && item.gap <= CHB_GAP_LOST);
            CHB_FUZZ_CHECK(CHB_FUZZ_TERMINATED(item.segment.vm) &&
                           CHB_FUZZ_TERMINATED(item.segment.node_name) &&
                           CHB_FUZZ_TERMINATED(item.segment.version) &&
                           CHB_FUZZ_TERMINATED(item.segment.configuration));
        } else if (item.kind == CHB_ITEM_RESULT) {
            CHB_FUZZ_CHECK(!item.result.kept || item.result.actions.count <= CHB_ACTIONS_MAX);
        }
    } while (item.kind != CHB_ITEM_KIND_MAX);
    (void)chb_recording_free(recording);
}

static void try_event(const uint8_t *bytes, size_t size)
{
    uint8_t again[CHB_EVENT_BYTES_MAX];
    struct chb_event event;

    memset(&event, 0, sizeof(event));
    if (chb_event_get(bytes, size, &event) == 0) {
        CHB_FUZZ_CHECK(event.kind < CHB_EVENT_MAX);
        CHB_FUZZ_CHECK(chb_event_put(&event, again) == size && memcmp(again, bytes, size) == 0);
    }
}

static void try_core(const uint8_t *bytes, size_t size)
{
    static uint8_t again[CHB_CORE_BYTES_MAX];
    static struct chb_core core;
    static struct chb_core second;

    memset(&core, 0, sizeof(core));
    if (chb_core_get(bytes, size, &core) == 0) {
        const size_t n = chb_core_put(&core, again);
        CHB_FUZZ_CHECK(n <= sizeof(again) && chb_core_get(again, n, &second) == 0);
        CHB_FUZZ_CHECK(chb_core_difference(&core, &second) == NULL);
        CHB_FUZZ_CHECK(chb_core_digest(&core) == chb_core_digest(&second));
    }
}

static void try_result(const uint8_t *bytes, size_t size)
{
    static struct chb_result result;

    memset(&result, 0, sizeof(result));
    if (chb_result_get(bytes, size, &result) == 0 && result.kept) {
        CHB_FUZZ_CHECK(result.actions.count <= CHB_ACTIONS_MAX);
        for (uint32_t i = 0; i < result.actions.count; i++) {
            CHB_FUZZ_CHECK(result.actions.list[i].kind < CHB_ACTION_MAX);
            CHB_FUZZ_CHECK(chb_action_equal(&result.actions.list[i], &result.actions.list[i]));
        }
        (void)chb_actions_digest(&result.actions);
    }
}

/* ---- a file with sound checksums ---- */

struct maker {
    uint8_t bytes[PARTS * PART_BYTES];
    uint32_t checksums[PARTS];
    size_t used[PARTS];
};

static void put_entry(struct maker *maker, size_t part, enum chb_entry_type type, uint64_t number,
                      const uint8_t *body, size_t size)
{
    if (PART_BYTES - maker->used[part] < CHB_ENTRY_HEADER_BYTES + size) {
        return;
    }
    uint8_t *at = maker->bytes + part * PART_BYTES + maker->used[part];
    if (size > 0) {
        memcpy(at + CHB_ENTRY_HEADER_BYTES, body, size);
    }
    maker->used[part] += chb_entry_put(maker->checksums[part], type, number, at, size);
}

static void begin(struct maker *maker)
{
    static uint8_t state[CHB_CORE_BYTES_MAX];
    struct chb_core core = {.self = 1, .boot = 1};
    const size_t state_bytes = chb_core_put(&core, state);

    memset(maker, 0, sizeof(*maker));
    for (size_t part = 0; part < PARTS; part++) {
        struct chb_segment segment = {
            .format = CHB_RECORDING_FORMAT,
            .layout = chb_layout_id(),
            .segment_bytes = PART_BYTES,
            .segments = PARTS,
            .number = part,
            .first_event = 1 + part,
            .session = 1,
            .node = 1,
            .vm = "vm",
            .node_name = "n1",
            .version = "1",
        };
        chb_segment_put(&segment, maker->bytes + part * PART_BYTES);
        maker->checksums[part] = segment.checksum;
        maker->used[part] = CHB_SEGMENT_HEADER_BYTES;
        put_entry(maker, part, CHB_ENTRY_SNAPSHOT, segment.first_event, state, state_bytes);
    }
}

static void try_made(struct chb_fuzz_bytes *bytes)
{
    static struct maker maker;
    const size_t cut = 32 * (size_t)chb_fuzz_u8(bytes);

    begin(&maker);
    while (bytes->left > 0) {
        const size_t part = chb_fuzz_u8(bytes) % PARTS;
        const enum chb_entry_type type = (enum chb_entry_type)(chb_fuzz_u8(bytes) & 3);
        const uint64_t number = chb_fuzz_u8(bytes);
        size_t size = chb_fuzz_u8(bytes);
        size |= (size_t)chb_fuzz_u8(bytes) << 8;
        size = size < bytes->left ? size : bytes->left;
        put_entry(&maker, part, type, number, bytes->at, size);
        bytes->at += size;
        bytes->left -= size;
    }
    /* Of exactly this size, so that the sanitizer sees a read beyond its end. */
    uint8_t *copy = chb_fuzz_copy(maker.bytes, sizeof(maker.bytes) - cut);
    read_all(copy, sizeof(maker.bytes) - cut);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chb_fuzz_bytes bytes = {data, size};
    const uint8_t what = chb_fuzz_u8(&bytes);
    uint8_t *copy = chb_fuzz_copy(bytes.at, bytes.left);

    if (what == 0) {
        read_all(copy, bytes.left);
    } else if (what == 1) {
        try_event(copy, bytes.left);
    } else if (what == 2) {
        try_core(copy, bytes.left);
    } else if (what == 3) {
        try_result(copy, bytes.left);
    } else {
        try_made(&bytes);
    }
    free(copy);
    return 0;
}
