# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator does with pcs and the cluster's services, and what must not come of it."""

from colo_lab.api import scenario, wait_for
from colo_lab.pair import Pair
from colo_lab.steps import (agent, boots, has_its_data, is_stopped, last_word, longest_gap_ms,
                            nothing_bad, qemus, sides, was_shut_down)

STOP_TIMEOUT_S = 120  # of the resource agent's meta-data
PROMOTED, UNPROMOTED = 8, 0  # what a monitor of the resource agent says
TWO = {"nodes": 2, "two_node": True}


def pcs(lab, *words, node=None):
    """A pcs command that is told to wait for what it has asked for. Returns the moment before."""
    at = lab.timeline.add(f"pcs {' '.join(words)}")
    lab.cluster.pcs(*words, f"--wait={STOP_TIMEOUT_S}", node=node, timeout_s=STOP_TIMEOUT_S + 30)
    lab.timeline.add(f"pcs {' '.join(words)}: done")
    return at


# ---- standby ----

def standby(pair, result, role):
    """The host with that role is drained and comes back. The other side goes on with the clients, and
    with a third host the pair is whole before it is back."""
    lab = pair.lab
    victim, other = sides(pair, role)
    lab.cluster.wait_idle()
    untouched = pair.qemu(other).pid
    at = pcs(lab, "node", "standby", victim, node=other)
    result.check(not lab.nodes[victim].qemus(), f"no QEMU is left on {victim}")
    result.check(pair.status(victim)["phase"] == "stopped", f"stopped: {pair.status(victim)}")
    pair.client.wait_answers(20)
    if len(lab.nodes) > 2:
        result.reprotect_s.append(round(pair.wait_whole(120) - at, 3))
    result.check(pair.primary() == other, f"{other} serves: {pair.phases()}")
    result.gap_ms.append(longest_gap_ms(pair, at))
    pcs(lab, "node", "unstandby", victim, node=other)
    pair.wait_whole(120)
    pair.wait_agreement(90)
    result.check(pair.primary() == other, f"nothing moved back: {pair.phases()}")
    result.check(pair.qemu(other).pid == untouched, f"the same QEMU runs on {other}")
    nothing_bad(lab, result, at)
    pair.client.wait_answers(20)


def standby_both(lab, result):
    with Pair(lab, result) as pair:
        pair.up()
        for role in ("primary", "secondary"):
            standby(pair, result, role)
        pair.finish()


@scenario("standby", default_pair=True, timeout_s=600)
def standby_three(lab, result):
    """pcs node standby of either side's host: the clients stay connected, nothing moves back."""
    standby_both(lab, result)


@scenario("standby-two-nodes", default_pair=True, timeout_s=600, **TWO)
def standby_two(lab, result):
    """The same without a spare host: alone until the host is back, then a pair."""
    standby_both(lab, result)


# ---- move and ban ----

def bans(pair, result, host, stays):
    """The host's leg goes to another host, and the QEMU on `stays` serves through it. Returns where
    the leg went."""
    lab = pair.lab
    lab.cluster.wait_idle()
    untouched = pair.qemu(stays).pid
    at = pcs(lab, "resource", "ban", f"{pair.vm}-clone", host)
    result.check(not lab.nodes[host].qemus(), f"no QEMU is left on {host}")
    pair.client.wait_answers(20)
    pair.wait_whole(120)
    result.gap_ms.append(longest_gap_ms(pair, at))
    result.check(pair.primary() == stays, f"{stays} serves: {pair.phases()}")
    result.check(pair.qemu(stays).pid == untouched, f"the same QEMU runs on {stays}")
    return pair.secondary()


def moves(pair, result):
    """The sides change places."""
    lab = pair.lab
    primary, secondary = sides(pair, "primary")
    lab.cluster.wait_idle()
    at = lab.timeline.add(f"pcs resource move {pair.vm}-clone {secondary} --promoted")
    lab.cluster.pcs("resource", "move", f"{pair.vm}-clone", secondary, "--promoted", timeout_s=90)
    pair.client.wait_answers(20)
    pair.wait_whole(120)
    result.check(pair.primary() == secondary, f"{secondary} serves: {pair.phases()}")
    result.gap_ms.append(longest_gap_ms(pair, at))
    wait_for(lambda: lab.cluster.roles(pair.vm).get(secondary) == "Promoted", 60,
             lambda: f"Pacemaker to agree: {lab.cluster.roles(pair.vm)}")


@scenario("move-pair", default_pair=True, timeout_s=600, nodes=4)
def move_pair(lab, result):
    """A pair moves to two other hosts, one leg at a time, by pcs resource ban and move: the clients
    stay connected, and clear moves nothing back."""
    with Pair(lab, result) as pair:
        pair.up()
        at = lab.timeline.add("the pair is to move")
        old = [pair.primary(), pair.secondary()]
        first = bans(pair, result, old[1], old[0])
        moves(pair, result)
        second = bans(pair, result, old[0], first)
        result.check({first, second}.isdisjoint(old), f"moved from {old} to {first} and {second}")
        pcs(lab, "resource", "clear", f"{pair.vm}-clone")
        pair.wait_agreement(90)
        result.check(sides(pair, "primary") == (first, second), f"moved back: {pair.phases()}")
        nothing_bad(lab, result, at)
        pair.client.wait_answers(20)
        pair.finish()


# ---- disable and enable ----

def disable_and_enable(pair, result):
    lab = pair.lab
    lab.cluster.wait_idle()
    pair.client.ask("write 64")
    booted = boots(pair)
    at = pcs(lab, "resource", "disable", pair.vm)
    result.notes.setdefault("stopped_s", []).append(round(lab.timeline.add("stopped") - at, 2))
    was_shut_down(pair, result, at)
    result.check(is_stopped(pair), f"stopped: {lab.cluster.roles(pair.vm)}")
    told = last_word(pair)
    pcs(lab, "resource", "enable", pair.vm)
    has_its_data(pair, result, at, told, booted)


@scenario("disable-enable", default_pair=True, timeout_s=600)
def disable_enable(lab, result):
    """disable shuts the guest down by its power button, enable brings it back with its data. Also
    right after a failover, when the newest data is in overlays."""
    with Pair(lab, result) as pair:
        pair.up()
        disable_and_enable(pair, result)
        primary, secondary = sides(pair, "primary")
        lab.nodes[primary].kill9(pair.qemu(primary).pid)
        pair.client.wait_answers(20)
        result.check(pair.primary() == secondary, f"{secondary} serves: {pair.phases()}")
        disable_and_enable(pair, result)
        pair.finish()


# ---- unmanaged ----

def fails_over_alone(pair, result):
    """The agents fail over and pair up again while Pacemaker may only look on, and its monitors hear
    of the roles that it knows."""
    lab = pair.lab
    primary, secondary = sides(pair, "primary")
    at = lab.nodes[primary].kill9(pair.qemu(primary).pid)
    pair.client.wait_answers(20)
    result.gap_ms.append(pair.gap_ms(at))
    pair.wait_whole(120)
    result.check(pair.primary() == secondary, f"{secondary} serves: {pair.phases()}")
    recurring = {**pair.resource_parameters(), "CRM_meta_interval": "10000"}  # without it: a probe
    heard = {name: agent(pair, name, "monitor", recurring)[0] for name in (primary, secondary)}
    result.check(heard == {primary: PROMOTED, secondary: UNPROMOTED}, f"monitors say {heard}")
    return at


def agrees_untouched(pair, result, since, before):
    """Pacemaker follows, and that costs neither replica its life."""
    pair.wait_agreement(90)
    pair.lab.cluster.wait_idle()
    result.check(qemus(pair) == before, f"QEMUs {qemus(pair)}, before {before}")
    nothing_bad(pair.lab, result, since)
    pair.client.wait_answers(20)


@scenario("unmanage", default_pair=True, timeout_s=600)
def unmanage(lab, result):
    """Unmanaged and in maintenance mode a failover works; Pacemaker then agrees and touches nothing."""
    with Pair(lab, result) as pair:
        pair.up()
        lab.cluster.wait_idle()
        lab.cluster.pcs("resource", "unmanage", pair.vm)
        at = fails_over_alone(pair, result)
        before = qemus(pair)
        lab.cluster.pcs("resource", "manage", pair.vm)
        agrees_untouched(pair, result, at, before)
        lab.cluster.pcs("property", "set", "maintenance-mode=true")
        lab.cluster.wait_idle()
        fails_over_alone(pair, result)
        before = qemus(pair)
        for name in before:
            lab.nodes[name].service("pacemaker").restart()
        lab.cluster.wait_online()
        result.check(qemus(pair) == before, "a restart of Pacemaker touches nothing")
        lab.cluster.pcs("property", "set", "maintenance-mode=false")
        agrees_untouched(pair, result, at, before)
        pair.finish()
