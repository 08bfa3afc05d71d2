# SPDX-License-Identifier: GPL-2.0-or-later
"""One step in its course: strike, served again, whole again, and all as it must be."""

import time
from typing import NamedTuple

from colo_lab.errors import LabError
from colo_lab.kernel import boottime
from colo_lab.wait import wait_for

from . import deeds, draw, operators, rough
from .report import Done

DEEDS = {**deeds.DEEDS, **operators.DEEDS, **rough.DEEDS}
STILL_S = 1  # whoever has seen a short cut breaks the pair within half of hang_timeout


class Before(NamedTuple):
    """How a VM was right before the strike."""

    generation: int
    qemus: dict


class Now:
    """What a deed sees of its step: `node` and `host` it is about, `vm`, `sides` of every VM before.

    `affected`: numbers of the VMs whose pair breaks; `untouched`: all others keep their QEMUs.
    """

    def __init__(self, course, step, state):
        self.course, self.step, self.sides = course, step, state.sides
        self.kind = draw.KINDS[step["kind"]]
        self.nodes = course.lab.nodes
        self.host = draw.target(step, state)
        self.node = self.nodes[self.host]
        self.vm = course.vms[step["vm"]]
        self.affected = draw.affected(step, state)
        self.untouched = True
        self.before = {vm.number: Before(vm.generation(), vm.qemus()) for vm in course.vms}
        self.began = boottime()
        self.at = None
        self.gap = True         # the clients' waiting counts
        self.gap_ms = self.whole_at = None
        self.told = {}
        self.notes = []
        self._may_lose = set()

    def strike(self, at):
        """The first failure, or deed, was at this moment."""
        if self.at is None:
            self.at = at
            self.course.event("strike", at, host=self.host)

    def may_lose(self, *hosts):
        """The power of these hosts may go in this step; of others it must not."""
        self._may_lose.update(hosts)

    def may_be_lost(self, host):
        return host in self._may_lose

    def other_side(self, vm):
        """Who had the other copy of the VM: not the step's host."""
        return next(name for name in self.sides[vm.number] if name != self.host)

    def hits_all_of(self, host):
        """The step costs all VMs their copy on that host."""
        self.affected = sorted({*self.affected, *(number for number, sides in enumerate(self.sides)
                                                  if host in sides)})

    def lasts(self, seconds):
        """What the step does goes on for as long as was drawn: nothing is waited for."""
        time.sleep(seconds)

    def note(self, text):
        self.notes.append(text)


class Course:
    """Runs one step after the other. See run.py for who owns what."""

    served_s, whole_s, agree_s, fence_s = 120, 240, 120, 60

    def __init__(self, lab, vms, world, journal, checkers, result):
        self.lab, self.vms, self.world = lab, vms, world
        self.journal, self.checkers, self.result = journal, checkers, result
        self.number, self.step = 0, None

    def event(self, event, at=None, **details):
        self.journal.event(self.number, event, at, **details)

    def affected(self, now):
        return [self.vms[index] for index in now.affected]

    # ---- what deeds wait for ----

    def has_changed(self, now, vm):
        """A generation has begun since the strike."""
        return vm.generation() > now.before[vm.number].generation

    def _noticed(self, now):
        """Whoever is affected has begun a generation."""
        for vm in self.affected(now):
            wait_for(lambda: self.has_changed(now, vm), self.served_s,
                     lambda: f"{vm.vm} to have noticed: {vm.phases()}", every_s=0.2)

    def served(self, now):
        """Every client is answered again; how long they waited."""
        self._noticed(now)
        for vm in self.vms:
            vm.wait_served(self.served_s)
        if now.gap and now.gap_ms is None:
            now.gap_ms = max(vm.client.report(int((now.at - 1) * 1e9))["longest_gap_ms"]
                             for vm in self.vms)
        self.event("served", gap_ms=now.gap_ms)

    def whole(self, now):
        """Every VM is a pair again."""
        self._noticed(now)
        for vm in self.vms:
            self._wait_whole(now, vm)
        if now.whole_at is None:
            now.whole_at = boottime()
            self.event("whole", now.whole_at)

    def _wait_whole(self, now, vm):
        def whole():
            self._only_who_may(now)
            return vm.is_whole()

        wait_for(whole, self.whole_s, lambda: f"{vm.vm} to be whole: {vm.phases()}", every_s=0.1)

    # ---- hosts ----

    def _only_who_may(self, now):
        """Nobody else has lost its power."""
        for name, node in self.lab.nodes.items():
            fenced = self.lab.power.fenced(name, now.began)
            if not now.may_be_lost(name) and (fenced or not node.is_on):
                raise AssertionError(f"{name} was fenced in a step that is about {now.host}: {fenced}")

    def hosts_back(self, now):
        """Whoever lost its power has it again and is in the cluster. Pacemaker may carry out an order
        of before when the host is back, hence again."""
        def online():
            self._only_who_may(now)
            for name, node in self.lab.nodes.items():
                if not node.is_on:
                    node.power_on()
                    self.event("power on", host=name)
            states = self.lab.cluster.states()
            return len(states) == len(self.lab.nodes) and set(states.values()) == {"online"}

        wait_for(online, self.whole_s, lambda: f"all hosts online: {self.lab.cluster.states()}",
                 every_s=0.3)

    # ---- a step ----

    def state(self):
        up = frozenset(name for name, node in self.lab.nodes.items() if node.is_on)
        return draw.State(up, tuple(vm.sides() for vm in self.vms))

    def run(self, number, step):
        """The whole of a step, ends with all VMs whole. Returns Done."""
        self.number, self.step = number, step
        for vm in self.vms:
            vm.write()
        time.sleep(step["settle_s"])  # the moment of the strike is what was drawn
        state = self.state()
        self.journal.step(number, step, {"up": sorted(state.up),
                                         **{vm.vm: vm.sides() for vm in self.vms}})
        why = draw.why_not(step, state, self.world)
        if why is not None:
            raise LabError(f"step {number}, {step.get('kind')}, cannot begin: {why}")
        now = Now(self, step, state)
        DEEDS[step["kind"]](self, now)
        self._mend(now, step["hasty"])
        done = Done(number, step["kind"], step["role"], now.host, now.gap_ms,
                    None if now.whole_at is None else round(now.whole_at - now.at, 2),
                    round(boottime() - now.began, 2), now.kind.rough, now.notes)
        self.event("done", gap_ms=done.gap_ms, whole_s=done.whole_s, notes=done.notes)
        return done

    def _mend(self, now, hasty):
        """All is well again: hosts, pairs, clients, Pacemaker, and all that was recorded."""
        self.hosts_back(now)
        self.whole(now)
        if not now.untouched:
            self._settles(now)
        if not now.affected:
            now.whole_at = None  # it was whole all the time
        for number, told in now.told.items():
            self.vms[number].continue_from(told)
        self.served(now)
        if not hasty:
            self.agree(now)
        for vm in self.vms:
            if vm.number not in now.affected and now.untouched and not now.kind.rough:
                self.result.check(vm.qemus() == now.before[vm.number].qemus,
                                  f"{vm.vm} is not as it was: {vm.qemus()}, before {now.before}")
            vm.check_guest()
            vm.check_counts()
        self._only_who_may(now)
        wrong = self.checkers.judge(self.vms)
        self.result.check(not wrong, "; ".join(wrong))

    def _settles(self, now):
        """What may have been noticed just before it was healed has had its consequences: all pairs
        were whole for a while."""
        since = None

        def still():
            nonlocal since
            self._only_who_may(now)
            if not all(vm.is_whole() for vm in self.vms):
                since = None
            elif since is None:
                since = boottime()
            return since is not None and boottime() - since >= STILL_S

        wait_for(still, self.whole_s, lambda: "pairs that stay whole: "
                 + ", ".join(f"{vm.vm} {vm.phases()}" for vm in self.vms), every_s=0.2)

    def agree(self, now):
        """Pacemaker is of the same mind, and has nothing left to do."""
        def agrees(vm):
            failed = self.lab.cluster.failures()
            self.result.check(not failed, f"failed actions: {failed}")
            return vm.agrees() is None

        self.lab.cluster.wait_idle(self.agree_s)
        self.hosts_back(now)
        for vm in self.vms:
            wait_for(lambda: agrees(vm), self.agree_s,
                     lambda: f"Pacemaker to agree about {vm.vm}: {vm.agrees()}", every_s=0.2)
        self.event("agreed")
