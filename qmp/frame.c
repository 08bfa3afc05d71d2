/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qmp/frame.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_BYTES_MIN ((size_t)4096)
#define ROOM_BYTES_MAX ((size_t)65536)
#define KEEP_BYTES_MAX ((size_t)65536) /* more than this is given back once it is empty */

void chb_frame_init(struct chb_frame *frame, size_t line_bytes_max)
{
    assert(line_bytes_max > 0 && line_bytes_max <= (size_t)1 << 30);
    *frame = (struct chb_frame){.line_bytes_max = line_bytes_max};
}

void chb_frame_clear(struct chb_frame *frame)
{
    free(frame->data);
    *frame = (struct chb_frame){.line_bytes_max = frame->line_bytes_max};
}

/* Forgets the lines that were handed out. */
static void discard_taken(struct chb_frame *frame)
{
    if (frame->taken == 0) {
        return;
    }
    memmove(frame->data, frame->data + frame->taken, frame->used - frame->taken);
    frame->used -= frame->taken;
    frame->scanned -= frame->taken;
    frame->taken = 0;
    if (frame->used == 0 && frame->allocated > KEEP_BYTES_MAX) {
        free(frame->data);
        frame->data = NULL;
        frame->allocated = 0;
    }
}

int chb_frame_reserve(struct chb_frame *frame, char **ret_room, size_t *ret_size)
{
    discard_taken(frame);
    assert(frame->scanned == frame->used); /* the caller took every complete line first */

    /* A line of the longest size still needs room for its CR LF. */
    const size_t limit = frame->line_bytes_max + 2;
    if (frame->used >= limit) {
        return -EMSGSIZE;
    }
    if (frame->allocated - frame->used < ROOM_BYTES_MIN) {
        size_t wanted =
            frame->allocated < ROOM_BYTES_MIN ? 2 * ROOM_BYTES_MIN : 2 * frame->allocated;
        char *data = realloc(frame->data, wanted);
        if (data == NULL) {
            return -ENOMEM;
        }
        frame->data = data;
        frame->allocated = wanted;
    }
    size_t room = frame->allocated - frame->used;
    if (room > limit - frame->used) {
        room = limit - frame->used;
    }
    *ret_room = frame->data + frame->used;
    *ret_size = room < ROOM_BYTES_MAX ? room : ROOM_BYTES_MAX;
    return 0;
}

void chb_frame_commit(struct chb_frame *frame, size_t size)
{
    assert(size <= frame->allocated - frame->used);
    frame->used += size;
}

int chb_frame_next(struct chb_frame *frame, char **ret_line, size_t *ret_length)
{
    if (frame->scanned == frame->used) {
        return 0; /* also keeps a buffer that was never allocated out of memchr() */
    }
    char *end = memchr(frame->data + frame->scanned, '\n', frame->used - frame->scanned);
    if (end == NULL) {
        frame->scanned = frame->used;
        return frame->used - frame->taken >= frame->line_bytes_max + 2 ? -EMSGSIZE : 0;
    }
    char *line = frame->data + frame->taken;
    size_t length = (size_t)(end - line);
    frame->taken += length + 1;
    frame->scanned = frame->taken;
    if (length > 0 && line[length - 1] == '\r') {
        length--;
    }
    if (length > frame->line_bytes_max) {
        return -EMSGSIZE;
    }
    if (memchr(line, '\0', length) != NULL) {
        return -EBADMSG;
    }
    line[length] = '\0';
    *ret_line = line;
    *ret_length = length;
    return 1;
}
