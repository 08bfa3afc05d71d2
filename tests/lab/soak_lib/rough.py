# SPDX-License-Identifier: GPL-2.0-or-later
"""Two failures at a time, with --rough: the VM may be down, but what clients were told is never undone,
and it comes back when the hosts are back. See deeds.py."""

from colo_lab.steps import cut_power
from colo_lab.wait import holds, wait_for

from .deeds import wait_filling

WAITS_S = 3


def _told(course, now):
    """The clients end in the middle of it; each VM's next ones go on from what they were told."""
    now.gap = False
    now.told = {vm.number: vm.disconnect() for vm in course.vms}


def both_qemus(course, now):
    hosts = now.sides[now.vm.number]
    pids = [now.vm.qemu(name).pid for name in hosts]
    now.strike(now.nodes[hosts[0]].kill9(pids[0]))
    now.lasts(now.step["for_s"])
    # It may be dead already, and another be there in its place.
    now.nodes[hosts[1]].kill9(pids[1])
    _told(course, now)


def both_hosts(course, now):
    """The one that dies first is back first: its disk is the older one."""
    other = now.other_side(now.vm)
    now.may_lose(*now.nodes)
    now.strike(now.node.power_off()["cut"])
    now.lasts(now.step["for_s"])
    now.nodes[other].power_off()
    _told(course, now)
    now.node.power_on()
    wait_for(lambda: now.vm.status(now.host), course.agree_s, f"{now.vm.vm} on {now.host}")
    holds(lambda: not now.vm.runs(), WAITS_S, f"no {now.vm.vm} on an older disk", every_s=0.2)


def all_hosts(course, now):
    now.may_lose(*now.nodes)
    now.strike(course.lab.timeline.add("power cut of all hosts"))
    cut_power(course.lab, list(now.nodes))
    _told(course, now)


def primary_while_filling(course, now):
    """The host of the only copy dies: nobody else may serve, however much of it was filled."""
    now.may_lose(*now.nodes)
    _, secondary = now.sides[now.vm.number]
    now.strike(now.nodes[secondary].kill9(now.vm.qemu(secondary).pid))
    _, filled = wait_filling(course, now)
    if filled is None:
        now.note("filled before the second failure")
        return
    now.lasts(now.step["for_s"])
    now.node.power_off()
    course.event("second failure", host=now.host)
    _told(course, now)


def unfenceable(course, now):
    """Both sides hold, or one does, until they see each other again or somebody can be fenced."""
    now.may_lose(*now.nodes)
    for name in now.nodes:
        course.lab.power.fault(name, "fail")
    now.strike(course.lab.switch.isolate(now.host))
    now.lasts(now.step["for_s"])
    course.lab.switch.heal_all()
    _told(course, now)
    now.affected, now.untouched = [], False  # they may have gone on where they were
    for name in now.nodes:
        course.lab.power.fault(name, "ok")


def both_corosyncs(course, now):
    now.may_lose(*now.nodes)
    hosts = now.sides[now.vm.number]
    now.strike(now.nodes[hosts[0]].service("corosync").kill9())
    now.nodes[hosts[1]].service("corosync").kill9()
    _told(course, now)
    # Without quorum nobody can be fenced: somebody resets them.
    cut_power(course.lab, hosts)


DEEDS = {
    "both-qemus": both_qemus, "both-hosts": both_hosts, "all-hosts": all_hosts,
    "primary-while-filling": primary_while_filling, "unfenceable": unfenceable,
    "both-corosyncs": both_corosyncs,
}
