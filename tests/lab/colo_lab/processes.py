"""Processes of a namespace, seen from outside, and signals that cannot hit a stranger."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process of a node. `pid` is the one outside, `inner` the one that the node sees."""

    pid: int
    inner: int
    name: str
    argv: tuple
    state: str


def namespace(pid, kind):
    """Inode number of a namespace of a process, None if the process is gone."""
    try:
        return os.stat(f"/proc/{pid}/ns/{kind}").st_ino
    except OSError:
        return None


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def describe(pid):
    """Process for a pid, None if it is gone or only a zombie is left."""
    status = _status(pid)
    try:
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0")
    except OSError:
        return None
    if not status:
        return None
    state = status["State"].split()[0]
    if state in "ZX":
        return None
    return Process(pid, int(status["NSpid"].split()[-1]), status["Name"].strip(),
                   tuple(part.decode(errors="replace") for part in argv.split(b"\0")), state)


def cpu_s(pid):
    """Processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _status(pid):
    """Fields of /proc/PID/status; {} if the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split(":", 1) for line in lines)


def foreign_parents(pid1):
    """Pids of the nsenter processes outside whose children are in the namespace of `pid1`."""
    inode = namespace(pid1, "pid")
    found = set()
    for pid in pids():
        parent = int(_status(pid).get("PPid", "0"))
        if (pid != pid1 and namespace(pid, "pid") == inode and namespace(parent, "pid") != inode
                and _status(parent).get("Name", "").strip() == "nsenter"):
            found.add(parent)
    return found


def in_namespace(kind, inode):
    """All processes of a namespace (kind as in /proc/PID/ns)."""
    found = (describe(pid) for pid in pids() if namespace(pid, kind) == inode)
    return [process for process in found if process]


def send_signal(pid, number, kind, inode):
    """Signals `pid` if it belongs to the namespace; False if it is gone.

    The pidfd is taken first and the namespace is read after, so a pid that was given to somebody
    else in between is never hit.
    """
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if namespace(pid, kind) != inode:
            return False
        signal.pidfd_send_signal(fd, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)


def kill_in_namespace(kind, inode):
    """SIGKILL for every process of a namespace, except the caller."""
    for process in in_namespace(kind, inode):
        if process.pid != os.getpid():
            send_signal(process.pid, signal.SIGKILL, kind, inode)
