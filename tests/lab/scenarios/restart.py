# SPDX-License-Identifier: GPL-2.0-or-later
"""The cluster's services are stopped and started in order, as `pcs cluster stop` and `start` do, on one
host and on all: that is no failure, so nobody is fenced and no data is lost."""

from concurrent.futures import ThreadPoolExecutor

from colo_lab.api import scenario, wait_for
from colo_lab.pair import Pair
from colo_lab.steps import (boots, has_its_data, last_word, longest_gap_ms, nothing_bad, sides,
                            was_shut_down)
from colo_lab.wait import holds

STOP_TIMEOUT_S = 180  # Pacemaker waits for the guest, which has the 120 s of the agent's meta-data


# pcs does the same through systemd, which the lab has not: Pacemaker on all of them, then corosync.
# colo-hbd is no part of the cluster's stack, and stays.

def cluster_stop(lab, names):
    lab.timeline.add(f"pcs cluster stop {' '.join(names)}")
    for service in ("pacemaker", "corosync"):
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(lambda name, service=service:
                          lab.nodes[name].service(service).stop(timeout_s=STOP_TIMEOUT_S), names))
    lab.timeline.add(f"pcs cluster stop {' '.join(names)}: done")


def cluster_start(lab, names):
    lab.timeline.add(f"pcs cluster start {' '.join(names)}")
    for service in ("corosync", "pacemaker"):
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(lambda name, service=service:
                          lab.nodes[name].service(service).start(), names))


def one(pair, result):
    """The primary's host leaves and comes back. The other side goes on with the clients, and the spare
    takes its place meanwhile."""
    lab = pair.lab
    victim, other = sides(pair, "primary")
    lab.cluster.wait_idle(node=other)
    at = lab.timeline.add("the primary's host leaves the cluster")
    cluster_stop(lab, [victim])
    result.check(not lab.nodes[victim].qemus(), f"no QEMU is left on {victim}")
    pair.client.wait_answers(20)
    result.reprotect_s.append(round(pair.wait_whole(120) - at, 3))
    result.check(pair.primary() == other, f"{other} serves: {pair.phases()}")
    result.gap_ms.append(longest_gap_ms(pair, at))
    cluster_start(lab, [victim])
    lab.cluster.wait_online(node=other)
    pair.wait_agreement(90)
    result.check(pair.primary() == other, f"nothing moved back: {pair.phases()}")
    nothing_bad(lab, result, at)
    pair.client.wait_answers(20)


def down(pair, stop):
    """The whole cluster is stopped by stop(). Returns what is to be found when it is started again:
    (moment before, what the clients were told, number of boots)."""
    pair.lab.cluster.wait_idle()
    pair.client.ask("write 64")
    booted = boots(pair)
    at = pair.lab.timeline.add("the whole cluster is stopped")
    stop()
    return at, last_word(pair), booted


def comes_up(pair, result, at, told, booted, nodes):
    """The cluster is started, `nodes` in this order: the first alone may not serve. Then the VM is back
    with its data."""
    lab = pair.lab
    cluster_start(lab, nodes[:1])
    wait_for(lambda: lab.cluster.states(nodes[0]).get(nodes[0]) == "online", 60,
             lambda: f"{nodes[0]} online: {lab.cluster.states(nodes[0])}")
    holds(lambda: not lab.nodes[nodes[0]].qemus(), 3, "no QEMU without quorum")
    cluster_start(lab, nodes[1:])
    lab.cluster.wait_online(node=nodes[0])
    has_its_data(pair, result, at, told, booted)


@scenario("cluster-restart", default_pair=True, timeout_s=900)
def cluster_restart(lab, result):
    """The cluster is stopped and started on the primary's host, then on all hosts at once: clean."""
    with Pair(lab, result) as pair:
        pair.up()
        one(pair, result)
        primary, secondary = sides(pair, "primary")
        [spare] = set(lab.nodes) - {primary, secondary}
        before = down(pair, lambda: cluster_stop(lab, list(lab.nodes)))
        was_shut_down(pair, result, before[0])
        comes_up(pair, result, *before, [spare, secondary, primary])
        pair.finish()


@scenario("cluster-stop-in-turn", default_pair=True, timeout_s=900)
def cluster_stop_in_turn(lab, result):
    """One host after the other leaves, the VM moves until none may run it, and all come back in the
    same order, the one with the newest data last."""
    with Pair(lab, result) as pair:
        pair.up()
        primary, secondary = sides(pair, "primary")
        [spare] = set(lab.nodes) - {primary, secondary}

        def stop():
            cluster_stop(lab, [primary])
            pair.client.wait_answers(20)
            pair.wait_whole(120)
            cluster_stop(lab, [secondary])
            # Alone it has no quorum, and Pacemaker stops what it runs.
            wait_for(lambda: not lab.nodes[spare].qemus(), STOP_TIMEOUT_S, f"{spare} to end its QEMU")
            cluster_stop(lab, [spare])

        before = down(pair, stop)
        was_shut_down(pair, result, before[0])
        comes_up(pair, result, *before, [primary, secondary, spare])
        pair.finish()
