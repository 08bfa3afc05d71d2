"""Processes in a node, started by its PID 1 on our behalf.

A process that enters a PID namespace from outside keeps its parent outside. The kernel then cannot
end the namespace before that parent has reaped it, so a parent that is stopped or gone would hold
up a power cut. Hence nothing enters: PID 1 starts the command with descriptors that we send.

Protocol on /run/lab-node/run.sock (SOCK_SEQPACKET, JSON): {"argv", "env"} with three descriptors;
answers {"pid"} or {"error"}, later {"exit"}. {"signal"} signals the process; hanging up kills its
process group.
"""

import json
import os
import signal
import socket
import subprocess
import threading

from .errors import LabError
from .paths import NODE_ENV

PIPE, DEVNULL, STDOUT = subprocess.PIPE, subprocess.DEVNULL, subprocess.STDOUT
PACKET_MAX = 100_000


class NodeProcess:
    """What subprocess.Popen is for a local command, as far as tests need it."""

    def __init__(self, node, argv, env=None, stdin=DEVNULL, stdout=None, stderr=None, text=True):
        self.node, self.args = node, [str(part) for part in argv]
        self.returncode = None
        self.stdin = self.stdout = self.stderr = None
        self._text = text
        self._lock = threading.Lock()
        ours = []
        fds = self._descriptors(stdin, stdout, stderr, ours)
        try:
            self._start(env, fds)
        finally:
            for fd in ours:
                os.close(fd)

    def _descriptors(self, stdin, stdout, stderr, ours):
        """Descriptors 0, 1 and 2 of the child; those that are to be closed here go to `ours`."""
        fds = []
        for number, (name, wish) in enumerate((("stdin", stdin), ("stdout", stdout),
                                               ("stderr", stderr))):
            if wish is None:
                fds.append(number)
            elif wish == DEVNULL:
                ours.append(os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC))
                fds.append(ours[-1])
            elif wish == STDOUT and number == 2:
                fds.append(fds[1])
            elif wish == PIPE:
                read_fd, write_fd = os.pipe()
                mine, theirs = (write_fd, read_fd) if number == 0 else (read_fd, write_fd)
                mode = ("w" if number == 0 else "r") + ("" if self._text else "b")
                setattr(self, name, open(mine, mode, **({"errors": "replace"} if self._text
                                                        else {})))
                ours.append(theirs)
                fds.append(theirs)
            else:
                fds.append(wish if isinstance(wish, int) else wish.fileno())
        return fds

    def _start(self, env, fds):
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = json.dumps({"argv": self.args, "env": {**NODE_ENV, **(env or {})}}).encode()
        if len(request) > PACKET_MAX:
            raise LabError(f"command too long ({len(request)} bytes)")
        try:
            self._sock.connect(str(self.node.run_socket))
            socket.send_fds(self._sock, [request], fds)
            answer = self._receive()
        except OSError as error:
            raise LabError(f"{self.node.name}: {' '.join(self.args)}: {error}") from error
        if "error" in answer:
            self._sock.close()
            raise LabError(f"{self.node.name}: {' '.join(self.args)}: {answer['error']}")
        # Lost power before it could answer: like a command that was killed.
        self.inner = answer.get("pid")
        if "exit" in answer:
            self.returncode = answer["exit"]
            self._sock.close()

    def _receive(self):
        try:
            packet = self._sock.recv(PACKET_MAX)
        except ConnectionResetError:
            packet = b""
        return json.loads(packet) if packet else {"exit": -signal.SIGKILL}

    @property
    def pid(self):
        """The pid outside, as everywhere in the lab; None when it has ended."""
        process = self.node.by_inner_pid(self.inner)
        return process.pid if process else None

    def wait(self, timeout=None):
        with self._lock:
            if self.returncode is None:
                self._sock.settimeout(timeout)
                try:
                    self.returncode = self._receive()["exit"]
                except (TimeoutError, BlockingIOError):
                    raise subprocess.TimeoutExpired(self.args, timeout) from None
                self._sock.close()
        return self.returncode

    def poll(self):
        try:
            return self.wait(timeout=0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number):
        if self.poll() is None:
            try:
                self._sock.send(json.dumps({"signal": int(number)}).encode())
            except OSError:
                pass  # it has just ended

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def communicate(self, input=None, timeout=None):
        """Feeds stdin, reads both pipes to their end, waits. Ends the process at a time-out."""
        texts = {}

        def read(name):
            with getattr(self, name) as pipe:
                texts[name] = pipe.read()

        def write():
            try:
                with self.stdin:
                    self.stdin.write(input or "")
            except BrokenPipeError:
                pass  # it did not want to read all

        workers = [threading.Thread(target=read, args=(name,), daemon=True)
                   for name in ("stdout", "stderr") if getattr(self, name)]
        if self.stdin:
            workers.append(threading.Thread(target=write, daemon=True))
        for worker in workers:
            worker.start()
        try:
            self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.close()
            raise
        for worker in workers:
            # A daemon that it left behind may keep the pipes open.
            worker.join(timeout=1)
        return texts.get("stdout"), texts.get("stderr")

    def close(self):
        """Kills the process and its children if they still run."""
        self._sock.close()
        self.returncode = -signal.SIGKILL if self.returncode is None else self.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
