# SPDX-License-Identifier: GPL-2.0-or-later
"""The story that `./demo` tells: a pair is made, its primary is killed, a host loses power, and the
client's one connection goes on."""

import json
import signal
import socket
import sys
import threading
import time

from colo_lab.api import Lab
from colo_lab.errors import LabError
from colo_lab.kernel import boottime
from colo_lab.pair import Pair
from colo_lab.result import Result
from colo_lab.timeline import Timeline

BOLD, DIM, GREEN, RESET = ("\033[1m", "\033[2m", "\033[32m", "\033[0m") \
    if sys.stdout.isatty() else ("", "", "", "")
# What a failover's steps mean, in the order in which they happen.
STEPS = (
    ("death", "death: the kernel tells the agent of that host"),
    ("noticed", "noticed by the survivor"),
    ("proven", "proven that the other side cannot speak"),
    ("decided", "decided to go on alone"),
    ("recorded", "new generation on disk"),
    ("lost-heartbeat-sent", "x-colo-lost-heartbeat sent"),
    ("vm-running", "VM running alone"),
)


class Screen:
    """A story in lines, with the client's counter running on below them on a terminal."""

    def __init__(self):
        self.pair = None
        self.start = boottime()
        self.lock = threading.Lock()
        self.live = sys.stdout.isatty()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def say(self, text="", style=""):
        with self.lock:
            clear = "\r\033[K" if self.live else ""
            for line in text.split("\n"):
                print(f"{clear}{style}{line}{RESET if style else ''}", flush=True)

    def chapter(self, text):
        self.say()
        self.say(f"[{boottime() - self.start:5.1f} s] {text}", BOLD)

    def block(self, command, text):
        self.say(f"  $ {command}", DIM)
        for line in text.rstrip().split("\n"):
            self.say(f"    {line}")

    def watch(self, pair):
        self.pair = pair
        if self.live:
            self.thread.start()

    def counter(self):
        report = self.pair.client.report()
        faults = report["lost"] + report["repeated"] + len(report["resets"])
        self.say(f"  the client: counter at {report['value']}, {report['answers']} answers, "
                 f"{faults} lost, repeated or reset, one connection", GREEN)

    def _run(self):
        """The counter, again and again, over a control connection of its own."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.connect(self.pair.client.control_path)
                answers = sock.makefile("r", encoding="utf-8")
                while not self.ended.wait(0.1):
                    sock.sendall(b"report\n")
                    report = json.loads(answers.readline())
                    with self.lock:
                        print(f"\r\033[K{DIM}[{boottime() - self.start:5.1f} s]   counter "
                              f"{report['value']}{RESET}", end="", flush=True)
        except (OSError, ValueError):
            return  # the client has ended

    def end(self):
        self.ended.set()
        if self.thread.is_alive():
            self.thread.join()


def show(screen, lab, pair, node):
    screen.block(f"coloctl status        (on {node})",
                 lab.nodes[node].exec(["/usr/sbin/coloctl", "status"], check=False).stdout)
    screen.block("crm_mon -A1", trimmed(lab.cluster.text(node)))
    screen.counter()


def trimmed(text):
    """crm_mon without its head, which is about the cluster and not about the VM."""
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if line.startswith("Node List")), 0)
    return "\n".join(line for line in lines[start:] if line.strip())


def table(screen, title, origin, steps, first_answer, gap):
    screen.say(f"  {title}", BOLD)
    last = 0.0
    for name, meaning in STEPS:
        if name not in steps:
            continue
        ms = (steps[name] - origin) * 1000
        screen.say(f"    {ms:9.1f} ms  (+{ms - last:7.1f})  {meaning}")
        last = ms
    if first_answer is not None:
        ms = (first_answer - origin) * 1000
        screen.say(f"    {ms:9.1f} ms  (+{ms - last:7.1f})  first answer to the client")
    screen.say(f"    the client waited {gap:.0f} ms in all")


def account(pair, at):
    """(first answer after the failure, gap) of the client around the moment `at`."""
    pair.client.wait_answers(50)
    gap = pair.gap_ms(at)
    gaps = pair.client.report(int((at - 0.1) * 1e9))["gaps"]
    found = [each for each in gaps if each["gap_ms"] == gap]
    first = found[0]["at"] / 1e9 + gap / 1000 if found else None
    return first, gap


def kill_qemu(screen, lab, pair):
    victim, survivor = pair.primary(), pair.secondary()
    screen.chapter(f"kill -9 of the primary's QEMU, on {victim}")
    at = lab.nodes[victim].kill9(pair.qemu(victim).pid)
    first, gap = account(pair, at)
    screen.say(f"  {survivor} answers the client, {gap:.0f} ms after the last answer from {victim}")
    screen.counter()
    pair.wait_whole()
    pair.wait_agreement()
    screen.say(f"  a new pair, made by the agents: {pair.primary()} and {pair.secondary()}")
    show(screen, lab, pair, survivor)
    steps = {**pair.failover_steps(survivor), "death": pair.death_at(victim, at)}
    return (f"kill -9 of QEMU on {victim}", at, steps, first, gap)


def cut_power(screen, lab, pair):
    victim, survivor = pair.primary(), pair.secondary()
    lab.cluster.wait_links()
    screen.chapter(f"the host {victim} loses power: QEMU, agent, corosync and all, at once")
    at = lab.nodes[victim].power_off()["dead"]
    lab.cluster.wait_fenced(victim, at)
    first, gap = account(pair, at)
    screen.say(f"  {survivor} held its tongue until the fence device confirmed that {victim} is off,")
    screen.say(f"  then went on: {gap:.0f} ms without an answer, on the same connection")
    screen.block(f"coloctl explain {pair.vm}        (on {survivor})", lab.nodes[survivor].exec(
        ["/usr/sbin/coloctl", "explain", pair.vm], check=False).stdout)
    screen.counter()
    steps = pair.failover_steps(survivor)
    screen.say(f"  power for {victim} again")
    lab.nodes[victim].power_on()
    pair.wait_whole()
    lab.cluster.wait_online()
    pair.wait_agreement()
    screen.say(f"  the pair is whole again: {pair.primary()} and {pair.secondary()}")
    show(screen, lab, pair, survivor)
    return (f"power cut of {victim}", at, steps, first, gap)


def tell(screen, lab, result):
    screen.chapter("three hosts, each in namespaces of its own: corosync, Pacemaker, colo-hbd")
    lab.up()
    screen.block("crm_mon -1", trimmed(lab.cluster.text()))
    with Pair(lab, result) as pair:
        screen.chapter("the resource, as a user would type it")
        screen.say("  $ pcs resource create colo-vm ocf:colo:vm \\")
        screen.say('        disks="/var/lib/colo/colo-vm.qcow2" nics="bridge=br0" memory=128M ... '
                   "promotable", DIM)
        pair.create()
        pair.wait_whole()
        pair.wait_agreement()
        screen.say(f"  in COLO: primary on {pair.primary()}, secondary on {pair.secondary()}; "
                   "the third host is a spare")
        pair.connect()
        screen.watch(pair)
        pair.client.wait_answers(100)
        show(screen, lab, pair, pair.primary())
        failovers = [kill_qemu(screen, lab, pair), cut_power(screen, lab, pair)]
        pair.client.wait_answers(100)
        screen.chapter("what the client saw, and when what happened")
        screen.counter()
        pair.finish()
        screen.end()
        screen.say("  the guest's disk equals its memory; no answer was lost, repeated or out of order",
                   GREEN)
        for failover in failovers:
            screen.say()
            table(screen, *failover)


def main(prefix, options):
    """Tells the story in a lab of its own; returns the exit code."""
    screen = Screen()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lab = Lab.create(prefix, options, timeline=Timeline())
    try:
        tell(screen, lab, Result("demo"))
        screen.say()
        screen.say(f"demo: done in {boottime() - screen.start:.0f} s", BOLD)
        return 0
    except (LabError, AssertionError) as error:
        folder = f"/tmp/colo-demo-{time.strftime('%Y%m%dT%H%M%S')}"
        lab.save_logs(folder)
        screen.say(f"demo: {error}\nlogs: {folder}")
        return 1
    finally:
        screen.end()
        lab.down()
