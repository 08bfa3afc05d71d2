"""One node as its power daemon sees it: off, or on with a starter process and a PID 1."""

import asyncio
import os
import signal
import subprocess

from . import kernel, netlink, processes
from .paths import helper_argv


class PowerNode:
    def __init__(self, name, config_path, ports, switch_fd, link_socket):
        self.name = name
        self.config_path = config_path
        self.ports = ports
        self.boots = 0
        self.pid1 = None
        self._starter = None
        self._report = None
        self._pid1_fd = None
        self._dead = None
        self._switch_fd = switch_fd
        self._links = link_socket
        self._lock = asyncio.Lock()

    @property
    def is_on(self):
        return self.pid1 is not None

    def state(self):
        return {"on": self.is_on, "pid1": self.pid1, "boots": self.boots}

    async def on(self):
        """Boots the node; returns when its PID 1 listens. Does nothing when it is on."""
        async with self._lock:
            if not self.is_on:
                await self._boot()

    async def _boot(self):
        await self._unmounted()
        # The kernel removes the last boot's ports with its namespace, but some time later; to
        # remove them takes it 20 ms each, too long for a loop that has fence requests to answer.
        await asyncio.get_running_loop().run_in_executor(None, self._remove_ports)
        read_fd, write_fd = os.pipe()
        self._starter = subprocess.Popen(
            helper_argv("starter", self.config_path, self._switch_fd, write_fd, os.getpid()),
            pass_fds=(self._switch_fd, write_fd), stdin=subprocess.DEVNULL)
        os.close(write_fd)
        self._report = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._report), os.fdopen(read_fd, "rb", 0))
        # Two processes write them, so on a busy machine "ready" may come before the pid.
        lines = {await self._report.readline(), await self._report.readline()}
        pid = next((line for line in lines if line.strip().isdigit()), None)
        if pid is None or b"ready\n" not in lines:
            self._starter.kill()  # its PID 1 goes with it (parent-death signal)
            raise OSError(f"{self.name} did not boot: {lines}")
        self.pid1 = int(pid)
        self._pid1_fd = os.pidfd_open(self.pid1)
        self.boots += 1
        self._dead = asyncio.ensure_future(self._wait_dead())

    async def off(self):
        """Pulls the plug; returns (time of the cut, time when the last process was gone).

        The ports go down first: a dying kernel would say goodbye on every connection.
        """
        async with self._lock:
            cut = kernel.boottime()
            if self.is_on:
                self._unplug()
                self._kill()
                await self._until_dead()
                self.pid1 = None
            return cut, kernel.boottime()

    def _unplug(self):
        for port in self.ports:
            try:
                netlink.link_down(self._links, port)
            except OSError:
                pass  # the node's end went first: its PID 1 died by itself

    def _kill(self):
        try:
            signal.pidfd_send_signal(self._pid1_fd, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it died by itself
        os.close(self._pid1_fd)

    async def end(self):
        """off(), and nothing of the node is left, not even its mounts."""
        await self.off()
        await self._unmounted()

    def _remove_ports(self):
        # In a thread, so with a socket of its own: the other one is busy with power cuts.
        with netlink.open_socket(self._switch_fd) as links:
            for port in self.ports:
                try:
                    netlink.link_delete(links, port)
                except OSError:
                    pass  # already gone

    async def _until_dead(self):
        """A shell that was entered from outside and stopped there must wake up to be reaped."""
        while True:
            done, _ = await asyncio.wait({self._dead}, timeout=0.2)
            if done:
                return
            for process in processes.foreign_parents(self.pid1):
                os.kill(process, signal.SIGCONT)

    async def _wait_dead(self):
        """Ends when the kernel has ended the whole node, or the starter with it."""
        while await self._report.readline() not in (b"dead\n", b""):
            pass

    async def _unmounted(self):
        """Waits for the starter of the last boot: until it is gone the disk is in use."""
        while self._starter is not None and self._starter.poll() is None:
            await asyncio.sleep(0.005)
