# SPDX-License-Identifier: GPL-2.0-or-later
"""What cannot be is refused, with the reason, before anything is harmed; and it starts as soon as it
can."""

import sys

from colo_lab.api import scenario, wait_for
from colo_lab.pair import IMAGE, Pair
from colo_lab.steps import agent, fails_over, says

TWO = {"nodes": 2, "two_node": True}
RAW = "/var/lib/colo/raw.img"
OLD_QEMU = "/usr/local/bin/old-qemu"
PORT = 5555

# What is wrong: the parameters that say it, and the reason that a person is given.
BAD = {
    "image folder": ({"disks": "/var/lib/nowhere/vm.qcow2"},
                     "disks: entry 1: folder /var/lib/nowhere on this host: No such file or "
                     "directory: make it, or name another image"),
    "format": ({"disks": RAW},
               f"disks: entry 1: {RAW} is no qcow2 image: add format=raw if it is a raw one, or "
               "convert it (qemu-img convert)"),
    "missing bridge": ({"nics": "bridge=br7"},
                       "nics: entry 1: this host has no bridge br7: make it (ip link add br7 type "
                       "bridge), or name another one"),
    "what breaks COLO": ({"qemu_args": "-incoming tcp:0:4444"},
                         "qemu_args: -incoming: the daemon decides which side waits for a migration"),
    "a NIC of its own": ({"qemu_args": "-netdev user,id=u"},
                         "-netdev: a NIC outside COLO answers twice; use the parameter nics"),
    "no such QEMU": ({"qemu": "/usr/bin/qemu-system-vax"},
                     "qemu: /usr/bin/qemu-system-vax is not on this host, or may not be run"),
    "unsupported QEMU": ({"qemu": OLD_QEMU},
                         f"qemu: {OLD_QEMU} on this host: QEMU 6.2.0: COLO is supported from QEMU "
                         "7.0 on"),
    "overlay folder": ({"overlay_dir": "/var/lib/nowhere"},
                       "overlay_dir: /var/lib/nowhere on this host: No such file or directory: make "
                       "the folder, or leave the parameter out"),
    "memory": ({"memory": "lots"},
               'memory: "lots" is not right: write whole megabytes from 16M to 16T, for example 2G'),
    "misspelt parameter": ({"memroy": "1G"},
                           'there is no parameter "memroy": write memory, or remove it'),
}


@scenario("validate-is-honest", in_place=True, also=["validate-passed-start-failed", "refusals"],
          **TWO)
def validate_is_honest(lab, result):
    """What start would refuse, validate-all refuses in the same words; what it accepts, starts."""
    pair, node = Pair(lab, result), lab.nodes["n1"]
    node.sh(f"mkdir -p /var/lib/colo /usr/local/bin && "
            f"qemu-img create -q -f qcow2 {IMAGE.format(vm=pair.vm)} 64M && "
            f"qemu-img create -q -f raw {RAW} 64M && "
            f"printf '#!/bin/sh\necho QEMU emulator version 6.2.0\n' > {OLD_QEMU} && "
            f"chmod 755 {OLD_QEMU}")
    for what, (wrong, words) in BAD.items():
        parameters = {**pair.resource_parameters(), **wrong}
        checked = agent(pair, "n1", "validate-all", parameters, level=10)
        started = agent(pair, "n1", "start", parameters)
        lab.timeline.add(f"{what}: validate-all {checked}, start {started}")
        result.check(checked[0] != 0 and words in checked[1], f"{what}: validate-all: {checked}")
        result.check(checked == started, f"{what}: validate-all {checked}, start {started}")
        result.check(agent(pair, "n1", "monitor", parameters)[0] == 7, f"{what}: nothing runs")
    result.check(not node.qemus(), "no QEMU")
    good = pair.resource_parameters()
    result.check(agent(pair, "n1", "validate-all", good, level=10)[0] == 0, "good parameters")
    result.check(agent(pair, "n1", "start", good)[0] == 0, "they start")
    result.check(agent(pair, "n1", "stop", good)[0] == 0, "they stop")


# ---- what only QEMU can find ----

LISTEN = f"import socket, signal; s = socket.create_server(('127.0.0.1', {PORT})); signal.pause()"


class ConsolePair(Pair):
    """A VM whose QEMU listens on a port of each host."""

    def resource_parameters(self):
        values = super().resource_parameters()
        values["qemu_args"] += (f" -chardev socket,id=con,host=127.0.0.1,port={PORT},server=on,"
                                "wait=off")
        return values


class Holder:
    """A process of a node that holds something, until it is told to let go."""

    def __init__(self, lab, node, argv, holds):
        self.process = lab.track(lab.nodes[node].popen(argv))
        wait_for(lambda: self.process.poll() is None and holds(), 30,
                 f"{argv[0]} on {node} to hold what it shall")

    def release(self):
        self.process.kill()
        self.process.wait()


@scenario("refused-by-the-host", timeout_s=600, also=["image-in-use", "port-in-use"], **TWO)
def refused_by_the_host(lab, result):
    """An image or a port is in use: QEMU's own words are said, and it comes right by itself."""
    with ConsolePair(lab, result) as pair:
        # Somebody else has the image: QEMU's own lock.
        image, n1 = IMAGE.format(vm=pair.vm), lab.nodes["n1"]
        n1.sh(f"mkdir -p /var/lib/colo && qemu-img create -q -f qcow2 {image} 64M")
        # To ask qemu-img would be to lock it, too.
        is_locked = f"grep -q :$(stat -c %i {image}) /proc/locks"
        holder = Holder(lab, "n1", ["/usr/bin/qemu-io", "-c", "sleep 600000", image],
                        lambda: n1.sh(is_locked, check=False).returncode == 0)
        pair.create_resource()
        says(pair, "n1", "Is another process using the image")
        holder.release()
        pair.connect()
        running = pair.qemu("n1").pid
        pair.wait_whole()
        pair.wait_agreement(failures=[f"{pair.vm}_promote_0"])
        lab.cluster.pcs("resource", "cleanup", pair.vm)

        # A port that the secondary's QEMU shall listen on is taken.
        n2 = lab.nodes["n2"]
        lab.cluster.pcs("node", "standby", "n2")
        wait_for(lambda: not n2.qemus(), 60, "n2 to be without a QEMU")
        taken = Holder(lab, "n2", [sys.executable, "-c", LISTEN], lambda: f":{PORT} " in n2.sh(
            "ss -ltn").stdout)
        lab.cluster.pcs("node", "unstandby", "n2")
        says(pair, "n2", "Address already in use")
        says(pair, "n1", "n2 could not be filled")
        pair.client.wait_answers(20)
        taken.release()
        pair.wait_whole()
        result.check(pair.qemu("n1").pid == running, "the same QEMU has run all the while")
        pair.wait_agreement(90)
        pair.client.wait_answers(20)
        fails_over(pair, result)
        pair.finish()
