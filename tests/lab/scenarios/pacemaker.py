# SPDX-License-Identifier: GPL-2.0-or-later
"""Pacemaker's side: scores that are left over, alerts, stops that take long, and words."""

import signal

from colo_lab.api import scenario, wait_for
from colo_lab.pair import Pair
from colo_lab.steps import comes_back, continues, fails_over, last_word, says_everywhere, sides

STOP_TIMEOUT_S = 120  # of the resource agent's meta-data


# ---- leftover scores ----

def leave_score(lab, vm, node, score, lifetime):
    """Somebody's score, as an older agent or an operator may have left it. None: take it away."""
    what = f"--update={score}" if score else "--delete"
    lab.cluster.run(["/usr/sbin/crm_attribute", "--node", node, "--name", f"master-{vm}",
                     "--lifetime", lifetime, what])
    lab.timeline.add(f"promotion score of {node}: {score} ({lifetime})")


@scenario("leftover-scores", in_place=True, timeout_s=900,
          also=["survivor-refused-because-of-leftover-scores"])
def leftover_scores(lab, result):
    """Wrong promotion scores of another time: the survivor is promoted nevertheless, and they are
    put right."""
    with Pair(lab, result) as pair:
        pair.up()
        for lifetime in ("forever", "reboot"):
            lab.cluster.wait_idle()
            # Only downwards: a higher score is an order to move, and would be obeyed.
            leave_score(lab, pair.vm, pair.secondary(), "-INFINITY", lifetime)
            fails_over(pair, result)
        for name in lab.nodes:
            leave_score(lab, pair.vm, name, "-INFINITY" if name == pair.primary() else "5000",
                        "forever")
        # Restarted, it has no scores but those that were left, until colo-hbd has said its own.
        restarted = pair.secondary()
        lab.nodes[restarted].service("pacemaker").restart()
        lab.cluster.wait_online()
        pair.wait_whole()
        pair.wait_agreement(90)
        fails_over(pair, result)
        for name in lab.nodes:
            leave_score(lab, pair.vm, name, None, "forever")
        pair.wait_agreement()
        pair.finish()


# ---- alerts ----

ALERT_AGENT = "/usr/share/colo-hbd/alerts/colo_alert.sh"
ALERTS = "/tmp/alerts/colo"  # in the memory of each node; written by the user hacluster


def alerts(lab):
    """What the alert agent was told, on whichever node Pacemaker has called it."""
    return "".join(node.sh(f"cat {ALERTS} || true").stdout for node in lab.nodes.values())


@scenario("alerts", in_place=True, timeout_s=600)
def alerts_tell(lab, result):
    """Pacemaker's alerts tell of the new pair after a failover, in the words of the status. That the
    survivor served alone is told if it lasted for longer than Pacemaker takes to write attributes."""
    with Pair(lab, result) as pair:
        pair.up()
        for node in lab.nodes.values():
            node.sh(f"mkdir -p {ALERTS.rpartition('/')[0]} && chmod 1777 {ALERTS.rpartition('/')[0]}")
        # As the manual has it: pcs cannot select the alerts of attributes, and they are not the default.
        lab.cluster.pcs("alert", "create", f"path={ALERT_AGENT}", "id=colo")
        lab.cluster.pcs("alert", "recipient", "add", "colo", f"value={ALERTS}")
        lab.cluster.run(["/usr/sbin/cibadmin", "--modify", "--scope", "alerts", "--xml-text",
                         '<alert id="colo"><select><select_attributes/></select></alert>'])
        lab.cluster.wait_idle()
        survivor = pair.secondary()
        fails_over(pair, result)
        words = f"notice {pair.vm} on {survivor}: primary, in sync with "
        wait_for(lambda: words in alerts(lab), 30, lambda: f"{words!r} in {alerts(lab)!r}")
        result.check("filling" not in alerts(lab), f"progress is not news: {alerts(lab)}")
        lab.cluster.pcs("alert", "remove", "colo")
        pair.finish()


# ---- slow stops ----

def stops(lab, result, pair, name):
    """`pcs resource disable` ends within the agent's time-out, by killing, and fences nobody."""
    at = lab.timeline.add(f"pcs resource disable, {name}")
    done = lab.cluster.pcs("resource", "disable", pair.vm, f"--wait={STOP_TIMEOUT_S}",
                           timeout_s=STOP_TIMEOUT_S + 30)
    result.notes.setdefault(name, []).append(round(lab.timeline.add("stopped") - at, 2))
    result.check(done.returncode == 0, f"stopped: {done.stdout} {done.stderr}")
    wait_for(lambda: not any(node.qemus() for node in lab.nodes.values()), 5, "every QEMU to end")
    result.check(not lab.cluster.failures(), f"failed actions: {lab.cluster.failures()}")
    result.check(not any(lab.power.fenced(each, at) for each in lab.nodes), "nobody is fenced")


def starts(lab, result, pair, told):
    lab.cluster.pcs("resource", "enable", pair.vm)
    pair.wait_whole(120)
    continues(pair, result, told)
    pair.wait_agreement(90)
    pair.client.wait_answers(20)


@scenario("slow-stop", in_place=True, timeout_s=1200, watchdog=True,
          also=["slow-stop-led-to-a-fence"])
def slow_stop(lab, result):
    """The resource is disabled while QEMU, or colo-hbd, does not react: no stop is late or fails."""
    with Pair(lab, result) as pair:
        pair.up()
        for name in (pair.primary(), pair.secondary()):
            lab.nodes[name].signal(pair.qemu(name).pid, signal.SIGSTOP)
        stops(lab, result, pair, "with frozen QEMUs")
        starts(lab, result, pair, last_word(pair))
        # Until systemd's watchdog replaces them.
        for name in (pair.primary(), pair.secondary()):
            lab.nodes[name].service("colo-hbd").pause()
        stops(lab, result, pair, "with frozen daemons")
        starts(lab, result, pair, last_word(pair))
        pair.finish()


@scenario("stopped-behind-its-back", in_place=True, timeout_s=900)
def stopped_behind_its_back(lab, result):
    """A colo-hbd hangs for so long that the stop does without it: when it wakes up it knows, and
    neither serves nor is filled."""
    with Pair(lab, result) as pair:
        pair.up()
        name, primary = sides(pair, "secondary")
        daemon = lab.nodes[name].service("colo-hbd")
        daemon.pause()
        at = lab.timeline.add(f"pcs resource ban, {name} hangs")
        lab.cluster.pcs("resource", "ban", pair.vm, name, f"--wait={STOP_TIMEOUT_S}",
                        node=primary, timeout_s=STOP_TIMEOUT_S + 30)
        result.check(not lab.nodes[name].qemus(), "its QEMU is dead")
        result.check(not any(lab.power.fenced(each, at) for each in lab.nodes), "nobody is fenced")
        daemon.resume()
        wait_for(lambda: pair.status(name) and pair.status(name)["phase"] == "stopped", 30,
                 lambda: f"{name} to know that it is stopped: {pair.status(name)}")
        pair.wait_whole(120)  # with the spare
        pair.client.wait_answers(20, timeout_s=60)
        result.check(pair.primary() == primary, "who served serves")
        result.check(pair.status(name)["phase"] == "stopped", "it is left alone")
        lab.cluster.pcs("resource", "clear", pair.vm)
        wait_for(lambda: pair.find("spare") == [name], 60, lambda: f"a spare: {pair.phases()}")
        pair.wait_agreement(90)
        pair.client.wait_answers(20, timeout_s=60)
        pair.finish()


# ---- why not ----

def pacemaker_says(lab, result, pair, node, words):
    """Pacemaker itself tries to promote what must not be: its failed action has the exit reason."""
    lab.cluster.run(["/usr/sbin/attrd_updater", "--name", f"master-{pair.vm}", "--update", "2000",
                     "--node", node])
    wait_for(lambda: words in lab.cluster.pcs("status", "--full").stdout, 30,
             lambda: f"pcs status to say {words!r}: {lab.cluster.pcs('status', '--full').stdout}")
    lab.timeline.add(f"pcs status says: {words}")
    result.check(not any(each.qemus() for each in lab.nodes.values()), "nothing runs")


@scenario("why-not-promoted", timeout_s=900, also=["nobody-could-tell-why-not-promoted"])
def why_not_promoted(lab, result):
    """Whatever keeps a host from being promoted: explain, status, crm_mon and the exit reason say it
    in the same words."""
    with Pair(lab, result, parameters={"resync_speed": "4M"}) as pair:
        # First start: one host has not said yet whether it has the data.
        lab.nodes["n3"].service("colo-hbd").stop()
        pair.create(fill_mb=48)
        says_everywhere(pair, result, "n1", "first start: waiting to hear from n3")
        pacemaker_says(lab, result, pair, "n1", "first start: waiting to hear from n3")
        lab.nodes["n3"].service("colo-hbd").start()
        lab.cluster.pcs("resource", "cleanup", pair.vm)
        says_everywhere(pair, result, "n2", "fill")
        pair.connect()
        pair.wait_whole(120)
        pair.wait_agreement(90)
        victim, survivor = sides(pair, "primary")
        [spare] = set(lab.nodes) - {victim, survivor}
        says_everywhere(pair, result, spare, f"{victim} runs the VM")
        # Held: promoted or not, it cannot go on, and Pacemaker's promote is never kept waiting.
        lab.power.fault(victim, "fail")
        lab.nodes[victim].power_off()
        says_everywhere(pair, result, survivor, f"peer {victim} lost", refused=False)
        lab.power.fault(victim, "ok")
        pair.client.wait_answers(20, timeout_s=90)
        comes_back(pair, result, victim, survivor)
        pair.finish()
