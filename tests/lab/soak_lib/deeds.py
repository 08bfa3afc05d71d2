# SPDX-License-Identifier: GPL-2.0-or-later
"""What the failures among the steps do, each to its end: what was cut is healed, what was stopped goes
on. Hosts without power get it back from whoever called.

A deed gets the Course and the Now of step.py. It begins with `now.strike(moment)` and says with
`course.served(now)` that all clients must have been answered again by then.
"""

import signal

from colo_lab.kernel import boottime
from colo_lab.wait import holds, wait_for

REPLICATION_LINK = 1
OTHER_LINK = 0
KNOWN_S = 30
FILLING_S = 60
NOTICED_S = 2     # twice hang_timeout: longer than anybody waits for a peer that is gone
REFUSED = {5, 6}  # coloctl(8), EXIT STATUS


def _lost(course, now, at):
    """The step's host was lost at the moment `at` and has to be fenced before anybody goes on."""
    now.strike(at)
    course.lab.cluster.wait_fenced(now.host, at, timeout_s=course.fence_s)
    course.served(now)
    if now.step.get("back") == "whole":
        course.whole(now)


# ---- QEMU ----

def kill_qemu(course, now):
    now.strike(now.node.kill9(now.vm.qemu(now.host).pid))
    course.served(now)


def hang_qemu(course, now):
    now.strike(now.node.signal(now.vm.qemu(now.host).pid, signal.SIGSTOP))
    course.served(now)


# ---- the host ----

def cut_power(course, now):
    now.may_lose(now.host)
    _lost(course, now, now.node.power_off()["dead"])


def isolate(course, now):
    now.may_lose(now.host)
    how = {"clients": now.step["clients"], "way": now.step["way"]}
    _lost(course, now, course.lab.switch.isolate(now.host, **how))
    course.lab.switch.heal_all()


def kill_corosync(course, now):
    now.may_lose(now.host)
    _lost(course, now, now.node.service("corosync").kill9())


def hang_corosync(course, now):
    now.may_lose(now.host)
    _lost(course, now, now.node.service("corosync").pause())


def slow_fence(course, now):
    course.lab.power.fault(now.host, "slow", delay_s=now.step["for_s"])
    cut_power(course, now)
    course.lab.power.fault(now.host, "ok")


def failing_fence(course, now):
    """It refuses: whoever is left is silent, and goes on when it works again."""
    now.may_lose(now.host)
    course.lab.power.fault(now.host, "fail")
    at = now.node.power_off()["dead"]
    now.strike(at)
    for vm in course.affected(now):
        survivor = now.other_side(vm)
        wait_for(lambda: survivor in vm.find("holding"), KNOWN_S,
                 lambda: f"{survivor} to hold: {vm.phases()}")
        before = vm.client.report()["answers"]
        holds(lambda: vm.client.report()["answers"] == before, now.step["for_s"],
              f"silence of {vm.vm} without proof", every_s=0.2)
    course.lab.power.fault(now.host, "ok")
    course.lab.cluster.wait_fenced(now.host, at, timeout_s=course.fence_s)
    course.served(now)


# ---- links ----

def _cut_link(course, now, link):
    course.lab.cluster.wait_links()
    now.strike(course.lab.switch.isolate(now.host, link=link, way=now.step["way"]))
    now.lasts(now.step["for_s"])
    course.lab.switch.heal_all()


def cut_replication(course, now):
    """Whether anybody notices depends on how long it is cut, and which way."""
    _cut_link(course, now, REPLICATION_LINK)
    now.affected = [index for index in now.affected if course.has_changed(now, course.vms[index])]
    now.untouched = False
    course.served(now)


def cut_ring(course, now):
    _cut_link(course, now, OTHER_LINK)
    course.lab.cluster.wait_links(60)


# ---- colo-hbd ----

def _replace_daemon(node):
    """kill -9 of the daemon; returns the moment when the next one runs."""
    service = node.service("colo-hbd")
    starts = service.state()["starts"]
    at = service.kill9()
    wait_for(lambda: service.state()["starts"] > starts, KNOWN_S, "the next daemon")
    return at


def _answers(course, node):
    """The daemon has taken over what it found, and speaks of every VM."""
    for vm in course.vms:
        wait_for(lambda: vm.status(node.name), KNOWN_S, f"{vm.vm} in the daemon of {node.name}")


def kill_daemon(course, now):
    """The second time right behind the first: the next daemon has begun, and no more."""
    for _ in range(now.step["times"]):
        now.strike(_replace_daemon(now.node))
    _answers(course, now.node)


def hang_daemon(course, now):
    service = now.node.service("colo-hbd")
    now.strike(service.pause())
    now.lasts(now.step["for_s"])
    service.resume()
    _answers(course, now.node)


def hang_daemon_kill_qemu(course, now):
    """Nobody is there to tell of the death, so the host has to be fenced for it."""
    now.may_lose(now.host)
    other = now.other_side(now.vm)
    qemu = now.vm.qemu(now.host).pid
    now.node.service("colo-hbd").pause()
    if now.step["known"]:
        words = f"colo-hbd on {now.host} does not answer"
        wait_for(lambda: words in (now.vm.status(other) or {}).get("line", ""), KNOWN_S,
                 lambda: f"{other} to say {words!r}: {now.vm.status(other)}")
    _lost(course, now, now.node.kill9(qemu))


# ---- while a copy is filled ----

def _break_pair(now, first):
    """Makes the VM begin to fill a new copy."""
    primary, secondary = now.sides[now.vm.number]
    if first == "resync":
        now.vm.coloctl(primary, "resync")
        return boottime()
    victim = primary if first == "kill-primary" else secondary
    return now.nodes[victim].kill9(now.vm.qemu(victim).pid)


def wait_filling(course, now):
    """(host that serves, host that is filled); None if it was over before it was seen."""
    def seen():
        solo, filling = now.vm.find("solo"), now.vm.find("filling")
        if solo and filling:
            return solo[0], filling[0]
        whole = now.vm.is_whole() and course.has_changed(now, now.vm)
        return (None, None) if whole else None

    return wait_for(seen, FILLING_S, lambda: f"a filling: {now.vm.phases()}", every_s=0.01)


def _then(course, now, then, serving, filled):
    """The second failure; returns its moment, None if nothing was there to fail."""
    node, lab = now.nodes[filled], course.lab
    at = None
    if then in ("kill-filled-qemu", "hang-filled-qemu"):
        number = signal.SIGKILL if then.startswith("kill") else signal.SIGSTOP
        # It may be between two QEMUs, if the filling has begun anew by itself.
        at = next((node.signal(each.pid, number) for each in now.vm.processes(filled)), None)
    elif then == "cut-power-filled":
        now.may_lose(filled)
        now.hits_all_of(filled)
        at = node.power_off()["dead"]
        lab.cluster.wait_fenced(filled, at, timeout_s=course.fence_s)
    elif then == "cut-replication":
        now.untouched = False
        at = lab.switch.isolate(filled, link=REPLICATION_LINK)
        now.lasts(NOTICED_S)
        lab.switch.heal_all()
    elif then in ("kill-primary-daemon", "kill-filled-daemon"):
        node = now.nodes[serving if then == "kill-primary-daemon" else filled]
        at = _replace_daemon(node)
        _answers(course, node)
    elif then == "switchover-is-refused":
        done = now.vm.coloctl(serving, "switchover", check=False)
        if done.returncode not in REFUSED and not now.vm.is_whole():
            raise AssertionError(f"switchover to a copy that is being filled: {done}")
    return at


def during_filling(course, now):
    """The new copy, or the way to it, fails while it is filled: the guest does not notice."""
    now.strike(_break_pair(now, now.step["first"]))
    now.lasts(now.step["after_s"])
    serving, filled = wait_filling(course, now)
    if filled is None:
        now.note("filled before the second failure")
    else:
        at = _then(course, now, now.step["then"], serving, filled)
        course.event("second failure", at, what=now.step["then"], host=filled)
    course.served(now)


DEEDS = {
    "kill-qemu": kill_qemu, "hang-qemu": hang_qemu, "cut-power": cut_power, "isolate": isolate,
    "cut-replication": cut_replication, "cut-ring": cut_ring, "kill-daemon": kill_daemon,
    "hang-daemon": hang_daemon, "hang-daemon-kill-qemu": hang_daemon_kill_qemu,
    "kill-corosync": kill_corosync, "hang-corosync": hang_corosync, "slow-fence": slow_fence,
    "failing-fence": failing_fence, "during-filling": during_filling,
}
