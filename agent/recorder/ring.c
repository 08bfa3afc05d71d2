/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/recorder/ring.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <agent/recorder/codec.h>
#include <agent/recorder/layout.h>

struct chb_recorder {
    int fd;
    int error;
    bool begun;                 /* the present segment has its header */
    struct chb_segment segment; /* the present one; before `begun`: the next one */
    uint64_t event;             /* number of the last event */
    uint32_t used;              /* bytes of the present segment */
};

static int64_t wall_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void write_at(struct chb_recorder *recorder, const uint8_t *bytes, size_t size)
{
    const struct chb_segment *segment = &recorder->segment;
    off_t place = (off_t)(segment->number % segment->segments) * segment->segment_bytes;
    ssize_t n = pwrite(recorder->fd, bytes, size, place + recorder->used);
    if (n != (ssize_t)size) {
        recorder->error = n < 0 ? -errno : -ENOSPC;
    }
    recorder->used += (uint32_t)size;
}

/* One entry whose body is in place. */
static void write_entry(struct chb_recorder *recorder, enum chb_entry_type type, uint8_t *entry,
                        size_t body_bytes)
{
    size_t size =
        chb_entry_put(recorder->segment.checksum, type, recorder->event, entry, body_bytes);
    write_at(recorder, entry, size);
}

/* The next segment: its header, and the state that its first event meets. */
static void begin_segment(struct chb_recorder *recorder, const struct chb_core *core, chb_time at)
{
    uint8_t header[CHB_SEGMENT_HEADER_BYTES];
    uint8_t entry[CHB_ENTRY_HEADER_BYTES + CHB_CORE_BYTES_MAX];
    struct chb_segment *segment = &recorder->segment;
    segment->number += recorder->begun ? 1 : 0;
    segment->first_event = recorder->event;
    segment->wall_ns = wall_ns();
    segment->boottime_ns = at.ns > 0 ? at.ns : 0;
    chb_segment_put(segment, header);
    recorder->begun = true;
    recorder->used = 0;
    write_at(recorder, header, sizeof(header));
    write_entry(recorder, CHB_ENTRY_SNAPSHOT, entry,
                chb_core_put(core, entry + CHB_ENTRY_HEADER_BYTES));
}

void chb_recorder_event(struct chb_recorder *recorder, const struct chb_core *before,
                        const struct chb_event *event)
{
    uint8_t entry[CHB_ENTRY_HEADER_BYTES + CHB_EVENT_BYTES_MAX];
    if (recorder == NULL || recorder->error != 0) {
        return;
    }
    recorder->event++;
    if (!recorder->begun || recorder->used + CHB_STEP_BYTES_MAX > recorder->segment.segment_bytes) {
        begin_segment(recorder, before, event->at);
    }
    write_entry(recorder, CHB_ENTRY_EVENT, entry,
                chb_event_put(event, entry + CHB_ENTRY_HEADER_BYTES));
}

void chb_recorder_result(struct chb_recorder *recorder, const struct chb_core *after,
                         const struct chb_actions *actions)
{
    uint8_t entry[CHB_ENTRY_HEADER_BYTES + CHB_RESULT_BYTES_MAX];
    if (recorder == NULL || recorder->error != 0) {
        return;
    }
    write_entry(recorder, CHB_ENTRY_RESULT, entry,
                chb_result_put(after, actions, entry + CHB_ENTRY_HEADER_BYTES));
}

int chb_recorder_error(const struct chb_recorder *recorder)
{
    return recorder->error;
}

/* ---- opening ---- */

/* Goes on behind what is there. Whatever does not fit is from another life and is dropped. */
static int look(struct chb_recorder *recorder)
{
    struct chb_segment *own = &recorder->segment;
    struct stat status;
    bool found = false;
    if (fstat(recorder->fd, &status) < 0) {
        return -errno;
    }
    for (uint32_t i = 0; i < own->segments; i++) {
        uint8_t header[CHB_SEGMENT_HEADER_BYTES];
        struct chb_segment segment;
        ssize_t n =
            pread(recorder->fd, header, sizeof(header), (off_t)i * (off_t)own->segment_bytes);
        if (n < 0) {
            return -errno;
        }
        if (n == (ssize_t)sizeof(header) && chb_segment_get(header, &segment) == 0 &&
            segment.segment_bytes == own->segment_bytes && segment.segments == own->segments &&
            segment.number % segment.segments == i && segment.node == own->node &&
            strcmp(segment.vm, own->vm) == 0 && (!found || segment.number >= own->number)) {
            own->number = segment.number + 1;
            found = true;
        }
    }
    uint64_t size = (uint64_t)own->segment_bytes * own->segments;
    if ((!found || (uint64_t)status.st_size > size) && status.st_size > 0 &&
        ftruncate(recorder->fd, found ? (off_t)size : 0) < 0) {
        return -errno;
    }
    return 0;
}

static int check_room(int fd, uint64_t bytes)
{
    struct statvfs room;
    struct stat status;
    if (fstatvfs(fd, &room) < 0 || fstat(fd, &status) < 0) {
        return -errno;
    }
    uint64_t own = (uint64_t)status.st_blocks * 512;
    uint64_t available = (uint64_t)room.f_bavail * room.f_frsize;
    return own >= bytes || available >= 2 * (bytes - own) ? 0 : -ENOSPC;
}

static void describe(struct chb_segment *segment, uint64_t bytes,
                     const struct chb_recorder_about *about)
{
    *segment = (struct chb_segment){
        .format = CHB_RECORDING_FORMAT,
        .layout = chb_layout_id(),
        .segments = CHB_RECORDING_SEGMENTS,
        .session = about->session,
        .node = about->node,
        .session_wall_ns = wall_ns(),
        .session_boottime_ns = about->now.ns,
    };
    segment->segment_bytes =
        (uint32_t)(bytes / CHB_RECORDING_SEGMENTS / CHB_RECORDING_ALIGN * CHB_RECORDING_ALIGN);
    (void)snprintf(segment->vm, sizeof(segment->vm), "%s", about->vm);
    (void)snprintf(segment->node_name, sizeof(segment->node_name), "%s",
                   about->node_name != NULL ? about->node_name : "");
    (void)snprintf(segment->version, sizeof(segment->version), "%s", about->version);
    (void)snprintf(segment->configuration, sizeof(segment->configuration), "%s",
                   about->configuration);
}

int chb_recorder_open(const char *path, uint64_t bytes, const struct chb_recorder_about *about,
                      struct chb_recorder **ret_recorder)
{
    if (bytes < CHB_RECORDING_BYTES_MIN || bytes > CHB_RECORDING_BYTES_MAX) {
        return -EINVAL;
    }
    struct chb_recorder *recorder = calloc(1, sizeof(*recorder));
    if (recorder == NULL) {
        return -ENOMEM;
    }
    describe(&recorder->segment, bytes, about);
    recorder->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = recorder->fd < 0 ? -errno : check_room(recorder->fd, bytes);
    r = r < 0 ? r : look(recorder);
    if (r < 0) {
        (void)chb_recorder_free(recorder);
        return r;
    }
    *ret_recorder = recorder;
    return 0;
}

struct chb_recorder *chb_recorder_free(struct chb_recorder *recorder)
{
    if (recorder != NULL) {
        if (recorder->fd >= 0) {
            (void)close(recorder->fd);
        }
        free(recorder);
    }
    return NULL;
}
