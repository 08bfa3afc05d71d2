# SPDX-License-Identifier: GPL-2.0-or-later
"""The VMs of a soak: each a pair with two clients, whose answers are counted to the end."""

from dataclasses import dataclass

from colo_lab import frames, speakers
from colo_lab.errors import LabError
from colo_lab.pair import GUEST_PORT, Pair
from colo_lab.spawn import enter_net

from remote import Client  # client/, which colo_lab.pair has put on the path

THINK_MS = 20
FILL_MB = 24        # something to copy, at a speed that leaves time for a failure meanwhile
SPEED = "12M"
WRITES = 8          # blocks before each step, so that there is something to lose
ANSWERS = 20


@dataclass(frozen=True)
class Account:
    """What clients were told."""

    answers: int = 0
    lost: int = 0
    repeated: int = 0
    resets: int = 0
    connections: int = 0

    @classmethod
    def of(cls, report):
        """Of one client, by its report."""
        return cls(report["answers"], report["lost"], report["repeated"], len(report["resets"]), 1)

    def __add__(self, other):
        return Account(*(mine + theirs for mine, theirs in
                         zip(vars(self).values(), vars(other).values())))


class Vm(Pair):
    """One VM. `client` counts on the disk, `second` in memory, each on a connection of its own."""

    def __init__(self, lab, result, number):
        super().__init__(lab, result, vm=f"soak{number}", address=f"192.168.77.{50 + number}",
                         parameters={"resync_speed": SPEED})
        self.number, self.second = number, None
        self.ended = Account()  # of the clients that have ended
        self.windows = 0
        self.frames_seen = 0

    def status(self, node):
        """None also if the node loses its power while it is asked."""
        try:
            return super().status(node)
        except LabError:
            return None

    def coloctl(self, node, verb, *words, check=True):
        """The operator's command about this VM on that host; its CompletedProcess."""
        return self.lab.nodes[node].exec(["/usr/sbin/coloctl", verb, self.vm, *words], check=check)

    def create_on(self, node):
        self.create(data_on=node, fill_mb=FILL_MB)

    # ---- state ----

    def sides(self):
        """(primary, secondary), None where there is none."""
        found = {each[:2]: name for name, each in self.phases().items()}
        return (found.get(("paired", "primary")), found.get(("paired", "secondary")))

    def generation(self):
        """The highest that any host tells of a living replica."""
        return max((each[2] for each in self.phases().values()), default=0)

    def qemus(self):
        """{host: pid outside} of both sides."""
        return {name: self.qemu(name).pid for name in self.sides() if name}

    def processes(self, node):
        """QEMUs of this VM on that host, also one that its daemon does not speak of."""
        return [each for each in self.lab.nodes[node].qemus() if self.vm in " ".join(each.argv)]

    def runs(self):
        """Whether it has a QEMU anywhere."""
        return any(self.processes(name) for name, node in self.lab.nodes.items() if node.is_on)

    # ---- clients ----

    def clients(self):
        return [each for each in (self.client, self.second) if each is not None]

    def connect_both(self):
        """The first client, then the one that counts in memory."""
        self.connect(THINK_MS)
        control = self.lab.state / f"second-{self.vm}.sock"
        self.second = Client(f"{self.address}:{GUEST_PORT}", control,
                             enter_net(self.lab.client.net_path), THINK_MS, "mem")
        self.second.start()
        self.second.wait_answers(5)

    def disconnect(self):
        """Ends both, in the middle of what they do. Returns the highest count of the disk that was
        told."""
        self.check_counts()
        self.ended = self.totals()
        told = self.client.report()["value"]  # last, as it may still be counting
        self.kill_clients()
        return told

    def continue_from(self, told):
        """New clients of a guest that was started from its disk: it goes on from `told`. The one
        request that was under way may have counted or not."""
        self.connect_both()
        report = self.client.report()
        found = report["value"] - report["answers"]
        self.result.check(found in (told, told + 1),
                          f"{self.vm}: clients were told {told}, the disk says {found}")

    def check_counts(self):
        """No answer was lost, repeated or out of order, and no connection ended."""
        for client in self.clients():
            report = client.report()
            shown = {key: report[key] for key in ("lost", "repeated", "errors", "resets", "value")}
            self.result.check(report["exact"], f"{self.vm}: a client was told wrong: {shown}")

    def check_guest(self):
        """Disk and memory are what the clients were told."""
        found = self.client.check(timeout_s=90)
        self.result.check(found["ok"], f"{self.vm}: disk and memory differ: {found}")

    def write(self):
        """Something on the disk and in memory that the other side must have, too."""
        for command in (f"write {WRITES}", f"dirty {WRITES}", "clock"):
            self.client.ask(command, timeout_s=90)

    def wait_served(self, timeout_s):
        for client in self.clients():
            client.wait_answers(ANSWERS, timeout_s=timeout_s)

    def totals(self):
        """What all its clients were told until now."""
        return sum((Account.of(client.report()) for client in self.clients()), self.ended)

    def kill_clients(self):
        for client in self.clients():
            client.kill()
        self.client = self.second = None

    # ---- frames ----

    def next_window(self):
        """Judges the frames since the last window and begins the next, which overlaps, so that none
        is missed. Returns what was wrong."""
        self.windows += 1
        last, self.watch = self.watch, frames.Watch(self.lab, self.vm, [self.address],
                                                    name=f"{self.vm}-{self.windows}")
        return self._end(last)

    def end_window(self, keep=False):
        last, self.watch = self.watch, None
        return self._end(last, keep)

    def _end(self, watch, keep=False):
        if watch is None:
            return []
        wrong = watch.end(keep)
        self.frames_seen += sum(sum(kinds.values()) for kinds in speakers.tally(watch.frames).values())
        return [f"{self.vm}: {line}" for line in wrong]
