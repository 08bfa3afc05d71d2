# SPDX-License-Identifier: GPL-2.0-or-later
"""What the agent was told and decided is recorded, survives it, and is decided again the same."""

import subprocess
from pathlib import Path

from colo_lab.api import scenario, wait_for
from colo_lab.pair import Pair

FOLDER = "/var/lib/colo-hbd/recordings"


def recordings(lab, node, vm):
    done = lab.nodes[node].sh(f"ls -1 {FOLDER}/{vm} 2>/dev/null || true")
    return [f"{FOLDER}/{vm}/{name}" for name in done.stdout.split()]


def fetch(lab, node, path, name):
    """A node's file, for a program of this machine; it stays among the logs."""
    lab.nodes[node].sh(f"cp {path} /var/log/{name}")
    return lab.nodes[node].log_dir / name


def replay(lab, result, recording):
    """Goes through it with the build's own simulator. Returns the story."""
    simulator = Path(lab.options.build) / "tests/sim/colo-sim"
    done = subprocess.run([simulator, "replay", "--recording", recording, "--trace"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    last = done.stdout.strip().splitlines()[-1] if done.stdout else "nothing"
    lab.timeline.add(f"replay: {last}")
    result.check(done.returncode == 0, f"replay of {recording}: {done.stdout[-2000:]}")
    return done.stdout


@scenario("recording")
def recording(lab, result):
    """After a failover both hosts have a recording, which replays to the same decisions; the death
    of a daemon loses nothing of it."""
    with Pair(lab, result) as pair:
        pair.up()
        old, new = pair.primary(), pair.secondary()
        # Its daemon dies in the middle of the pair's life: what it has recorded stays.
        daemon = lab.nodes[new].service("colo-hbd")
        starts = daemon.state()["starts"]
        daemon.kill9()
        wait_for(lambda: daemon.state()["starts"] > starts, 30, "the next daemon")
        pair.wait_whole()
        lab.nodes[old].kill9(pair.qemu(old).pid)
        pair.client.wait_answers(20)
        wait_for(lambda: all(recordings(lab, node, pair.vm) for node in (old, new)), 90,
                 "the recordings of both hosts", every_s=1)
        told = {old: ["qemu-exited"], new: ["AGENT STARTS", "sequence solo-secondary"]}
        for node, words in told.items():
            path = recordings(lab, node, pair.vm)[-1]
            story = replay(lab, result, fetch(lab, node, path, "failover.recording"))
            for word in words:
                result.check(word in story, f"the story of {node} does not tell of {word}")
        # Whoever asks for one gets it.
        pair.wait_whole(120)
        done = lab.nodes[new].exec(["/usr/sbin/coloctl", "record", pair.vm, "/tmp/asked"])
        result.check(done.stdout.strip() == "/tmp/asked", f"coloctl record: {done.stdout}")
        story = replay(lab, result, fetch(lab, new, "/tmp/asked", "asked.recording"))
        result.check("AGENT STARTS" in story, "the part before the daemon's death is gone")
        pair.finish()
