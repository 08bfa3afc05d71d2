# SPDX-License-Identifier: GPL-2.0-or-later
"""The judges: the simulator goes through what the daemons have recorded, and frames are looked at.

After every step each host writes out its recording, which `colo-sim replay` walks through: the same
code must decide the same, and the rules that one host can break must hold. What a host's daemon was
told in the very step in which its power went is gone with its memory; the other hosts' is not.
"""

import shutil
import subprocess
from pathlib import Path

from colo_lab.errors import LabError
from colo_lab.wait import wait_for

NO_SUCH_VM, BUSY = 4, 6  # coloctl(8), EXIT STATUS
REPLAY_S = 300
ASIDE = "soak.recording"


class Checkers:
    def __init__(self, lab, folder):
        self.lab, self.folder = lab, Path(folder)
        self.simulator = Path(lab.options.build) / "tests/sim/colo-sim"
        self.recordings, self.wrong = 0, []
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.simulator.exists():
            raise LabError(f"no {self.simulator}, which judges the recordings: build it first")

    def _written(self, node, vm):
        """One host's recording, on this machine; None if it has no such VM."""
        inside, aside = f"/var/log/{ASIDE}", node.log_dir / ASIDE
        aside.unlink(missing_ok=True)

        def ask():
            done = vm.coloctl(node.name, "record", inside, check=False)
            return None if done.returncode == BUSY else done

        done = wait_for(ask, 30, f"the recording of {vm.vm} on {node.name}", every_s=0.2)
        if done.returncode == NO_SUCH_VM:
            return None  # a host that is back, where Pacemaker has not started it yet
        if done.returncode != 0:
            raise LabError(f"{node.name}: coloctl record {vm.vm}: {done.stdout}{done.stderr}")
        boots = self.lab.power.node(node.name)["boots"]
        path = self.folder / f"{vm.vm}-{node.name}-boot{boots}.recording"
        shutil.move(aside, path)
        return path

    def _replay(self, path):
        """What the simulator finds wrong with a recording; None if nothing, or if there is none."""
        if path is None:
            return None
        done = subprocess.run([self.simulator, "replay", "--recording", path], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=REPLAY_S)
        self.recordings += 1
        if done.returncode == 0:
            return None
        lines = done.stdout.strip().splitlines() or [f"exit code {done.returncode}"]
        return f"{path.name}: {lines[-1]}"

    def judge(self, vms):
        """All hosts' recordings as they are now, and the frames since the last time. Returns what is
        wrong."""
        found = []
        for vm in vms:
            for node in self.lab.nodes.values():
                found.append(self._replay(self._written(node, vm)))
            found += vm.next_window()
        found = [line for line in found if line]
        self.wrong += found
        return found

    def last_words(self, vms):
        """After a failure: whatever can still be had, for whoever looks into it."""
        said = []
        for vm in vms:
            for node in self.lab.nodes.values():
                try:
                    if node.is_on:
                        said.append(self._replay(self._written(node, vm)))
                except (LabError, OSError, subprocess.SubprocessError) as error:
                    said.append(f"{node.name}: {error}")
            try:
                said += vm.end_window(keep=True)
            except (LabError, OSError, subprocess.SubprocessError) as error:
                said.append(f"frames of {vm.vm}: {error}")
        return [line for line in said if line]

    def as_json(self, vms):
        return {"recordings": self.recordings, "frames": sum(vm.frames_seen for vm in vms),
                "wrong": self.wrong}
