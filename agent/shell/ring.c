/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/shell/ring.h>

#include <agent/text/note.h>

static const char *const moment_ids[CHB_MOMENT_MAX] = {
    [CHB_MOMENT_NONE] = "",
    [CHB_MOMENT_OUTPUT_OPEN] = "output-open",
    [CHB_MOMENT_LOST_HEARTBEAT_SENT] = "lost-heartbeat-sent",
    [CHB_MOMENT_LOST_HEARTBEAT_ANSWERED] = "lost-heartbeat-answered",
    [CHB_MOMENT_RUNNING] = "vm-running",
};

void chb_ring_add(struct chb_ring *history, const struct chb_ring_entry *entry)
{
    history->ring[history->count % CHB_RING_MAX] = *entry;
    history->count++;
}

size_t chb_ring_size(const struct chb_ring *history)
{
    return history->count < CHB_RING_MAX ? (size_t)history->count : CHB_RING_MAX;
}

const struct chb_ring_entry *chb_ring_at(const struct chb_ring *history, size_t index)
{
    uint64_t first = history->count - chb_ring_size(history);
    return &history->ring[(first + index) % CHB_RING_MAX];
}

const char *chb_moment_id(enum chb_moment moment)
{
    return moment >= 0 && moment < CHB_MOMENT_MAX ? moment_ids[moment] : "?";
}

const char *chb_ring_step(const struct chb_ring_entry *entry)
{
    if (entry->moment != CHB_MOMENT_NONE) {
        return chb_moment_id(entry->moment);
    }
    return chb_note_step(entry->note);
}
