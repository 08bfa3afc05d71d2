/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/recorder/reader.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <agent/recorder/layout.h>

#define SEGMENTS_MAX 1024

struct part {
    struct chb_segment segment;
    size_t place;
    size_t size; /* of what is there of it */
};

struct chb_recording {
    const uint8_t *bytes;
    size_t n_parts;
    struct part parts[SEGMENTS_MAX]; /* by number */
    size_t present;                  /* part; n_parts: the end */
    size_t at;                       /* in it; 0: its header comes next */
    uint64_t last;                   /* number of the last event given out */
    bool broken;                     /* the present part could not be read to its end */
};

static int by_number(const void *a, const void *b)
{
    const struct part *x = a;
    const struct part *y = b;
    return x->segment.number < y->segment.number ? -1 : x->segment.number > y->segment.number;
}

/* Headers stand at multiples of CHB_RECORDING_ALIGN; each says where it belongs. */
static int find_parts(struct chb_recording *recording, size_t size, char *ret_version)
{
    int error = -EBADMSG;
    for (size_t at = 0; at < size && size - at >= CHB_SEGMENT_HEADER_BYTES;
         at += CHB_RECORDING_ALIGN) {
        struct chb_segment segment;
        int r = chb_segment_get(recording->bytes + at, &segment);
        if (r == 0 && segment.layout != chb_layout_id()) {
            r = -ESTALE;
        }
        if (r == -EPROTONOSUPPORT || r == -ESTALE) {
            error = r;
            memcpy(ret_version, segment.version, sizeof(segment.version));
        }
        uint64_t place =
            segment.number % (segment.segments > 0 ? segment.segments : 1) * segment.segment_bytes;
        if (r < 0 || place != at || recording->n_parts == SEGMENTS_MAX) {
            continue;
        }
        struct part *part = &recording->parts[recording->n_parts++];
        part->segment = segment;
        part->place = at;
        part->size = size - at < segment.segment_bytes ? size - at : segment.segment_bytes;
    }
    qsort(recording->parts, recording->n_parts, sizeof(recording->parts[0]), by_number);
    return recording->n_parts > 0 ? 0 : error;
}

int chb_recording_open(const uint8_t *bytes, size_t size, char ret_version[static 32],
                       struct chb_recording **ret_recording)
{
    struct chb_recording *recording = calloc(1, sizeof(*recording));
    if (recording == NULL) {
        return -ENOMEM;
    }
    ret_version[0] = '\0';
    recording->bytes = bytes;
    int r = find_parts(recording, size, ret_version);
    if (r < 0) {
        return chb_recording_free(recording), r;
    }
    *ret_recording = recording;
    return 0;
}

struct chb_recording *chb_recording_free(struct chb_recording *recording)
{
    free(recording);
    return NULL;
}

/* ---- item by item ---- */

static const struct part *present(const struct chb_recording *recording)
{
    return recording->present < recording->n_parts ? &recording->parts[recording->present] : NULL;
}

static enum chb_gap gap_before(const struct chb_recording *recording)
{
    if (recording->present == 0) {
        return CHB_GAP_FIRST;
    }
    const struct part *part = &recording->parts[recording->present];
    const struct part *before = part - 1;
    bool next = part->segment.number == before->segment.number + 1;
    if (part->segment.session == before->segment.session) {
        bool whole = next && !recording->broken && part->segment.first_event == recording->last + 1;
        return whole ? CHB_GAP_NONE : CHB_GAP_LOST;
    }
    return next && part->segment.first_event == 1 ? CHB_GAP_SESSION : CHB_GAP_LOST;
}

/* The header and the snapshot behind it. */
static bool begin_part(struct chb_recording *recording, struct chb_item *ret_item)
{
    const struct part *part = present(recording);
    struct chb_entry entry;
    size_t at = CHB_SEGMENT_HEADER_BYTES;
    if (chb_entry_get(part->segment.checksum, recording->bytes + part->place + at, part->size - at,
                      &entry) < 0 ||
        entry.type != CHB_ENTRY_SNAPSHOT || entry.number != part->segment.first_event ||
        chb_core_get(entry.body, entry.body_bytes, &ret_item->core) < 0) {
        return false;
    }
    ret_item->kind = CHB_ITEM_SEGMENT;
    ret_item->segment = part->segment;
    ret_item->gap = gap_before(recording);
    recording->at = at + entry.bytes;
    recording->last = part->segment.first_event - 1;
    recording->broken = false;
    return true;
}

/* Is there anything sound behind a place where an entry was expected? Then that was no end. */
static bool more_behind(const struct chb_recording *recording, const struct part *part)
{
    struct chb_entry entry;
    for (size_t at = recording->at + 1; at + CHB_ENTRY_HEADER_BYTES <= part->size; at++) {
        if (chb_entry_get(part->segment.checksum, recording->bytes + part->place + at,
                          part->size - at, &entry) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_entry(struct chb_recording *recording, const struct part *part,
                       struct chb_item *ret_item)
{
    struct chb_entry entry;
    if (chb_entry_get(part->segment.checksum, recording->bytes + part->place + recording->at,
                      part->size - recording->at, &entry) < 0) {
        return false;
    }
    ret_item->number = entry.number;
    if (entry.type == CHB_ENTRY_EVENT && entry.number == recording->last + 1 &&
        chb_event_get(entry.body, entry.body_bytes, &ret_item->event) == 0) {
        ret_item->kind = CHB_ITEM_EVENT;
    } else if (entry.type == CHB_ENTRY_RESULT && entry.number == recording->last &&
               chb_result_get(entry.body, entry.body_bytes, &ret_item->result) == 0) {
        ret_item->kind = CHB_ITEM_RESULT;
    } else {
        return false;
    }
    recording->last = entry.number;
    recording->at += entry.bytes;
    return true;
}

void chb_recording_next(struct chb_recording *recording, struct chb_item *ret_item)
{
    memset(ret_item, 0, sizeof(*ret_item));
    for (const struct part *part = present(recording); part != NULL; part = present(recording)) {
        bool damaged = false;
        if (recording->at == 0) {
            if (begin_part(recording, ret_item)) {
                return;
            }
            /* A last part that has just its header was cut off; any other has lost its state. */
            damaged = recording->present + 1 < recording->n_parts;
        } else {
            if (read_entry(recording, part, ret_item)) {
                return;
            }
            damaged = more_behind(recording, part);
        }
        ret_item->number = recording->last;
        recording->broken = damaged;
        recording->present++;
        recording->at = 0;
        if (damaged) {
            ret_item->kind = CHB_ITEM_DAMAGE;
            return;
        }
    }
    ret_item->kind = CHB_ITEM_KIND_MAX;
}
