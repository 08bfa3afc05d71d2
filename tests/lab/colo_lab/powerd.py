"""The power daemon: owner of everything in a lab that lives longer than a command.

It holds the namespaces of the switch and of the client, starts and kills nodes, and plays the
fence device. It stays outside the nodes. When it ends, by whatever cause, the kernel ends the
nodes (parent-death signal) and frees the namespaces (nobody holds them any more), so a killed lab
leaves no more than a folder of files.

Two sockets, one JSON object a line:
  control.sock          the lab: status, on, off, fault, release, block, shutdown
  shared/power.sock     the fence agents in the nodes: off, on, reboot, status, list
Only the second one is subject to the faults that a scenario orders.
"""

import asyncio
import json
import os
import shutil
import signal
from pathlib import Path

from . import kernel, netlink
from .powernode import PowerNode
from .processes import kill_in_namespace

FAULTS = ("ok", "fail", "hang", "slow", "late", "done-hang", "done-fail", "done-late")


class PowerDaemon:
    def __init__(self, state, owner):
        self.state = Path(state)
        self.config = json.loads((self.state / "lab.json").read_text())
        self.owner = owner
        self.switch_fd = kernel.new_net_namespace()
        self.client_fd = kernel.new_net_namespace()
        os.set_inheritable(self.switch_fd, True)
        links = netlink.open_socket(self.switch_fd)
        self.nodes = {name: PowerNode(name, self.state / "nodes" / name / "node.json",
                                      node["ports"], self.switch_fd, links)
                      for name, node in self.config["nodes"].items()}
        self.faults = {name: {"mode": "ok", "delay_s": 0} for name in self.nodes}
        self.blocked = set()
        self.late = set()       # orders taken from agents that are long gone
        self.released = {name: asyncio.Event() for name in self.nodes}
        self.log = open(self.state / "log" / "power.log", "a", buffering=1)
        self.finished = asyncio.Event()
        self.tasks = set()

    def note(self, **entry):
        self.log.write(json.dumps({"t": round(kernel.boottime(), 4), **entry}) + "\n")

    def background(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def control(self, request):
        """Answers the lab itself; faults do not apply."""
        action, node = request["op"], self.nodes.get(request.get("node"))
        if action == "status":
            return {"nodes": {name: each.state() for name, each in self.nodes.items()},
                    "pid": os.getpid(), "switch_fd": self.switch_fd, "client_fd": self.client_fd,
                    "faults": self.faults, "blocked": sorted(self.blocked)}
        if action == "on":
            await node.on()
            self.note(action="on", target=node.name, by="lab")
            return node.state()
        if action == "off":
            cut, dead = await node.off()
            self.note(action="off", target=node.name, by="lab", cut=cut, dead=dead)
            return {"cut": cut, "dead": dead}
        if action == "fault":
            if request["mode"] not in FAULTS:
                raise ValueError(f"fault is one of {', '.join(FAULTS)}")
            self.faults[node.name] = {"mode": request["mode"], "delay_s": request["delay_s"]}
            self.released[node.name].clear()
            return {}
        if action == "release":
            return await self._release(node)
        if action == "block":
            (self.blocked.add if request["blocked"] else self.blocked.discard)(node.name)
            return {}
        if action == "shutdown":
            self.finished.set()
            return {}
        raise ValueError(f"unknown request {action!r}")

    async def fence(self, request):
        """Answers a fence agent, as well as the scenario lets it."""
        action, by = request["op"], request.get("by", "?")
        if by in self.blocked:
            self.note(action=action, by=by, result="unreachable")
            await asyncio.Event().wait()
        if action == "list":
            return {"names": list(self.nodes)}
        node = self.nodes[request["node"]]
        if action == "status":
            return {"on": node.is_on}
        asked, fault = kernel.boottime(), self.faults[node.name]
        self.note(action=action, target=node.name, by=by, result="asked", mode=fault["mode"])
        await self._obstruct(node, fault)
        times = await self._act(node, action)
        if fault["mode"] == "done-late":
            self.note(action=action, target=node.name, by=by, result="done, said later", **times)
            await self.released[node.name].wait()
        if fault["mode"] == "done-hang":
            self.note(action=action, target=node.name, by=by, result="done, not said", **times)
            await asyncio.Event().wait()
        if fault["mode"] == "done-fail":
            self.note(action=action, target=node.name, by=by, result="done, denied", **times)
            raise OSError("the lab wants this answer to be a failure")
        self.note(action=action, target=node.name, by=by, result="confirmed", asked=asked, **times)
        return {"on": node.is_on}

    async def _release(self, node):
        """Late orders are carried out, late answers are given."""
        self.released[node.name].set()
        if node.name not in self.late:
            return {"orders": 0}
        self.late.discard(node.name)
        cut, dead = await node.off()
        self.note(action="off", target=node.name, by="a late order", result="done late", cut=cut,
                  dead=dead)
        return {"orders": 1, "cut": cut, "dead": dead}

    async def _obstruct(self, node, fault):
        if fault["mode"] == "fail":
            raise OSError("the lab wants fencing to fail")
        if fault["mode"] == "late":
            self.late.add(node.name)
        if fault["mode"] in ("hang", "late"):
            await asyncio.Event().wait()
        if fault["mode"] == "slow":
            await asyncio.sleep(fault["delay_s"])

    async def _act(self, node, action):
        if action == "on":
            await node.on()
            return {}
        cut, dead = await node.off()
        if action == "reboot":
            self.background(node.on())
        return {"cut": round(cut, 4), "dead": round(dead, 4)}

    async def serve(self, handler, reader, writer):
        """Requests of one connection, in order. A caller that hangs up ends its request."""
        while line := await reader.readline():
            work = asyncio.ensure_future(self._answer(handler, line))
            gone = asyncio.ensure_future(reader.read(1)) if handler == self.fence else None
            await asyncio.wait({work, gone} - {None}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                break
            if gone:
                gone.cancel()
            writer.write(json.dumps(work.result()).encode() + b"\n")
            if gone:
                break
        try:
            await writer.drain()
        except ConnectionError:
            pass  # the caller did not wait for the answer
        writer.close()

    async def _answer(self, handler, line):
        try:
            return {"ok": True, **(await handler(json.loads(line)) or {})}
        except Exception as error:  # goes to the caller; one bad request must not end the lab
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}

    def watch_owner(self):
        """A lab that belongs to a process ends with it, even if that process is killed."""
        fd = os.pidfd_open(self.owner)
        loop = asyncio.get_running_loop()

        def ended():
            loop.remove_reader(fd)  # a dead process stays readable
            self.finished.set()

        loop.add_reader(fd, ended)

    async def run(self):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.finished.set)
        servers = []
        for path, handler in (("control.sock", self.control), ("shared/power.sock", self.fence)):
            def accept(reader, writer, handler=handler):
                return self.serve(handler, reader, writer)
            servers.append(await asyncio.start_unix_server(accept, self.state / path))
        if self.owner:
            self.watch_owner()
        await self.finished.wait()
        await self.teardown()

    async def teardown(self):
        await asyncio.gather(*(node.end() for node in self.nodes.values()))
        for fd in (self.client_fd, self.switch_fd):
            kill_in_namespace("net", os.fstat(fd).st_ino)


def main(args):
    """powerd STATE LOCK_FD OWNER: the lock on LOCK_FD is held as long as this process lives."""
    state, lock_fd, owner = args[0], int(args[1]), int(args[2])
    kernel.set_name("lab-powerd")
    os.setsid()
    os.set_inheritable(lock_fd, False)

    async def everything():
        await PowerDaemon(state, owner).run()

    try:
        asyncio.run(everything())
    finally:
        if owner and not os.path.exists(f"/proc/{owner}"):
            shutil.rmtree(state, ignore_errors=True)  # nobody is left who would
    return 0
