#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""coloctl against a daemon that is made up here. Argument: the path of coloctl."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

COLOCTL = sys.argv.pop(1)


class FakeDaemon:
    """Listens, keeps every request, and sends what `answer(request)` gives: a dict, bytes, or None
    for silence until the end of the test."""

    def __init__(self, path, answer):
        self.requests = []
        self.answer = answer
        self.silent = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            line = client.makefile("rb").readline()
            self.requests.append(json.loads(line))
            reply = self.answer(self.requests[-1])
            if reply is None:
                self.silent.append(client)
                continue
            data = reply if isinstance(reply, bytes) else json.dumps(reply).encode() + b"\n"
            with contextlib.suppress(OSError):
                client.sendall(data)
            client.close()

    def close(self):
        self.socket.close()
        for client in self.silent:
            client.close()


STATUS = {
    "node": "n1", "version": "0.1.0", "cluster": {"up": True, "quorate": True, "fencing": True},
    "vms": [{
        "name": "web", "role": "primary", "generation": 7, "peer": "n2", "node": "n1",
        "line": "primary, in sync with n2, generation 7", "proof": "none",
        "checkpoints": {"count": 3, "last_ms": 15, "avg_ms": 17},
        "resync": {"percent": 43, "bytes": 3 << 20, "eta_s": 9},
        "qemu": {"pid": 77, "version": "7.2.22"},
        "nodes": [{"node": "n1", "line": "primary, in sync with n2, generation 7"},
                  {"node": "n2", "line": "secondary, in sync with n1, generation 7"}]}]}


def ok(result):
    return {"ok": True, "result": result}


def no(code, text, reason=""):
    return {"ok": False, "error": {"code": code, "text": text, "reason": reason}}


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="chb-ctl.")
        self.run_dir = pathlib.Path(self.folder.name)
        self.path = self.run_dir / "control.sock"
        self.daemon = None

    def tearDown(self):
        if self.daemon:
            self.daemon.close()
        self.folder.cleanup()

    def serve(self, answer):
        self.daemon = FakeDaemon(self.path, answer)

    def ctl(self, *args, env=None, timeout=30):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("OCF_")}
        return subprocess.run([COLOCTL, *args], text=True, capture_output=True, timeout=timeout,
                              env={**clean, "COLO_HBD_SOCKET": str(self.path), **(env or {})})

    def left_behind(self, vm, promoted, process=None):
        folder = self.run_dir / "vm" / vm
        folder.mkdir(parents=True)
        content = {"version": 1, "promoted": promoted}
        if process:
            stat = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            content["qemu"] = {"pid": process.pid, "start_time": int(stat[19]), "boot_id":
                               pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()}
        (folder / "runtime.json").write_text(json.dumps(content))
        return folder / "runtime.json"


class Looking(Case):
    def test_status(self):
        self.serve(lambda request: ok(STATUS))
        run = self.ctl("status", "web")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertEqual(self.daemon.requests, [{"command": "status", "vm": "web"}])
        for part in ("quorate, fencing configured", "web: primary, in sync with n2, generation 7",
                     "  n2           secondary, in sync with n1", "43 %, 3 MB, 9 s left",
                     "checkpoints: 3, last 15 ms", "QEMU 7.2.22, pid 77"):
            self.assertIn(part, run.stdout)
        self.assertNotIn("serves by right of", run.stdout)

    def test_status_alone(self):
        vm = {**STATUS["vms"][0], "proof": "p2-fenced", "solo_since": 1767225600, "error": "oh"}
        self.serve(lambda request: ok({**STATUS, "vms": [vm]}))
        run = self.ctl("status", env={"TZ": "UTC"})
        self.assertIn("serves by right of: p2-fenced, alone since 2026-01-01 00:00:00", run.stdout)
        self.assertIn("last error: oh", run.stdout)

    def test_status_json(self):
        self.serve(lambda request: ok(STATUS))
        run = self.ctl("status", "--json")
        self.assertEqual(json.loads(run.stdout), STATUS)
        self.assertNotIn("vm", self.daemon.requests[0])

    def test_status_of_little(self):
        self.serve(lambda request: ok({"cluster": {"up": False}, "vms": "none", "node": 7}))
        run = self.ctl("status")
        self.assertEqual(run.returncode, 0)
        self.assertIn("corosync not reachable", run.stdout)

    def test_terminal_is_safe(self):
        self.serve(lambda request: ok({**STATUS, "node": "n1\x1b[2J"}))
        self.assertNotIn("\x1b", self.ctl("status").stdout)

    def test_watch(self):
        self.serve(lambda request: ok(STATUS))
        run = self.ctl("watch", "web", "--interval", "100ms", "--count", "3")
        self.assertEqual(run.returncode, 0)
        self.assertEqual(len(self.daemon.requests), 3)

    def test_explain(self):
        self.serve(lambda request: ok({"lines": [
            {"node": "n1", "local": True, "may_go_solo": False, "may_be_promoted": True,
             "reason": "the pair is whole: n2 lives"},
            {"node": "n2", "local": False, "may_go_solo": True, "may_be_promoted": False,
             "reason": "nothing is in the way", "proof": "p2-fenced"},
            {"node": "n3", "local": False, "reason": "spare, no copy here"}]}))
        run = self.ctl("explain", "web")
        self.assertEqual(run.stdout.splitlines(), [
            "n1 (this host): may not go on alone, may be promoted: the pair is whole: n2 lives",
            "n2: may go on alone, may not be promoted: nothing is in the way [proof: p2-fenced]",
            "n3: spare, no copy here"])

    def test_events(self):
        self.serve(lambda request: ok({"events": [
            {"time": "2026-01-01T00:00:00.001Z", "vm": "web", "note": "qemu-died",
             "text": "QEMU of this host died (generation 7)"}]}))
        run = self.ctl("events", "web", "--max", "5")
        self.assertIn("2026-01-01T00:00:00.001Z web: QEMU of this host died", run.stdout)
        self.assertEqual(self.daemon.requests[0]["args"], {"max": 5})

    def test_failovers(self):
        self.serve(lambda request: ok({"failovers": [{"steps": [
            {"step": "death", "boottime_ns": 1000000000, "time": "2026-01-01T00:00:00.001Z"},
            {"step": "noticed", "boottime_ns": 1002500000},
            {"step": "vm-running", "boottime_ns": 1020000000}]}]}))
        lines = self.ctl("events", "web", "--failovers").stdout.splitlines()
        self.assertEqual(self.daemon.requests[0]["command"], "timeline")
        self.assertEqual(lines[0], "2026-01-01T00:00:00.001Z")
        self.assertIn("2.500 ms  +   2.500  noticed", lines[2])
        self.assertIn("20.000 ms  +  17.500  vm-running", lines[3])


class Steering(Case):
    def test_requests(self):
        self.serve(lambda request: ok({}))
        for args, command, expected in (
                (["failover", "web"], "failover", {}),
                (["failover", "web", "--to", "n2"], "failover", {"to": "n2"}),
                (["failover", "--peer-is-down", "n1", "web"], "failover", {"peer_is_down": "n1"}),
                (["switchover", "web", "--to=n2"], "switchover", {"to": "n2"}),
                (["resync", "web", "--from", "n1"], "resync", {"from": "n1"})):
            run = self.ctl(*args)
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            request = self.daemon.requests[-1]
            self.assertEqual((request["command"], request["vm"]), (command, "web"))
            self.assertEqual(request.get("args", {}), expected)

    def test_record(self):
        with tempfile.TemporaryDirectory() as folder:
            source, target = pathlib.Path(folder, "kept"), pathlib.Path(folder, "mine")
            source.write_bytes(bytes(range(256)) * 1000)
            self.serve(lambda request: ok({"file": str(source)}))
            run = self.ctl("record", "web")
            self.assertEqual((run.returncode, run.stdout), (0, f"{source}\n"))
            run = self.ctl("record", "web", str(target))
            self.assertEqual((run.returncode, run.stdout), (0, f"{target}\n"))
            self.assertEqual(target.read_bytes(), source.read_bytes())
            target.write_text("another incident")
            run = self.ctl("record", "web", str(target))
            self.assertEqual(run.returncode, 1)
            self.assertIn("File exists", run.stderr)
            self.assertEqual(target.read_text(), "another incident")

    def test_exit_codes(self):
        for code, expected in (("no-such-vm", 4), ("refused", 5), ("busy", 6), ("not-ready", 6),
                               ("timeout", 7), ("invalid", 8), ("internal", 1), ("new", 1)):
            self.serve(lambda request, code=code: no(code, "what, where, what to do"))
            run = self.ctl("switchover", "web")
            self.assertEqual((run.returncode, run.stdout), (expected, ""))
            self.assertEqual(run.stderr, "coloctl: web: what, where, what to do\n")
            self.daemon.close()
            self.path.unlink()

    def test_usage(self):
        for args in ([], ["nonsense"], ["status", "a", "b"], ["failover"], ["failover", "a", "b"],
                     ["failover", "a", "--from", "n1"], ["resync", "a", "--to", "n1"],
                     ["explain"], ["events", "--max", "0"], ["events", "-f"],
                     ["watch", "--interval", "1"],
                     ["--timeout", "5", "status"], ["--nonsense"], ["doctor", "x"], ["record"],
                     ["record", "a", "b", "c"]):
            run = self.ctl(*args)
            self.assertEqual(run.returncode, 2, args)
            self.assertTrue(run.stderr, args)


class Trouble(Case):
    def test_absent(self):
        run = self.ctl("status")
        self.assertEqual(run.returncode, 3)
        self.assertIn("systemctl start colo-hbd", run.stderr)

    def test_silent(self):
        self.serve(lambda request: None)
        start = time.monotonic()
        run = self.ctl("--timeout", "300ms", "status")
        self.assertEqual(run.returncode, 7)
        self.assertLess(time.monotonic() - start, 3)
        self.assertIn("may still happen", run.stderr)

    def test_nonsense(self):
        for reply in (b"", b"\n", b"hello\n", b"[]\n", b"{}\n", b'{"ok":1}\n', b'{"ok":true',
                      b"x" * 300000, b'{"ok":false}\n', b"[" * 5000 + b"\n"):
            self.serve(lambda request, reply=reply: reply)
            run = self.ctl("status")
            self.assertIn(run.returncode, (1, 3), reply[:20])
            self.assertTrue(run.stderr)
            self.daemon.close()
            self.path.unlink()


class Vm(Case):
    def test_parameters_from_the_environment(self):
        self.serve(lambda request: ok({}))
        run = self.ctl("vm", "start", "web", "--param", "cpus=2", "--resource", "web-rsc", env={
            "OCF_RESKEY_disks": "'/a b.raw,format=raw' \"/c,,d\"", "OCF_RESKEY_qemu_args": "",
            "OCF_RESKEY_CRM_meta_timeout": "20000", "OCF_RESKEY_crm_feature_set": "3.16.2"})
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        request = self.daemon.requests[0]
        self.assertEqual(request["command"], "vm-start")
        self.assertEqual(request["args"]["resource"], "web-rsc")
        self.assertEqual(request["args"]["parameters"], {
            "disks": "'/a b.raw,format=raw' \"/c,,d\"", "qemu_args": "", "cpus": "2"})

    def test_wrong_parameters_never_reach_the_daemon(self):
        self.serve(lambda request: ok({}))
        run = self.ctl("vm", "start", "web",
                       env={"OCF_RESKEY_disks": "/x", "OCF_RESKEY_cpu": "a b"})
        self.assertEqual((run.returncode, self.daemon.requests), (6, []))
        self.assertEqual(len(run.stderr.splitlines()), 1)

    def test_validate_without_a_daemon(self):
        self.assertEqual(self.ctl("vm", "validate", "web", "-p", "disks=/x").returncode, 0)
        self.assertEqual(self.ctl("vm", "validate", "web").returncode, 6)
        self.assertEqual(self.ctl("vm", "validate", "a/b", "-p", "disks=/x").returncode, 6)
        self.assertEqual(self.ctl("vm", "validate", "web", "-p", "config=/no").returncode, 2)
        run = self.ctl("vm", "validate", "web", "-p", "disks=/nowhere/x", "-p", "qemu=/bin/sh",
                       "--host")
        self.assertEqual(run.returncode, 2)
        run = self.ctl("vm", "validate", "web", "-p", "disks=/x", "-p", "qemu=/no", "--host")
        self.assertEqual(run.returncode, 5)

    def test_answers(self):
        for reply, code, text in (
                (ok({"ocf": "promoted"}), 8, ""), (ok({"ocf": "unpromoted"}), 0, ""),
                (ok({"ocf": "not-running", "reason": "x"}), 7, ""),
                (ok({"ocf": "failed", "reason": "no good copy"}), 9, "no good copy\n"),
                (ok({"ocf": "useless", "reason": "off"}), 1, "off\n"),
                (ok({}), 1, "colo-hbd reports a failure without a reason: see its log\n"),
                (no("no-such-vm", "x"), 7, ""), (no("internal", "why"), 1, "why\n")):
            self.serve(lambda request, reply=reply: reply)
            run = self.ctl("vm", "monitor", "web", "--probe")
            self.assertEqual((run.returncode, run.stderr), (code, text))
            self.assertEqual(self.daemon.requests[0]["args"], {"probe": True})
            self.daemon.close()
            self.path.unlink()

    def test_refusals(self):
        for action, reply, code in (("promote", no("refused", "n1 has a newer copy"), 1),
                                    ("promote", no("no-such-vm", "x"), 7),
                                    ("demote", no("no-such-vm", "x"), 7),
                                    ("stop", no("no-such-vm", "x"), 0),
                                    ("stop", no("internal", "x"), 1),
                                    ("start", no("invalid", "x"), 6)):
            self.serve(lambda request, reply=reply: reply)
            run = self.ctl("vm", action, "web", "-p", "disks=/x")
            self.assertEqual(run.returncode, code, action)
            self.daemon.close()
            self.path.unlink()


    def test_later(self):
        """corosync has just been started: not a failure yet."""
        replies = [no("not-ready", "soon"), no("busy", "soon"), ok({})]
        self.serve(lambda request: replies.pop(0))
        self.assertEqual(self.ctl("vm", "start", "web", "-p", "disks=/x").returncode, 0)
        self.daemon.close()
        self.path.unlink()
        self.serve(lambda request: no("not-ready", "corosync has not answered yet"))
        run = self.ctl("--timeout", "2s", "vm", "start", "web", "-p", "disks=/x")
        self.assertEqual((run.returncode, run.stderr), (1, "corosync has not answered yet\n"))
        self.assertGreater(len(self.daemon.requests), 2)


class WithoutDaemon(Case):
    """What the daemon left behind answers for it, within its time."""

    def setUp(self):
        super().setUp()
        self.guest = subprocess.Popen(["sleep", "1000"])

    def tearDown(self):
        self.guest.kill()
        self.guest.wait()
        super().tearDown()

    def monitor(self, *args):
        env = {"OCF_RESKEY_CRM_meta_timeout": "1500"}
        return self.ctl("vm", "monitor", "web", *args, env=env).returncode

    def test_never_started(self):
        start = time.monotonic()
        self.assertEqual(self.monitor(), 7)
        self.assertEqual(self.ctl("vm", "stop", "web").returncode, 0)
        self.assertLess(time.monotonic() - start, 2)

    def test_role(self):
        self.left_behind("web", True, self.guest)
        self.assertEqual(self.monitor(), 8)
        self.assertEqual(self.monitor("--probe"), 8)

    def test_unpromoted(self):
        self.left_behind("web", False, self.guest)
        self.assertEqual(self.monitor(), 0)

    def test_spare(self):
        self.left_behind("web", False)
        self.assertEqual(self.monitor(), 0)

    def test_dead_guest(self):
        self.left_behind("web", True, self.guest)
        self.guest.kill()
        self.guest.wait()
        self.assertEqual(self.monitor(), 9)
        self.assertEqual(self.monitor("--probe"), 7)

    def test_a_hung_daemon(self):
        self.left_behind("web", True, self.guest)
        self.serve(lambda request: None)
        self.assertEqual(self.monitor(), 8)

    def test_restart(self):
        self.left_behind("web", True, self.guest)
        timer = threading.Timer(0.7, self.serve, [lambda request: ok({"ocf": "unpromoted"})])
        timer.start()
        self.assertEqual(self.ctl("vm", "monitor", "web").returncode, 0)
        timer.join()

    def test_damaged(self):
        self.left_behind("web", True, self.guest).write_text("{")
        self.assertEqual(self.monitor(), 1)
        self.assertEqual(self.ctl("vm", "stop", "web",
                                  env={"OCF_RESKEY_CRM_meta_timeout": "1500"}).returncode, 1)

    def test_stop(self):
        path = self.left_behind("web", True, self.guest)
        reaper = threading.Thread(target=self.guest.wait)
        reaper.start()
        run = self.ctl("vm", "stop", "web", env={"OCF_RESKEY_CRM_meta_timeout": "1500"})
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        reaper.join(5)
        self.assertEqual(self.guest.returncode, -signal.SIGKILL)
        self.assertFalse(path.exists())
        self.assertTrue((path.parent / "stopped").exists())  # for a daemon that wakes up

    def test_replaced(self):
        """A daemon that ends while it is asked leaves one behind that can be asked again."""
        self.left_behind("web", True, self.guest)
        for action in ("start", "promote", "demote", "stop"):
            answers = iter([b"", ok({})])
            self.serve(lambda request, answers=answers: next(answers))
            env = {"OCF_RESKEY_disks": f"{self.run_dir}/web.qcow2", "OCF_RESKEY_qemu": "/bin/sh"}
            run = self.ctl("vm", action, "web", env=env)
            self.assertEqual((action, run.returncode, run.stderr), (action, 0, ""))
            self.assertEqual(len(self.daemon.requests), 2)
            self.daemon.close()
            self.path.unlink()
        self.assertIsNone(self.guest.poll())

    def test_stop_in_time_whoever_is_asked(self):
        """Late to come up, late to go, late to come back, and silent then: all within one time."""
        self.left_behind("web", True, self.guest)
        again = threading.Timer(1.3, self.serve, [lambda request: None])

        def go(request):
            time.sleep(1.3)
            self.daemon.close()
            self.path.unlink()
            again.start()
            return b""

        first = threading.Timer(1.3, self.serve, [go])
        reaper = threading.Thread(target=self.guest.wait)
        reaper.start()
        first.start()
        start = time.monotonic()
        run = self.ctl("--timeout", "4500ms", "vm", "stop", "web")
        self.assertLess(time.monotonic() - start, 4.5)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        for thread in (first, again, reaper):
            thread.join(5)
        self.assertEqual(self.guest.returncode, -signal.SIGKILL)

    def test_stop_spares_a_stranger(self):
        """The pid was given to another process."""
        path = self.left_behind("web", True, self.guest)
        content = json.loads(path.read_text())
        content["qemu"]["start_time"] -= 1
        path.write_text(json.dumps(content))
        run = self.ctl("vm", "stop", "web", env={"OCF_RESKEY_CRM_meta_timeout": "1500"})
        self.assertEqual(run.returncode, 0)
        self.assertIsNone(self.guest.poll())


if __name__ == "__main__":
    unittest.main()
