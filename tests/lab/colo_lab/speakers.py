# SPDX-License-Identifier: GPL-2.0-or-later
"""Who was allowed to speak: frames that left the hosts, judged by what the agents decided. Pure.

A replica may let frames out from the moment at which its own agent decides that it begins a
generation ("going on alone", at a cold start as after a failover) until another agent decides the
same, or until the first frame of the other, whichever comes first. Whatever the reason for a later
frame is, a queue or a host that was frozen, clients have seen two speakers. And a replica that holds
without a proof is silent.
"""

import re
import time
from collections import Counter
from typing import NamedTuple

# The daemon's log has the kernel's coarse clock: a stamp is early by one tick at most.
TICK_S = 0.005
# SIGSTOP follows the word of holding, and every thread of QEMU has to come by to be stopped.
FREEZE_S = 0.05
SHOWN = 5

_LINE = re.compile(r"^(\w{3} +\d+ [\d:]{8})\.(\d{3}) colo-hbd\[\d+\] \w+ *: (\S+): (.*)$")
_DECIDED = re.compile(r"going on alone as generation (\d+)$")
_KINDS = {0x0806: "ARP", 0x8035: "RARP", 0x86DD: "IPv6"}
_PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP"}


class Frame(NamedTuple):
    """A frame that left `node`; `head`: its first bytes. Times are seconds of one clock."""

    at: float
    node: str
    head: bytes

    @property
    def source(self):
        return self.head[6:12]

    @property
    def kind(self):
        ether_type = int.from_bytes(self.head[12:14], "big")
        if ether_type == 0x0800:
            return _PROTOCOLS.get(self.head[23], f"IPv4 protocol {self.head[23]}")
        return _KINDS.get(ether_type, f"type {ether_type:#06x}")

    @property
    def sender(self):
        """The IPv4 address that it speaks for, None if for none."""
        ether_type = int.from_bytes(self.head[12:14], "big")
        start = {0x0800: 26, 0x0806: 28}.get(ether_type)
        return None if start is None else self.head[start:start + 4]


class Grant(NamedTuple):
    """From `at` on (at most TICK_S later) the replica of `node` may speak, and no other."""

    at: float
    node: str
    generation: int


class Silence(NamedTuple):
    """The agent of `node` said that its replica holds."""

    start: float
    end: float
    node: str


def _said(text, vm, year):
    """(moment in CLOCK_REALTIME, words) of all that a daemon's log says of the VM."""
    year = year or time.localtime().tm_year
    for match in filter(None, map(_LINE.match, text.splitlines())):
        if match[3] == vm:
            stamp = time.strptime(f"{year} {match[1]}", "%Y %b %d %H:%M:%S")
            yield time.mktime(stamp) + int(match[2]) / 1000, match[4]


def grants_in_log(text, vm, node, year=None):
    """The grants that a daemon's log tells of. A decision that was taken back before the replica
    served, because the proof was gone, is none."""
    found = []
    pending = False
    for at, words in _said(text, vm, year):
        decided = _DECIDED.match(words)
        if decided:
            found.append(Grant(at, node, int(decided[1])))
            pending = True
        elif words.startswith("serves alone"):
            pending = False
        elif words.startswith("holding") and pending:
            found.pop()
            pending = False
    return found


def silences_in_log(text, vm, node, year=None):
    """When the replica was to be silent, by its own daemon's log."""
    found = []
    for at, words in _said(text, vm, year):
        if words.startswith("holding, the guest is silent"):
            found.append(Silence(at, float("inf"), node))
        elif found and (words.startswith(("holding is over", "in sync with"))
                        or _DECIDED.match(words)):
            found[-1] = found[-1]._replace(end=min(at, found[-1].end))
    return found


def of_guest(frames, addresses):
    """Those of the guest: from every MAC that was seen to speak for one of its IPv4 addresses."""
    macs = {frame.source for frame in frames if frame.sender in addresses}
    return [frame for frame in frames if frame.source in macs]


def _held(frame, silences):
    """The frame left a replica that was to be silent."""
    return any(frame.node == each.node and each.start + FREEZE_S <= frame.at < each.end
               for each in silences)


def judge(frames, grants, silences=(), ipv6_allowed=False):
    """What was wrong, a line each; [] if every frame left a replica that was entitled to it."""
    grants = sorted(grants)
    wrong = []
    current = -1  # index of the newest grant of which use was made
    for frame in sorted(frames):
        own = max((i for i, grant in enumerate(grants)
                   if grant.node == frame.node and grant.at <= frame.at), default=None)
        later = None if own is None else next(
            (grant for grant in grants[own + 1:] if grant.at + TICK_S <= frame.at), None)
        if own is None:
            why = "which was never entitled before"
        elif own < current:
            spoke = grants[current]
            why = f"after the first frame of {spoke.node}, generation {spoke.generation}"
        elif later is not None:
            why = (f"{(frame.at - later.at) * 1000:.1f} ms after {later.node} went on alone, "
                   f"generation {later.generation}")
        elif _held(frame, silences):
            why = "which holds and is to be silent"
        elif frame.kind == "IPv6" and not ipv6_allowed:
            why = "though IPv6 is to be dropped"
        else:
            current = max(current, own)
            continue
        wrong.append(f"{frame.at:.6f}: {frame.kind} frame from {frame.node}, {why}")
    if len(wrong) > SHOWN:
        wrong[SHOWN:] = [f"and {len(wrong) - SHOWN} more"]
    return wrong


def tally(frames):
    """{node: {kind: how many}}."""
    counts = {}
    for frame in frames:
        counts.setdefault(frame.node, Counter())[frame.kind] += 1
    return {node: dict(counter) for node, counter in sorted(counts.items())}
