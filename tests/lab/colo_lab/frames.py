# SPDX-License-Identifier: GPL-2.0-or-later
"""Records which frames of guests leave which host towards the clients, and has them judged.

One process with one packet socket hears all ports of the switch, so frames of two hosts are in the
order in which the kernel saw them, and a port that goes and comes with its node's power is no
matter. A frame is recorded where it enters the switch, in front of every cut.
"""

import ctypes
import os
import select
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from . import speakers
from .errors import LabError
from .kernel import boottime
from .paths import helper_argv
from .switch import client_net, port

MAC_PREFIX = 0x52540000         # of every guest's NIC: the first three bytes
HEAD_SIZE = 42                  # up to the end of an ARP message
BUFFER_SIZE = 16 << 20
ETH_P_ALL = 3
SO_ATTACH_FILTER = 26
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
SOL_PACKET = 263
PACKET_STATISTICS = 6
PACKET_OUTGOING = 4
# Classic BPF (code, jump if true, jump if false, constant): a guest's MAC, and not on its way out.
FILTER = [(0x20, 0, 0, 6), (0x54, 0, 0, 0xFFFFFF00), (0x15, 0, 3, MAC_PREFIX),
          (0x28, 0, 0, 0xFFFFF004), (0x15, 1, 0, PACKET_OUTGOING), (0x06, 0, 0, 0xFFFF),
          (0x06, 0, 0, 0)]


# ---- the recorder: a process in the switch's namespace ----

def _open_socket():
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    program = b"".join(struct.pack("HBBI", *step) for step in FILTER)
    buffer = ctypes.create_string_buffer(program)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                    struct.pack("HP", len(FILTER), ctypes.addressof(buffer)))
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_SIZE)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setblocking(False)
    try:
        while True:  # what it heard before it had a filter
            sock.recv(1)
    except BlockingIOError:
        sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)  # what it missed until now is no matter
        return sock


class _Recorder:
    def __init__(self, file):
        self.sock = _open_socket()
        self.file = open(file, "w", encoding="ascii")
        self.known = set()

    def _port(self, name):
        """The port's name; the kernel knows it no more if the node's power went just now."""
        if name:
            self.known.add(name)
            return name
        gone = self.known - {each for _, each in socket.if_nameindex()}
        return gone.pop() if len(gone) == 1 else "?"

    def drain(self):
        """Writes down all that is in the socket's queue."""
        offset = time.time() - boottime()
        while True:
            try:
                head, extra, _, source = self.sock.recvmsg(HEAD_SIZE, 64)
            except BlockingIOError:
                break
            seconds, nanoseconds = struct.unpack("ll", extra[0][2])
            at = seconds + nanoseconds / 1e9 - offset
            self.file.write(f"{at:.6f} {self._port(source[0])} {head.hex()}\n")
        self.file.flush()

    def run(self):
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([self.sock, sys.stdin], [], [])
            self.drain()
            if sys.stdin in ready:
                break
        dropped = struct.unpack("II", self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        self.file.write(f"end {dropped}\n")
        self.file.close()


def main(args):
    """Records into a file until its standard input ends."""
    os.nice(-10)  # it needs little, but it needs it before the socket's queue is full
    _Recorder(args[0]).run()


# ---- from the lab's side ----

def parse(text, nodes, client_nets=1):
    """(frames that left one of `nodes` towards the clients, number of frames that were missed).

    The second is None if the recorder did not come to its end.
    """
    ports = {port(node, client_net(number)): node
             for node in nodes for number in range(client_nets)}
    ports["?"] = "?"
    frames, missed = [], None
    for line in text.splitlines():
        words = line.split()
        if words[0] == "end":
            missed = int(words[1])
        elif len(words) == 3 and words[1] in ports:
            frames.append(speakers.Frame(float(words[0]), ports[words[1]], bytes.fromhex(words[2])))
    return frames, missed


class Watch:
    """Watches the clients' bridge for one VM from now on until end(). name: of the record, for those
    of one VM that overlap."""

    def __init__(self, lab, vm, addresses, ipv6_allowed=False, name=None):
        self.lab, self.vm, self.ipv6_allowed = lab, vm, ipv6_allowed
        self.addresses = {socket.inet_aton(each) for each in addresses}
        self.file = Path(lab.state) / "log" / f"frames-{name or vm}"
        self.frames, self.wrong = [], []
        self.process = lab.track(lab.switch.popen(
            helper_argv("frames", self.file), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True))  # Ctrl-C is not for it
        if self.process.stdout.readline() != b"ready\n":
            raise LabError("frames to the clients cannot be recorded")

    @property
    def is_over(self):
        return self.process is None

    def _parse(self):
        return parse(self.file.read_text(), self.lab.nodes, self.lab.options.client_nets)

    def so_far(self):
        """The guest's frames until now."""
        frames, _ = self._parse()
        return speakers.of_guest(frames, self.addresses)

    def decisions(self):
        """(grants, silences) since the lab began, on the clock of the frames."""
        offset = time.time() - boottime()
        grants, silences = [], []
        for node in self.lab.nodes.values():
            log = node.log("colo-hbd/colo-hbd.log")
            grants += [each._replace(at=each.at - offset)
                       for each in speakers.grants_in_log(log, self.vm, node.name)]
            silences += [each._replace(start=each.start - offset, end=each.end - offset)
                         for each in speakers.silences_in_log(log, self.vm, node.name)]
        return grants, silences

    def end(self, keep=False):
        """Ends it; returns what was wrong, a line each. The record stays among the lab's logs if
        something was, or if it is to be kept."""
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()
        self.process = None
        frames, missed = self._parse()
        self.frames = speakers.of_guest(frames, self.addresses)
        self.wrong = speakers.judge(self.frames, *self.decisions(), self.ipv6_allowed)
        if missed != 0:
            self.wrong.insert(0, f"the record of frames is not complete (missed: {missed})")
        if not self.wrong and not keep:
            self.file.unlink()
        return self.wrong
