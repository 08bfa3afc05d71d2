/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/shell/ring.h>

#include <stdio.h>

#include <agent/text/note.h>

static const char *const moment_ids[CHB_MOMENT_MAX] = {
    [CHB_MOMENT_NONE] = "",
    [CHB_MOMENT_OUTPUT_OPEN] = "output-open",
    [CHB_MOMENT_LOST_HEARTBEAT_SENT] = "lost-heartbeat-sent",
    [CHB_MOMENT_LOST_HEARTBEAT_ANSWERED] = "lost-heartbeat-answered",
    [CHB_MOMENT_RUNNING] = "vm-running",
    [CHB_MOMENT_GUEST_STOOD] = "guest-stood",
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

char *chb_moment_text(const struct chb_ring_entry *entry, char *ret_text, size_t size)
{
    if (entry->moment == CHB_MOMENT_GUEST_STOOD) {
        (void)snprintf(ret_text, size, "the guest stood still for %.1f ms",
                       (double)entry->value / 1000.0);
    } else {
        (void)snprintf(ret_text, size, "%s", chb_moment_id(entry->moment));
    }
    return ret_text;
}

const char *chb_ring_step(const struct chb_ring_entry *entry)
{
    if (entry->moment == CHB_MOMENT_GUEST_STOOD) {
        return NULL; /* of a join */
    }
    if (entry->moment != CHB_MOMENT_NONE) {
        return chb_moment_id(entry->moment);
    }
    return chb_note_step(entry->note);
}
