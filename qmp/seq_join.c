/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A running primary takes a fresh secondary: the live join. The guest
 * stands still only from `stop` to COLO's own start, 8 to 44 ms at any size.
 *
 * The second child is a plain nbd node, which takes guest writes before COLO runs; the first copy
 * goes through a client of its own to the same export. A block that the guest writes meanwhile is
 * copied again: its dirty bit is set after both children have it.
 *
 * The filters are put in place switched off and switched on together with `stop`: what the NIC
 * sends while the migration runs is not to be compared, and what comes in after the last pass must
 * reach both sides. A checkpoint at the end makes the two sides equal even if the migration came to
 * its end before us.
 */
#include "qmp/sequence_table.h"

static const struct chb_seq_step steps[] = {
    {.name = "connect to the secondary's disk",
     .command = "blockdev-add",
     .arguments = "{'driver': 'nbd', 'node-name': '" CHB_DISK_NBD
                  "', 'server': {'type': 'inet', 'host': '<peer>', 'port': '<nbd_port>'},"
                  " 'export': '" CHB_DISK_EXPORT_NAME "'}",
     .repeat = CHB_SEQ_EACH_DISK,
     .answer_ms = 10000},
    {.name = "send writes to both",
     .command = "x-blockdev-change",
     .arguments = "{'parent': '" CHB_DISK_QUORUM "', 'node': '" CHB_DISK_NBD "'}",
     .repeat = CHB_SEQ_EACH_DISK},
    {.name = "connect for the first copy",
     .command = "blockdev-add",
     .arguments = "{'driver': 'nbd', 'node-name': '" CHB_DISK_SYNC
                  "', 'server': {'type': 'inet', 'host': '<peer>', 'port': '<nbd_port>'},"
                  " 'export': '" CHB_DISK_EXPORT_NAME "'}",
     .repeat = CHB_SEQ_EACH_DISK,
     .answer_ms = 10000},
    {.name = "copy the disk",
     .command = "blockdev-mirror",
     .arguments = "{'job-id': '" CHB_DISK_JOB "', 'device': '" CHB_DISK_QUORUM
                  "', 'target': '" CHB_DISK_SYNC "', 'sync': 'full', 'speed': '<?resync_speed>'}",
     .repeat = CHB_SEQ_EACH_DISK,
     .wait = CHB_SEQ_WAIT_COPY_READY,
     .flags = CHB_SEQ_STALL_WAIT,
     .wait_ms = 30000,
     .phase = CHB_SEQ_PHASE_COPY,
     .on_waited = CHB_SEQ_COPY_READY},
    {.name = "end the copy",
     .command = "block-job-cancel",
     .arguments = "{'device': '" CHB_DISK_JOB "'}",
     .repeat = CHB_SEQ_EACH_DISK,
     .when = CHB_SEQ_IF_BLOCK_JOB_CANCEL,
     .wait = CHB_SEQ_WAIT_COPY_GONE,
     .wait_ms = 30000},
    {.name = "end the copy",
     .command = "job-cancel",
     .arguments = "{'id': '" CHB_DISK_JOB "'}",
     .repeat = CHB_SEQ_EACH_DISK,
     .when = CHB_SEQ_IF_JOB_CANCEL,
     .wait = CHB_SEQ_WAIT_COPY_GONE,
     .wait_ms = 30000},
    {.name = "disconnect the first copy",
     .command = "blockdev-del",
     .arguments = "{'node-name': '" CHB_DISK_SYNC "'}",
     .repeat = CHB_SEQ_EACH_DISK},
    {.name = "connect to the secondary's input",
     .command = "chardev-add",
     .arguments = "{'id': '" CHB_NIC_MIRROR_CHARDEV "', 'backend': {'type': 'socket', 'data': {"
                  "'addr': {'type': 'inet', 'data': {'host': '<peer>', 'port': '<mirror_port>'}},"
                  " 'server': false, 'nodelay': true}}}",
     .repeat = CHB_SEQ_EACH_NIC},
    {.name = "connect to the secondary's output",
     .command = "chardev-add",
     .arguments = "{'id': '" CHB_NIC_COMPARE_CHARDEV "', 'backend': {'type': 'socket', 'data': {"
                  "'addr': {'type': 'inet', 'data': {'host': '<peer>', 'port': '<compare_port>'}},"
                  " 'server': false, 'nodelay': true}}}",
     .repeat = CHB_SEQ_EACH_NIC},
    {.name = "make the way into the comparison",
     .command = "chardev-add",
     .arguments = "{'id': '" CHB_NIC_LOCAL_IN "', 'backend': {'type': 'socket', 'data': {"
                  "'addr': {'type': 'unix', 'data': {'path': '<prefix>" CHB_NIC_LOCAL_IN ".sock'}},"
                  " 'server': true, 'wait': false}}}",
     .repeat = CHB_SEQ_EACH_NIC},
    {.name = "make the way into the comparison",
     .command = "chardev-add",
     .arguments = "{'id': '" CHB_NIC_LOCAL_IN_PEER "', 'backend': {'type': 'socket', 'data': {"
                  "'addr': {'type': 'unix', 'data': {'path': '<prefix>" CHB_NIC_LOCAL_IN ".sock'}},"
                  " 'server': false}}}",
     .repeat = CHB_SEQ_EACH_NIC},
    {.name = "make the way out of the comparison",
     .command = "chardev-add",
     .arguments =
         "{'id': '" CHB_NIC_LOCAL_OUT "', 'backend': {'type': 'socket', 'data': {"
         "'addr': {'type': 'unix', 'data': {'path': '<prefix>" CHB_NIC_LOCAL_OUT ".sock'}},"
         " 'server': true, 'wait': false}}}",
     .repeat = CHB_SEQ_EACH_NIC},
    {.name = "make the way out of the comparison",
     .command = "chardev-add",
     .arguments =
         "{'id': '" CHB_NIC_LOCAL_OUT_PEER "', 'backend': {'type': 'socket', 'data': {"
         "'addr': {'type': 'unix', 'data': {'path': '<prefix>" CHB_NIC_LOCAL_OUT ".sock'}},"
         " 'server': false}}}",
     .repeat = CHB_SEQ_EACH_NIC},
    {.name = "give the comparison a thread",
     .command = "object-add",
     .arguments = "{'qom-type': 'iothread', 'id': '" CHB_NIC_IOTHREAD "'}",
     .repeat = CHB_SEQ_EACH_NIC},
    {.name = "add the comparison",
     .command = "object-add",
     .arguments =
         "{'qom-type': 'colo-compare', 'id': '" CHB_NIC_COMPARE
         "', 'primary_in': '" CHB_NIC_LOCAL_IN_PEER "', 'secondary_in': '" CHB_NIC_COMPARE_CHARDEV
         "', 'outdev': '" CHB_NIC_LOCAL_OUT_PEER "', 'iothread': '" CHB_NIC_IOTHREAD
         "', 'vnet_hdr_support': '<#vnet_hdr>',"
         " 'compare_timeout': '<?compare_timeout>'}",
     .repeat = CHB_SEQ_EACH_NIC},
    {.name = "add the mirror of the input",
     .command = "object-add",
     .arguments =
         "{'qom-type': 'filter-mirror', 'id': '" CHB_NIC_MIRROR "', 'netdev': '" CHB_NIC_NETDEV
         "', 'queue': 'tx', 'outdev': '" CHB_NIC_MIRROR_CHARDEV
         "', 'vnet_hdr_support': '<#vnet_hdr>',"
         " 'status': 'off', 'insert': '<?insert>', 'position': '<?position>'}",
     .repeat = CHB_SEQ_EACH_NIC},
    {.name = "add the way out of the comparison",
     .command = "object-add",
     .arguments = "{'qom-type': 'filter-redirector', 'id': '" CHB_NIC_REDIRECT_IN
                  "', 'netdev': '" CHB_NIC_NETDEV "', 'queue': 'rx', 'indev': '" CHB_NIC_LOCAL_OUT
                  "', 'vnet_hdr_support': '<#vnet_hdr>',"
                  " 'insert': '<?insert>', 'position': '<?position>'}",
     .repeat = CHB_SEQ_EACH_NIC},
    {.name = "add the way into the comparison",
     .command = "object-add",
     .arguments = "{'qom-type': 'filter-redirector', 'id': '" CHB_NIC_REDIRECT_OUT
                  "', 'netdev': '" CHB_NIC_NETDEV "', 'queue': 'rx', 'outdev': '" CHB_NIC_LOCAL_IN
                  "', 'vnet_hdr_support': '<#vnet_hdr>',"
                  " 'status': 'off', 'insert': '<?insert>', 'position': '<?position>'}",
     .repeat = CHB_SEQ_EACH_NIC},
    {.name = "enable COLO",
     .command = "migrate-set-capabilities",
     .arguments = "{'capabilities': [{'capability': 'x-colo', 'state': true},"
                  " {'capability': 'events', 'state': true}]}"},
    /* With a downtime of 0 the migration does not end by itself as long as anything is dirty. */
    {.name = "set the migration's limits",
     .command = "migrate-set-parameters",
     .arguments = "{'downtime-limit': 0, 'max-bandwidth': '<#migrate_speed>',"
                  " 'x-checkpoint-delay': '<#checkpoint_delay>'}"},
    {.name = "connect for the memory", .wait = CHB_SEQ_WAIT_CONNECTED, .wait_ms = 3000},
    {.name = "hand over the connection",
     .command = "getfd",
     .arguments = "{'fdname': 'mig'}",
     .flags = CHB_SEQ_PASS_CONNECTION | CHB_SEQ_BACK_TO_BACK},
    {.name = "copy the memory",
     .command = "migrate",
     .arguments = "{'uri': 'fd:mig'}",
     .wait = CHB_SEQ_WAIT_CONVERGED,
     .flags = CHB_SEQ_STALL_WAIT | CHB_SEQ_FORGET_COLO,
     .wait_ms = 10000,
     .phase = CHB_SEQ_PHASE_MIGRATE},
    {.name = "mirror the input",
     .command = "qom-set",
     .arguments = "{'path': '/objects/" CHB_NIC_MIRROR "', 'property': 'status', 'value': 'on'}",
     .repeat = CHB_SEQ_EACH_NIC,
     .flags = CHB_SEQ_BACK_TO_BACK},
    {.name = "stop the guest for the last pass",
     .command = "stop",
     .when = CHB_SEQ_IF_OUTSIDE_COLO,
     .flags = CHB_SEQ_BACK_TO_BACK,
     .on_sent = CHB_SEQ_STOP_SENT},
    {.name = "hold the output",
     .command = "qom-set",
     .arguments =
         "{'path': '/objects/" CHB_NIC_REDIRECT_OUT "', 'property': 'status', 'value': 'on'}",
     .repeat = CHB_SEQ_EACH_NIC},
    {.name = "enter COLO", .wait = CHB_SEQ_WAIT_COLO_ENTERED, .wait_ms = 10000, .ms_per_gb = 2000},
    /* Not a poll of the state: it says colo before QEMU 7.2 can bear a checkpoint. */
    {.name = "resume the guest in COLO",
     .wait = CHB_SEQ_WAIT_COLO_RUNNING,
     .wait_ms = 2000,
     .ms_per_gb = 500,
     .on_waited = CHB_SEQ_IN_COLO},
    /* Setting the delay anew in COLO makes a checkpoint at once. It also starts a guest that our
     * `stop` caught inside COLO. */
    {.name = "make the first checkpoint",
     .command = "migrate-set-parameters",
     .arguments = "{'x-checkpoint-delay': '<#checkpoint_delay>'}",
     .wait = CHB_SEQ_WAIT_CHECKPOINT,
     .wait_ms = 2000,
     .ms_per_gb = 1000,
     .on_waited = CHB_SEQ_TRUE_COPY},
};

CHB_SEQ_TABLE(chb_seq_join, "join", steps);
