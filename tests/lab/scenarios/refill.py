# SPDX-License-Identifier: GPL-2.0-or-later
"""A pair that has lost a half gets a new one: on a spare host, and though the filling is interrupted."""

from colo_lab.api import boottime, scenario, wait_for
from colo_lab.pair import Pair
from colo_lab.steps import sides

FILL_MB = 40
SPEED_MB = 5                # eight seconds for all of it: time enough to interrupt it
STOOD_MS = 2000             # some 50 where the processors are real and free
GAP_MS = 2000               # of a guest that nobody stops, on a machine that is busy


# ---- the spare host ----

def spare_takes_over(pair, result, role):
    """The host with that role dies and stays dead: the third one takes its place at once. Returns
    the dead one."""
    lab = pair.lab
    victim, survivor = sides(pair, role)
    [spare] = set(lab.nodes) - {victim, survivor}
    lab.cluster.wait_links()
    at = lab.nodes[victim].power_off()["dead"]
    lab.timeline.add(f"{victim}, the {role}, is dead; {spare} is the spare")
    lab.cluster.wait_fenced(victim, at)
    pair.client.wait_answers(20, timeout_s=60)
    result.gap_ms.append(pair.gap_ms(at, settle_ms=3000))
    result.reprotect_s.append(round(pair.wait_whole(120) - at, 3))
    result.check((pair.primary(), pair.secondary()) == (survivor, spare),
                 f"{survivor} and {spare} are the pair: {pair.phases()}")
    pair.wait_agreement(90)
    pair.client.wait_answers(20)
    return victim


def returns(pair, result, node):
    """It gets its power back, and nothing moves: the pair is as it was."""
    before = pair.phases()
    at = boottime()
    pair.lab.nodes[node].power_on()
    pair.lab.cluster.wait_online()
    pair.lab.cluster.wait_idle()
    after = {name: each for name, each in pair.phases().items() if name != node}
    result.check(after == before, f"{node} is back: {after}, before: {before}")
    pair.wait_agreement(90)
    pair.client.wait_answers(20)
    gap = pair.client.report(int(at * 1e9))["longest_gap_ms"]
    result.check(gap < GAP_MS, f"the client waited {gap} ms")


def only_two(pair, result):
    """clone-max=2, set while three instances run: one is stopped, whichever Pacemaker chooses, and
    the VM and its clients live through that."""
    lab, clone = pair.lab, f"{pair.vm}-clone"
    pair.clone_max = 2
    lab.cluster.pcs("resource", "meta", clone, "clone-max=2")
    lab.timeline.add("clone-max=2")
    wait_for(lambda: len(lab.cluster.roles(pair.vm)) == 2, 60,
             lambda: f"two instances: {lab.cluster.roles(pair.vm)}")
    pair.client.wait_answers(20, timeout_s=60)
    pair.wait_whole(120)
    pair.wait_agreement(90)


@scenario("spare-node", timeout_s=300)
def spare_node(lab, result):
    """Either half is lost: the spare third host takes its place, and whoever comes back is the
    spare; with clone-max=2, too."""
    with Pair(lab, result) as pair:
        pair.up()
        returns(pair, result, spare_takes_over(pair, result, "secondary"))
        only_two(pair, result)
        returns(pair, result, spare_takes_over(pair, result, "primary"))
        pair.finish()


# ---- the interrupted filling ----

def progress(pair, primary):
    return (pair.status(primary) or {}).get("resync") or {}


def half_filled(pair, result, primary):
    """Waits for a filling that has come some way, and says how far. Returns the host that is filled."""
    def under_way():
        found = progress(pair, primary)
        well = 10 <= found.get("percent", 0) < 80 and found["eta_s"] >= 0
        return pair.find("filling") and found if well else None

    found = wait_for(under_way, 90, lambda: f"half a copy: {pair.phases()} {progress(pair, primary)}")
    pair.lab.timeline.add(f"filling: {found}")
    result.check(found["bytes"] > 0 and found["limit"] == SPEED_MB << 20, f"bytes, limit: {found}")
    return pair.find("filling")[0]


def runs_on(pair, result, primary, qemu, before, at):
    """The guest runs alone as it was: nobody stopped it, and it begins nothing new."""
    wait_for(lambda: not pair.find("filling"), 60, lambda: f"the end of it: {pair.phases()}")
    pair.client.wait_answers(50)
    result.check(pair.phases()[primary] == before, f"{pair.phases()}, before: {before}")
    result.check(pair.qemu(primary).pid == qemu, "the same QEMU serves")
    result.check(pair.noted(primary, "holding", at) is None, "it never held")
    gap = pair.gap_ms(at, settle_ms=1000)
    result.gap_ms.append(gap)
    result.check(gap < GAP_MS, f"the client waited {gap} ms")


def patient(lab, silence):
    """An agent counts as silent after that time: what is to be late here must not be lost."""
    for node in lab.nodes.values():
        node.sh(f"mkdir -p /etc/colo-hbd && echo silence_timeout = {silence} "
                "> /etc/colo-hbd/colo-hbd.conf")
        node.service("colo-hbd").restart()


def backs_off(pair, result, primary, filled):
    """While the heartbeats of the other host are late, the copy is filled more slowly; not before,
    and it is given back after."""
    def report():
        return pair.status(primary)["join"] or {}

    result.check(not progress(pair, primary)["slowed"], f"at once: {progress(pair, primary)}")
    daemon = pair.lab.nodes[filled].service("colo-hbd")
    daemon.pause()
    try:
        wait_for(lambda: report().get("slowed"), 4, lambda: f"a slower filling: {report()}")
        slow = progress(pair, primary)
    finally:
        daemon.resume()
    pair.lab.timeline.add(f"late heartbeats: {slow}")
    result.check(slow["slowed"] and 0 < slow["limit"] <= SPEED_MB << 19, f"half of it: {slow}")
    wait_for(lambda: progress(pair, primary).get("limit", SPEED_MB << 20) > slow["limit"], 60,
             lambda: f"it to be given back: {progress(pair, primary)}")


def costs(pair, result, primary):
    """What the join cost the guest is measured, and said wherever one would look for it."""
    report = pair.status(primary)["join"]
    result.check(report["done"] and report["stops"] >= 1, f"{report}")
    result.check(0 < report["longest_ms"] <= report["stood_ms"] < STOOD_MS, f"{report}")
    stops = [text for _, text in pair.events(primary, "text") if "the guest stood still for" in text]
    result.check(len(stops) >= report["stops"], f"events: {stops}, not {report}")
    shown = pair.lab.nodes[primary].exec(["/usr/sbin/coloctl", "status", pair.vm]).stdout
    result.check(f"the guest stood still for {report['stood_ms']} ms" in shown, shown)
    result.notes.setdefault("join", []).append(report)
    pair.lab.timeline.add(f"the join: {report}")


@scenario("resync-interrupted", nodes=2, two_node=True, timeout_s=300)
def resync_interrupted(lab, result):
    """The copy's QEMU, then its host dies while it is filled: the guest runs on alone, untouched. The
    third filling makes way for late heartbeats, and comes to its end."""
    patient(lab, "5s")
    with Pair(lab, result, parameters={"resync_speed": f"{SPEED_MB}M"}) as pair:
        pair.create(fill_mb=FILL_MB)
        pair.connect()
        pair.wait_whole()
        primary, secondary = sides(pair, "primary")
        qemu = pair.qemu(primary).pid
        lab.nodes[secondary].kill9(pair.qemu(secondary).pid)
        filled = half_filled(pair, result, primary)
        before = pair.phases()[primary]
        at = lab.nodes[filled].kill9(pair.qemu(filled).pid)
        runs_on(pair, result, primary, qemu, before, at)
        result.check(half_filled(pair, result, primary) == filled, "it is filled again")
        at = lab.nodes[filled].power_off()["dead"]
        runs_on(pair, result, primary, qemu, before, at)
        lab.cluster.wait_fenced(filled, at)  # and not when it is back
        lab.nodes[filled].power_on()
        lab.cluster.wait_online()
        half_filled(pair, result, primary)
        backs_off(pair, result, primary, filled)
        pair.wait_whole()
        pair.wait_agreement()
        result.check(pair.qemu(primary).pid == qemu, "the same QEMU serves")
        costs(pair, result, primary)
        lab.nodes[primary].kill9(qemu)
        pair.client.wait_answers(20)
        result.check(pair.primary() == filled, f"{filled} goes on: {pair.phases()}")
        pair.finish()
