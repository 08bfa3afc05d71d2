/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Undoes a join, from wherever it stopped: afterwards the guest runs alone, as before. Every row
 * takes "it is not there" for an answer, so that it may be run at any time, and again.
 *
 * A pair that does not match breaks right at the switch-over, with the guest standing still:
 * so the guest comes first, and tidying up
 * after it.
 */
#include "qmp/seq_common.h"

static const struct chb_seq_step steps[] = {
    YANK_NODE("first copy", CHB_DISK_SYNC, CHB_SEQ_IF_UNREACHABLE),
    YANK_PRIMARY(CHB_SEQ_IF_UNREACHABLE, 0),
    {.name = "end the copy",
     .command = "block-job-cancel",
     .arguments = "{'device': '" CHB_DISK_JOB "', 'force': true}",
     .repeat = CHB_SEQ_EACH_DISK,
     .when = CHB_SEQ_IF_BLOCK_JOB_CANCEL,
     .flags = CHB_SEQ_MISSING_OK | CHB_SEQ_GO_ON,
     .wait = CHB_SEQ_WAIT_COPY_ENDED,
     .wait_ms = 5000},
    {.name = "end the copy",
     .command = "job-cancel",
     .arguments = "{'id': '" CHB_DISK_JOB "'}",
     .repeat = CHB_SEQ_EACH_DISK,
     .when = CHB_SEQ_IF_JOB_CANCEL,
     .flags = CHB_SEQ_MISSING_OK | CHB_SEQ_GO_ON,
     .wait = CHB_SEQ_WAIT_COPY_ENDED,
     .wait_ms = 5000},
    {.name = "look at the migration", .command = "query-migrate", .learn = CHB_SEQ_LEARN_MIGRATION},
    {.name = "cancel the migration", .command = "migrate_cancel", .when = CHB_SEQ_IF_MIGRATING},
    {.name = "see the migration end",
     .wait = CHB_SEQ_WAIT_MIGRATION_SETTLED,
     .wait_ms = 10000,
     .ms_per_gb = 500},
    SETTLE_PRIMARY,
    {.name = "take the secondary's disk out",
     .command = "x-blockdev-change",
     .arguments = "{'parent': '" CHB_DISK_QUORUM "', 'child': '" CHB_DISK_SECOND_CHILD "'}",
     .repeat = CHB_SEQ_EACH_DISK,
     .flags = CHB_SEQ_MISSING_OK | CHB_SEQ_GO_ON},
    {.name = "look at COLO", .command = "query-colo-status", .learn = CHB_SEQ_LEARN_COLO},
    {.name = "leave COLO",
     .command = "x-colo-lost-heartbeat",
     .when = CHB_SEQ_IF_PRIMARY,
     .flags = CHB_SEQ_MISSING_OK,
     .wait = CHB_SEQ_WAIT_COLO_LEFT,
     .wait_ms = 5000,
     .ms_per_gb = 500,
     .on_sent = CHB_SEQ_LOST_HEARTBEAT_SENT,
     .on_answered = CHB_SEQ_LOST_HEARTBEAT_ANSWERED},
    {.name = "look at the guest", .command = "query-status", .learn = CHB_SEQ_LEARN_STATUS},
    {.name = "let the guest run",
     .command = "cont",
     .when = CHB_SEQ_IF_STANDING,
     .flags = CHB_SEQ_GO_ON},
    TIDY_PRIMARY_OBJECTS,
    {.name = "see the guest run",
     .wait = CHB_SEQ_WAIT_FREE,
     .wait_ms = 5000,
     .ms_per_gb = 500,
     .on_waited = CHB_SEQ_SOLO_RUNNING},
    TIDY_NODE("disconnect the first copy", CHB_DISK_SYNC),
    TIDY_NODE("disconnect the secondary's disk", CHB_DISK_NBD),
    TIDY_PRIMARY_CHARDEVS,
    ANNOUNCE,
};

CHB_SEQ_TABLE(chb_seq_join_abort, "join-abort", steps);
