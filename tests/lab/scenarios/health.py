# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that is not as fit as it was, though all on it runs."""

from colo_lab.api import scenario, wait_for
from colo_lab.pair import Pair
from colo_lab.steps import boot_ids, says, sides
from colo_lab.switch import CLIENTS
from colo_lab.wait import holds

TWO = {"nodes": 2, "two_node": True}
NO_UPLINK, WELL = 50, 100
PATIENCE_S = 3  # before the fitter host takes over


# ---- the uplink ----

def uplink(pair, node, up):
    """The port of the switch goes, so the host sees its carrier go. Returns the moment."""
    at = pair.lab.switch.set_port(node, CLIENTS, up)
    health = WELL if up else NO_UPLINK
    wait_for(lambda: pair.status(node)["health"] == health, 10,
             lambda: f"health {health} of {node}: {pair.status(node)['health']}")
    return at


@scenario("uplink-down", in_place=True, timeout_s=600, **TWO)
def uplink_down(lab, result):
    """The primary's host loses the carrier of its uplink: the other side serves, with the clients'
    connection, and nothing moves back; what passes in a moment moves nothing."""
    with Pair(lab, result) as pair:
        pair.up()
        booted = boot_ids(lab)
        primary, secondary = sides(pair, "primary")
        before = pair.phases()
        lab.switch.set_port(primary, CLIENTS, False)
        holds(lambda: pair.phases() == before, 1, "the pair as it was", every_s=0.2)
        uplink(pair, primary, True)
        holds(lambda: pair.phases() == before, 2 * PATIENCE_S, "the pair as it was", every_s=0.2)
        pair.client.wait_answers(20)
        at = uplink(pair, primary, False)
        pair.client.wait_answers(20, timeout_s=60)
        result.gap_ms.append(pair.gap_ms(at, settle_ms=1000))
        pair.wait_whole()
        result.check(pair.primary() == secondary, f"{secondary} serves: {pair.phases()}")
        result.check("(P1)" in pair.proof(secondary, at), "its death was seen")
        pair.wait_agreement()
        after = pair.phases()
        lab.timeline.add(f"{secondary} serves, {primary} is its secondary")
        uplink(pair, primary, True)
        holds(lambda: pair.phases() == after, 2 * PATIENCE_S, "no way back", every_s=0.2)
        pair.wait_agreement()
        result.check(boot_ids(lab) == booted, "no host was fenced")
        pair.client.wait_answers(20)
        pair.finish()


# ---- memory ----

PRESSURE = "/proc/pressure/memory"


def stalls(pair, node, percent):
    """The kernel of that host says that nothing ran for so long, for want of memory."""
    line = f"avg10={percent}.00 avg60=0.00 avg300=0.00 total=0"
    at = pair.lab.timeline.add(f"{node} stands still for want of memory: {percent} %")
    pair.lab.nodes[node].sh(
        f"printf 'some {line}\\nfull {line}\\n' > /run/pressure; "
        f"grep -q ' {PRESSURE} ' /proc/mounts || mount --bind /run/pressure {PRESSURE}")
    return at


@scenario("memory-pressure", in_place=True, **TWO)
def memory_pressure(lab, result):
    """The primary's host is short of memory: the other side serves, with the clients' connection, and
    nothing moves back; a little pressure, and what both have, moves nothing."""
    with Pair(lab, result) as pair:
        pair.up()
        booted = boot_ids(lab)
        primary, secondary = sides(pair, "primary")
        before = pair.phases()
        stalls(pair, primary, 9)
        holds(lambda: pair.phases() == before, 2 * PATIENCE_S, "the pair as it was", every_s=0.2)
        at = stalls(pair, primary, 40)
        wait_for(lambda: pair.noted(primary, "qemu-died", at), 30, f"the guest to leave {primary}")
        pair.client.wait_answers(20, timeout_s=60)
        result.gap_ms.append(pair.gap_ms(pair.noted(primary, "qemu-died", at)))
        pair.wait_whole()
        result.check(pair.primary() == secondary, f"{secondary} serves: {pair.phases()}")
        after = pair.phases()
        stalls(pair, secondary, 40)
        holds(lambda: pair.phases() == after, 2 * PATIENCE_S, "no way back", every_s=0.2)
        for name in lab.nodes:
            stalls(pair, name, 0)
        wait_for(lambda: all(pair.status(name)["health"] == WELL for name in lab.nodes), 20,
                 "both hosts to be well")
        pair.wait_agreement()
        result.check(pair.phases() == after, f"no way back: {pair.phases()}")
        result.check(boot_ids(lab) == booted, "no host was fenced")
        pair.client.wait_answers(20)
        pair.finish()


# ---- Pacemaker's own view ----

def say_health(lab, node, colour):
    """What an agent such as ocf:pacemaker:HealthSMART says about a host."""
    at = lab.timeline.add(f"#health-disk of {node}: {colour}")
    lab.cluster.run(["/usr/sbin/attrd_updater", "--name", "#health-disk", "--update", colour,
                     "--node", node])
    return at


@scenario("node-health", in_place=True, properties={"node-health-strategy": "migrate-on-red"}, **TWO)
def node_health(lab, result):
    """An agent of Pacemaker's says that the primary's host is ill (#health-disk): the other side serves,
    with the clients' connection, and nothing moves back when it is well again."""
    with Pair(lab, result) as pair:
        pair.up()
        booted = boot_ids(lab)
        primary, secondary = sides(pair, "primary")
        at = say_health(lab, primary, "red")
        wait_for(lambda: pair.find("solo") == [secondary], 60,
                 lambda: f"{secondary} to serve: {pair.phases()}")
        pair.client.wait_answers(20, timeout_s=60)
        result.gap_ms.append(pair.gap_ms(at, settle_ms=1000))
        result.check("(P1)" in pair.proof(secondary, at), "the death of the other was seen")
        lab.cluster.wait_idle()
        says(pair, secondary, f"no peer: {primary} has not started the resource")
        say_health(lab, primary, "green")
        pair.wait_whole()
        result.check(pair.primary() == secondary, f"{secondary} serves: {pair.phases()}")
        pair.wait_agreement()
        result.check(boot_ids(lab) == booted, "no host was fenced")
        pair.client.wait_answers(20)
        pair.finish()
