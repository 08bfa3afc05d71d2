/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a recording, which may be anything: cut off, damaged, or made up. Pure but for memory. */
#ifndef CHB_RECORDER_READER_H
#define CHB_RECORDER_READER_H

#include <stddef.h>
#include <stdint.h>

#include <agent/recorder/codec.h>

struct chb_recording;

enum chb_item_kind {
    CHB_ITEM_SEGMENT,  /* a part begins; `segment`, `core`, `gap` */
    CHB_ITEM_EVENT,    /* `number`, `event` */
    CHB_ITEM_RESULT,   /* `number`, `result` */
    CHB_ITEM_DAMAGE,   /* what follows in this part cannot be read; `number`: of the last event */
    CHB_ITEM_KIND_MAX, /* the end */
};

/* How a segment hangs together with what came before it. */
enum chb_gap {
    CHB_GAP_NONE,    /* goes on where the last one ended: `core` is the state reached there */
    CHB_GAP_SESSION, /* an agent was started: `core` is where it begins */
    CHB_GAP_FIRST,   /* nothing older is left */
    CHB_GAP_LOST,    /* events are missing: `core` is where it goes on */
};

struct chb_item {
    enum chb_item_kind kind;
    uint64_t number;
    enum chb_gap gap;
    struct chb_segment segment;
    struct chb_core core;
    struct chb_event event;
    struct chb_result result;
};

/* Finds the parts of a recording. @bytes: borrowed until it is freed.
 * Returns 0; -EBADMSG: this is none, or nothing of it is sound; -EPROTONOSUPPORT: of another
 * format; -ESTALE: its states are of another shape (@ret_version says whose, if it is not NULL). */
int chb_recording_open(const uint8_t *bytes, size_t size, char ret_version[static 32],
                       struct chb_recording **ret_recording);

/* The next item, oldest first; CHB_ITEM_KIND_MAX at the end. */
void chb_recording_next(struct chb_recording *recording, struct chb_item *ret_item);

/* NULL is fine; returns NULL. */
struct chb_recording *chb_recording_free(struct chb_recording *recording);

#endif
