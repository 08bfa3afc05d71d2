# SPDX-License-Identifier: GPL-2.0-or-later
"""A VM under test: created with pcs as a user would, watched through coloctl, crm_mon and a client."""

import json
import re
import shlex
import subprocess
import sys

from . import emulation, frames, images, paths, speakers
from .errors import LabError
from .spawn import enter_net
from .wait import wait_for

sys.path.insert(0, str(paths.LAB_DIR / "client"))

from remote import Client  # noqa: E402  (the client's own folder, see above)

IMAGE = "/var/lib/colo/{vm}.qcow2"
MORE_IMAGES = "/var/lib/colo/{vm}-{number}.{format}"
GUEST_ADDRESS = "192.168.77.50"
GUEST_PORT = 7000
GAP_BEFORE_S = 5
SCORES = {"1000": "best", "500": "secondary", "-INFINITY": "never"}


class Pair:
    """One VM in a lab, for `with Pair(lab, result) as pair:`.

    From the first line to the last the frames that leave the hosts for the clients are recorded,
    and the scenario fails if one of them came from a replica that was not entitled to serve.
    """

    def __init__(self, lab, result, vm="colo-vm", parameters=None, address=GUEST_ADDRESS,
                 kernel_words=(), nics=1, more_disks=(), qemu_words=()):
        """nics: one in each of the clients' networks. more_disks: (format, megabytes) of each."""
        self.lab, self.result, self.vm, self.address = lab, result, vm, address
        host = address.split(".")[3]
        self.addresses = [address] + [f"192.168.{77 + net}.{host}" for net in range(1, nics)]
        self.more_disks = {MORE_IMAGES.format(vm=vm, number=number, format=each[0]): each
                           for number, each in enumerate(more_disks, 1)}
        self.parameters = parameters or {}
        self.kernel_words = kernel_words  # more of the guest's kernel command line
        self.clone_max = len(lab.nodes)   # how many of the hosts are to run it
        self.qemu_words = qemu_words  # more of QEMU's
        self.client = None
        self.watch = None

    def __enter__(self):
        self.watch = frames.Watch(self.lab, self.vm, self.addresses,
                                  self.parameters.get("ipv6") == "allow")
        return self

    def __exit__(self, kind, *_):
        if self.client is not None:
            self.client.kill()
        self.judge_frames(raising=kind is None)

    def judge_frames(self, raising=True):
        """Nobody spoke who was not entitled to. Said on the time line if the scenario has failed for
        another reason already, which then stays its reason."""
        if self.watch.is_over:
            return
        wrong = self.watch.end(keep=not raising)
        for line in wrong:
            self.lab.timeline.add(f"frames: {line}")
        self.result.notes.setdefault("frames", []).append(speakers.tally(self.watch.frames))
        if raising:
            self.result.check(not wrong, "; ".join(wrong))

    # ---- bringing it up ----

    def resource_parameters(self):
        """What the user types behind `pcs resource create NAME ocf:colo:vm`."""
        words = emulation.guest().qemu_args([f"{each}/24" for each in self.addresses],
                                            *self.kernel_words,
                                            console=f"/var/log/colo-hbd/{self.vm}.console")
        words += self.qemu_words
        disks = [IMAGE.format(vm=self.vm)] + [f"{path},format={image_format}" for
                                              path, (image_format, _) in self.more_disks.items()]
        return {"disks": " ".join(disks),
                "nics": " ".join(f"bridge=br{net}" for net in range(len(self.addresses))),
                "memory": "128M", "cpus": "1", **emulation.parameters(),
                "qemu_args": shlex.join(words), **self.parameters}

    def create(self, data_on="n1", megabytes=64, fill_mb=0):
        """The disk's image on one host, then the resource. fill_mb: data behind what the guest's
        counter uses, so that a full copy has something to copy."""
        image = IMAGE.format(vm=self.vm)
        images.make(self.lab.nodes[data_on], image, megabytes)
        for path, (image_format, size) in self.more_disks.items():
            images.make(self.lab.nodes[data_on], path, size, image_format)
        if fill_mb:
            self.lab.nodes[data_on].sh(
                f"qemu-io -c 'write -P 7 {megabytes - fill_mb}M {fill_mb}M' {image}")
        self.create_resource()

    def create_resource(self):
        """What the user types, with the images as they are."""
        words = [f"{key}={value}" for key, value in self.resource_parameters().items()]
        self.lab.timeline.add(f"pcs resource create {self.vm} ocf:colo:vm ... promotable")
        self.lab.cluster.pcs("resource", "create", self.vm, "ocf:colo:vm", *words, "promotable")

    def open_client(self, address, think_ms=5, timeout_s=180, command="inc"):
        """A client of its own connection, as soon as the guest answers at that address."""
        prefix = enter_net(self.lab.client.net_path)
        control = self.lab.state / f"client-{self.vm}-{address}.sock"

        def open_port():
            """A guest that is not there yet swallows the attempt, and the next one may be luckier."""
            return subprocess.run([*prefix, "/usr/bin/timeout", "1", "/bin/bash", "-c",
                                   f"exec 3<>/dev/tcp/{address}/{GUEST_PORT}"],
                                  capture_output=True).returncode == 0

        wait_for(open_port, timeout_s, f"the guest to answer at {address}:{GUEST_PORT}")
        return Client(f"{address}:{GUEST_PORT}", control, prefix, think_ms, command)

    def connect(self, think_ms=5, timeout_s=180):
        """Starts the client as soon as the guest answers."""
        self.client = self.open_client(self.address, think_ms, timeout_s)
        self.client.start()
        self.client.wait_answers(5)
        # The guest has booted inside the pair, so each side drew secrets of its own for time stamps of
        # TCP, which no rewriter translates, and counting alone is too deterministic to bring on a
        # checkpoint. An answer with the time in it differs, as those of any real service do.
        self.client.ask("clock")
        self.client.wait_answers(5)
        self.lab.timeline.add("the client counts")

    # ---- how it is ----

    def status(self, node):
        """What `coloctl status --json` on `node` says of the VM; None while it has no answer."""
        if not self.lab.nodes[node].is_on:
            return None
        done = self.lab.nodes[node].exec(["/usr/sbin/coloctl", "status", self.vm, "--json"],
                                         check=False)
        if done.returncode != 0:
            return None
        vms = json.loads(done.stdout).get("vms", [])
        return next((each for each in vms if each["name"] == self.vm), None)

    def phases(self):
        """{node: (phase, role, generation)}, each as its own daemon says."""
        found = {}
        for name in self.lab.nodes:
            status = self.status(name)
            if status is not None:
                found[name] = (status["phase"], status["role"], status["generation"])
        return found

    def find(self, phase, role=None):
        """Nodes in that phase and role."""
        return [name for name, (its_phase, its_role, _) in self.phases().items()
                if its_phase == phase and role in (None, its_role)]

    def primary(self):
        found = self.find("paired", "primary") or self.find("solo")
        if len(found) != 1:
            raise LabError(f"no single primary: {self.phases()}")
        return found[0]

    def secondary(self):
        [found] = self.find("paired", "secondary")
        return found

    def qemu(self, node):
        """QEMU process of the VM on `node`, as the daemon knows it."""
        status = self.status(node)
        process = self.lab.nodes[node].by_inner_pid(status["qemu"]["pid"]) if status else None
        if process is None:
            raise LabError(f"no QEMU of {self.vm} on {node}: {status}")
        return process

    def is_whole(self):
        phases = self.phases()
        pair = [value for value in phases.values() if value[0] == "paired"]
        roles = sorted(role for _, role, _ in pair)
        return roles == ["primary", "secondary"] and len({value[2] for value in pair}) == 1

    def wait_whole(self, timeout_s=180):
        """Waits for a pair in COLO. Returns the moment."""
        wait_for(self.is_whole, timeout_s, lambda: f"the pair to be whole: {self.phases()}")
        return self.lab.timeline.add("the pair is whole")

    def agrees(self):
        """Pacemaker's view is ours: text of the first difference, or None."""
        cluster = self.lab.cluster
        phases = {name: each for name, each in self.phases().items() if each[0] != "stopped"}
        able = {name for name, state in cluster.states().items() if state == "online"}
        if not set(phases) <= able or len(phases) != min(len(able), self.clone_max):
            return f"started on {set(phases)}, could be on {able}"
        primary = next((n for n, v in phases.items() if v[:2] == ("paired", "primary")), None)
        secondary = next((n for n, v in phases.items() if v[:2] == ("paired", "secondary")), None)
        if primary is None or secondary is None:
            return f"no pair: {phases}"
        roles = cluster.roles(self.vm)
        wanted = {name: "Promoted" if name == primary else "Unpromoted" for name in phases}
        if roles != wanted:
            return f"roles {roles}, not {wanted}"
        scores = {name: attributes.get(f"master-{self.vm}")
                  for name, attributes in cluster.attributes().items() if name in phases}
        best = {name: SCORES.get(score) for name, score in scores.items()}
        if best != {name: "best" if name == primary else "secondary" if name == secondary
                    else "never" for name in phases}:
            return f"scores {scores}"
        return None

    def wait_agreement(self, timeout_s=60, failures=()):
        """Waits until Pacemaker agrees; then there must be no failed action but `failures`."""
        wait_for(lambda: self.agrees() is None, timeout_s,
                 lambda: f"Pacemaker to agree: {self.agrees()}")
        found = {name for name, _ in self.lab.cluster.failures()}
        self.result.check(found <= set(failures), f"unexpected failures: {found}")
        return self.lab.timeline.add("Pacemaker agrees")

    def exists(self):
        """Pacemaker knows the resource."""
        return bool(self.lab.cluster.roles(self.vm))

    def up(self, think_ms=5):
        """A whole pair with a counting client: where every scenario starts. A pair that an earlier
        repeat has left is taken as it is."""
        if not self.exists():
            self.create()
        self.wait_whole()
        self.wait_agreement()
        self.connect(think_ms)

    # ---- what a failure did ----

    def failover_steps(self, node):
        """The newest failover in the eyes of `node`: {step: CLOCK_BOOTTIME in seconds}."""
        done = self.lab.nodes[node].exec(["/usr/sbin/coloctl", "events", self.vm, "--failovers",
                                          "--json"], check=False)
        if done.returncode != 0:
            return {}
        failovers = json.loads(done.stdout).get("failovers", [])
        steps = failovers[-1]["steps"] if failovers else []
        return {each["step"]: each["boottime_ns"] / 1e9 for each in steps}

    def events(self, node, key="note"):
        """What the agent of `node` has noted: [(moment in seconds, note)], or its "text" instead of
        the note. All nodes of a lab have one clock."""
        done = self.lab.nodes[node].exec(["/usr/sbin/coloctl", "events", self.vm, "--json"])
        return [(event["boottime_ns"] / 1e9, event[key])
                for event in json.loads(done.stdout)["events"]]

    def noted(self, node, note, since):
        """When the agent of `node` first noted that after `since`; None if it has not."""
        return next((at for at, found in self.events(node) if found == note and at >= since), None)

    def proof(self, node, since):
        """What the first failover of `node` after `since` rests on, in its agent's words; "" if there
        was none. Status forgets it as soon as there is a pair again, which may be soon."""
        at = self.noted(node, "proven", since)
        return next((text for when, text in self.events(node, "text")
                     if when == at and re.search(r"\(P\d\)", text)), "")

    def death_at(self, node, since):
        """When the kernel told the agent of `node` that its QEMU is dead, after `since`."""
        at = self.noted(node, "qemu-died", since)
        if at is None:
            raise LabError(f"the agent of {node} knows of no death since {since:.3f}")
        return at

    def gap_ms(self, at, settle_ms=150):
        """Longest wait of the client around the moment `at` (seconds): the failure is felt with the
        first answer that does not come, at the latest `settle_ms` after it. On a busy machine the
        last answer may be a while ago."""
        gaps = self.client.report(int((at - GAP_BEFORE_S) * 1e9))["gaps"]
        near = [gap["gap_ms"] for gap in gaps
                if gap["at"] / 1e9 <= at + settle_ms / 1000
                and gap["at"] / 1e9 + gap["gap_ms"] / 1000 >= at]
        return max(near, default=0.0)

    def finish(self):
        """The client's account and the guest's: nothing lost, and the disk equals the memory."""
        check = self.client.check()
        report = self.client.stop()
        self.client = None
        self.result.traffic(report["answers"], report["lost"], report["repeated"])
        self.result.check(check["ok"], f"disk and memory differ: {check}")
        self.result.check(not report["resets"], f"connection lost: {report['resets']}")
        self.result.check(report["lost"] == 0 and report["repeated"] == 0, f"answers: {report}")
        self.judge_frames()


class FakePair(Pair):
    """A VM without a guest, for the option `fake_qemus`; its name begins with "fake". The daemons do
    everything that they do for a pair, and there is nobody who answers."""

    def connect(self, think_ms=5, timeout_s=180):
        pass

    def finish(self):
        self.judge_frames()
