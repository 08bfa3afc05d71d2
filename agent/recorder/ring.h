/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recorder of one VM: a ring of segments in a file on tmpfs, which outlives the daemon (R9).
 *
 * It is written with pwrite, not through a mapping: a file system that is full is an error and not
 * a signal, and the pages are not the daemon's own.
 */
#ifndef CHB_RECORDER_RING_H
#define CHB_RECORDER_RING_H

#include <stdbool.h>
#include <stdint.h>

#include <agent/core/core.h>

struct chb_recorder;

struct chb_recorder_about {
    const char *vm;
    const char *node_name;     /* NULL: not known */
    const char *version;       /* of the daemon */
    const char *configuration; /* "key=value key=value" */
    uint32_t node;
    uint64_t session; /* the agent's incarnation, not 0 */
    chb_time now;
};

/* Opens the file @path, or makes it. What an earlier daemon has recorded into one of the same size
 * for the same VM stays; this session begins with a segment of its own.
 * @bytes: CHB_RECORDING_BYTES_MIN to CHB_RECORDING_BYTES_MAX; the file takes no more, and only as
 * it is written.
 * Returns 0; -ENOSPC: the file system has not twice as much free; -ENOMEM; errors of open, fstat
 * and pread. */
int chb_recorder_open(const char *path, uint64_t bytes, const struct chb_recorder_about *about,
                      struct chb_recorder **ret_recorder);

/* Closes it; the file stays. NULL is fine; returns NULL. */
struct chb_recorder *chb_recorder_free(struct chb_recorder *recorder);

/* An event is about to be stepped by @before. */
void chb_recorder_event(struct chb_recorder *recorder, const struct chb_core *before,
                        const struct chb_event *event);

/* What came of it. */
void chb_recorder_result(struct chb_recorder *recorder, const struct chb_core *after,
                         const struct chb_actions *actions);

/* 0, or the negative errno that ended the recording: nothing is written any more. */
int chb_recorder_error(const struct chb_recorder *recorder);

#endif
