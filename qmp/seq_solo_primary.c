/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A primary goes on without its secondary. The child goes first, or the guest's writes would wait
 * for a disk that is gone; the output opens with the filters. Nothing waits for the yanks' answers:
 * a command that waits for the lost disk is freed by the yank, which has a socket and a thread of
 * its own. */
#include "qmp/seq_common.h"

static const struct chb_seq_step steps[] = {
    YANK_PRIMARY(CHB_SEQ_IF_UNREACHABLE, CHB_SEQ_BACK_TO_BACK),
    SETTLE_PRIMARY,
    {.name = "take the lost disk out",
     .command = "x-blockdev-change",
     .arguments = "{'parent': '" CHB_DISK_QUORUM "', 'child': '" CHB_DISK_SECOND_CHILD "'}",
     .repeat = CHB_SEQ_EACH_DISK,
     .flags = CHB_SEQ_BACK_TO_BACK | CHB_SEQ_MISSING_OK | CHB_SEQ_GO_ON},
    {.name = "leave COLO",
     .command = "x-colo-lost-heartbeat",
     .flags = CHB_SEQ_MISSING_OK,
     .wait = CHB_SEQ_WAIT_COLO_LEFT,
     .answer_ms = 5000,
     .wait_ms = 5000,
     .ms_per_gb = 500,
     .on_sent = CHB_SEQ_LOST_HEARTBEAT_SENT,
     .on_answered = CHB_SEQ_LOST_HEARTBEAT_ANSWERED},
    TIDY_PRIMARY_OBJECTS,
    {.name = "see the guest run",
     .wait = CHB_SEQ_WAIT_RUNNING,
     .wait_ms = 5000,
     .ms_per_gb = 500,
     .on_waited = CHB_SEQ_SOLO_RUNNING},
    TIDY_NODE("disconnect the lost disk", CHB_DISK_NBD),
    TIDY_PRIMARY_CHARDEVS,
    ANNOUNCE,
};

CHB_SEQ_TABLE(chb_seq_solo_primary, "solo-primary", steps);
