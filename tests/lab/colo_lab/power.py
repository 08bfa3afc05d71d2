"""The power daemon from the lab's side: plugs, faults of the fence device, what it confirmed."""

import json

from .control import ask


class Power:
    def __init__(self, state, timeline):
        self._socket = state / "control.sock"
        self._log = state / "log" / "power.log"
        self.timeline = timeline

    def status(self):
        return ask(self._socket, {"op": "status"})

    def node(self, name):
        """{"on": bool, "pid1": pid outside or None, "boots": number}."""
        return self.status()["nodes"][name]

    def on(self, name):
        answer = ask(self._socket, {"op": "on", "node": name})
        self.timeline.add(f"power on {name}")
        return answer

    def off(self, name):
        """Pulls the plug. Returns {"cut": ..., "dead": ...}, seconds of CLOCK_BOOTTIME."""
        answer = ask(self._socket, {"op": "off", "node": name})
        self.timeline.add(f"power off {name}", at=answer["cut"])
        return answer

    def fault(self, name, mode="ok", delay_s=0):
        """How the fence device treats requests against `name` from now on.

        ok; fail (refuses); hang (never answers, does nothing); slow (waits delay_s, then works);
        done-hang (switches off, never says so); done-fail (switches off, says that it failed);
        late (takes the order, never answers, carries it out at release()); done-late (switches
        off, says so at release()).
        """
        ask(self._socket, {"op": "fault", "node": name, "mode": mode, "delay_s": delay_s})
        self.timeline.add(f"fence device of {name}: {mode}", delay_s=delay_s)

    def release(self, name):
        """Late orders against `name` are carried out and late answers given. Returns {"orders":
        0 or 1}, and "cut" and "dead" like off() if there was one."""
        answer = ask(self._socket, {"op": "release", "node": name})
        self.timeline.add(f"the fence device of {name} does what it is late with",
                          at=answer.get("cut"))
        return answer

    def block(self, asker, blocked=True):
        """Cuts node `asker` off from the fence device (or lets it back in)."""
        ask(self._socket, {"op": "block", "node": asker, "blocked": blocked})
        self.timeline.add(f"fence device {'un' if blocked else ''}reachable from {asker}")

    def log(self):
        """All that the daemon did, oldest first; times are CLOCK_BOOTTIME."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def fenced(self, name, since=0.0):
        """Confirmed power-offs of `name` by a fence agent after `since`."""
        return [entry for entry in self.log()
                if entry.get("target") == name and entry.get("result") == "confirmed"
                and entry["action"] in ("off", "reboot") and entry["t"] > since]

    def shutdown(self):
        ask(self._socket, {"op": "shutdown"})
