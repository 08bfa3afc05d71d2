"""The few system calls that python 3.11 does not have, and the clock that all nodes share."""

import ctypes
import os
import time

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def boottime():
    """Seconds of CLOCK_BOOTTIME: the same in every node, so times of two nodes compare."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def unshare(flags):
    _check(_libc.unshare(flags), "unshare")


def setns(fd, flags):
    _check(_libc.setns(fd, flags), "setns")


def mount(source, target, fstype=None, flags=0, data=None):
    def raw(text):
        return None if text is None else os.fsencode(text)
    result = _libc.mount(raw(source), raw(target), raw(fstype), ctypes.c_ulong(flags), raw(data))
    _check(result, f"mount {source} on {target}")


def bind(source, target):
    mount(source, target, None, MS_BIND)


def set_name(name):
    """Name of this process in ps and /proc/PID/comm, at most 15 bytes."""
    _libc.prctl(PR_SET_NAME, ctypes.c_char_p(name.encode()), 0, 0, 0)


def die_with(parent):
    """SIGKILL for this process when `parent`, the pid of its parent, ends.

    The parent may have ended before the call, hence the second look.
    """
    _check(_libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os._exit(1)


def new_net_namespace():
    """File descriptor of a new network namespace, which lives as long as the descriptor."""
    to_child, from_parent = os.pipe()
    from_child, to_parent = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            unshare(CLONE_NEWNET)
            os.write(to_parent, b"1")
            os.read(to_child, 1)
        finally:
            os._exit(0)
    os.close(to_parent)
    try:
        if os.read(from_child, 1) != b"1":
            raise OSError("cannot make a network namespace (not root?)")
        return os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.write(from_parent, b"1")
        for fd in (to_child, from_parent, from_child):
            os.close(fd)
        os.waitpid(pid, 0)
