# SPDX-License-Identifier: GPL-2.0-or-later
"""What many scenarios do and ask: a host that is lost and comes back, words that must agree, a guest
that was started again from its disk."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

from .pair import GUEST_PORT
from .spawn import enter_net
from .wait import wait_for

AGENT = "/usr/lib/ocf/resource.d/colo/vm"


def sides(pair, role):
    """(node whose replica has that role, node of the other replica)."""
    primary, secondary = pair.primary(), pair.secondary()
    return (primary, secondary) if role == "primary" else (secondary, primary)


def qemus(pair):
    """{node: pid of its QEMU}, of the pair's two sides."""
    return {name: pair.qemu(name).pid for name in (pair.primary(), pair.secondary())}


# ---- a host is lost ----

def goes_on_elsewhere(pair, result, victim, survivor, at):
    """`victim` was lost at the moment `at`: it is fenced, and only then does the survivor go on with
    the client's connection. Returns the entry of the power daemon."""
    fenced = pair.lab.cluster.wait_fenced(victim, at)
    pair.client.wait_answers(20, timeout_s=60)
    steps = pair.failover_steps(survivor)
    for step, moment in sorted(steps.items(), key=lambda item: item[1]):
        pair.lab.timeline.add(f"{survivor}: {step}", at=moment)
    result.check("lost-heartbeat-sent" in steps, f"no time line: {steps}")
    result.check(steps["lost-heartbeat-sent"] >= fenced["t"], f"before the fence: {steps}")
    result.gap_ms.append(pair.gap_ms(at, settle_ms=3000))
    return fenced


def comes_back(pair, result, victim, survivor):
    """The fenced host gets its power back: there is a pair again, and it is the survivor's."""
    lab = pair.lab
    if not lab.nodes[victim].is_on:
        lab.nodes[victim].power_on()
    lab.cluster.wait_online()
    pair.wait_whole(120)
    result.check(pair.primary() == survivor, f"{survivor} is primary: {pair.phases()}")
    pair.wait_agreement(90)
    pair.client.wait_answers(20, timeout_s=60)


def fails_over(pair, result):
    """The agents can still do their work: the primary's QEMU is killed, the other side goes on, and
    there is a pair again."""
    primary, secondary = sides(pair, "primary")
    pair.lab.nodes[primary].kill9(pair.qemu(primary).pid)
    pair.client.wait_answers(20)
    pair.wait_whole()
    result.check(pair.primary() == secondary, "a failover works as before")
    pair.wait_agreement()


def boot_ids(lab):
    """{node: boot id}: who was not rebooted has the same one."""
    return {name: node.boot_id() for name, node in lab.nodes.items()}


def longest_gap_ms(pair, at):
    """The client's longest wait since just before `at`: after a cut it may be felt late."""
    return pair.client.report(int((at - 1) * 1e9))["longest_gap_ms"]


def cut_power(lab, names):
    """All these hosts lose their power at the same moment."""
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: lab.nodes[name].power_off(), names))


def is_stopped(pair):
    """Pacemaker answers, and has no instance of the VM anywhere."""
    return bool(pair.lab.cluster.states()) and not pair.lab.cluster.roles(pair.vm)


def nothing_bad(lab, result, since):
    """No action failed, and nobody was fenced."""
    wait_for(lab.cluster.states, 30, "crm_mon to answer")
    result.check(not lab.cluster.failures(), f"failed actions: {lab.cluster.failures()}")
    fenced = [name for name in lab.nodes if lab.power.fenced(name, since)]
    result.check(not fenced, f"fenced: {fenced}")


# ---- another colo-hbd ----

KNOWN = ("phase", "role", "generation", "qemu", "promoted")


def knows_as_before(pair, node, before):
    """The daemon of `node` knows what the one before it knew: `before` is what pair.status() was then.
    Of a host that was not in a pair it is enough that it answers: a spare may be filled at once."""
    same = KNOWN if before["phase"] == "paired" else ()

    def knows():
        status = pair.status(node)
        return status is not None and all(status[key] == before[key] for key in same)

    wait_for(knows, 20, lambda: f"{node} to know as before: {pair.status(node)}")


# ---- the guest was started again ----

def was_shut_down(pair, result, since):
    """No QEMU is left, and the guest was asked to switch itself off and did."""
    lab = pair.lab
    wait_for(lambda: not any(node.qemus() for node in lab.nodes.values()), 5, "every QEMU to end")
    said = [name for name in lab.nodes if pair.noted(name, "guest-off", since)]
    result.check(said, "no agent knows that the guest switched itself off")
    lab.timeline.add(f"the guest switched itself off, says {', '.join(said)}")


def last_word(pair):
    """Ends the client of a VM that is gone; returns the highest count that it was told."""
    value = pair.client.report()["value"]
    pair.client.kill()
    pair.client = None
    return value


def tell_guest(pair, word):
    """Sends the guest a command that it does not answer, such as `reboot`, on a connection of its own,
    which ends with the guest or when it was kept open for long enough."""
    line = f"exec 3<>/dev/tcp/{pair.address}/{GUEST_PORT}; echo {word} >&3; read -t 2 -u 3"
    subprocess.run([*enter_net(pair.lab.client.net_path), "/usr/bin/timeout", "10", "/bin/bash", "-c",
                    line], capture_output=True)


def boots(pair):
    """How often the guest has booted from this disk."""
    return int(pair.client.ask("hello").split()[2])


def continues(pair, result, told):
    """A new client of the VM that was started from its disk: it goes on from `told`. The one request
    that was under way may have counted or not."""
    pair.connect()
    report = pair.client.report()
    found = report["value"] - report["answers"]
    result.check(found in (told, told + 1), f"clients were told {told}, the disk says {found}")
    pair.lab.timeline.add(f"clients were told {told}, the disk says {found}")


def has_its_data(pair, result, since, told, booted):
    """The VM was started again: there is a pair, which goes on from `told` with one boot more than
    `booted`, and since the moment `since` no action failed and nobody was fenced."""
    pair.wait_whole(120)
    continues(pair, result, told)
    result.check(boots(pair) == booted + 1, f"booted once: {boots(pair)} after {booted}")
    pair.wait_agreement(90)
    nothing_bad(pair.lab, result, since)
    pair.client.wait_answers(20)


# ---- words ----

def explanation(pair, node):
    """What `coloctl explain` on `node` says about its own replica."""
    return pair.lab.nodes[node].exec(["/usr/sbin/coloctl", "explain", pair.vm]).stdout


def attribute(pair, node, seen_from=None):
    """The line that crm_mon shows of the VM for `node`."""
    return pair.lab.cluster.attributes(seen_from or node).get(node, {}).get(pair.vm, "")


def agent(pair, node, action, parameters=None, level=0):
    """Runs the resource agent by hand, as Pacemaker would: (exit code, exit reason)."""
    values = pair.resource_parameters() if parameters is None else parameters
    env = {"OCF_ROOT": "/usr/lib/ocf", "OCF_RESOURCE_INSTANCE": pair.vm,
           "OCF_CHECK_LEVEL": str(level), "OCF_RESOURCE_PROVIDER": "colo",
           "OCF_RESOURCE_TYPE": "vm",
           **{f"OCF_RESKEY_{key}": value for key, value in values.items()}}
    done = pair.lab.nodes[node].exec([AGENT, action], check=False, env=env)
    reasons = [line.split(":", 1)[1] for line in done.stderr.splitlines()
               if line.startswith("ocf-exit-reason:")]
    return done.returncode, " ".join(reasons)


def says(pair, node, words, timeout_s=60):
    """`node` says `words` in status, the error of its last try included, and in explain."""
    def said():
        status = pair.status(node)
        return status and words in f"{status['line']} {status['error']}" \
            and words in explanation(pair, node)

    wait_for(said, timeout_s, lambda: f"{node} to say {words!r}: {pair.status(node)}, "
                                      f"{explanation(pair, node)!r}")
    pair.lab.timeline.add(f"{node} says: {words}")


def says_everywhere(pair, result, node, words, refused=True):
    """`node` says `words` in status, explain and crm_mon, and, if Pacemaker promoted it now and it
    would refuse, in the exit reason."""
    wait_for(lambda: words in attribute(pair, node), 30,
             lambda: f"crm_mon to say {words!r} of {node}: {attribute(pair, node)!r}")
    line = pair.status(node)["line"]
    result.check(words in line, f"status: {line!r} lacks {words!r}")
    text = explanation(pair, node)
    result.check(words in text, f"explain: {text!r} lacks {words!r}")
    if refused:
        code, reason = agent(pair, node, "promote")
        result.check(code == 1 and words in reason, f"promote: {code}, {reason!r} lacks {words!r}")
    pair.lab.timeline.add(f"{node} says everywhere: {words}")
