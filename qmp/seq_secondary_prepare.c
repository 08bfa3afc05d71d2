/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fresh secondary gets ready to be filled. The NBD
 * server gets a socket that is bound already, for it cannot tell which port it took; the filters'
 * chardevs can. */
#include "qmp/sequence_table.h"

static const struct chb_seq_step prepare_steps[] = {
    {.name = "enable COLO",
     .command = "migrate-set-capabilities",
     .arguments = "{'capabilities': [{'capability': 'x-colo', 'state': true},"
                  " {'capability': 'events', 'state': true}]}"},
    {.name = "hand over the NBD server's socket",
     .command = "getfd",
     .arguments = "{'fdname': 'nbd'}",
     .flags = CHB_SEQ_PASS_LISTENER | CHB_SEQ_BACK_TO_BACK},
    {.name = "start the NBD server",
     .command = "nbd-server-start",
     .arguments = "{'addr': {'type': 'fd', 'data': {'str': 'nbd'}}}"},
    {.name = "export the disk",
     .command = "block-export-add",
     .arguments = "{'type': 'nbd', 'id': '" CHB_DISK_EXPORT "', 'node-name': '" CHB_DISK_IMAGE
                  "', 'name': '" CHB_DISK_EXPORT_NAME "', 'writable': true}",
     .repeat = CHB_SEQ_EACH_DISK,
     .when = CHB_SEQ_IF_BLOCK_EXPORT_ADD},
    {.name = "export the disk",
     .command = "nbd-server-add",
     .arguments =
         "{'device': '" CHB_DISK_IMAGE "', 'name': '" CHB_DISK_EXPORT_NAME "', 'writable': true}",
     .repeat = CHB_SEQ_EACH_DISK,
     .when = CHB_SEQ_IF_NBD_SERVER_ADD},
    {.name = "find the filters' ports",
     .command = "query-chardev",
     .when = CHB_SEQ_IF_NICS,
     .learn = CHB_SEQ_LEARN_CHARDEV_PORTS},
    /* The primary's connection is handed to QEMU when it comes: see incoming.h. */
    {.name = "listen for the migration", .flags = CHB_SEQ_LISTEN},
};

static const struct chb_seq_step unprepare_steps[] = {
    {.name = "stop listening for the migration", .flags = CHB_SEQ_UNLISTEN},
    {.name = "stop the NBD server", .command = "nbd-server-stop", .flags = CHB_SEQ_MISSING_OK},
};

CHB_SEQ_TABLE(chb_seq_secondary_prepare, "secondary-prepare", prepare_steps);
CHB_SEQ_TABLE(chb_seq_secondary_unprepare, "secondary-unprepare", unprepare_steps);
