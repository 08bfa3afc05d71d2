# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job: either QEMU dies or hangs, either host dies, and the client does not notice."""

import signal

from colo_lab.api import scenario, wait_for
from colo_lab.pair import Pair

HANG_TIMEOUT_MS = 1000


def recover(pair, result, at, survivor, victim):
    """Everything that must follow a failure at the moment `at`: answers, proof of no loss, a new pair,
    and Pacemaker of the same mind. Returns the survivor's time line with the moment of the death."""
    pair.client.wait_answers(20)
    pair.lab.timeline.add("the client is answered again")
    gap = pair.gap_ms(at)
    result.gap_ms.append(gap)
    whole = pair.wait_whole()
    result.reprotect_s.append(round(whole - at, 3))
    pair.wait_agreement()
    steps = {**pair.failover_steps(survivor), "death": pair.death_at(victim, at)}
    for step, moment in sorted(steps.items(), key=lambda item: item[1]):
        pair.lab.timeline.add(f"{survivor}: {step}", at=moment)
    pair.client.wait_answers(20)
    pair.finish()
    return steps


def decided_ms(result, steps, death):
    """From QEMU's death, as the kernel told its own agent, to the command that makes the other side go
    on, in another node's agent."""
    result.check("lost-heartbeat-sent" in steps, f"no time line: {steps}")
    took = (steps["lost-heartbeat-sent"] - death) * 1000
    result.decided_ms.append(round(took, 3))
    return took


@scenario("pair-up")
def pair_up(lab, result):
    """pcs resource create brings a pair up; the client counts; Pacemaker agrees."""
    with Pair(lab, result) as pair:
        pair.up()
        pair.client.wait_answers(200)
        pair.wait_agreement()
        pair.finish()


def kill_qemu(lab, result, role):
    with Pair(lab, result) as pair:
        pair.up()
        primary, secondary = pair.primary(), pair.secondary()
        victim, survivor = (primary, secondary) if role == "primary" else (secondary, primary)
        at = lab.nodes[victim].kill9(pair.qemu(victim).pid)
        steps = recover(pair, result, at, survivor, victim)
        result.check(pair.primary() == survivor, "the survivor is primary")
        decided_ms(result, steps, steps["death"])
        result.check(result.gap_ms[-1] < 5000, f"gap of {result.gap_ms[-1]} ms")


@scenario("kill-primary-qemu", default_pair=True)
def kill_primary_qemu(lab, result):
    """kill -9 of the primary's QEMU: the secondary goes on with the same connection."""
    kill_qemu(lab, result, "primary")


@scenario("kill-secondary-qemu", default_pair=True)
def kill_secondary_qemu(lab, result):
    """kill -9 of the secondary's QEMU: the primary goes on alone and gets a new one."""
    kill_qemu(lab, result, "secondary")


def hang_qemu(lab, result, role):
    with Pair(lab, result) as pair:
        pair.up()
        primary, secondary = pair.primary(), pair.secondary()
        victim, survivor = (primary, secondary) if role == "primary" else (secondary, primary)
        at = lab.nodes[victim].signal(pair.qemu(victim).pid, signal.SIGSTOP)
        steps = recover(pair, result, at, survivor, victim)
        result.check(pair.primary() == survivor, "the survivor is primary")
        took = (steps["lost-heartbeat-sent"] - at) * 1000
        result.notes.setdefault("serving_after_hang_ms", []).append(round(took, 1))
        # The bound is time-out + 300 ms; a machine that is busy with other things gets more.
        result.check(took < HANG_TIMEOUT_MS + 2000, f"{took:.0f} ms until the survivor went on")


@scenario("hang-primary-qemu", default_pair=True)
def hang_primary_qemu(lab, result):
    """SIGSTOP of the primary's QEMU: its agent turns the hang into a death."""
    hang_qemu(lab, result, "primary")


@scenario("hang-secondary-qemu", default_pair=True)
def hang_secondary_qemu(lab, result):
    """SIGSTOP of the secondary's QEMU: its agent turns the hang into a death."""
    hang_qemu(lab, result, "secondary")


def kill_host(lab, result, role):
    with Pair(lab, result) as pair:
        pair.up()
        primary, secondary = pair.primary(), pair.secondary()
        victim, survivor = (primary, secondary) if role == "primary" else (secondary, primary)
        lab.cluster.wait_links()
        at = lab.nodes[victim].power_off()["dead"]
        fenced = lab.cluster.wait_fenced(victim, at)
        pair.client.wait_answers(20)
        result.gap_ms.append(pair.gap_ms(at))
        steps = pair.failover_steps(survivor)
        for step, moment in sorted(steps.items(), key=lambda item: item[1]):
            lab.timeline.add(f"{survivor}: {step}", at=moment)
        result.notes.setdefault("membership_ms", []).append(
            round((steps["noticed"] - at) * 1000, 1))
        result.notes.setdefault("fence_confirmed_ms", []).append(
            round((fenced["t"] - at) * 1000, 1))
        sent = round((steps["lost-heartbeat-sent"] - at) * 1000, 1)
        result.notes.setdefault("lost_heartbeat_ms", []).append(sent)
        result.check(steps["lost-heartbeat-sent"] >= fenced["t"], "nothing before the fence")
        result.check(steps["lost-heartbeat-sent"] - fenced["t"] < 2, f"decided late: {steps}")
        # A third node takes the lost one's place without anybody's help.
        whole = pair.wait_whole()
        result.reprotect_s.append(round(whole - at, 3))
        result.check(pair.primary() == survivor, "the survivor is primary")
        lab.nodes[victim].power_on()
        lab.cluster.wait_online()
        pair.wait_agreement()
        pair.client.wait_answers(20)
        pair.finish()


@scenario("kill-primary-host", default_pair=True)
def kill_primary_host(lab, result):
    """Power cut of the primary's host: fenced, then the secondary goes on; the spare joins."""
    kill_host(lab, result, "primary")


@scenario("kill-secondary-host", default_pair=True)
def kill_secondary_host(lab, result):
    """Power cut of the secondary's host: fenced, then the primary goes on; the spare joins."""
    kill_host(lab, result, "secondary")


@scenario("switchover", default_pair=True)
def switchover(lab, result):
    """coloctl switchover: the sides change places and the client does not notice."""
    with Pair(lab, result) as pair:
        pair.up()
        primary, secondary = pair.primary(), pair.secondary()
        at = lab.timeline.add("coloctl switchover")
        lab.nodes[primary].exec(["/usr/sbin/coloctl", "switchover", pair.vm])
        wait_for(lambda: pair.find("solo") == [secondary] or pair.is_whole(), 30, "the new primary")
        recover(pair, result, at, secondary, primary)
        result.check(pair.primary() == secondary, "the secondary is primary")
