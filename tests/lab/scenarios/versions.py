# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts with different versions of colo-hbd, as while all are upgraded, one after the other.

The later versions are made for this: tests/lab/versions.
"""

from colo_lab.api import boottime, scenario, wait_for
from colo_lab.mounts import SHARED
from colo_lab.pair import Pair
from colo_lab.steps import boot_ids, fails_over, knows_as_before, sides
from colo_lab.wait import holds

TWO = {"nodes": 2, "two_node": True}
DAEMON = "/usr/sbin/colo-hbd"
LOG = "colo-hbd/colo-hbd.log"
PACKAGE = f"{SHARED}/stage{DAEMON}"  # what lab.install() installs
NEXT_MINOR = "tests/lab/versions/colo-hbd-wire-1"
NEXT_MAJOR = "tests/lab/versions/colo-hbd-wire-2"
UNNOTICED_MS = 3000


def upgrade(pair, result, name, program):
    """Another colo-hbd on one host, as a package brings it: it knows what the one before it knew."""
    lab, known, at = pair.lab, pair.status(name), boottime()
    lab.nodes[name].sh(f"cp {program} {DAEMON}.new && mv {DAEMON}.new {DAEMON}")
    lab.nodes[name].service("colo-hbd").restart()
    knows_as_before(pair, name, known)
    lab.timeline.add(f"{name} has {program.split('/')[-1]}")
    pair.client.wait_answers(20)
    longest = pair.client.report(int(at * 1e9))["longest_gap_ms"]
    result.notes.setdefault("upgrade_gap_ms", []).append(longest)
    result.check(longest < UNNOTICED_MS, f"a client waited {longest} ms")


@scenario("mixed-versions", timeout_s=600, **TWO)
def mixed_versions(lab, result):
    """One host is upgraded to a later minor version, the other one much later: they are a pair, fail
    over and are filled in both directions, and neither refuses a word of the other."""
    with Pair(lab, result) as pair:
        pair.up()
        booted = boot_ids(lab)
        new, old = sides(pair, "secondary")
        later = lab.share(NEXT_MINOR)
        upgrade(pair, result, new, later)
        # The old one says that its QEMU is dead, and is filled by the new one ...
        fails_over(pair, result)
        # ... is asked to take over, passes that on, and fills it.
        lab.nodes[old].exec(["/usr/sbin/coloctl", "switchover", pair.vm])
        wait_for(lambda: pair.is_whole() and pair.primary() == old, 60,
                 lambda: f"{old} to take over: {pair.phases()}")
        pair.wait_agreement()
        pair.client.wait_answers(20)
        upgrade(pair, result, old, later)
        result.check(pair.is_whole(), f"{pair.phases()}")
        for node in lab.nodes.values():
            lines = [line for line in node.log(LOG).splitlines() if " refused: " in line]
            result.check(not lines, f"{node.name}: {lines}")
        result.check(boot_ids(lab) == booted, "no host was fenced")
        pair.finish()


def says_protocol(pair, words):
    """{node: words}"""
    for name, text in words.items():
        wait_for(lambda: text in pair.status(name)["line"], 20,
                 lambda: f"{name} to say {text!r}: {pair.status(name)['line']!r}")
        pair.lab.timeline.add(f"{name} says: {text}")


@scenario("protocol-mismatch", timeout_s=600, **TWO)
def protocol_mismatch(lab, result):
    """Two major versions do not understand each other: a pair runs on and is not decided about, none
    is made, the reason is said, and nothing is harmed."""
    with Pair(lab, result) as pair:
        pair.up()
        booted, before = boot_ids(lab), pair.phases()
        name, primary = sides(pair, "secondary")
        later = lab.share(NEXT_MAJOR)
        running = pair.qemu(primary).pid
        upgrade(pair, result, name, later)
        says_protocol(pair, {primary: f"colo-hbd on {name} speaks another protocol",
                             name: f"colo-hbd on {primary} speaks another protocol"})
        holds(lambda: pair.phases() == before, 2, "the pair as it was", every_s=0.2)
        pair.client.wait_answers(20)
        upgrade(pair, result, primary, later)
        wait_for(lambda: all("protocol" not in pair.status(each)["line"] for each in lab.nodes), 20,
                 "both to understand each other")
        pair.wait_agreement()
        result.check(pair.phases() == before, f"{pair.phases()}, before {before}")

        # A pair is not begun.
        lab.cluster.pcs("node", "standby", name, "--wait=60")
        upgrade(pair, result, name, PACKAGE)
        lab.cluster.pcs("node", "unstandby", name)
        wait_for(lambda: pair.find("spare") == [name], 30, lambda: f"{name} to start: {pair.phases()}")
        says_protocol(pair, {primary: f"no peer: {name} has a colo-hbd of another protocol"})
        holds(lambda: pair.find("solo") == [primary] and not lab.nodes[name].qemus(), 2,
              f"{primary} alone", every_s=0.2)
        pair.client.wait_answers(20)
        upgrade(pair, result, name, later)
        pair.wait_whole()
        result.check(pair.qemu(primary).pid == running, "the same QEMU has run all the while")
        result.check(boot_ids(lab) == booted, "no host was fenced")
        pair.wait_agreement()
        fails_over(pair, result)
        pair.finish()
