/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows that several tables share. Each yank is a command of its own: one that names a missing
 * instance does nothing at all. Only our own are named: the monitors are in `query-yank` as well.
 */
#ifndef CHB_QMP_SEQ_COMMON_H
#define CHB_QMP_SEQ_COMMON_H

#include "qmp/sequence_table.h"

#define YANK(what, instance, often, condition)                                                     \
    {                                                                                              \
        .name = "break the connections: " what, .command = "yank",                                 \
        .arguments = "{'instances': [" instance "]}", .monitor = CHB_QMP_OOB, .repeat = (often),   \
        .when = (condition), .flags = CHB_SEQ_TOLERATE | CHB_SEQ_BACK_TO_BACK, .answer_ms = 500    \
    }

#define YANK_CHARDEV(what, id, condition)                                                          \
    YANK(what, "{'type': 'chardev', 'id': '" id "'}", CHB_SEQ_EACH_NIC, condition)

#define YANK_NODE(what, id, condition)                                                             \
    YANK(what, "{'type': 'block-node', 'node-name': '" id "'}", CHB_SEQ_EACH_DISK, condition)

/* The last of a list of yanks. @more: 0, and the next row waits for all their answers, or
 * CHB_SEQ_BACK_TO_BACK. */
#define YANK_MIGRATION(condition, more)                                                            \
    {                                                                                              \
        .name = "break the connections: migration", .command = "yank",                             \
        .arguments = "{'instances': [{'type': 'migration'}]}", .monitor = CHB_QMP_OOB,             \
        .when = (condition), .flags = CHB_SEQ_TOLERATE | (more), .answer_ms = 500                  \
    }

#define YANK_PRIMARY(condition, more)                                                              \
    YANK_CHARDEV("mirror", CHB_NIC_MIRROR_CHARDEV, condition),                                     \
        YANK_CHARDEV("compare", CHB_NIC_COMPARE_CHARDEV, condition),                               \
        YANK_NODE("disk", CHB_DISK_NBD, condition), YANK_MIGRATION(condition, more)

/* Tidying up: each row is sent without waiting for the one before, and one that fails stops
 * nothing. */
#define TIDY(what, verb, template, often)                                                          \
    {                                                                                              \
        .name = (what), .command = (verb), .arguments = (template), .repeat = (often),             \
        .flags = CHB_SEQ_BACK_TO_BACK | CHB_SEQ_MISSING_OK | CHB_SEQ_GO_ON                         \
    }

#define TIDY_OBJECT(what, object) TIDY(what, "object-del", "{'id': '" object "'}", CHB_SEQ_EACH_NIC)

#define TIDY_CHARDEV(what, chardev)                                                                \
    TIDY(what, "chardev-remove", "{'id': '" chardev "'}", CHB_SEQ_EACH_NIC)

#define TIDY_NODE(what, node)                                                                      \
    TIDY(what, "blockdev-del", "{'node-name': '" node "'}", CHB_SEQ_EACH_DISK)

/* What a join puts into a primary, from the comparison on down to the chardevs. */
#define TIDY_PRIMARY_OBJECTS                                                                       \
    TIDY_OBJECT("remove the comparison", CHB_NIC_COMPARE),                                         \
        TIDY_OBJECT("remove the comparison's thread", CHB_NIC_IOTHREAD),                           \
        TIDY_OBJECT("remove the mirror", CHB_NIC_MIRROR),                                          \
        TIDY_OBJECT("remove the way out of the comparison", CHB_NIC_REDIRECT_IN),                  \
    {                                                                                              \
        .name = "remove the way into the comparison", .command = "object-del",                     \
        .arguments = "{'id': '" CHB_NIC_REDIRECT_OUT "'}", .repeat = CHB_SEQ_EACH_NIC,             \
        .flags = CHB_SEQ_BACK_TO_BACK | CHB_SEQ_MISSING_OK | CHB_SEQ_GO_ON,                        \
        .on_answered = CHB_SEQ_OUTPUT_OPEN                                                         \
    }

#define TIDY_PRIMARY_CHARDEVS                                                                      \
    TIDY_CHARDEV("close the mirror", CHB_NIC_MIRROR_CHARDEV),                                      \
        TIDY_CHARDEV("close the secondary's output", CHB_NIC_COMPARE_CHARDEV),                     \
        TIDY_CHARDEV("close the way into the comparison", CHB_NIC_LOCAL_IN),                       \
        TIDY_CHARDEV("close the way into the comparison", CHB_NIC_LOCAL_IN_PEER),                  \
        TIDY_CHARDEV("close the way out of the comparison", CHB_NIC_LOCAL_OUT),                    \
        TIDY_CHARDEV("close the way out of the comparison", CHB_NIC_LOCAL_OUT_PEER)

/* QEMU 7.2 aborts when it is told to leave COLO before its COLO thread has set itself up. A thread
 * that neither resumes the guest nor gives up is waiting for its peer: the yank makes it give up.
 */
#define SETTLE_PRIMARY                                                                             \
    {.name = "see whether COLO runs",                                                              \
     .when = CHB_SEQ_IF_NOT_SETTLED,                                                               \
     .wait = CHB_SEQ_WAIT_COLO_SETTLED,                                                            \
     .flags = CHB_SEQ_SOFT_WAIT,                                                                   \
     .wait_ms = 1000},                                                                             \
        YANK_PRIMARY(CHB_SEQ_IF_NOT_SETTLED, 0),                                                   \
    {                                                                                              \
        .name = "see whether COLO gave up", .when = CHB_SEQ_IF_NOT_SETTLED,                        \
        .wait = CHB_SEQ_WAIT_COLO_SETTLED, .wait_ms = 2000                                         \
    }

#define ANNOUNCE                                                                                   \
    {                                                                                              \
        .name = "announce the guest", .command = "announce-self",                                  \
        .arguments = "{'initial': 50, 'max': 550, 'rounds': 5, 'step': 50}",                       \
        .flags = CHB_SEQ_TOLERATE                                                                  \
    }

#endif
