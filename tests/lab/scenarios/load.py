# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that is far too busy, which is no failure of anything."""

import json
import os
import shutil
import signal
import subprocess

from colo_lab.api import boottime, scenario, wait_for
from colo_lab.pair import Pair
from colo_lab.steps import boot_ids

LOAD_S = 60
BUSY_LOOPS_PER_CORE = 4
WRITERS = 2
BACKUP_PORT = 9102
# What no agent may have thought of in that time. That it was late itself ("stalled") it may say.
WRONG = {"holding", "peer-lost", "agent-lost", "fence-asked", "fenced", "decided", "hang", "broken",
         "qemu-died", "lost-line"}

BACKUP_SINK = f"""
import socket, threading
def swallow(connection):
    while connection.recv(1 << 20):
        pass
listener = socket.create_server(("", {BACKUP_PORT}))
print("ready", flush=True)
while True:
    threading.Thread(target=swallow, args=(listener.accept()[0],), daemon=True).start()
"""
BACKUP = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
while True:
    connection.sendall(bytes(1 << 20))
"""
WRITER = ('while dd if=/dev/zero of="$0" bs=1M count=128 conv=fsync status=none; '
          'do rm "$0"; done')


class Load:
    """Busy loops, writes with sync and a backup over both networks of the pair, while in `with`."""

    def __init__(self, pair):
        self.lab = pair.lab
        self.sink, self.source = "n3", pair.primary()
        self.folder = self.lab.state / "load"
        self.running, self.groups = [], []

    def __enter__(self):
        lab, python = self.lab, "/usr/bin/python3"
        self.folder.mkdir()
        sink = lab.nodes[self.sink].popen([python, "-c", BACKUP_SINK], stdout=subprocess.PIPE,
                                          text=True)
        self.running.append(sink)
        assert sink.stdout.readline() == "ready\n"
        port, number = str(BACKUP_PORT), lab.nodes[self.sink].id
        # Over the network of the replication, and over that of the clients, from one of them.
        self.running.append(lab.nodes[self.source].popen(
            [python, "-c", BACKUP, f"10.77.1.{number}", port], stderr=subprocess.DEVNULL))
        self.running.append(lab.client.popen(
            [python, "-c", BACKUP, f"192.168.77.{200 + number}", port],
            stderr=subprocess.DEVNULL))
        lab.switch.flood_clients()
        for number in range(WRITERS):
            self.running.append(subprocess.Popen(
                ["/bin/sh", "-c", WRITER, str(self.folder / f"write-{number}")],
                start_new_session=True))  # a group of its own: the shell and its dd
            self.groups.append(self.running[-1].pid)
        for _ in range(BUSY_LOOPS_PER_CORE * os.cpu_count()):
            self.running.append(subprocess.Popen([python, "-c", "while True: pass"]))
        for process in self.running:
            lab.track(process)
        lab.timeline.add(f"{BUSY_LOOPS_PER_CORE} busy loops per core, {WRITERS} writers with sync, "
                         f"a backup over both networks")
        return self

    def __exit__(self, *_):
        for group in self.groups:
            os.killpg(group, signal.SIGKILL)
        for process in self.running:
            process.kill()
            process.wait()
        self.lab.switch.flood_clients(False)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.lab.timeline.add("the load is gone")


def noted(pair, node, since):
    """What the agent of `node` has noted after `since`."""
    done = pair.lab.nodes[node].exec(["/usr/sbin/coloctl", "events", pair.vm, "--json"])
    return {event["note"] for event in json.loads(done.stdout)["events"]
            if event["boottime_ns"] / 1e9 >= since}


def agents(lab):
    """The main process of every node's colo-hbd."""
    return {name: node.service("colo-hbd").state()["pid"] for name, node in lab.nodes.items()}


# The token is corosync's default, as on a machine that somebody overloads: with the lab's 300 ms a
# node would leave the membership because corosync itself was not run for so long, and what follows
# then is not false. The question here is whether this product sees failures that are none. With
# watchdog=True colo-hbd has the time limit that its unit gives it under systemd.
@scenario("cpu-overload", token_ms=3000, watchdog=True, in_place=True, timeout_s=420,
          also=["false-failover-under-cpu-load", "false-failover-under-writeback",
                "false-failover-under-a-backup-on-the-same-network",
                "healthy-node-rebooted-by-its-own-watchdog"])
def cpu_overload(lab, result):
    """4 busy loops per core, writes with sync and a backup for 60 s: nothing happens at all."""
    with Pair(lab, result) as pair:
        pair.up()
        before = pair.phases()
        boots = boot_ids(lab)
        daemons = agents(lab)
        with Load(pair):
            at = boottime()
            wait_for(lambda: boottime() - at >= LOAD_S, LOAD_S * 2, "the time to pass", every_s=1)
            pair.client.wait_answers(1, timeout_s=60)
        for name in lab.nodes:
            wrong = noted(pair, name, at) & WRONG
            result.check(not wrong, f"the agent of {name} noted {wrong}")
        result.check(pair.phases() == before, f"{pair.phases()}, before: {before}")
        result.check(not [entry for entry in lab.power.log() if entry["t"] > at], "nobody is fenced")
        result.check(boot_ids(lab) == boots, "nobody was rebooted")
        result.check(agents(lab) == daemons, "no daemon was started again")
        longest = pair.client.report(int(at * 1e9))["longest_gap_ms"]
        lab.timeline.add(f"the longest wait of the client was {longest:.0f} ms")
        result.gap_ms.append(longest)
        pair.client.wait_answers(50)
        pair.wait_agreement()
        pair.finish()
