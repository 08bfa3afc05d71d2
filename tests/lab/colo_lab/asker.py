# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks for a guest's address all the time: a replica that is not silent answers within milliseconds.

A replica that has lost its peer holds back TCP by itself, so a client's connection alone would not
show whether it can still speak. ARP is not compared, and the question reaches every host.
"""

import contextlib
import select
import socket
import struct
import subprocess
import sys

from .paths import helper_argv

PERIOD_S = 0.02
INTERFACE = "eth0"
BROADCAST = b"\xff" * 6
ARP = 0x0806


def question(mac, own, wanted):
    """Frame of an ARP request; addresses as bytes."""
    return (BROADCAST + mac + struct.pack("!HHHBBH", ARP, 1, 0x0800, 6, 4, 1)
            + mac + own + bytes(6) + wanted)


def main(args):
    """Until standard input ends."""
    own, wanted = map(socket.inet_aton, args)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((INTERFACE, 0))
        frame = question(sock.getsockname()[4], own, wanted)
        while not select.select([sys.stdin], [], [], PERIOD_S)[0]:
            sock.send(frame)


@contextlib.contextmanager
def asking(lab, address):
    """The client asks for `address` as long as this lasts."""
    process = lab.client.start(helper_argv("asker", lab.client.address, address),
                               stdin=subprocess.PIPE)
    try:
        yield
    finally:
        process.stdin.close()
        process.wait(timeout=10)
