# SPDX-License-Identifier: GPL-2.0-or-later
"""Cables: a host that is cut off and lives, and single links.

The clients ask for the guest's address all the time, and the ports to the clients stay connected, so
a replica that speaks out of turn is heard, and the scenario fails (colo_lab/speakers.py).
"""

from colo_lab.api import scenario, wait_for
from colo_lab.asker import asking
from colo_lab.pair import Pair
from colo_lab.steps import comes_back, goes_on_elsewhere, sides
from colo_lab.wait import holds

REPLICATION_LINK = 1  # the last of corosync's links, where nothing else is said
OTHER_LINK = 0
QUIET_S = 10


def note(result, **numbers_ms):
    for name, value in numbers_ms.items():
        result.notes.setdefault(name, []).append(round(value, 1))


def last_word_of(pair, node, since):
    """How long after `since` the last of the guest's frames left `node`, in seconds."""
    return max((frame.at for frame in pair.watch.so_far() if frame.node == node),
               default=since) - since


# ---- a host is cut off ----

def cut_host(lab, result, role, clients=False, way=None):
    """All of a host's links are cut, its power is not: the other side goes on once it was fenced, and
    from then on nothing is heard of it."""
    with Pair(lab, result) as pair, asking(lab, pair.address):
        pair.up()
        victim, survivor = sides(pair, role)
        lab.cluster.wait_links()
        lab.cluster.wait_idle()
        at = lab.switch.isolate(victim, clients=clients, way=way)
        fenced = goes_on_elsewhere(pair, result, victim, survivor, at)
        steps = pair.failover_steps(survivor)
        note(result, membership_ms=(pair.noted(survivor, "peer-lost", at) - at) * 1000,
             fence_confirmed_ms=(fenced["t"] - at) * 1000,
             lost_heartbeat_ms=(steps["lost-heartbeat-sent"] - at) * 1000,
             after_fence_ms=(steps["lost-heartbeat-sent"] - fenced["t"]) * 1000,
             isolated_last_frame_ms=last_word_of(pair, victim, at) * 1000)
        lab.switch.heal_all()
        comes_back(pair, result, victim, survivor)
        pair.finish()


@scenario("cut-primary", default_pair=True, timeout_s=600,
          also=["isolated-node-was-thought-dead-and-ran-on", "real-cut-and-not-ifdown"])
def cut_primary(lab, result):
    """All links of the primary's host but the clients' are cut: silent, fenced, the secondary goes on."""
    cut_host(lab, result, "primary")


@scenario("cut-primary-and-clients", default_pair=True, timeout_s=600)
def cut_primary_and_clients(lab, result):
    """The same, with the clients' link cut, too."""
    cut_host(lab, result, "primary", clients=True)


@scenario("cut-secondary", default_pair=True, timeout_s=600)
def cut_secondary(lab, result):
    """All links of the secondary's host but the clients' are cut: it never speaks, the primary goes on."""
    cut_host(lab, result, "secondary")


@scenario("cut-primary-oneway-out", default_pair=True, timeout_s=600)
def cut_primary_oneway_out(lab, result):
    """Nothing that the primary's host sends arrives, though it hears everybody."""
    cut_host(lab, result, "primary", way="out")


@scenario("cut-primary-oneway-in", default_pair=True, timeout_s=600)
def cut_primary_oneway_in(lab, result):
    """Nothing arrives at the primary's host, though everybody hears it."""
    cut_host(lab, result, "primary", way="in")


# ---- single links ----

@scenario("cut-replication-link", default_pair=True, timeout_s=600)
def cut_replication_link(lab, result):
    """Only the replication link is cut: the agents settle it, one side goes on, then a new pair."""
    with Pair(lab, result) as pair, asking(lab, pair.address):
        pair.up()
        victim, survivor = sides(pair, "secondary")  # equally healthy: the primary wins
        lab.cluster.wait_links()
        at = lab.switch.isolate(survivor, link=REPLICATION_LINK)
        # Noted, because it may be a pair with the third host before its phase is seen.
        wait_for(lambda: pair.noted(survivor, "solo", at), 60,
                 lambda: f"{survivor} to go on alone: {pair.phases()}")
        pair.client.wait_answers(20, timeout_s=120)
        steps = pair.failover_steps(survivor)
        death = pair.death_at(victim, at)
        note(result, noticed_ms=(steps["noticed"] - at) * 1000,
             lost_heartbeat_ms=(steps["lost-heartbeat-sent"] - at) * 1000,
             loser_dead_ms=(death - at) * 1000)
        result.gap_ms.append(pair.gap_ms(at, settle_ms=3000))
        result.check(death <= steps["decided"], f"the loser dies first: {death}, {steps}")
        proof = pair.proof(survivor, at)
        result.check("(P1)" in proof, f"the loser's death is the proof, not `{proof}`")
        lab.switch.heal_all()
        pair.wait_whole()
        result.check(pair.primary() == survivor, "the survivor is primary")
        pair.wait_agreement()
        result.check(not any(lab.power.fenced(name, at) for name in lab.nodes), "nobody was fenced")
        pair.client.wait_answers(20, timeout_s=120)
        pair.finish()


@scenario("cut-ring-link", default_pair=True, timeout_s=600)
def cut_ring_link(lab, result):
    """One of corosync's two links is cut, the one without replication: nothing happens."""
    with Pair(lab, result) as pair, asking(lab, pair.address):
        pair.up()
        lab.cluster.wait_links()
        before = pair.phases()
        for victim in sides(pair, "primary"):
            at = lab.switch.isolate(victim, link=OTHER_LINK)
            holds(lambda: pair.phases() == before, QUIET_S, f"the phases {before}")
            result.check(pair.gap_ms(at, settle_ms=QUIET_S * 1000) < 2000, "answers went on")
            for name in before:
                new = [found for when, found in pair.events(name)
                       if when >= at and found != "stalled"]  # that is the machine's own slowness
                result.check(not new, f"{name} noted {new}")
            lab.switch.heal_all()
            lab.cluster.wait_links()
        pair.wait_agreement()
        pair.finish()


# ---- the old side is alive when the network is whole again ----

def back_or_fenced(lab, victim, survivor):
    """Pacemaker may carry out its order against `victim` when that is back, or forget it: both are
    right. Waits until it has none left, with the power on again."""
    def settled():
        if not lab.nodes[victim].is_on:
            lab.nodes[victim].power_on()
        return lab.cluster.states(survivor).get(victim) == "online"

    wait_for(settled, 120, lambda: f"{victim} to come back: {lab.cluster.states(survivor)}")
    lab.cluster.wait_idle(node=survivor)
    wait_for(settled, 120, lambda: f"{victim} to come back: {lab.cluster.states(survivor)}")


@scenario("heal-after-failover", default_pair=True, timeout_s=600,
          properties={"no-quorum-policy": "freeze"})
def heal_after_failover(lab, result):
    """The operator vouches for an isolated host that lives; when it is back, its copy dies first."""
    with Pair(lab, result) as pair, asking(lab, pair.address):
        pair.up()
        victim, survivor = sides(pair, "primary")
        lab.cluster.wait_links()
        lab.power.fault(victim, "fail")
        at = lab.switch.isolate(victim)
        wait_for(lambda: set(pair.find("holding")) == {victim, survivor}, 30,
                 lambda: f"both sides to hold: {pair.phases()}")
        old = pair.qemu(victim)
        wait_for(lambda: pair.qemu(victim).state == "T", 10, "the old primary to be frozen")
        lab.nodes[survivor].exec(["/usr/sbin/coloctl", "failover", pair.vm, "--peer-is-down",
                                  victim])
        # Noted, because it may be a pair with the third host before its phase is seen.
        wait_for(lambda: pair.noted(survivor, "solo", at), 30, lambda: f"{pair.phases()}")
        pair.client.wait_answers(20, timeout_s=120)
        result.gap_ms.append(pair.gap_ms(at, settle_ms=3000))
        proof = pair.proof(survivor, at)
        result.check("(P3)" in proof, f"the operator's word is the proof, not `{proof}`")
        result.check(pair.qemu(victim).pid == old.pid, "the old primary is still there")
        healed = lab.switch.heal_all()
        died = wait_for(lambda: pair.noted(victim, "qemu-died", healed), 30,
                        "the old primary to die")
        note(result, old_dead_after_heal_ms=(died - healed) * 1000)
        lab.power.fault(victim, "ok")
        back_or_fenced(lab, victim, survivor)
        comes_back(pair, result, victim, survivor)
        pair.finish()
