# SPDX-License-Identifier: GPL-2.0-or-later
"""One TCP connection that asks the guest's counter in a closed loop.

Nothing here blocks: the caller polls the socket together with whatever else it listens to.
"""
import errno
import os
import socket

from record import Record, now_ns

CONNECT_RETRY_NS = 100_000_000


class Stream:
    def __init__(self, address, command="inc", think_ns=0):
        self.address = address
        self.command = command
        self.think_ns = think_ns
        self.record = Record()
        self.socket = None
        self.connected = False
        self.running = False
        self.waiting_for = None
        self.next_at = 0
        self.side_requests = []
        self.buffer = b""

    # ---- what the event loop asks ----

    def wants_write(self):
        return self.socket is not None and not self.connected

    def timeout_ns(self, now):
        """Until something has to be done without any data, or None."""
        if self.waiting_for is not None or self.wants_write():
            return None
        if self.running or self.side_requests:
            return max(0, self.next_at - now)
        return None

    # ---- control ----

    def start(self):
        self.running = True

    def pause(self):
        self.running = False

    def ask(self, command, callback):
        """Sends another command between two of the counter, on the same connection."""
        self.side_requests.append((command, callback))

    # ---- the loop's events ----

    def tick(self):
        now = now_ns()
        if self.waiting_for is not None or self.wants_write():
            return
        if self.socket is None:
            if (self.running or self.side_requests) and now >= self.next_at:
                self._connect()
            return
        if self.side_requests:
            self._send(*self.side_requests.pop(0))
        elif self.running and now >= self.next_at:
            self._send(self.command, self._count)

    def ready(self):
        """The socket can be read, or its connecting has ended."""
        if self.wants_write():
            self._connect_done()
            return
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self._broken(errno.errorcode.get(error.errno, "error"))
            return
        at = now_ns()
        if not data:
            self._broken("closed by the guest")
            return
        self.buffer += data
        while b"\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\n", 1)
            self._answer(line.decode(errors="replace"), at)
        self.tick()

    # ---- inside ----

    def _connect(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        result = self.socket.connect_ex(self.address)
        if result not in (0, errno.EINPROGRESS):
            self._close()

    def _connect_done(self):
        if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0:
            self._close()
            return
        self.connected = True
        if self.record.value is not None:
            self._send("get", self._resume)
        else:
            self.tick()

    def _close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None
        self.connected = False
        self.buffer = b""
        self.next_at = now_ns() + CONNECT_RETRY_NS

    def _broken(self, reason):
        self.record.reset(now_ns(), reason)
        waiting, self.waiting_for = self.waiting_for, None
        self._close()
        if waiting is not None and waiting not in (self._count, self._resume):
            waiting("error connection lost", now_ns())

    def _send(self, command, callback):
        self.waiting_for = callback
        try:
            self.socket.sendall(command.encode() + b"\n")
        except OSError as error:
            self._broken(os.strerror(error.errno))

    def _answer(self, line, at):
        callback, self.waiting_for = self.waiting_for, None
        if callback is None:
            self.record.errors.append({"at": at, "unasked": line})
        else:
            callback(line, at)

    def _count(self, line, at):
        self.next_at = at + self.think_ns
        if line.isdigit():
            self.record.answer(int(line), at)
        else:
            self.record.errors.append({"at": at, "answer": line})

    def _resume(self, line, _at):
        words = line.split()
        index = 0 if self.command == "inc" else 1
        if len(words) == 2 and words[index].isdigit():
            self.record.resume(int(words[index]))
