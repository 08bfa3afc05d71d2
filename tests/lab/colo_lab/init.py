"""PID 1 of a node: reaps, starts the services at boot, restarts those that must not stay down.

It does for the lab what systemd does on a host, as far as the product can tell: services in order,
Restart=always with 100 ms for the daemon, and only the main process of a service is signalled, so
that a QEMU lives on when the daemon is stopped.

Control: one JSON object a line on /run/lab-node/init.sock.
  {"op": "start" | "stop" | "status", "name": SERVICE, "signal": "TERM", "timeout_s": 10}
"""

import asyncio
import json
import os
import signal
from pathlib import Path

from . import kernel
from .mounts import PORT, SHARED
from .paths import NODE_ENV
from .runserver import RunServer
from .watchdog import Watchdog

SOCKET = f"{PORT}/init.sock"
RUN_SOCKET = f"{PORT}/run.sock"
RESTART_DELAY_S = 0.1
# As a package does it: new files in place of the old ones, so that a running binary is no matter.
INSTALL_PRODUCT = (f"cd {SHARED}/stage && tar -cf - * | "
                   "tar -C / -xf - --no-overwrite-dir --keep-directory-symlink --no-same-owner")


class Service:
    """One service: what it is (from the node's config) and how it is."""

    def __init__(self, spec):
        self.spec = spec
        self.name = spec["name"]
        self.pid = None
        self.wanted = False
        self.starts = 0
        self.last_exit = None
        self.started_at = None
        self.ended = asyncio.Event()
        self.ended.set()
        self.watchdog = Watchdog(self) if "watchdog_s" in spec else None

    def spawn(self):
        for path, mode in self.spec.get("folders", {}).items():
            os.makedirs(path, exist_ok=True)
            os.chmod(path, int(mode, 8))
        env = {**self.spec.get("env", {}), **(self.watchdog.env() if self.watchdog else {})}
        log = os.open(self.spec["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        pid = os.fork()
        if pid == 0:
            try:
                _exec(self.spec, env, log)
            finally:
                os._exit(127)
        os.close(log)
        self.pid = pid
        self.starts += 1
        self.started_at = kernel.boottime()
        self.ended.clear()

    def reaped(self, status):
        self.pid = None
        self.last_exit = os.waitstatus_to_exitcode(status)
        self.ended.set()

    def state(self):
        return {"name": self.name, "pid": self.pid, "wanted": self.wanted, "starts": self.starts,
                "last_exit": self.last_exit, "started_at": self.started_at}


def _exec(spec, env, log):
    os.setsid()
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.execve(spec["argv"][0], spec["argv"], {**NODE_ENV, **env})


class Init:
    def __init__(self, config):
        self.services = {spec["name"]: Service(spec) for spec in config["services"]}
        self.helpers = {}

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._ended(pid, status)

    def _ended(self, pid, status):
        if pid in self.helpers:
            self.helpers.pop(pid).set_result(os.waitstatus_to_exitcode(status))
            return
        for service in self.services.values():
            if service.pid == pid:
                service.reaped(status)
                if service.wanted and service.spec.get("restart"):
                    asyncio.get_running_loop().call_later(RESTART_DELAY_S, self._again, service)
                return

    def _again(self, service):
        if service.wanted and service.pid is None:
            service.spawn()

    async def _probe(self, argv):
        """Exit code of a short command; the reaper above gets it, as it gets all children."""
        pid = os.posix_spawn(argv[0], argv, NODE_ENV, file_actions=[
            (os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)])
        return await self.adopt(pid)

    def adopt(self, pid):
        """Future for the exit code of a child that is no service."""
        done = asyncio.get_running_loop().create_future()
        self.helpers[pid] = done
        return done

    async def start(self, service):
        service.wanted = True
        if service.pid is None:
            service.spawn()
        ready = service.spec.get("ready")
        deadline = kernel.boottime() + service.spec.get("ready_s", 15)
        while ready and kernel.boottime() < deadline:
            if await self._probe(ready) == 0:
                return
            await asyncio.sleep(0.05)

    async def stop(self, service, name, timeout_s):
        service.wanted = False
        if service.pid is None:
            return
        os.kill(service.pid, getattr(signal, f"SIG{name}"))
        try:
            await asyncio.wait_for(service.ended.wait(), timeout_s)
        except asyncio.TimeoutError:
            os.kill(service.pid, signal.SIGKILL)
            await service.ended.wait()

    async def boot(self):
        for service in self.services.values():
            if service.spec.get("boot", True):
                await self.start(service)

    async def _answer(self, request):
        service = self.services.get(request.get("name"))
        if request["op"] == "status":
            return {"ok": True, "services": [each.state() for each in self.services.values()]}
        if service is None:
            return {"ok": False, "error": f"no service {request.get('name')!r}"}
        if request["op"] == "start":
            await self.start(service)
        else:
            await self.stop(service, request.get("signal", "TERM"), request.get("timeout_s", 10))
        return {"ok": True, "service": service.state()}

    async def serve(self, reader, writer):
        while line := await reader.readline():
            try:
                answer = await self._answer(json.loads(line))
            except Exception as error:  # the answer carries it; PID 1 must not end
                answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
            writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()


async def _main(config, report):
    init = Init(config)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGCHLD, init.reap)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, lambda: None)
    for path in (SOCKET, RUN_SOCKET):
        Path(path).unlink(missing_ok=True)
    RunServer(RUN_SOCKET, init.adopt)
    server = await asyncio.start_unix_server(init.serve, SOCKET)
    os.write(report, b"ready\n")
    os.close(report)
    async with server:
        await init.boot()
        await server.serve_forever()


def run(config, report):
    """Never returns; called by the starter in the child that is PID 1 of the new namespace."""
    kernel.set_name("lab-init")
    os.environ.clear()
    os.environ.update(NODE_ENV)  # PATH of the commands that are run
    asyncio.run(_main(config, report))
