/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of a recording. Pure.
 *
 * A recording is a file of `segments` parts of `segment_bytes` each, used in turn. Each begins with
 * a header, which says all that a reader must know, and the core's whole state; then come entries:
 * an event before the core's step, and its result after it. So each part can be read for itself,
 * and overwriting the oldest loses only that. Checksums of entries continue the header's: what an
 * earlier turn has left behind the end of a part is never taken for its continuation.
 */
#ifndef CHB_RECORDER_CODEC_H
#define CHB_RECORDER_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <agent/core/core.h>

#define CHB_RECORDING_FORMAT 1
#define CHB_RECORDING_SEGMENTS 8
#define CHB_RECORDING_BYTES_MIN (64 * 1024)
#define CHB_RECORDING_BYTES_MAX (1024 * 1024 * 1024)
#define CHB_RECORDING_ALIGN 4096 /* segments begin at multiples of it */

#define CHB_SEGMENT_HEADER_BYTES 512
#define CHB_ENTRY_HEADER_BYTES 16
/* No field takes more bytes here than in memory. */
#define CHB_CORE_BYTES_MAX (sizeof(struct chb_core) + 1 + CHB_NODES_MAX)
#define CHB_ACTIONS_BYTES_MAX (sizeof(struct chb_actions) + CHB_ACTIONS_MAX)
#define CHB_ACTIONS_BYTES_KEPT 1024 /* actions beyond are recorded as their digest alone */
#define CHB_EVENT_BYTES_MAX (sizeof(struct chb_event) + 9)
#define CHB_RESULT_BYTES_MAX (20 + CHB_ACTIONS_BYTES_KEPT)
#define CHB_ENTRY_BYTES_MAX (CHB_ENTRY_HEADER_BYTES + CHB_CORE_BYTES_MAX)
/* Least that must be free for one more step: an event and its result. */
#define CHB_STEP_BYTES_MAX (2 * CHB_ENTRY_HEADER_BYTES + CHB_EVENT_BYTES_MAX + CHB_RESULT_BYTES_MAX)

struct chb_segment {
    uint32_t format;
    uint64_t layout; /* chb_layout_id() of the writer */
    uint32_t segment_bytes;
    uint32_t segments;
    uint64_t number;      /* rises by one from part to part; its place is number % segments */
    uint64_t first_event; /* number of the first event in it, of its session */
    uint64_t session;     /* the agent's incarnation: a new one begins a new session */
    uint32_t node;
    int64_t wall_ns; /* when this part was begun, on both clocks */
    int64_t boottime_ns;
    int64_t session_wall_ns; /* when the session was begun */
    int64_t session_boottime_ns;
    char vm[CHB_VM_NAME_MAX + 1];
    char node_name[64];
    char version[32];
    char configuration[252]; /* of the daemon, "key=value" separated by blanks */
    uint32_t checksum;       /* of the header; entries continue it */
};

enum chb_entry_type {
    CHB_ENTRY_SNAPSHOT,
    CHB_ENTRY_EVENT,
    CHB_ENTRY_RESULT,
    CHB_ENTRY_TYPE_MAX,
};

struct chb_entry {
    enum chb_entry_type type;
    uint64_t number;
    const uint8_t *body; /* borrowed */
    size_t body_bytes;
    size_t bytes; /* of the whole entry */
};

/* What a step led to. */
struct chb_result {
    uint64_t actions_digest;
    uint64_t state_digest;
    uint32_t n_actions;
    bool kept; /* `actions` are there, not only their digest */
    struct chb_actions actions;
};

/* Headers. Texts are cut to fit. chb_segment_get() returns 0; -EBADMSG: no header;
 * -EPROTONOSUPPORT: one of another format, with `format`, `version` and nothing else valid. */
void chb_segment_put(struct chb_segment *segment,
                     uint8_t ret_bytes[static CHB_SEGMENT_HEADER_BYTES]);
int chb_segment_get(const uint8_t bytes[static CHB_SEGMENT_HEADER_BYTES],
                    struct chb_segment *ret_segment);

/* Completes an entry whose body of @body_bytes is in place behind CHB_ENTRY_HEADER_BYTES. Returns
 * its whole size. */
size_t chb_entry_put(uint32_t checksum, enum chb_entry_type type, uint64_t number, uint8_t *entry,
                     size_t body_bytes);
/* Returns 0; -EBADMSG: no whole and sound entry is here. */
int chb_entry_get(uint32_t checksum, const uint8_t *bytes, size_t size,
                  struct chb_entry *ret_entry);

/* Bodies. The first three return their size; the others 0 or -EBADMSG. */
size_t chb_core_put(const struct chb_core *core, uint8_t ret_bytes[static CHB_CORE_BYTES_MAX]);
size_t chb_event_put(const struct chb_event *event, uint8_t ret_bytes[static CHB_EVENT_BYTES_MAX]);
size_t chb_result_put(const struct chb_core *after, const struct chb_actions *actions,
                      uint8_t ret_bytes[static CHB_RESULT_BYTES_MAX]);
int chb_core_get(const uint8_t *bytes, size_t size, struct chb_core *ret_core);
int chb_event_get(const uint8_t *bytes, size_t size, struct chb_event *ret_event);
int chb_result_get(const uint8_t *bytes, size_t size, struct chb_result *ret_result);

/* Digests of everything that has a meaning: never of padding. */
uint64_t chb_core_digest(const struct chb_core *core);
uint64_t chb_actions_digest(const struct chb_actions *actions);

/* The name of the first thing that differs between two states, or NULL. Static. */
const char *chb_core_difference(const struct chb_core *a, const struct chb_core *b);
/* Whether two actions say the same. */
bool chb_action_equal(const struct chb_action *a, const struct chb_action *b);

#endif
