# SPDX-License-Identifier: GPL-2.0-or-later
"""The client's control socket: one command per line, one line of JSON per answer.

  start                 begin (or go on) asking the counter
  pause                 stop asking; the connection stays
  mark NAME [NS]        remember an instant (now, or CLOCK_BOOTTIME nanoseconds)
  gap NS                the answers around an instant
  report [SINCE-NS]     everything seen so far
  ask COMMAND           any guest command, on the same connection; answers {"answer": "…"}
  check                 the counter on every disk against the last answer, and the guest's own checks
  stop                  final report, then the client ends
"""
import json
import os
import socket


class Control:
    """Listens on a unix socket for any number of callers and acts on one stream."""

    def __init__(self, path, stream):
        self.stream = stream
        self.finished = False
        self.path = path
        if os.path.exists(path):
            os.unlink(path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(8)
        self.callers = {}

    def sockets(self):
        return [self.listener, *self.callers]

    def ready(self, sock):
        if sock is self.listener:
            caller, _ = sock.accept()
            self.callers[caller] = b""
            return
        data = sock.recv(65536)
        if not data:
            del self.callers[sock]
            sock.close()
            return
        self.callers[sock] += data
        while sock in self.callers and b"\n" in self.callers[sock]:
            line, self.callers[sock] = self.callers[sock].split(b"\n", 1)
            self._command(sock, line.decode(errors="replace").split())

    def close(self):
        os.unlink(self.path)

    def _reply(self, sock, answer):
        try:
            sock.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            self.callers.pop(sock, None)

    def _command(self, sock, words):
        name, arguments = (words[0], words[1:]) if words else ("", [])
        handler = getattr(self, f"_do_{name}", None)
        if handler is None:
            self._reply(sock, {"error": f"unknown command: {name}"})
            return
        try:
            handler(sock, arguments)
        except (ValueError, IndexError) as error:
            self._reply(sock, {"error": f"{name}: {error}"})

    def _do_start(self, sock, _arguments):
        self.stream.start()
        self._reply(sock, {})

    def _do_pause(self, sock, _arguments):
        self.stream.pause()
        self._reply(sock, {})

    def _do_mark(self, sock, arguments):
        at = int(arguments[1]) if len(arguments) > 1 else None
        self.stream.record.mark(arguments[0], at)
        self._reply(sock, {"at": self.stream.record.marks[arguments[0]]})

    def _do_gap(self, sock, arguments):
        self._reply(sock, self.stream.record.describe_gap(int(arguments[0])))

    def _do_report(self, sock, arguments):
        since = int(arguments[0]) if arguments else None
        self._reply(sock, self.stream.record.report(since))

    def _do_ask(self, sock, arguments):
        self.stream.ask(" ".join(arguments),
                        lambda line, at: self._reply(sock, {"answer": line, "at": at}))

    def _do_check(self, sock, _arguments):
        """Asked one after the other on the counter's own connection, so nothing counts in between."""
        answers = {}
        value = self.stream.record

        def collect(name, line, last):
            answers[name] = line
            if name == "disk":
                answers["value"] = value.value
            if last:
                counts = answers["disk"].split()
                right = all(count == answers["get"].split()[0] for count in counts)
                answers["ok"] = (right and answers["verify"].startswith("verify ok")
                                 and answers["memcheck"] == "memcheck ok")
                self._reply(sock, answers)

        names = ["get", "disk", "verify", "memcheck"]
        for name in names:
            self.stream.ask(name, lambda line, _at, name=name: collect(name, line,
                                                                       name == names[-1]))

    def _do_stop(self, sock, _arguments):
        self.stream.pause()
        self._reply(sock, self.stream.record.report())
        self.finished = True
