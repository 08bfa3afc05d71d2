# SPDX-License-Identifier: GPL-2.0-or-later
"""systemd's WatchdogSec= and TimeoutAbortSec= for a service of a node, in a few lines.

A service with "watchdog_s" in its description gets a NOTIFY_SOCKET. From its READY=1 on it has to
say WATCHDOG=1 at least that often; else it gets SIGABRT, and SIGKILL when it is still there
"abort_s" later. Whoever restarts services does the rest.
"""

import asyncio
import os
import signal
import socket
from pathlib import Path

from . import kernel
from .mounts import PORT

LOOK_S = 0.25


class Watchdog:
    def __init__(self, service):
        """service: has `name`, `spec` and `pid` (None while it is down)."""
        self._service = service
        self._pid = None
        self._fed_at = None
        self._aborted_at = None
        self.address = f"{PORT}/notify-{service.name}.sock"
        Path(self.address).unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._heard)
        self._look()

    def env(self):
        return {"NOTIFY_SOCKET": self.address,
                "WATCHDOG_USEC": str(int(self._service.spec["watchdog_s"] * 1e6))}

    def _heard(self):
        words = self._socket.recv(4096).decode(errors="replace").split("\n")
        if "READY=1" in words or "WATCHDOG=1" in words:
            self._fed_at = kernel.boottime()

    def _look(self):
        asyncio.get_running_loop().call_later(LOOK_S, self._look)
        pid, now = self._service.pid, kernel.boottime()
        if pid != self._pid:
            self._pid, self._fed_at, self._aborted_at = pid, None, None
        if pid is None or self._fed_at is None:
            return
        if self._aborted_at is None and now - self._fed_at > self._service.spec["watchdog_s"]:
            self._aborted_at = now
            os.kill(pid, signal.SIGABRT)
        elif self._aborted_at and now - self._aborted_at > self._service.spec["abort_s"]:
            os.kill(pid, signal.SIGKILL)
