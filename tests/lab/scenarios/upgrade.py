# SPDX-License-Identifier: GPL-2.0-or-later
"""What changes under a pair that runs: the agents, and what the hosts are about to run."""

import json
import os

from colo_lab.api import boottime, scenario, wait_for
from colo_lab.pair import IMAGE, Pair
from colo_lab.steps import attribute, boot_ids, explanation, fails_over, knows_as_before, qemus
from colo_lab.wait import holds

MONITOR_S = 13  # longer than the interval of Pacemaker's monitors
UNNOTICED_MS = 3000
TWO = {"nodes": 2, "two_node": True}


# ---- the agent ----

def is_old_binary(service):
    """The file that it was started from has been replaced."""
    return os.readlink(f"/proc/{service.process.pid}/exe").endswith(" (deleted)")


def qemus_live(lab, running):
    """These processes run, on hosts whose agent may be away."""
    return all(pid in [each.pid for each in lab.nodes[name].qemus()]
               for name, pid in running.items())


@scenario("daemon-upgrade", in_place=True, timeout_s=600, **TWO)
def daemon_upgrade(lab, result):
    """A new colo-hbd is installed, and the old one ended in order, on one host after the other:
    nobody notices, not even if both are without one for longer than Pacemaker's monitors wait."""
    with Pair(lab, result) as pair:
        pair.up()
        before, running, booted = pair.phases(), qemus(pair), boot_ids(lab)
        known = {name: pair.status(name) for name in lab.nodes}
        lab.install()
        at = boottime()
        for name, node in lab.nodes.items():
            daemon = node.service("colo-hbd")
            result.check(is_old_binary(daemon), f"{name} still runs the old file")
            daemon.restart()
            knows_as_before(pair, name, known[name])
            result.check(not is_old_binary(daemon), f"{name} runs the new file")
            lab.timeline.add(f"{name} is upgraded")
            pair.client.wait_answers(20)
        for node in lab.nodes.values():
            node.service("colo-hbd").stop()
        lab.timeline.add("no host has a colo-hbd")
        holds(lambda: qemus_live(lab, running), MONITOR_S, "both QEMUs", every_s=0.5)
        pair.client.wait_answers(20)
        for name, node in lab.nodes.items():
            node.service("colo-hbd").start()
        for name in lab.nodes:
            knows_as_before(pair, name, known[name])
        lab.timeline.add("both have one again")
        pair.client.wait_answers(20)
        result.check(pair.phases() == before, f"{pair.phases()}, before {before}")
        result.check(qemus(pair) == running, "the same QEMUs run on")
        result.check(boot_ids(lab) == booted, "no host was fenced")
        longest = pair.client.report(int(at * 1e9))["longest_gap_ms"]
        result.notes.setdefault("gap_ms", []).append(longest)
        result.check(longest < UNNOTICED_MS, f"a client waited {longest} ms")
        pair.wait_agreement()
        fails_over(pair, result)
        pair.finish()


# ---- what the two hosts are about to run ----

CONFIG = "/etc/colo-hbd/colo-vm.json"
QEMU = "/usr/local/bin/qemu-colo"
REAL = "/usr/bin/qemu-system-x86_64"
OTHER_VERSION = "QEMU emulator version 8.2.2 (another package)"


class HostLocalPair(Pair):
    """A VM whose machine is in a file of each host, with a QEMU of each host's own."""

    machine = {"memory": "128M", "cpus": 1, "machine": "pc", "nics": [{"bridge": "br0"}]}

    def resource_parameters(self):
        values = super().resource_parameters()
        return {**{key: value for key, value in values.items() if key not in self.machine},
                "config": CONFIG, "qemu": QEMU}

    def write(self, node, version=f"{REAL} --version", runs=f'{REAL} "$@"', **differences):
        """version: the command that answers `--version`; runs: the one that is QEMU."""
        text = json.dumps({**self.machine, **differences})
        self.lab.nodes[node].sh(
            f"mkdir -p /etc/colo-hbd /usr/local/bin && cat > {CONFIG} <<'END'\n{text}\nEND\n"
            f"cat > {QEMU} <<'END'\n#!/bin/sh\n"
            f'[ "$1" = --version ] && {version} && exit\nexec {runs}\n'
            f"END\nchmod 755 {QEMU}")


def is_refused(pair, result, words, running):
    """n1 serves alone, says why everywhere, and no QEMU is left on n2."""
    lab = pair.lab
    wait_for(lambda: words in attribute(pair, "n1"), 60,
             lambda: f"crm_mon to say {words!r} of n1: {attribute(pair, 'n1')!r}")
    line, why = pair.status("n1")["line"], explanation(pair, "n1")
    lab.timeline.add(f"n1 says: {line}")
    result.check(words in line, f"status: {line!r} lacks {words!r}")
    result.check(words in why, f"explain: {why!r} lacks {words!r}")
    holds(lambda: pair.phases()["n1"][0] == "solo" and not lab.nodes["n2"].qemus(), 2,
          "n1 alone and no QEMU on n2", every_s=0.2)
    result.check(pair.qemu("n1").pid == running, "the same QEMU runs")
    pair.client.wait_answers(20)


@scenario("qemu-mismatch", timeout_s=600, also=["wrong-image-size"], **TWO)
def qemu_mismatch(lab, result):
    """The other host would run another QEMU, another machine or a disk of another size: refused before
    anything is harmed, the reason is said, and it becomes a pair when they are the same."""
    fake = f"env FAKE_QEMU_VERSION=9.1.2 {lab.share('tests/unit/qmp/fake/fake-qemu')}"
    image = IMAGE.format(vm="colo-vm")
    smaller = f"mkdir -p /var/lib/colo && qemu-img create -q -f qcow2 {image} 32M"
    nics = [{"bridge": "br0", "model": "e1000"}, {"bridge": "br0"}]
    differences = (
        ({"version": f"echo '{OTHER_VERSION}'"}, ":", "n2 has another version of QEMU"),
        ({"memory": "192M", "cpus": 2, "machine": "q35", "nics": nics}, ":",
         "n2 would run another machine: memory, cpus or cpu, machine or accel, nics differ"),
        ({}, smaller, "n2 has an image of another size"),
        # It was upgraded after it was asked for its version.
        ({"runs": f'{fake} "$@"'}, f"rm {image}", "n2 has another version of QEMU"),
    )
    with HostLocalPair(lab, result) as pair:
        pair.write("n1")
        running = None
        for wrong, prepare, words in differences:
            pair.write("n2", **wrong)
            lab.nodes["n2"].sh(prepare)
            if running is None:
                pair.create()
                pair.connect()
                running = pair.qemu("n1").pid
            else:
                lab.cluster.pcs("node", "unstandby", "n2")
            is_refused(pair, result, words, running)
            if not wrong.get("runs"):
                result.check(pair.noted("n1", "join-started", 0) is None, "no join was begun")
            # As an administrator does who changes something about one host.
            lab.cluster.pcs("node", "standby", "n2", "--wait=60")
        pair.write("n2")
        lab.cluster.pcs("node", "unstandby", "n2")
        pair.wait_whole()
        pair.wait_agreement()
        result.check(pair.qemu("n1").pid == running, "the same QEMU has run all the while")
        fails_over(pair, result)
        pair.finish()
