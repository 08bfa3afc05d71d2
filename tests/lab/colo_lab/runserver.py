"""The other end of remote.py: commands that the lab runs in a node, started by its PID 1."""

import asyncio
import json
import os
import signal
import socket

from .remote import PACKET_MAX


class RunServer:
    def __init__(self, path, adopt):
        """adopt(pid) returns a future for the exit code of a child of PID 1."""
        self._adopt = adopt
        self._loop = asyncio.get_running_loop()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(path)
        self._listener.listen(64)
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self):
        try:
            sock, _ = self._listener.accept()
        except BlockingIOError:
            return
        sock.setblocking(False)
        self._loop.add_reader(sock, self._request, sock)

    def _request(self, sock):
        self._loop.remove_reader(sock)
        data, fds, _, _ = socket.recv_fds(sock, PACKET_MAX, 3)
        for fd in fds:
            os.set_inheritable(fd, False)
        try:
            if len(fds) != 3:
                raise ValueError("three descriptors are needed")
            request = json.loads(data)
            pid = _spawn(request["argv"], request["env"], fds)
        except (OSError, ValueError, KeyError) as error:
            self._send(sock, {"error": str(error)})
            sock.close()
            return
        finally:
            for fd in fds:
                os.close(fd)
        self._send(sock, {"pid": pid})
        self._loop.add_reader(sock, self._order, sock, pid)
        self._adopt(pid).add_done_callback(lambda done: self._ended(sock, done.result()))

    def _order(self, sock, pid):
        try:
            data = sock.recv(PACKET_MAX)
        except OSError:
            data = b""
        if data:
            os.kill(pid, json.loads(data)["signal"])
            return
        self._loop.remove_reader(sock)
        os.killpg(pid, signal.SIGKILL)

    def _ended(self, sock, code):
        self._loop.remove_reader(sock)
        self._send(sock, {"exit": code})
        sock.close()

    def _send(self, sock, message):
        try:
            sock.send(json.dumps(message).encode())
        except OSError:
            pass  # the caller is gone


def _spawn(argv, env, fds):
    """Starts a command in a session of its own with `fds` as 0, 1 and 2."""
    actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(fds)]
    defaults = [signal.SIGPIPE, signal.SIGXFSZ]
    return os.posix_spawnp(argv[0], argv, env, file_actions=actions, setsid=True, setsigmask=[],
                           setsigdef=defaults)
