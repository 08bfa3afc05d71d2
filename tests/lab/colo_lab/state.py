"""State folders of labs: one for each prefix, locked by the power daemon as long as it lives.

The lock says whether a lab is alive. It needs no pid file, which could name a stranger, and it is
let go however the daemon ends.
"""

import fcntl
import os
import re
import shutil
import time

from .errors import LabError
from .kernel import boottime
from .paths import STATE_ROOT
from .wait import wait_for


def folder(prefix):
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", prefix):
        raise LabError(f"prefix {prefix!r}: 1 to 32 letters, digits, - or _")
    return STATE_ROOT / prefix


def _lock_path(state):
    # Beside the folder, not in it: the folder goes while the lock is held.
    return state.with_name(f"{state.name}.lock")


def try_lock(state):
    """File descriptor of the lock of a lab that nobody runs, None if somebody does."""
    STATE_ROOT.mkdir(parents=True, exist_ok=True)
    fd = os.open(_lock_path(state), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def take_lock(state):
    """try_lock() for a new lab; LabError if there is one already.

    It waits a little, for a lab that is going down removes its files before it lets go.
    """
    deadline = boottime() + 1
    while (fd := try_lock(state)) is None:
        if boottime() > deadline:
            raise LabError(f"a lab with prefix {state.name!r} is running; end it with: lab down")
        time.sleep(0.02)
    return fd


def is_alive(state):
    fd = try_lock(state)
    if fd is None:
        return True
    os.close(fd)
    return False


def wait_dead(state, timeout_s=30):
    wait_for(lambda: not is_alive(state), timeout_s, f"the lab in {state} to end")


def remove(state):
    """Removes the files of a lab that nobody runs."""
    fd = try_lock(state)
    if fd is None:
        raise LabError(f"{state} is in use")
    shutil.rmtree(state, ignore_errors=True)
    _lock_path(state).unlink(missing_ok=True)
    os.close(fd)


def sweep():
    """Removes what labs left behind whose power daemon was killed. Returns their names."""
    removed = []
    if STATE_ROOT.is_dir():
        for state in sorted(STATE_ROOT.iterdir()):
            if state.is_dir() and not is_alive(state):
                remove(state)
                removed.append(state.name)
    return removed
