# SPDX-License-Identifier: GPL-2.0-or-later
"""Both hosts lose their power, one after the other or at once: the older disk never wins."""

from colo_lab.api import scenario
from colo_lab.pair import Pair
from colo_lab.steps import (comes_back, continues, cut_power, goes_on_elsewhere, last_word,
                            says_everywhere, sides)
from colo_lab.wait import holds

TWO = {"nodes": 2, "two_node": True}  # no spare host, and either host alone is quorate


def boots_alone(lab, result, pair, node, other):
    """`node` gets power, sees nobody, and does not serve: it says that it waits for `other`."""
    lab.nodes[node].power_on()
    lab.cluster.wait_online([node])
    says_everywhere(pair, result, node, f"waiting for {other}")
    holds(lambda: not lab.nodes[node].qemus(), 5, f"{node} without a QEMU", every_s=0.2)
    lab.cluster.wait_idle(node=node)
    result.check("Promoted" not in lab.cluster.roles(pair.vm, node).values(), "nobody is promoted")
    lab.timeline.add(f"{node} waits for {other}")


def serves_again(lab, result, pair, primary, told):
    """The cluster is complete: `primary` serves what the clients were told, and a pair is made."""
    pair.wait_whole(120)
    result.check(pair.primary() == primary, f"{primary} is primary: {pair.phases()}")
    continues(pair, result, told)
    pair.wait_agreement(90)
    pair.client.wait_answers(20, timeout_s=90)


def stale(lab, result, pair, role):
    """The host with that role dies, then the other, then the first comes back alone."""
    first, second = sides(pair, role)
    lab.cluster.wait_links()
    at = lab.nodes[first].power_off()["dead"]
    goes_on_elsewhere(pair, result, first, second, at)
    pair.client.ask("write 64")
    pair.client.wait_answers(100)
    lab.nodes[second].power_off()
    told = last_word(pair)
    boots_alone(lab, result, pair, first, second)
    lab.nodes[second].power_on()
    lab.cluster.wait_online()
    serves_again(lab, result, pair, second, told)


@scenario("double-failure-stale", in_place=True, timeout_s=1200,
          also=["stale-copy-promoted-after-double-failure"], **TWO)
def double_failure_stale(lab, result):
    """A dies, B goes on and writes, B dies, A boots alone: it waits for B, whose data is served."""
    with Pair(lab, result) as pair:
        pair.up()
        for role in ("primary", "secondary"):
            stale(lab, result, pair, role)
        pair.finish()


@scenario("power-cut-both", in_place=True, timeout_s=1200,
          also=["older-disk-won-after-power-cut"], **TWO)
def power_cut_both(lab, result):
    """Both hosts of a pair lose power at once: either waits for the other, then the VM comes back."""
    with Pair(lab, result) as pair:
        pair.up()
        for role in ("primary", "secondary"):
            first, second = sides(pair, role)
            primary = pair.primary()
            cut_power(lab, [first, second])
            told = last_word(pair)
            boots_alone(lab, result, pair, first, second)
            lab.nodes[second].power_on()
            lab.cluster.wait_online()
            serves_again(lab, result, pair, primary, told)
        primary = pair.primary()
        cut_power(lab, list(lab.nodes))
        told = last_word(pair)
        lab.power_on()  # both at once
        lab.cluster.wait_online()
        serves_again(lab, result, pair, primary, told)
        pair.finish()


@scenario("no-failback", in_place=True, timeout_s=900, also=["unwanted-fail-back"], **TWO)
def no_failback(lab, result):
    """The primary's host dies and comes back: it becomes the secondary and takes nothing back."""
    with Pair(lab, result) as pair:
        pair.up()
        victim, survivor = sides(pair, "primary")
        lab.cluster.wait_links()
        at = lab.nodes[victim].power_off()["dead"]
        goes_on_elsewhere(pair, result, victim, survivor, at)
        comes_back(pair, result, victim, survivor)
        as_it_is, qemu = pair.phases(), pair.qemu(survivor).pid
        result.check(as_it_is[victim][:2] == ("paired", "secondary"), f"a secondary: {as_it_is}")
        # Any change of the cluster makes Pacemaker think again, and so does its own round.
        lab.cluster.pcs("property", "set", "cluster-recheck-interval=60s")
        lab.cluster.pcs("resource", "refresh", pair.vm)
        lab.cluster.wait_idle()
        holds(lambda: pair.phases() == as_it_is, 15, "who serves", every_s=0.5)
        result.check(pair.qemu(survivor).pid == qemu, "the same QEMU serves")
        pair.wait_agreement()
        pair.finish()


def damage_record(lab, vm, node):
    """The host has no power; of its record nothing can be read when it has."""
    [file] = (lab.nodes[node].dir / "disk").glob(f"var/upper/lib/colo-hbd/{vm}.record")
    file.write_bytes(b"torn" * (file.stat().st_size // 4))
    lab.timeline.add(f"the record of {node} is damaged")


@scenario("record-lost", timeout_s=900, **TWO)
def record_lost(lab, result):
    """The primary's record is damaged in a power cut: nobody guesses, and the operator's word brings
    the VM back, though there are no overlays that could be merged."""
    with Pair(lab, result) as pair:
        pair.up()
        primary, secondary = sides(pair, "primary")
        cut_power(lab, [primary, secondary])
        told = last_word(pair)
        damage_record(lab, pair.vm, primary)
        lab.power_on()
        lab.cluster.wait_online()
        says_everywhere(pair, result, primary, "record is missing or damaged")
        says_everywhere(pair, result, secondary, f"{primary}")
        holds(lambda: not any(node.qemus() for node in lab.nodes.values()), 5, "no QEMU")
        lab.nodes[primary].exec(["/usr/sbin/coloctl", "resync", pair.vm, "--from", primary])
        serves_again(lab, result, pair, primary, told)
        pair.finish()
