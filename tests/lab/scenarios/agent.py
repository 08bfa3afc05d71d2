# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent itself: what it costs, what its death means, and what it never does."""

from colo_lab.api import scenario, wait_for
from colo_lab.kernel import boottime
from colo_lab.pair import Pair
from colo_lab.processes import cpu_s
from colo_lab.steps import fails_over


def resident_mb(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


@scenario("idle-cost")
def idle_cost(lab, result):
    """One idle pair costs the daemon under 10 MB and under 0.5 % of a core."""
    with Pair(lab, result) as pair:
        pair.up()
        pair.client.pause()
        lab.cluster.wait_idle()
        for name in (pair.primary(), pair.secondary()):
            pid = lab.nodes[name].service("colo-hbd").process.pid
            before, start = cpu_s(pid), boottime()
            wait_for(lambda: boottime() - start >= 20, 60, "20 s of idleness", every_s=1)
            percent = 100 * (cpu_s(pid) - before) / (boottime() - start)
            result.notes[f"{name}_cpu_percent"] = round(percent, 2)
            result.notes[f"{name}_resident_mb"] = round(resident_mb(pid), 1)
            lab.timeline.add(f"{name}: {percent:.2f} % of a core, {resident_mb(pid):.1f} MB")
            result.check(resident_mb(pid) <= 10, f"{resident_mb(pid):.1f} MB resident on {name}")
            # The budget is 0.5; a busy machine's ticks are coarse.
            result.check(percent <= 1.5, f"{percent:.2f} % of a core on {name}")
        pair.client.start()
        pair.client.wait_answers(20)
        pair.finish()


@scenario("daemon-killed", default_pair=True)
def daemon_killed(lab, result):
    """kill -9 of colo-hbd on either side: guest and COLO go on, the new daemon knows everything."""
    with Pair(lab, result) as pair:
        pair.up()
        for name in (pair.primary(), pair.secondary()):
            before = pair.status(name)
            others = pair.qemu(name).pid
            at = lab.nodes[name].service("colo-hbd").kill9()

            def knows(name=name, before=before):
                status = pair.status(name)
                return status is not None and all(
                    status[key] == before[key] for key in ("phase", "role", "generation", "qemu"))

            took = wait_for(knows, 20, lambda: f"{name} to know: {pair.status(name)}",
                            every_s=0.02) and boottime() - at
            result.notes.setdefault("taken_over_s", []).append(round(took, 3))
            result.check(pair.qemu(name).pid == others, "the same QEMU runs on")
            result.check(pair.gap_ms(at) < 1000, "the client did not notice")
            pair.client.wait_answers(20)
        pair.wait_agreement()
        fails_over(pair, result)
        pair.finish()


@scenario("filling-never-promoted")
def filling_never_promoted(lab, result):
    """The primary's host dies while its secondary is filled: down, with the reason, until it is back."""
    # 48 MB take three minutes then: longer than the guest may take to boot, so it is interrupted.
    with Pair(lab, result, parameters={"resync_speed": "256K"}) as pair:
        pair.create(fill_mb=48)
        pair.connect()
        wait_for(lambda: pair.find("filling"), 60, lambda: f"filling: {pair.phases()}")
        primary, filling = pair.primary(), pair.find("filling")[0]
        pair.client.wait_answers(20)
        pair.client.pause()
        lab.timeline.add(f"{filling} is being filled from {primary}")
        at = lab.nodes[primary].power_off()["dead"]
        lab.cluster.wait_fenced(primary, at)

        def held_back():
            phases = pair.phases()
            return phases and all(value[0] == "spare" for value in phases.values())

        wait_for(held_back, 30, lambda: f"nobody to serve: {pair.phases()}")
        lab.cluster.wait_idle()
        result.check("Promoted" not in lab.cluster.roles(pair.vm).values(), "nobody is promoted")
        lines = lab.nodes[filling].exec(["/usr/sbin/coloctl", "explain", pair.vm]).stdout
        lab.timeline.add(f"explain on {filling}: {lines.strip()}")
        result.check("fill" in lines, f"the reason is said: {lines}")
        lab.cluster.pcs("resource", "update", pair.vm, "resync_speed=0")  # the next one may be fast
        lab.cluster.wait_idle()
        lab.nodes[primary].power_on()
        lab.cluster.wait_online()
        wait_for(lambda: pair.find("solo") == [primary] or pair.find("paired", "primary") == [primary],
                 60, lambda: f"{primary} to serve again: {pair.phases()}")
        pair.client.kill()
        pair.connect()
        pair.client.wait_answers(20)
        pair.wait_whole()
        pair.wait_agreement()
        pair.finish()
