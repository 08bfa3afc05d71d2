/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of QEMU 7.2's schema that capability probing looks at, with its indirections. */
#include "fake_qemu.h"

static const char schema[] =
    "[{'name': 'query-qmp-schema', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '[1]'},"
    "{'name': 'x-colo-lost-heartbeat', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '0',"
    " 'features': ['unstable']},"
    "{'name': 'query-colo-status', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '2'},"
    "{'name': 'yank', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '0', 'allow-oob': true},"
    "{'name': 'block-export-add', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '0'},"
    "{'name': 'nbd-server-add', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '0'},"
    "{'name': 'x-blockdev-change', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '0'},"
    "{'name': 'block-job-cancel', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '0'},"
    "{'name': 'job-cancel', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '0'},"
    "{'name': 'announce-self', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '0'},"
    "{'name': 'migrate-set-capabilities', 'meta-type': 'command', 'arg-type': '10'},"
    "{'name': '10', 'meta-type': 'object', 'members': [{'name': 'capabilities', 'type': '[11]'}]},"
    "{'name': '[11]', 'meta-type': 'array', 'element-type': '11'},"
    "{'name': '11', 'meta-type': 'object', 'members': [{'name': 'capability', 'type': '12'},"
    " {'name': 'state', 'type': 'bool'}]},"
    "{'name': '12', 'meta-type': 'enum', 'members': [{'name': 'events'}, {'name': 'x-colo'}],"
    " 'values': ['events', 'x-colo']},"
    "{'name': 'migrate-set-parameters', 'meta-type': 'command', 'arg-type': '20'},"
    "{'name': '20', 'meta-type': 'object', 'members': [{'name': 'x-checkpoint-delay',"
    " 'type': 'int', 'default': null}]},"
    "{'name': 'blockdev-add', 'meta-type': 'command', 'arg-type': '30'},"
    "{'name': '30', 'meta-type': 'object', 'tag': 'driver',"
    " 'members': [{'name': 'driver', 'type': '31'}]},"
    "{'name': '31', 'meta-type': 'enum', 'values': ['file', 'nbd', 'quorum', 'replication']},"
    "{'name': 'object-add', 'meta-type': 'command', 'arg-type': '40'},"
    "{'name': '40', 'meta-type': 'object', 'tag': 'qom-type',"
    " 'members': [{'name': 'qom-type', 'type': '41'}]},"
    "{'name': '41', 'meta-type': 'enum', 'values': ['colo-compare', 'filter-mirror',"
    " 'filter-redirector', 'filter-rewriter', 'iothread']},"
    "{'name': 'chardev-add', 'meta-type': 'command', 'arg-type': '50'},"
    "{'name': '50', 'meta-type': 'object', 'members': [{'name': 'id', 'type': 'str'},"
    " {'name': 'backend', 'type': '51'}]},"
    "{'name': '51', 'meta-type': 'object', 'tag': 'type', 'members': [{'name': 'type',"
    " 'type': '52'}], 'variants': [{'case': 'socket', 'type': '53'}]},"
    "{'name': '53', 'meta-type': 'object', 'members': [{'name': 'data', 'type': '54'}]},"
    "{'name': '54', 'meta-type': 'object', 'members': [{'name': 'reconnect', 'type': 'int'}]}]";

struct json_object *fake_schema(void)
{
    return json_tokener_parse(schema);
}
