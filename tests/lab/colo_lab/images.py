# SPDX-License-Identifier: GPL-2.0-or-later
"""Disk images on the nodes, also with what a guest has written there in an earlier life."""

import json
import struct

from .disk import BINDS

MAGIC = 0x434F4C4F67756573      # guest/disk.c
BLOCK_SIZE = 4096
MASK = (1 << 64) - 1
FOLDER = BINDS["guests"]


def _record(counter, boots=1):
    """Block 0 of a guest's disk (guest/disk.c: struct block)."""
    words = (MAGIC, 0, counter, boots)
    checksum = 0xCBF29CE484222325
    for word in words:
        checksum = ((checksum ^ word) * 0x100000001B3) & MASK
        checksum ^= checksum >> 29
    return struct.pack("<5Q", *words, checksum).ljust(BLOCK_SIZE, bytes([counter & 0xFF]))


def make(node, path, megabytes, image_format="qcow2", counter=None):
    """An image on one node. counter: what a guest that starts from it goes on from."""
    node.sh(f"mkdir -p $(dirname {path}) && "
            f"qemu-img create -q -f {image_format} {path} {megabytes}M")
    if counter is not None:
        assert path.startswith(f"{FOLDER}/"), "a folder that is seen from outside, too"
        seed = node.dir / "bind" / "guests" / "seed"
        seed.write_bytes(_record(counter))
        node.sh(f"qemu-io -f {image_format} -c 'write -s {FOLDER}/seed 0 {BLOCK_SIZE}' {path}")
        seed.unlink()


def describe(node, path):
    """(format, virtual size in bytes) of an image on a node, None if there is none."""
    if node.exec(["test", "-e", path], check=False).returncode != 0:
        return None
    said = json.loads(node.exec(["/usr/bin/qemu-img", "info", "-U", "--output=json", path]).stdout)
    return said["format"], said["virtual-size"]
