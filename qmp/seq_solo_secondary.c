/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A secondary goes on without its primary (R1.2, R2.1). The filter f2
 * goes first, for it alone holds the output, then f0, which holds the input from the tap, and
 * x-colo-lost-heartbeat takes 80 ms for each GB of small pages.
 */
#include "qmp/seq_common.h"

#define YANK_SECONDARY(condition)                                                                  \
    YANK_CHARDEV("input", CHB_NIC_RED0, condition),                                                \
        YANK_CHARDEV("output", CHB_NIC_RED1, condition), YANK_MIGRATION(condition, 0)

static const struct chb_seq_step steps[] = {
    /* The peer's death closes its sockets, and QEMU needs some milliseconds to see that. */
    {.name = "see COLO give up",
     .when = CHB_SEQ_IF_REACHABLE,
     .wait = CHB_SEQ_WAIT_COLO_EXIT,
     .flags = CHB_SEQ_SOFT_WAIT,
     .wait_ms = 15},
    YANK_SECONDARY(CHB_SEQ_IF_YANK),
    /* QEMU 7.2's COLO thread says COLO_EXIT after any load and out of its loop (migration/colo.c,
     * colo_process_incoming_thread). Before that, a checkpoint whose output the primary has let go
     * may be received and not yet loaded: nothing may be done. A daemon that took over after the
     * event cannot see it; a yank and a second are enough for any load to end. */
    {.name = "see COLO give up",
     .wait = CHB_SEQ_WAIT_COLO_EXIT,
     .flags = CHB_SEQ_SOFT_IF_ADOPTED,
     .wait_ms = 1000,
     .ms_per_gb = 100},
    {.name = "open the output",
     .command = "object-del",
     .arguments = "{'id': '" CHB_NIC_F2 "'}",
     .repeat = CHB_SEQ_EACH_NIC,
     .flags = CHB_SEQ_BACK_TO_BACK | CHB_SEQ_MISSING_OK | CHB_SEQ_GO_ON,
     .on_answered = CHB_SEQ_OUTPUT_OPEN},
    /* Whoever hears the guest from here on answers to its tap. What the mirror has brought and QEMU
     * has not read yet may have been acknowledged: f1 stays until the guest runs. */
    TIDY_OBJECT("open the input", CHB_NIC_F0),
    {.name = "stop the NBD server",
     .command = "nbd-server-stop",
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
    {.name = "see the guest run",
     .wait = CHB_SEQ_WAIT_RUNNING,
     .wait_ms = 5000,
     .ms_per_gb = 500,
     .on_waited = CHB_SEQ_SOLO_RUNNING},
    TIDY_OBJECT("remove the input from the primary", CHB_NIC_F1),
    TIDY_CHARDEV("close the output to the primary", CHB_NIC_RED1),
    TIDY_CHARDEV("close the input from the primary", CHB_NIC_RED0),
    TIDY_CHARDEV("close where the input from the tap went", CHB_NIC_NOWHERE),
    ANNOUNCE,
};

CHB_SEQ_TABLE(chb_seq_solo_secondary, "solo-secondary", steps);
