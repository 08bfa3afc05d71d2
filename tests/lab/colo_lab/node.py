"""One node as a scenario sees it."""

import signal

from . import processes
from .control import ask
from .errors import LabError
from .remote import NodeProcess
from .spawn import Commands


class Service:
    """A service of a node under the supervision of its PID 1."""

    def __init__(self, node, name):
        self.node, self.name = node, name

    def _ask(self, op, **more):
        return ask(self.node.init_socket, {"op": op, "name": self.name, **more})

    def state(self):
        """{"pid": inside the node or None, "starts", "last_exit", "wanted", "started_at"}."""
        for state in self._ask("status")["services"]:
            if state["name"] == self.name:
                return state
        raise LabError(f"{self.node.name} has no service {self.name}")

    def start(self):
        self._ask("start")

    def stop(self, name="TERM", timeout_s=30):
        """Orderly stop; it stays down until start()."""
        self._ask("stop", signal=name, timeout_s=timeout_s)

    def restart(self):
        self.stop()
        self.start()

    @property
    def process(self):
        """The main process, None if it is down."""
        pid = self.state()["pid"]
        return self.node.by_inner_pid(pid) if pid else None

    def signal(self, number):
        """Signals the main process behind the supervisor's back (SIGKILL, SIGSTOP, SIGCONT)."""
        process = self.process
        if process is None:
            raise LabError(f"{self.name} on {self.node.name} is not running")
        return self.node.signal(process.pid, number)

    def kill9(self):
        return self.signal(signal.SIGKILL)

    def pause(self):
        return self.signal(signal.SIGSTOP)

    def resume(self):
        return self.signal(signal.SIGCONT)


class Node(Commands):
    """`pid` in this interface always means the pid outside, `inner` the one inside the node."""

    def __init__(self, lab, name, number):
        self.lab, self.name, self.id = lab, name, number
        self.dir = lab.state / "nodes" / name
        self.log_dir = self.dir / "bind" / "log"
        self.init_socket = self.dir / "port" / "init.sock"
        self.run_socket = self.dir / "port" / "run.sock"

    @property
    def pid1(self):
        pid = self.lab.power.node(self.name)["pid1"]
        if pid is None:
            raise LabError(f"{self.name} is off")
        return pid

    @property
    def is_on(self):
        return self.lab.power.node(self.name)["on"]

    def popen(self, argv, env=None, **options):
        """Starts a command in the node: a NodeProcess, which works like subprocess.Popen.

        It ends when the object is closed or this process ends. Without stdout and stderr among
        the options it writes to those of this process.
        """
        self.pid1  # refuses a node without power
        return NodeProcess(self, argv, env, **options)

    def service(self, name):
        """corosync, pacemaker or colo-hbd."""
        return Service(self, name)

    def power_off(self):
        """Pulls the plug without asking anybody; see Power.off."""
        return self.lab.power.off(self.name)

    def power_on(self):
        return self.lab.power.on(self.name)

    def shut_down(self, timeout_s=60):
        """Orderly: services stop in reverse order, then the power goes."""
        for name in reversed(self.lab.service_names):
            self.service(name).stop(timeout_s=timeout_s)
        return self.power_off()

    def processes(self, name=None):
        """All processes of the node, or those whose name (comm, 15 bytes) is `name`."""
        found = processes.in_namespace("pid", self._pid_namespace())
        return [each for each in found if name is None or each.name == name[:15]]

    def by_inner_pid(self, inner):
        """Process for a pid that something in the node wrote down; None if it is gone."""
        return next((each for each in self.processes() if each.inner == inner), None)

    def qemus(self):
        return self.processes("qemu-system-x86_64")

    def signal(self, pid, number):
        """Signals a process of this node (pid outside); True if it was there.

        Noted on the time line with the moment right before.
        """
        at = self.lab.timeline.add(f"{signal.Signals(number).name} for {pid} on {self.name}")
        if not processes.send_signal(pid, number, "pid", self._pid_namespace()):
            return None
        return at

    def kill9(self, pid):
        return self.signal(pid, signal.SIGKILL)

    def freeze(self):
        """SIGSTOP for every process but PID 1: a host that hangs with its network up."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self):
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number):
        inode, pid1 = self._pid_namespace(), self.pid1
        for process in self.processes():
            if process.pid != pid1:
                processes.send_signal(process.pid, number, "pid", inode)
        self.lab.timeline.add(f"{signal.Signals(number).name} for all of {self.name}")

    def _pid_namespace(self):
        inode = processes.namespace(self.pid1, "pid")
        if inode is None:
            raise LabError(f"{self.name} is dead")
        return inode

    def log(self, path):
        """Text of a log of the node, named as under /var/log; works when it is off, too."""
        file = self.log_dir / path
        return file.read_text(errors="replace") if file.exists() else ""

    def boot_id(self):
        return self.exec(["cat", "/proc/sys/kernel/random/boot_id"]).stdout.strip()

    def __repr__(self):
        return f"<Node {self.name}>"
