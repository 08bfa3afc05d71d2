"""A lab: made, found again, and taken down."""

import atexit
import json
import os
import secrets
import shutil
import subprocess
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path

from . import clusterconf, disk, product, state as states, switch as switches
from .cluster import Cluster
from .errors import LabError
from .mounts import SHARED
from .node import Node
from .paths import DEFAULT_BUILD, LAB_DIR, PROJECT, helper_argv
from .power import Power
from .timeline import Timeline
from .wait import wait_for

PACEMAKER_ENV = {"PCMK_logfacility": "none", "PCMK_logfile": "/var/log/pacemaker/pacemaker.log"}


@dataclass
class LabOptions:
    """What distinguishes one lab from another. Times in ms say so in their names."""

    nodes: int = 3
    token_ms: int = 300
    two_node: bool = False
    qnetd: bool = False                                 # one more host, that gives a vote
    client_nets: int = 1                                # networks of the clients: br0, br1
    fencing: bool = True
    fence_options: dict = field(default_factory=dict)   # {node: more options of its device}
    properties: dict = field(default_factory=dict)      # more cluster properties
    totem: dict = field(default_factory=dict)           # more keys of corosync's totem section
    build: str = str(DEFAULT_BUILD)                     # build tree; None for no product
    daemon_env: dict = field(default_factory=dict)      # environment of colo-hbd
    watchdog: bool = False                              # a colo-hbd that hangs is replaced
    qemu_shim: str = None                               # library to preload into the nodes' QEMU
    fake_qemus: bool = False                            # VMs called fake... have no guest
    qemu_env: dict = field(default_factory=dict)        # more environment for it
    autostart: bool = True                              # cluster services start at boot


def _services(options, with_product):
    """Services of a node in the order of their start."""
    services = [{"name": "corosync", "argv": ["/usr/sbin/corosync", "-f"],
                 "log": "/var/log/corosync/stderr.log",
                 "ready": ["/usr/sbin/corosync-cmapctl", "-g", "totem.version"]}]
    if with_product:
        services.append(product.daemon_service(options.daemon_env, options.watchdog))
    if options.qnetd:
        services.append({"name": "qdevice", "argv": ["/usr/sbin/corosync-qdevice", "-f"],
                         "log": "/var/log/corosync/qdevice.log", "restart": True,
                         "folders": {"/run/corosync-qdevice": "0770"}})
    services.append({"name": "pacemaker", "argv": ["/usr/sbin/pacemakerd"],
                     "log": "/var/log/pacemaker/stderr.log", "env": PACEMAKER_ENV})
    return [{**service, "boot": options.autostart} for service in services]


QNETD = {"name": "qnetd", "argv": ["/usr/bin/corosync-qnetd", "-f", "-s", "off"], "boot": True,
         "log": "/var/log/corosync/qnetd.log", "folders": {"/run/corosync-qnetd": "0770"},
         "ready": ["/usr/bin/corosync-qnetd-tool", "-s"]}


def node_config(lab, name, number, services, stamp, wrapper):
    """Description of a node, read by its starter and its PID 1."""
    legs = [{"port": switches.port(name, link), "bridge": switches.ring_bridge(link),
             "name": f"ring{link}", "address": f"10.77.{link}.{number}/24"}
            for link in switches.RINGS]
    nets = range(lab.options.client_nets)
    legs += [{"port": switches.port(name, switches.client_net(net)),
              "bridge": switches.client_net(net), "name": f"uplink{net or ''}",
              "into": f"br{net}"} for net in nets]
    return {"name": name, "id": number, "node_dir": str(lab.state / "nodes" / name),
            "shared_dir": str(lab.shared), "binds": disk.BINDS, "legs": legs,
            "bridges": [{"name": f"br{net}", "address": f"192.168.{77 + net}.{200 + number}/24"}
                        for net in nets],
            "keep": [str(PROJECT)], "services": services, "product": stamp,
            "qemu_wrapper": wrapper}


class Lab:
    """A running lab. Lab.create() makes one, Lab.attach() finds one that runs."""

    def __init__(self, prefix, options, timeline=None):
        self.prefix, self.options = prefix, options
        self.state = states.folder(prefix)
        self.shared = self.state / "shared"
        self.timeline = timeline or Timeline()
        self.power = Power(self.state, self.timeline)
        self.switch = switches.Switch(self)
        self.client = switches.Client(self)
        self.cluster = Cluster(self)
        self.nodes = {f"n{number}": Node(self, f"n{number}", number)
                      for number in range(1, options.nodes + 1)}
        # The host of the vote is in no cluster, so it is none of `nodes`.
        self.qnetd = Node(self, "q", options.nodes + 1) if options.qnetd else None
        self.service_names = []
        self._children = []
        self._powerd = None

    @classmethod
    def create(cls, prefix, options=None, owned=True, timeline=None):
        """Makes the lab and its switch; no node has power yet.

        owned: the lab ends with this process, however that ends. Otherwise it stays until down().
        """
        lab = cls(prefix, options or LabOptions(), timeline)
        states.sweep()
        lock = states.take_lock(lab.state)
        try:
            shutil.rmtree(lab.state, ignore_errors=True)
            lab._write_state()
            lab._start_powerd(lock, os.getpid() if owned else 0)
        finally:
            os.close(lock)
        if owned:
            lab._down_at_exit()
        try:
            lab.switch.build(lab.client.net_path)
            lab.client.build()
        except BaseException:
            lab.down()
            raise
        return lab

    @classmethod
    def attach(cls, prefix, timeline=None):
        """A lab that runs, made by another process."""
        state = states.folder(prefix)
        if not (state / "lab.json").exists() or not states.is_alive(state):
            raise LabError(f"no lab with prefix {prefix!r} is running; start one with: lab up")
        saved = json.loads((state / "lab.json").read_text())
        lab = cls(prefix, LabOptions(**saved["options"]), timeline)
        lab.service_names = saved["services"]
        return lab

    @property
    def has_product(self):
        return product.SERVICE in self.service_names

    def _write_state(self):
        options = self.options
        for path in (self.shared, self.state / "log"):
            path.mkdir(parents=True)
        stamp = product.stage(Path(options.build), self.shared / "stage") if options.build else None
        wrapper = product.write_wrapper(
            self.shared, options.qemu_shim, options.qemu_env,
            Path(options.build) / product.FAKE if options.fake_qemus else None)
        services = _services(options, stamp is not None)
        self.service_names = [service["name"] for service in services]
        configs = {name: node_config(self, name, node.id, services, stamp, wrapper)
                   for name, node in self.nodes.items()}
        self._write_disks(configs)
        if self.qnetd:
            configs["q"] = node_config(self, "q", self.qnetd.id, [QNETD], None, None)
            disk.make(self.qnetd.dir)
            (self.qnetd.dir / "node.json").write_text(json.dumps(configs["q"], indent=1))
        (self.state / "lab.json").write_text(json.dumps({
            "options": asdict(options), "services": self.service_names,
            "nodes": {name: {"ports": [leg["port"] for leg in config["legs"]]}
                      for name, config in configs.items()}}, indent=1))

    def _write_disks(self, configs):
        options = self.options
        authkey = secrets.token_bytes(256)
        cib = clusterconf.first_cib(list(self.nodes), options.properties, options.fencing,
                                    options.fence_options)
        corosync = clusterconf.corosync_conf(options.nodes, options.token_ms, options.two_node,
                                             extra_totem=options.totem,
                                             qnetd=self.qnetd and f"10.77.0.{self.qnetd.id}")
        agent = (LAB_DIR / "fence" / "fence_lab").read_bytes()
        for name, config in configs.items():
            folder = self.nodes[name].dir
            disk.make(folder)
            (folder / "node.json").write_text(json.dumps(config, indent=1))
            disk.put(folder, "/etc/corosync/corosync.conf", corosync)
            disk.put(folder, "/etc/corosync/authkey", authkey, 0o400)
            disk.put(folder, "/etc/hosts", clusterconf.hosts(options.nodes))
            disk.put(folder, "/etc/hostname", f"{name}\n")
            disk.put(folder, "/etc/machine-id", f"{secrets.token_hex(16)}\n", 0o444)
            disk.put(folder, "/usr/sbin/fence_lab", agent, 0o755)
            disk.put(folder, "/var/lib/pacemaker/cib/cib.xml", cib, 0o600,
                     ("hacluster", "haclient"))

    def _start_powerd(self, lock, owner):
        log = open(self.state / "log" / "powerd.log", "ab")
        with log:
            self._powerd = subprocess.Popen(
                helper_argv("powerd", self.state, lock, owner), pass_fds=(lock,), cwd="/",
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def answers():
            if self._powerd.poll() is not None:
                raise LabError("the power daemon ended: "
                               + (self.state / "log" / "powerd.log").read_text()[-1500:])
            return (self.shared / "power.sock").exists()

        wait_for(answers, 10, "the power daemon", every_s=0.01)

    def power_on(self, names=None):
        """Boots nodes, all at once."""
        failed = []

        def boot(node):
            try:
                node.power_on()
            except LabError as error:
                failed.append(str(error))

        threads = [threading.Thread(target=boot, args=(self.nodes[name],))
                   for name in (names or self.nodes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise LabError("; ".join(failed) + "\n" + self.daemon_log()[-1500:])

    def up(self, timeout_s=60):
        """Boots all nodes and waits until the cluster is complete."""
        if self.qnetd:
            self.qnetd.power_on()
        self.power_on()
        if self.options.autostart:
            self.cluster.wait_online(timeout_s=timeout_s)

    def install(self):
        """Installs the build tree again, as an upgrade: on each node with power, and for the
        next boot of the others. The daemons are not restarted."""
        stamp = product.stage(Path(self.options.build), self.shared / "stage")
        if stamp is None:
            raise LabError(f"nothing to install in {self.options.build}")
        from .init import INSTALL_PRODUCT
        for node in self.nodes.values():
            file = node.dir / "node.json"
            file.write_text(json.dumps({**json.loads(file.read_text()), "product": stamp}))
            if node.is_on:
                node.sh(INSTALL_PRODUCT)
        self.timeline.add("installed")

    def share(self, name):
        """Copies a file of the build tree to where every node can see it; returns its path there."""
        source = Path(self.options.build) / name
        target = self.shared / source.name
        target.unlink(missing_ok=True)  # it may be running
        shutil.copy2(source, target)
        return f"{SHARED}/{source.name}"

    def track(self, process):
        """Ends a Popen object with the lab at the latest. Returns it."""
        self._children.append(process)
        return process

    def set_timeline(self, timeline):
        """Starts a new time line, for the next scenario in the same lab."""
        self.timeline = timeline
        self.power.timeline = timeline

    def daemon_log(self):
        return (self.state / "log" / "powerd.log").read_text()

    def save_logs(self, target):
        """Copies all logs of the lab and of its nodes, also of nodes without power."""
        target = Path(target)
        shutil.copytree(self.state / "log", target / "lab", dirs_exist_ok=True)
        for node in [*self.nodes.values(), *filter(None, [self.qnetd])]:
            shutil.copytree(node.log_dir, target / node.name, dirs_exist_ok=True)
        (target / "timeline.json").write_text(json.dumps(self.timeline.sorted(), indent=1))

    def _down_at_exit(self):
        atexit.register(self.down)

    def down(self):
        """Ends everything that the lab started and removes its files. Idempotent."""
        atexit.unregister(self.down)
        for child in self._children:
            if child.poll() is None:
                child.terminate()
        self._end_powerd()
        for child in self._children:
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        states.remove(self.state)

    def _end_powerd(self):
        if self.state.exists() and states.is_alive(self.state):
            try:
                self.power.shutdown()
            except LabError:
                pass  # it may be on its way out, which the next line finds out
            states.wait_dead(self.state)
        if self._powerd is not None:
            self._powerd.wait()
