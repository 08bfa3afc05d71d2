#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every member of the core's structs is in the recorder's tables: a member that is forgotten would
be a state that a replay does not know. test_fields.py SOURCE_FOLDER"""

import pathlib
import re
import sys

TABLES = {
    "chb_core": ("core.h", "layout_core.c", {"peers"}),
    "chb_peer": ("core.h", "layout_core.c", set()),
    "chb_pending": ("core.h", "layout_core.c", set()),
    "chb_state_msg": ("message.h", "layout_core.c", set()),
    "chb_ports": ("message.h", "layout_core.c", set()),
    "chb_request_msg": ("message.h", "layout_core.c", set()),
    "chb_record": ("record.h", "layout_core.c", set()),
    "chb_settings": ("event.h", "layout_core.c", set()),
}


def members(header, struct):
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    body = re.search(r"struct " + struct + r" \{(.*?)\n\};", text, re.DOTALL).group(1)
    return re.findall(r"(\w+)(?:\[\w+\])?;", body)


def named(table, struct):
    """The members that the table of `struct` names."""
    text = re.sub(r"/\*.*?\*/", "", table, flags=re.DOTALL)
    short = {"chb_core": "core", "chb_peer": "peer", "chb_pending": "pending",
             "chb_state_msg": "state", "chb_ports": "ports", "chb_request_msg": "request",
             "chb_record": "record", "chb_settings": "settings"}[struct]
    body = re.search(short + r"_fields\[\] = \{(.*?)\n\};", text, re.DOTALL).group(1)
    inner = re.findall(r"CHB_\w+\(struct " + struct + r",\s*(\w+)", body)
    plain = re.findall(r"\b(?:CORE|PEER|PENDING|STATE|RECORD|SETTING)\((\w+)\)", body)
    return inner + plain


def main():
    source = pathlib.Path(sys.argv[1])
    bad = 0
    for struct, (header, table, apart) in TABLES.items():
        have = members((source / "agent/core" / header).read_text(), struct)
        know = named((source / "agent/recorder" / table).read_text(), struct)
        for name in sorted(set(have) - set(know) - apart):
            print(f"{struct}.{name} is not in agent/recorder/{table}")
            bad += 1
        for name in sorted(set(know) - set(have)):
            print(f"{struct} has no member {name}")
            bad += 1
        if len(have) < 2:
            print(f"{struct}: its members could not be read")
            bad += 1
    sys.exit(1 if bad else 0)


main()
