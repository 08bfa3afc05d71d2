/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QMP's lines. How the bytes were cut into reads must not matter: the same lines and the same end.
 *
 * Input: longest line (2 bytes), bytes of a read (1 byte), the stream.
 */
#include <qmp/frame.h>

#include "fuzz.h"

struct outcome {
    int end;
    size_t n_lines;
    uint64_t hash;
};

static void take_lines(struct chb_frame *frame, size_t line_bytes_max, struct outcome *outcome)
{
    char *line = NULL;
    size_t length = 0;

    while ((outcome->end = chb_frame_next(frame, &line, &length)) == 1) {
        CHB_FUZZ_CHECK(length <= line_bytes_max && strlen(line) == length);
        CHB_FUZZ_CHECK(memchr(line, '\n', length) == NULL);
        for (size_t i = 0; i <= length; i++) { /* with the NUL, so that lines do not run together */
            outcome->hash = (outcome->hash ^ (uint8_t)line[i]) * UINT64_C(0x100000001b3);
        }
        outcome->n_lines++;
    }
}

static struct outcome run(const uint8_t *data, size_t size, size_t line_bytes_max, size_t piece)
{
    struct outcome outcome = {0};
    struct chb_frame frame;

    chb_frame_init(&frame, line_bytes_max);
    while (size > 0 && outcome.end == 0) {
        char *room = NULL;
        size_t room_size = 0;
        outcome.end = chb_frame_reserve(&frame, &room, &room_size);
        if (outcome.end < 0) {
            break;
        }
        CHB_FUZZ_CHECK(room_size > 0);
        size_t n = piece < room_size ? piece : room_size;
        n = n < size ? n : size;
        memcpy(room, data, n);
        chb_frame_commit(&frame, n);
        data += n;
        size -= n;
        take_lines(&frame, line_bytes_max, &outcome);
    }
    chb_frame_clear(&frame);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    const size_t line_bytes_max = 1 + (size_t)(data[0] << 8 | data[1]);
    const size_t piece = 1 + (size_t)data[2];
    const struct outcome pieces = run(data + 3, size - 3, line_bytes_max, piece);
    const struct outcome whole = run(data + 3, size - 3, line_bytes_max, SIZE_MAX);

    CHB_FUZZ_CHECK(pieces.end == whole.end);
    CHB_FUZZ_CHECK(pieces.n_lines == whole.n_lines && pieces.hash == whole.hash);
    return 0;
}
