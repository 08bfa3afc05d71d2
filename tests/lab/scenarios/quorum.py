# SPDX-License-Identifier: GPL-2.0-or-later
"""Two nodes that lose sight of each other: exactly one goes on, and it is never both that die."""

from colo_lab.api import scenario, wait_for
from colo_lab.pair import Pair
from colo_lab.steps import boot_ids, longest_gap_ms


def one_wins(pair, result, at, winner, loser, boot_ids):
    """After a cut at `at`: `loser` is fenced, `winner` serves, nobody else lost its power; then a pair
    again."""
    lab = pair.lab
    lab.cluster.wait_fenced(loser, at)
    pair.client.wait_answers(20, timeout_s=60)
    lab.timeline.add("the client is answered again")
    result.gap_ms.append(longest_gap_ms(pair, at))
    result.check(not lab.nodes[loser].is_on, f"{loser} has no power")
    result.check(not lab.power.fenced(winner, at), f"nobody fenced {winner}")
    result.check(lab.nodes[winner].boot_id() == boot_ids[winner], f"{winner} was not rebooted")
    result.check(pair.primary() == winner, "the winner serves")
    lab.switch.heal_all()
    lab.nodes[loser].power_on()
    lab.cluster.wait_online(timeout_s=120)
    result.reprotect_s.append(round(pair.wait_whole() - at, 3))
    pair.wait_agreement()
    result.check(not lab.power.fenced(winner, at), f"nobody fenced {winner} later")
    result.check(lab.nodes[winner].boot_id() == boot_ids[winner], f"{winner} ran through")


def hand_over(pair, to):
    """A planned switchover if `to` is not the primary already."""
    if pair.primary() == to:
        return
    pair.lab.nodes[to].exec(["/usr/sbin/coloctl", "switchover", pair.vm])
    wait_for(lambda: pair.is_whole() and pair.primary() == to, 60, lambda: f"{pair.phases()}")
    pair.wait_agreement()
    pair.client.wait_answers(20)


# With two_node both halves are quorate, and both ask at once for the other's death. What makes one of
# them later is a delay of the fence device that kills the other, as every guide to two-node clusters
# asks for. It must be the device's: the cluster property priority-fencing-delay is only about what
# Pacemaker asks for itself.
@scenario("two-node-split", nodes=2, two_node=True, in_place=True, timeout_s=420,
          fence_options={"n1": {"pcmk_delay_base": "3s"}},
          also=["both-nodes-shot-each-other", "the-wrong-node-won"])
def two_node_split(lab, result):
    """two_node: 1 and a cut between the nodes: the fence race has one winner, primary or not."""
    with Pair(lab, result) as pair:
        pair.up()
        said = lab.nodes["n1"].exec(["/usr/sbin/coloctl", "doctor"], check=False).stdout
        result.check("a delay decides who wins a split" in said, f"doctor: {said}")
        for primary in ("n1", "n2"):
            hand_over(pair, primary)
            lab.cluster.wait_links()
            lab.cluster.wait_idle()
            before = boot_ids(lab)
            at = lab.switch.cut("n1", "n2")
            one_wins(pair, result, at, "n1", "n2", before)
            pair.client.wait_answers(20)
        pair.finish()


def votes(pair, node):
    """What the quorum tool on `node` says."""
    return pair.lab.nodes[node].exec(["/usr/sbin/corosync-quorumtool", "-s"], check=False).stdout


def wait_device(pair):
    """Waits until both nodes have the vote of the third host."""
    for name in pair.lab.nodes:
        wait_for(lambda name=name: "Qdevice" in votes(pair, name) and "A,V" in votes(pair, name),
                 60, lambda name=name: f"the device's vote on {name}: {votes(pair, name)}")


@scenario("qdevice-split", nodes=2, qnetd=True, in_place=True, timeout_s=420)
def qdevice_split(lab, result):
    """Two nodes and a third host with a vote: the half that has the vote fences and serves."""
    with Pair(lab, result) as pair:
        pair.up()
        wait_device(pair)
        # Both halves reach the third host: its vote decides, and the other half may not even ask.
        lab.cluster.wait_links()
        lab.cluster.wait_idle()
        before = boot_ids(lab)
        at = lab.switch.cut("n1", "n2")
        fenced = wait_for(lambda: lab.power.fenced("n1", at) or lab.power.fenced("n2", at), 60,
                          "one of them to be fenced")[0]
        loser = fenced["target"]
        winner = "n2" if loser == "n1" else "n1"
        lab.timeline.add(f"the vote went to {winner}")
        one_wins(pair, result, at, winner, loser, before)
        # The primary is cut off from everybody: the secondary has the vote.
        wait_device(pair)
        primary, secondary = pair.primary(), pair.secondary()
        pair.client.wait_answers(20)
        lab.cluster.wait_links()
        lab.cluster.wait_idle()
        before = boot_ids(lab)
        lab.switch.cut(primary, "q")
        at = lab.switch.cut(primary, secondary)
        one_wins(pair, result, at, secondary, primary, before)
        pair.client.wait_answers(20)
        pair.finish()
