# SPDX-License-Identifier: GPL-2.0-or-later
"""What the pair stands on: corosync and colo-hbd die and hang, on either side."""

from colo_lab.api import boottime, scenario, wait_for
from colo_lab.pair import Pair
from colo_lab.processes import cpu_s
from colo_lab.steps import boot_ids, comes_back, fails_over, goes_on_elsewhere, sides
from colo_lab.wait import holds

ROLES = ("primary", "secondary")
SPIN_PERCENT = 5  # idle is under 0.5; a loop that spins takes all that it gets
IDLE_S = 10


def does_not_spin(lab, result, names):
    """The daemons of these nodes cost next to nothing while corosync is away on one of them."""
    pids = {name: lab.nodes[name].service("colo-hbd").process.pid for name in names}
    before, start = {name: cpu_s(pid) for name, pid in pids.items()}, boottime()
    wait_for(lambda: boottime() - start >= IDLE_S, 60, f"{IDLE_S} s without corosync", every_s=1)
    for name, pid in pids.items():
        percent = round(100 * (cpu_s(pid) - before[name]) / (boottime() - start), 2)
        lab.timeline.add(f"colo-hbd on {name}: {percent} % of a core")
        result.notes.setdefault("cpu_percent", []).append(percent)
        result.check(percent < SPIN_PERCENT, f"colo-hbd on {name} takes {percent} % of a core")


def corosync_lost(lab, result, lose):
    with Pair(lab, result) as pair:
        pair.up()
        for role in ROLES:
            victim, survivor = sides(pair, role)
            lab.cluster.wait_links()
            at = lose(lab.nodes[victim].service("corosync"))
            goes_on_elsewhere(pair, result, victim, survivor, at)
            comes_back(pair, result, victim, survivor)
        pair.finish()


@scenario("corosync-dies", default_pair=True, timeout_s=900)
def corosync_dies(lab, result):
    """kill -9 of corosync on either side's host: that host is fenced, and the other side goes on."""
    corosync_lost(lab, result, lambda corosync: corosync.kill9())


@scenario("corosync-hangs", default_pair=True, timeout_s=900)
def corosync_hangs(lab, result):
    """SIGSTOP of corosync on either side's host: that host is fenced, and the other side goes on."""
    corosync_lost(lab, result, lambda corosync: corosync.pause())


def both_hold(pair, victim, survivor):
    """Neither has a proof, so both hold, and a primary is frozen."""
    wait_for(lambda: set(pair.find("holding")) == {victim, survivor}, 30,
             lambda: f"both sides to hold: {pair.phases()}")
    primary = pair.find("holding", "primary")[0]
    wait_for(lambda: pair.qemu(primary).state == "T", 10, "the primary to be frozen")


def as_it_was(pair, before):
    wait_for(lambda: pair.phases() == before, 60,
             lambda: f"the pair to go on as it was: {pair.phases()}, before {before}")
    pair.lab.timeline.add("the pair goes on as it was")
    pair.client.wait_answers(20, timeout_s=90)


@scenario("corosync-away", default_pair=True, timeout_s=900)
def corosync_away(lab, result):
    """corosync dies and nobody can be fenced: both sides hold in silence, none spins, and all goes
    on when corosync is back."""
    with Pair(lab, result) as pair:
        pair.up()
        for role in ROLES:
            victim, survivor = sides(pair, role)
            node, before = lab.nodes[victim], pair.phases()
            lab.power.fault(victim, "fail")
            at = node.service("corosync").kill9()
            both_hold(pair, victim, survivor)
            does_not_spin(lab, result, (victim, survivor))
            both_hold(pair, victim, survivor)
            node.service("corosync").start()
            as_it_was(pair, before)
            result.check(not lab.power.fenced(victim, at), f"{victim} was not fenced")
            # Pacemaker cannot live without corosync; systemd would have started it again with it.
            node.service("pacemaker").restart()
            lab.cluster.wait_online()
            lab.power.fault(victim, "ok")
            pair.wait_agreement(90)
            pair.client.wait_answers(20)
        pair.finish()


@scenario("corosync-resumes", default_pair=True, timeout_s=900)
def corosync_resumes(lab, result):
    """A host with a hung corosync cannot be fenced, the operator vouches for it, and it wakes up: its
    side does not serve, it dies first."""
    with Pair(lab, result) as pair:
        pair.up()
        victim, survivor = sides(pair, "primary")
        old = pair.qemu(victim).pid
        lab.power.fault(victim, "fail")
        lab.nodes[victim].service("corosync").pause()
        both_hold(pair, victim, survivor)
        lab.nodes[survivor].exec(["/usr/sbin/coloctl", "failover", pair.vm, "--peer-is-down",
                                  victim])
        pair.client.wait_answers(20, timeout_s=60)
        pair.wait_whole(120)  # with the spare
        lab.nodes[victim].service("corosync").resume()
        wait_for(lambda: old not in [each.pid for each in lab.nodes[victim].qemus()], 30,
                 "the old side's QEMU to be dead")
        wait_for(lambda: pair.find("spare") == [victim], 30, lambda: f"a spare: {pair.phases()}")
        lab.timeline.add("the old side is dead")
        lab.power.fault(victim, "ok")
        lab.cluster.wait_idle(node=survivor)
        comes_back(pair, result, victim, survivor)
        pair.finish()


@scenario("corosync-late", in_place=True, nodes=2, two_node=True,
          also=["daemon-before-corosync", "corosync-restart"])
def corosync_late(lab, result):
    """The cluster is ended in order on one host, and colo-hbd is started there before corosync: it says
    what it waits for, costs nothing, and there is a pair again."""
    with Pair(lab, result) as pair:
        pair.up()
        booted = boot_ids(lab)
        name, primary = sides(pair, "secondary")
        node, running = lab.nodes[name], pair.qemu(primary).pid
        for service in ("pacemaker", "corosync", "colo-hbd"):
            node.service(service).stop(timeout_s=60)
            lab.timeline.add(f"{service} on {name} has ended")
        result.check(not node.qemus(), f"no QEMU on {name}")
        pair.client.wait_answers(20)
        node.service("colo-hbd").start()
        words = ["/usr/sbin/coloctl", "status"]
        wait_for(lambda: "corosync not reachable" in node.exec(words, check=False).stdout, 10,
                 lambda: f"{name} to miss corosync: {node.exec(words, check=False)}")
        does_not_spin(lab, result, (name,))
        result.check(pair.phases()[primary][0] == "solo", f"{primary} serves: {pair.phases()}")
        node.service("corosync").start()
        node.service("pacemaker").start()
        lab.cluster.wait_online(node=primary)
        pair.wait_whole()
        result.check(pair.qemu(primary).pid == running, "the same QEMU has run all the while")
        result.check(boot_ids(lab) == booted, "no host was fenced")
        pair.wait_agreement()
        fails_over(pair, result)
        pair.finish()


# ---- colo-hbd ----

def says_silent(pair, node, hung):
    """`node` says of the other side's daemon that it does not answer."""
    words = f"colo-hbd on {hung} does not answer"
    wait_for(lambda: words in pair.status(node)["line"], 20,
             lambda: f"{node} to say {words!r}: {pair.status(node)['line']!r}")
    pair.lab.timeline.add(f"{node} says: {words}")


def hang_alone(lab, result, pair, role):
    """Longer than the interval of Pacemaker's monitors: they must find nothing wrong either."""
    hung, other = sides(pair, role)
    before, qemu = pair.phases(), pair.qemu(hung).pid
    daemon = lab.nodes[hung].service("colo-hbd")
    at = daemon.pause()
    says_silent(pair, other, hung)
    holds(lambda: pair.status(other)["phase"] == "paired", 13, f"{other} paired", every_s=0.5)
    pair.client.wait_answers(20)
    daemon.resume()
    as_it_was(pair, before)
    result.check(pair.qemu(hung).pid == qemu, "the same QEMU runs on")
    result.check(not any(lab.power.fenced(name, at) for name in lab.nodes), "nobody was fenced")
    longest = pair.client.report(int(at * 1e9))["longest_gap_ms"]
    result.notes.setdefault("gap_while_hung_ms", []).append(longest)
    result.check(longest < 3000, f"a client waited {longest} ms")
    pair.wait_agreement()


def hang_then_death(lab, result, pair, role):
    """Nobody is there to say that QEMU is dead, so the host has to be fenced for it."""
    victim, survivor = sides(pair, role)
    lab.cluster.wait_links()
    qemu = pair.qemu(victim).pid
    lab.nodes[victim].service("colo-hbd").pause()
    says_silent(pair, survivor, victim)
    at = lab.nodes[victim].kill9(qemu)
    fenced = goes_on_elsewhere(pair, result, victim, survivor, at)
    result.notes.setdefault("fenced_s", []).append(round(fenced["t"] - at, 3))
    result.check(fenced["by"] in lab.nodes, f"asked by a node: {fenced}")
    comes_back(pair, result, victim, survivor)


@scenario("daemon-hangs", default_pair=True, timeout_s=900)
def daemon_hangs(lab, result):
    """SIGSTOP of colo-hbd: the guest does not notice; if its QEMU dies then, its host is fenced."""
    with Pair(lab, result) as pair:
        pair.up()
        for role in ROLES:
            hang_alone(lab, result, pair, role)
        for role in ROLES:
            hang_then_death(lab, result, pair, role)
        pair.finish()


@scenario("daemon-hangs-watchdog", in_place=True, timeout_s=900, watchdog=True)
def daemon_hangs_watchdog(lab, result):
    """systemd's watchdog replaces a daemon that hangs, and the new one takes the guest over."""
    with Pair(lab, result) as pair:
        pair.up()
        for role in ROLES:
            hung, other = sides(pair, role)
            before, qemu = pair.phases(), pair.qemu(hung).pid
            daemon = lab.nodes[hung].service("colo-hbd")
            starts = daemon.state()["starts"]
            at = daemon.pause()
            wait_for(lambda: daemon.state()["starts"] > starts, 40, "the watchdog", every_s=0.5)
            result.notes.setdefault("replaced_s", []).append(
                round(daemon.state()["started_at"] - at, 2))
            as_it_was(pair, before)
            result.check(pair.qemu(hung).pid == qemu, "the same QEMU runs on")
            result.check(pair.client.report(int(at * 1e9))["longest_gap_ms"] < 3000, "the client")
            pair.wait_agreement()
        fails_over(pair, result)
        pair.finish()
