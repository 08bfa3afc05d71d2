# SPDX-License-Identifier: GPL-2.0-or-later
"""What operators do among the steps. See deeds.py."""

from colo_lab.kernel import boottime
from colo_lab.wait import wait_for

STOP_S = 120  # time-out of the agent's stop, in its meta-data


def _pcs(course, *words, node=None):
    course.lab.cluster.pcs(*words, node=node, timeout_s=STOP_S + 60)


def _ask(course, now, verb):
    """coloctl on the step's host. Both sides' daemons know what the VM does."""
    at = boottime()
    now.vm.coloctl(now.host, verb)
    now.strike(at)
    course.served(now)


def switchover(course, now):
    _, secondary = now.sides[now.vm.number]
    _ask(course, now, now.step["kind"])
    course.whole(now)
    if now.vm.primary() != secondary:
        raise AssertionError(f"{secondary} is not the primary: {now.vm.phases()}")


def resync(course, now):
    primary, _ = now.sides[now.vm.number]
    _ask(course, now, "resync")
    course.whole(now)
    if now.vm.primary() != primary:
        raise AssertionError(f"{primary} is not the primary: {now.vm.phases()}")


def standby(course, now):
    other = next(name for name in now.nodes if name != now.host)
    now.strike(boottime())
    _pcs(course, "node", "standby", now.host, f"--wait={STOP_S}", node=other)
    course.served(now)
    if now.step["back"] == "whole":
        course.whole(now)
    _pcs(course, "node", "unstandby", now.host, node=other)


def disable(course, now):
    """The guest is shut down by its power button, and its data is there when it is back."""
    vm = now.vm
    now.strike(boottime())
    _pcs(course, "resource", "disable", vm.vm, f"--wait={STOP_S}")
    told = vm.disconnect()
    wait_for(lambda: not vm.runs(), 10, "every QEMU to end")
    now.lasts(now.step["for_s"])
    _pcs(course, "resource", "enable", vm.vm)
    vm.wait_whole(course.whole_s)
    vm.continue_from(told)
    now.gap = False  # nobody was connected


def _death(course, now):
    """Somebody dies while Pacemaker may only look on."""
    if now.step["meanwhile"] is None:
        return
    primary, secondary = now.sides[now.vm.number]
    victim = primary if now.step["meanwhile"] == "primary" else secondary
    now.strike(now.nodes[victim].kill9(now.vm.qemu(victim).pid))
    course.served(now)
    course.whole(now)


def unmanage(course, now):
    now.strike(boottime())
    _pcs(course, "resource", "unmanage", now.vm.vm)
    _death(course, now)
    before = now.vm.qemus()
    _pcs(course, "resource", "manage", now.vm.vm)
    now.vm.wait_agreement(course.agree_s)
    if now.vm.qemus() != before:
        raise AssertionError(f"managed again, QEMUs {now.vm.qemus()}, before {before}")


def maintenance(course, now):
    now.strike(boottime())
    _pcs(course, "property", "set", "maintenance-mode=true")
    course.lab.cluster.wait_idle()
    _death(course, now)
    before = now.vm.qemus()
    _pcs(course, "property", "set", "maintenance-mode=false")
    now.vm.wait_agreement(course.agree_s)
    if now.vm.qemus() != before:
        raise AssertionError(f"out of maintenance mode, QEMUs {now.vm.qemus()}, before {before}")


def restart_pacemaker(course, now):
    """In order, so that its copies are stopped first, and nobody is fenced."""
    service = now.node.service("pacemaker")
    now.strike(boottime())
    service.stop(timeout_s=STOP_S + 60)
    course.served(now)
    service.start()


def refresh(course, now):
    now.strike(boottime())
    _pcs(course, "resource", "refresh", now.vm.vm)
    course.lab.cluster.wait_idle()


DEEDS = {
    "switchover": switchover, "failover": switchover, "resync": resync, "standby": standby,
    "disable": disable, "unmanage": unmanage, "maintenance": maintenance,
    "restart-pacemaker": restart_pacemaker, "refresh": refresh,
}
