# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest does by itself: it reboots, panics, and switches itself off."""

from colo_lab.api import scenario, wait_for
from colo_lab.pair import Pair
from colo_lab.steps import (boots, continues, fails_over, has_its_data, is_stopped, last_word,
                            longest_gap_ms, nothing_bad, tell_guest)

TOOL = "/usr/sbin/crm_resource"
MONITOR = "/run/own-monitor"
# After a boot in a pair each answer may cost a checkpoint for a while, and emulated guests on a busy
# machine take seconds for one.
BUSY_S = 240


def reboots(pair, result, word):
    """The guest is told `word`, and boots again: the same QEMUs are a pair then, and it has its data."""
    lab = pair.lab
    lab.cluster.wait_idle()
    before, booted = pair.phases(), boots(pair)
    pair.client.ask("write 64")
    pair.client.pause()
    at = lab.timeline.add(f"the guest is told: {word}")
    tell_guest(pair, word)
    told = last_word(pair)
    continues(pair, result, told)
    result.check(boots(pair) == booted + 1, f"booted once: {boots(pair)} after {booted}")
    pair.wait_whole(120)
    result.check(pair.phases() == before, f"the pair stayed: {before}, then {pair.phases()}")
    pair.wait_agreement(90)
    nothing_bad(lab, result, at)
    pair.client.wait_answers(20, timeout_s=BUSY_S)


@scenario("guest-reboot", in_place=True, timeout_s=1200)
def guest_reboot(lab, result):
    """A reboot from inside: the pair stays, and can fail over with the guest that has booted anew."""
    with Pair(lab, result) as pair:
        pair.up()
        reboots(pair, result, "reboot")
        fails_over(pair, result)
        pair.finish()


# ---- it panics, and somebody pauses it ----

def panics(pair):
    """How often an agent has said so."""
    return sum(node.log("colo-hbd/colo-hbd.log").count("the guest has panicked")
               for node in pair.lab.nodes.values())


PAUSE = f"""
import socket
monitor = socket.socket(socket.AF_UNIX)
monitor.connect("{MONITOR}")
lines = monitor.makefile("rw")
for command in ("qmp_capabilities", "stop"):
    lines.write('{{"execute": "%s"}}\\n' % command)
    lines.flush()
while "STOP" not in lines.readline():
    pass
"""


def pauses(pair, result):
    """Somebody stops the primary's QEMU through a monitor of his own: the next checkpoint lets it go
    on, and nobody takes it for a failure."""
    lab, primary = pair.lab, pair.primary()
    before = pair.phases()
    at = lab.timeline.add("somebody pauses the guest")
    lab.nodes[primary].exec(["/usr/bin/python3", "-c", PAUSE], timeout_s=20)
    pair.client.wait_answers(20, timeout_s=BUSY_S)
    result.notes.setdefault("paused_ms", []).append(longest_gap_ms(pair, at))
    result.check(pair.phases() == before, f"the pair stayed: {before}, then {pair.phases()}")
    nothing_bad(lab, result, at)


@scenario("guest-panic", in_place=True, timeout_s=1200)
def guest_panic(lab, result):
    """A panic is said, and the guest does what its kernel says: here it reboots, and the pair stays. A
    guest that somebody has paused goes on."""
    words = ["-device", "pvpanic-pci", "-qmp", f"unix:{MONITOR},server=on,wait=off"]
    with Pair(lab, result, qemu_words=words) as pair:
        pair.up()
        pauses(pair, result)
        said = panics(pair)
        reboots(pair, result, "panic")
        result.check(panics(pair) > said, "no agent says that the guest has panicked")
        fails_over(pair, result)
        pair.finish()


# ---- it switches itself off ----

def stays_off(pair, result):
    """Nothing that makes Pacemaker or an agent think again starts the VM."""
    lab = pair.lab
    lab.cluster.wait_idle()
    lab.cluster.pcs("resource", "refresh", pair.vm)
    lab.cluster.wait_idle()  # a probe that is left behind has Pacemaker's DC run in circles (2.1.5)
    lab.nodes["n1"].service("colo-hbd").kill9()
    lab.cluster.wait_idle()
    lab.nodes["n2"].service("pacemaker").restart()
    wait_for(lambda: pair.status("n1"), 20, "the new daemon")
    lab.cluster.wait_online()
    result.check(is_stopped(pair), f"stopped: {lab.cluster.roles(pair.vm)}")
    result.check(not any(node.qemus() for node in lab.nodes.values()), "no QEMU")


def wait_off(pair, since, result):
    """Both sides have ended, and Pacemaker has stopped the resource."""
    lab = pair.lab
    wait_for(lambda: not any(node.qemus() for node in lab.nodes.values()), 60, "both sides to end")
    wait_for(lambda: is_stopped(pair), 60,
             lambda: f"Pacemaker to have stopped it: {lab.cluster.roles(pair.vm)}")
    lab.timeline.add("off")
    nothing_bad(lab, result, since)


def power_off(pair):
    """From inside. Returns (moment before, what the clients were told, number of boots)."""
    pair.lab.cluster.wait_idle()
    booted = boots(pair)
    pair.client.ask("write 64")
    pair.client.pause()
    at = pair.lab.timeline.add("the guest switches itself off")
    tell_guest(pair, "poweroff")
    return at, last_word(pair), booted


def hide_tool(lab, hide):
    """Without it no agent can tell Pacemaker anything about the resource."""
    words = ["/bin/mv", TOOL, f"{TOOL}.away"] if hide else ["/bin/mv", f"{TOOL}.away", TOOL]
    for node in lab.nodes.values():
        node.exec(words)


def untold(lab):
    """How often an agent has failed to tell Pacemaker that the guest is off."""
    return sum(node.log("colo-hbd/colo-hbd.log").count("could not be told")
               for node in lab.nodes.values())


@scenario("guest-poweroff", default_pair=True, timeout_s=600)
def guest_poweroff(lab, result):
    """A power-off from inside: both sides end, it stays off until it is enabled, and Pacemaker is told,
    again and again if need be, whatever becomes of the daemon that has seen it."""
    with Pair(lab, result) as pair:
        pair.up()
        tries = untold(lab)
        hide_tool(lab, True)
        try:
            primary = pair.primary()
            at, told, booted = power_off(pair)
            wait_for(lambda: untold(lab) > tries, 60, "an agent to have tried")
            lab.nodes[primary].service("colo-hbd").kill9()
            tries = untold(lab)
            wait_for(lambda: untold(lab) > tries + 1, 60, "the agents to have tried again")
        finally:
            hide_tool(lab, False)
        lab.timeline.add("Pacemaker can be told")
        wait_off(pair, at, result)
        stays_off(pair, result)
        lab.timeline.add("pcs resource enable")
        lab.cluster.pcs("resource", "enable", pair.vm)
        has_its_data(pair, result, at, told, booted)
        pair.finish()
