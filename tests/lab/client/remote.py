# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a client somewhere (usually in a network namespace) and talks to it."""
import json
import os
import socket
import subprocess
import time
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent / "client"


class ClientError(ValueError):
    """What the client could not do; a ValueError, so that whoever runs scenarios needs not know it."""


class Client:
    """One running client. prefix: the command that enters the client's namespace, if any."""

    def __init__(self, address, control, prefix=(), think_ms=5, command="inc", extra=()):
        self.control_path = str(control)
        # In a session of its own: Ctrl-C ends whoever runs it, who then still asks it for its report.
        self.process = subprocess.Popen(
            [*prefix, str(PROGRAM), address, "--control", self.control_path,
             "--think", str(think_ms), "--command", command, *extra], start_new_session=True)
        self.socket = self._connect()
        self.reader = self.socket.makefile("r", encoding="utf-8")

    def _connect(self, timeout_s=5):
        end = time.monotonic() + timeout_s
        while True:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.connect(self.control_path)
                return sock
            except OSError:
                sock.close()
                if self.process.poll() is not None or time.monotonic() > end:
                    raise ClientError("the client did not start") from None
                time.sleep(0.01)

    def call(self, line, timeout_s=30):
        """Sends one control command and returns its answer."""
        self.socket.settimeout(timeout_s)
        self.socket.sendall(line.encode() + b"\n")
        answer = json.loads(self.reader.readline() or '{"error": "the client has ended"}')
        if "error" in answer:
            raise ClientError(answer["error"])
        return answer

    def start(self):
        self.call("start")

    def pause(self):
        self.call("pause")

    def mark(self, name, at_ns=None):
        return self.call(f"mark {name}" + ("" if at_ns is None else f" {at_ns}"))["at"]

    def gap(self, at_ns):
        return self.call(f"gap {at_ns}")

    def report(self, since_ns=None):
        return self.call("report" + ("" if since_ns is None else f" {since_ns}"))

    def ask(self, command, timeout_s=30):
        return self.call(f"ask {command}", timeout_s)["answer"]

    def check(self, timeout_s=30):
        return self.call("check", timeout_s)

    def wait_answers(self, count=1, timeout_s=30):
        """Waits for that many more answers; returns the report, or raises."""
        goal = self.report()["answers"] + count
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            report = self.report()
            if report["answers"] >= goal:
                return report
            time.sleep(0.01)
        raise ClientError(f"no {count} answers within {timeout_s} s")

    def stop(self):
        """Ends the client and returns its last report."""
        report = self.call("stop")
        self.process.wait(timeout=10)
        self.socket.close()
        return report

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.socket.close()
        if os.path.exists(self.control_path):
            os.unlink(self.control_path)
