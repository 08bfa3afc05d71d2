/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines out of a byte stream, with a bound. Pure: bytes in, lines out, no IO.
 *
 * QMP sends one JSON value per line, ended by CR LF (qmp-spec, section 2.1). The bound is there
 * because a QEMU may be in the hands of its guest: it must not make us swallow memory.
 */
#ifndef CHB_QMP_FRAME_H
#define CHB_QMP_FRAME_H

#include <stddef.h>

struct chb_frame {
    char *data;
    size_t used;    /* bytes held */
    size_t scanned; /* of which this many are known to hold no line end */
    size_t taken;   /* bytes at the front that earlier lines used up */
    size_t allocated;
    size_t line_bytes_max;
};

/* @line_bytes_max: longest line without its end, 1 byte to 1 GiB. Allocates nothing yet. */
void chb_frame_init(struct chb_frame *frame, size_t line_bytes_max);

/* Frees the buffer; the frame may be used again after chb_frame_init(). */
void chb_frame_clear(struct chb_frame *frame);

/* Where to read() the next bytes to: at least one byte of room, at most 64 KiB.
 * Takes back the memory of lines handed out earlier.
 * Returns 0; -EMSGSIZE when a line is already longer than the bound (the stream is beyond repair);
 * -ENOMEM. */
int chb_frame_reserve(struct chb_frame *frame, char **ret_room, size_t *ret_size);

/* Says that @size bytes were put into the room of the last chb_frame_reserve(). */
void chb_frame_commit(struct chb_frame *frame, size_t size);

/* The next complete line, without its LF or CR LF, terminated by NUL.
 * @ret_line: owned by the frame, valid until the next chb_frame_reserve().
 * Returns 1 with a line, 0 when more bytes are needed, -EMSGSIZE when the line is too long,
 * -EBADMSG when it holds a NUL byte. */
int chb_frame_next(struct chb_frame *frame, char **ret_line, size_t *ret_length);

#endif
