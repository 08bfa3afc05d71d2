/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame of a recording: headers of segments and of entries. */
#include <agent/recorder/codec.h>

#include <assert.h>
#include <errno.h>

#include <agent/recorder/bytes.h>
#include <heartbeat/crc32c.h>

enum offset {
    AT_MAGIC = 0,
    AT_FORMAT = 8,
    AT_LAYOUT = 16,
    AT_SEGMENT_BYTES = 24,
    AT_SEGMENTS = 28,
    AT_NUMBER = 32,
    AT_FIRST_EVENT = 40,
    AT_SESSION = 48,
    AT_NODE = 56,
    AT_WALL = 64,
    AT_BOOTTIME = 72,
    AT_SESSION_WALL = 80,
    AT_SESSION_BOOTTIME = 88,
    AT_VM = 96,
    AT_NODE_NAME = 160,
    AT_VERSION = 224,
    AT_CONFIGURATION = 256,
    AT_CHECKSUM = CHB_SEGMENT_HEADER_BYTES - 4,
};

static_assert(AT_CONFIGURATION + sizeof(((struct chb_segment *)0)->configuration) == AT_CHECKSUM,
              "the texts fill the header");

/* CR LF as in PNG: a copy that was taken for text is found out. */
static const uint8_t magic[8] = {'C', 'H', 'B', 'L', 'O', 'G', '\r', '\n'};

static void put_text(uint8_t *at, const char *text, size_t size)
{
    size_t length = strnlen(text, size - 1);
    memset(at, 0, size);
    memcpy(at, text, length);
}

/* Printable or '?', and always terminated: it will be shown on a terminal. */
static void get_text(const uint8_t *at, size_t size, char *ret_text)
{
    size_t i = 0;
    for (; i < size - 1 && at[i] != 0; i++) {
        ret_text[i] = at[i] >= ' ' && at[i] < 0x7f ? (char)at[i] : '?';
    }
    memset(ret_text + i, 0, size - i);
}

void chb_segment_put(struct chb_segment *segment,
                     uint8_t ret_bytes[static CHB_SEGMENT_HEADER_BYTES])
{
    memset(ret_bytes, 0, CHB_SEGMENT_HEADER_BYTES);
    memcpy(ret_bytes + AT_MAGIC, magic, sizeof(magic));
    (void)chb_put_le32(ret_bytes + AT_FORMAT, segment->format);
    (void)chb_put_le64(ret_bytes + AT_LAYOUT, segment->layout);
    (void)chb_put_le32(ret_bytes + AT_SEGMENT_BYTES, segment->segment_bytes);
    (void)chb_put_le32(ret_bytes + AT_SEGMENTS, segment->segments);
    (void)chb_put_le64(ret_bytes + AT_NUMBER, segment->number);
    (void)chb_put_le64(ret_bytes + AT_FIRST_EVENT, segment->first_event);
    (void)chb_put_le64(ret_bytes + AT_SESSION, segment->session);
    (void)chb_put_le32(ret_bytes + AT_NODE, segment->node);
    (void)chb_put_le64(ret_bytes + AT_WALL, (uint64_t)segment->wall_ns);
    (void)chb_put_le64(ret_bytes + AT_BOOTTIME, (uint64_t)segment->boottime_ns);
    (void)chb_put_le64(ret_bytes + AT_SESSION_WALL, (uint64_t)segment->session_wall_ns);
    (void)chb_put_le64(ret_bytes + AT_SESSION_BOOTTIME, (uint64_t)segment->session_boottime_ns);
    put_text(ret_bytes + AT_VM, segment->vm, sizeof(segment->vm));
    put_text(ret_bytes + AT_NODE_NAME, segment->node_name, sizeof(segment->node_name));
    put_text(ret_bytes + AT_VERSION, segment->version, sizeof(segment->version));
    put_text(ret_bytes + AT_CONFIGURATION, segment->configuration, sizeof(segment->configuration));
    segment->checksum = chb_crc32c(0, ret_bytes, AT_CHECKSUM);
    (void)chb_put_le32(ret_bytes + AT_CHECKSUM, segment->checksum);
}

/* Moments before 1970 or the boot would be of no daemon. */
static bool plausible(const struct chb_segment *segment)
{
    uint64_t bytes = (uint64_t)segment->segment_bytes * segment->segments;
    return segment->segments >= 2 && segment->segment_bytes % CHB_RECORDING_ALIGN == 0 &&
           bytes >= CHB_RECORDING_BYTES_MIN && bytes <= CHB_RECORDING_BYTES_MAX &&
           segment->segment_bytes >=
               CHB_SEGMENT_HEADER_BYTES + CHB_ENTRY_BYTES_MAX + CHB_STEP_BYTES_MAX &&
           segment->node != 0 && segment->session != 0 && segment->number < UINT64_MAX / 2 &&
           segment->first_event < UINT64_MAX / 2 && segment->wall_ns >= 0 &&
           segment->boottime_ns >= 0 && segment->session_wall_ns >= 0 &&
           segment->session_boottime_ns >= 0;
}

int chb_segment_get(const uint8_t bytes[static CHB_SEGMENT_HEADER_BYTES],
                    struct chb_segment *ret_segment)
{
    memset(ret_segment, 0, sizeof(*ret_segment));
    if (memcmp(bytes + AT_MAGIC, magic, sizeof(magic)) != 0 ||
        chb_get_le32(bytes + AT_CHECKSUM) != chb_crc32c(0, bytes, AT_CHECKSUM)) {
        return -EBADMSG;
    }
    ret_segment->format = chb_get_le32(bytes + AT_FORMAT);
    get_text(bytes + AT_VERSION, sizeof(ret_segment->version), ret_segment->version);
    if (ret_segment->format != CHB_RECORDING_FORMAT) {
        return -EPROTONOSUPPORT;
    }
    ret_segment->layout = chb_get_le64(bytes + AT_LAYOUT);
    ret_segment->segment_bytes = chb_get_le32(bytes + AT_SEGMENT_BYTES);
    ret_segment->segments = chb_get_le32(bytes + AT_SEGMENTS);
    ret_segment->number = chb_get_le64(bytes + AT_NUMBER);
    ret_segment->first_event = chb_get_le64(bytes + AT_FIRST_EVENT);
    ret_segment->session = chb_get_le64(bytes + AT_SESSION);
    ret_segment->node = chb_get_le32(bytes + AT_NODE);
    ret_segment->wall_ns = (int64_t)chb_get_le64(bytes + AT_WALL);
    ret_segment->boottime_ns = (int64_t)chb_get_le64(bytes + AT_BOOTTIME);
    ret_segment->session_wall_ns = (int64_t)chb_get_le64(bytes + AT_SESSION_WALL);
    ret_segment->session_boottime_ns = (int64_t)chb_get_le64(bytes + AT_SESSION_BOOTTIME);
    get_text(bytes + AT_VM, sizeof(ret_segment->vm), ret_segment->vm);
    get_text(bytes + AT_NODE_NAME, sizeof(ret_segment->node_name), ret_segment->node_name);
    get_text(bytes + AT_CONFIGURATION, sizeof(ret_segment->configuration),
             ret_segment->configuration);
    ret_segment->checksum = chb_get_le32(bytes + AT_CHECKSUM);
    return plausible(ret_segment) ? 0 : -EBADMSG;
}

/* An entry: checksum of all that follows (4), size of all (2), type (1), 0 (1), number (8). */

size_t chb_entry_put(uint32_t checksum, enum chb_entry_type type, uint64_t number, uint8_t *entry,
                     size_t body_bytes)
{
    size_t bytes = CHB_ENTRY_HEADER_BYTES + body_bytes;
    assert(bytes <= CHB_ENTRY_BYTES_MAX);
    (void)chb_put_le16(entry + 4, (uint16_t)bytes);
    entry[6] = (uint8_t)type;
    entry[7] = 0;
    (void)chb_put_le64(entry + 8, number);
    (void)chb_put_le32(entry, chb_crc32c(checksum, entry + 4, bytes - 4));
    return bytes;
}

int chb_entry_get(uint32_t checksum, const uint8_t *bytes, size_t size, struct chb_entry *ret_entry)
{
    size_t whole = size >= CHB_ENTRY_HEADER_BYTES ? chb_get_le16(bytes + 4) : 0;
    if (whole < CHB_ENTRY_HEADER_BYTES || whole > size || bytes[6] >= CHB_ENTRY_TYPE_MAX ||
        bytes[7] != 0 || chb_get_le32(bytes) != chb_crc32c(checksum, bytes + 4, whole - 4)) {
        return -EBADMSG;
    }
    *ret_entry = (struct chb_entry){
        .type = (enum chb_entry_type)bytes[6],
        .number = chb_get_le64(bytes + 8),
        .body = bytes + CHB_ENTRY_HEADER_BYTES,
        .body_bytes = whole - CHB_ENTRY_HEADER_BYTES,
        .bytes = whole,
    };
    return 0;
}
