# SPDX-License-Identifier: GPL-2.0-or-later
"""Fencing that fails, is slow, comes late, or does not exist: silence in doubt, and one story told
everywhere."""

import re

from colo_lab.api import scenario, wait_for
from colo_lab.pair import Pair
from colo_lab.steps import boot_ids, longest_gap_ms
from colo_lab.wait import holds

COLOCTL = "/usr/sbin/coloctl"
SILENCE_S = 4


def lose_primary(pair):
    """Power cut of the primary's host. Returns (victim, survivor, time of the last process's end)."""
    victim, survivor = pair.primary(), pair.secondary()
    pair.lab.cluster.wait_links()
    return victim, survivor, pair.lab.nodes[victim].power_off()["dead"]


def wait_holding(pair, node, words, timeout_s=30):
    """Waits until `node` holds and its state, as crm_mon shows it, says `words` (a pattern)."""
    def says():
        attributes = pair.lab.cluster.attributes(node).get(node, {})
        return re.fullmatch(f"holding: {words}", attributes.get(pair.vm, ""))

    # Of two that cannot see each other both hold.
    wait_for(lambda: node in pair.find("holding"), timeout_s, lambda: f"hold: {pair.phases()}")
    wait_for(says, timeout_s, lambda: f"`holding: {words}`: {pair.lab.cluster.text(node)}")


def what_is_said(pair, node):
    """{where: text} of all places that tell a person why `node` does not go on."""
    run, vm = pair.lab.nodes[node].exec, pair.vm
    return {
        "coloctl status": run([COLOCTL, "status", vm]).stdout,
        "coloctl status --json": pair.status(node)["line"],
        "coloctl explain": run([COLOCTL, "explain", vm]).stdout,
        # What the resource agent hears and logs: its monitor is no failure.
        "the agent's monitor": run([COLOCTL, "vm", "monitor", "--resource", vm, "--", vm], check=False).stderr,
        "crm_mon -A1": pair.lab.cluster.text(node),
        "the daemon's log": pair.lab.nodes[node].log("colo-hbd/colo-hbd.log"),
    }


def same_words(pair, result, node, words):
    """Every place says why, in the same words (a pattern)."""
    for where, text in what_is_said(pair, node).items():
        result.check(re.search(words, text), f"{where} does not say `{words}`:\n{text}")
    pair.lab.timeline.add(f"{node} says everywhere: {words}")


def silent(pair, duration_s=SILENCE_S):
    """Not one answer reaches the client, and nobody goes solo."""
    before = pair.client.report()["answers"]
    holds(lambda: pair.client.report()["answers"] == before and not pair.find("solo"), duration_s,
          "silence without proof", every_s=0.2)
    pair.lab.timeline.add(f"silent for {duration_s} s")


def goes_on(pair, result, at, victim, survivor, proof):
    """After the proof: the same connection, whole again with the victim back, Pacemaker agrees."""
    pair.client.wait_answers(20, timeout_s=60)
    pair.lab.timeline.add("the client is answered again")
    result.gap_ms.append(longest_gap_ms(pair, at))
    said = pair.proof(survivor, at)
    result.check(re.search(proof, said), f"the proof of {survivor} is `{proof}`, not `{said}`")
    if not pair.lab.nodes[victim].is_on:
        pair.lab.nodes[victim].power_on()
    pair.lab.cluster.wait_online(timeout_s=120)
    result.reprotect_s.append(round(pair.wait_whole() - at, 3))
    result.check(pair.primary() == survivor, "the survivor is primary")
    pair.wait_agreement()
    pair.client.wait_answers(20)
    pair.finish()


@scenario("fence-fails", default_pair=True)
def fence_fails(lab, result):
    """A fence device that refuses: silence, the reason everywhere, and it goes on when repaired."""
    with Pair(lab, result) as pair:
        pair.up()
        lab.power.fault(pair.primary(), "fail")
        victim, survivor, at = lose_primary(pair)
        wait_holding(pair, survivor,
                     rf"peer {victim} lost, waiting for fencing \(([2-9]|\d\d) tries failed\)")
        same_words(pair, result, survivor,
                   rf"peer {victim} lost, waiting for fencing \(\d+ tr(y|ies) failed\)")
        silent(pair)
        lab.power.fault(victim, "ok")
        fenced = lab.cluster.wait_fenced(victim, at)
        goes_on(pair, result, at, victim, survivor, rf"{victim} is off \(P2\)")
        sent = pair.failover_steps(survivor).get("lost-heartbeat-sent", 0)
        result.notes.setdefault("after_repair_ms", []).append(round((sent - fenced["t"]) * 1000, 1))
        result.check(sent >= fenced["t"], "nothing before the fence")


@scenario("fence-slow", default_pair=True)
def fence_slow(lab, result):
    """A fence device that takes six seconds: silence for six seconds, and then it goes on."""
    with Pair(lab, result) as pair:
        pair.up()
        lab.power.fault(pair.primary(), "slow", delay_s=6)
        victim, survivor, at = lose_primary(pair)
        words = rf"peer {victim} lost, waiting for fencing"
        wait_holding(pair, survivor, words)
        same_words(pair, result, survivor, words)
        silent(pair, 2)
        fenced = lab.cluster.wait_fenced(victim, at)
        lab.power.fault(victim, "ok")
        goes_on(pair, result, at, victim, survivor, rf"{victim} is off \(P2\)")
        sent = pair.failover_steps(survivor).get("lost-heartbeat-sent", 0)
        result.check(sent >= fenced["t"], "nothing before the fence")
        result.notes.setdefault("after_fence_ms", []).append(round((sent - fenced["t"]) * 1000, 1))


@scenario("no-fencing-configured", in_place=True, fencing=False)
def no_fencing_configured(lab, result):
    """stonith-enabled=false: said before it matters, then silence until the operator's word."""
    with Pair(lab, result) as pair:
        pair.up()
        warning = "the loss of a host can never be proven"
        for name in (pair.primary(), pair.secondary()):
            result.check(warning in lab.nodes[name].log("colo-hbd/colo-hbd.log"),
                         f"the log of {name} warns")
            said = lab.nodes[name].exec([COLOCTL, "doctor"], check=False).stdout
            result.check(re.search(r"PROBLEM.*fencing is switched off", said), f"doctor: {said}")
            said = lab.cluster.attributes()[name][pair.vm]
            result.check("no fencing" in said, f"attribute of {name}: {said}")
        lab.timeline.add("log, doctor and attribute warn")
        victim, survivor, at = lose_primary(pair)
        words = rf"peer {victim} lost, no fencing is configured"
        wait_holding(pair, survivor, words + ".*")
        same_words(pair, result, survivor, words)
        silent(pair)
        lab.nodes[survivor].exec([COLOCTL, "failover", pair.vm, "--peer-is-down", victim])
        lab.timeline.add(f"coloctl failover --peer-is-down {victim}")
        wait_for(lambda: "by the operator's word" in (pair.status(survivor) or {}).get("line", ""),
                 20, lambda: f"`by the operator's word`: {pair.status(survivor)}", every_s=0.01)
        goes_on(pair, result, at, victim, survivor, rf"operator says that {victim} is off \(P3\)")
        result.check(not lab.power.fenced(victim), "nobody was fenced")


@scenario("late-fence", nodes=2, two_node=True, timeout_s=420, properties={"stonith-timeout": "8s"},
          also=["late-fence-hits-a-node-that-came-back"])
def late_fence(lab, result):
    """A fence that timed out is carried out when its node is back in the pair: one more failover."""
    with Pair(lab, result) as pair:
        pair.up()
        victim, survivor = pair.primary(), pair.secondary()
        before = boot_ids(lab)
        lab.power.fault(victim, "late")
        lab.power.fault(survivor, "hang")   # both have quorum, but only one order is the matter here
        lab.cluster.wait_links()
        at = lab.switch.isolate(victim)
        wait_holding(pair, survivor,
                     rf"peer {victim} lost, waiting for fencing \(\d+ tr(y|ies) failed\)", 60)
        silent(pair, 2)
        lab.switch.rejoin(victim)
        lab.cluster.wait_online(timeout_s=120)
        pair.wait_whole()
        pair.client.wait_answers(20, timeout_s=60)
        result.gap_ms.append(longest_gap_ms(pair, at))
        lab.timeline.add(f"{victim} is back in the pair, the order against it is not forgotten")
        result.check(victim in (pair.primary(), pair.secondary()), f"{pair.phases()}")
        result.check(boot_ids(lab) == before, "nobody has been off so far")
        pair.wait_agreement()
        lab.power.fault(survivor, "ok")
        lab.power.fault(victim, "ok")
        again = lab.power.release(victim)
        result.check(again["orders"] == 1, "the device had taken an order")
        lab.cluster.wait_fenced(victim, again["dead"])
        goes_on(pair, result, again["dead"], victim, survivor, rf"{victim} is off \(P2\)")
        result.check(len([entry for entry in lab.power.log() if entry.get("result") == "done late"])
                     == 1, "one order came late")
        for name in lab.nodes:
            if name != victim:
                result.check(lab.nodes[name].boot_id() == before[name], f"{name} ran through")


@scenario("late-fence-confirmed", nodes=2, two_node=True, timeout_s=420,
          fence_options={"n1": {"pcmk_action_limit": "-1"}})
def late_fence_confirmed(lab, result):
    """A fence of long ago is confirmed when its node is back and cut off again: it proves nothing."""
    with Pair(lab, result) as pair:
        pair.up()
        lab.power.block("n1")       # in a cut it would fence n2, which is not the matter here
        lab.nodes["n1"].shut_down()
        pair.client.wait_answers(20, timeout_s=60)
        lab.power.fault("n1", "done-late")
        asked = lab.timeline.add("stonith_admin --reboot n1: done at once, not confirmed")
        admin = lab.nodes["n2"].popen(["/usr/sbin/stonith_admin", "--reboot", "n1",
                                       "--timeout", "300"])
        wait_for(lambda: [entry for entry in lab.power.log() if entry["t"] > asked
                          and entry.get("result") == "done, said later"], 30, "the order")
        lab.nodes["n1"].power_on()
        lab.cluster.wait_online(timeout_s=120)
        pair.wait_whole(timeout_s=120)
        pair.client.wait_answers(20)
        victim_boot = lab.nodes["n1"].boot_id()
        lab.cluster.wait_links()
        at = lab.switch.isolate("n1")
        lab.power.fault("n1", "fail")
        wait_holding(pair, "n2", r"peer n1 lost, waiting for fencing.*")
        lab.power.release("n1")
        admin.wait(timeout=30)
        lab.timeline.add("Pacemaker has the late confirmation")
        silent(pair, 6)
        result.check(lab.nodes["n1"].boot_id() == victim_boot, "n1 lives, cut off")
        lab.power.fault("n1", "ok")
        wait_for(lambda: not lab.nodes["n1"].is_on, 60, "n1 to be fenced once more")
        lab.switch.rejoin("n1")
        lab.power.block("n1", False)
        goes_on(pair, result, at, "n1", "n2", r"n1 is off \(P2\)")
