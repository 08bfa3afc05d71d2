"""Runs scenarios, each in a lab of its own unless two of them can share one."""

import json
import signal
import time
import traceback
from pathlib import Path

from .errors import Skip
from .kernel import boottime
from .lab import Lab, LabOptions
from .result import Result
from .timeline import Timeline


class _TooLong(Exception):
    pass


def _alarm(*_):
    raise _TooLong


class Runner:
    """One `lab run`.

    prefix: of the labs that it makes. base: LabOptions fields from the command line, which the
    scenarios' own override. lab: a running lab to use instead (it is left running).
    """

    def __init__(self, prefix, base, results, lab=None, say=print, verbose=False):
        self.prefix, self.base, self.results = prefix, base, Path(results)
        self.given, self.lab, self.lab_options = lab, lab, None
        self.say, self.verbose = say, verbose
        self.done = []
        self.previous = None  # the scenario that has used the lab

    def run(self, scenarios, repeat, take):
        """take: says by its name whether a scenario is to be run, and is asked right before."""
        for number, scenario in enumerate(scenarios, 1):
            if not take(scenario.name):
                continue
            self.say(f"[{number}/{len(scenarios)}] {scenario.name}: {scenario.about}")
            result = self._timed(scenario, repeat)
            self.done.append(result)
            self.say(f"    {_outcome(result)}")
        self.end_lab()
        return self.done

    def _timed(self, scenario, repeat):
        result = Result(scenario.name)
        started = time.monotonic()
        try:
            self._run(scenario, result, repeat)
        finally:
            result.took_s = time.monotonic() - started
        return result

    def _run(self, scenario, result, repeat):
        previous = signal.signal(signal.SIGALRM, _alarm)
        try:
            for index in range(repeat):
                self._once(scenario, result, index, repeat)
            result.passed = True
        except Skip as skip:
            result.skipped = str(skip)
        except _TooLong:
            result.failure = f"not finished after {scenario.timeout_s} s"
        except Exception as error:  # whatever it is, the other scenarios still run
            result.failure = f"{type(error).__name__}: {error}"
            result.notes["trace"] = traceback.format_exc()
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, previous)
        if not result.passed:
            self.end_lab()

    def _once(self, scenario, result, index, repeat):
        folder = self.results / (scenario.name if repeat == 1 else f"{scenario.name}-{index + 1}")
        result.log = str(folder if repeat == 1 else self.results)
        timeline = Timeline(self._echo if self.verbose else None)
        before = boottime()
        lab = self._get_lab(scenario, timeline)
        passed = False
        try:
            signal.alarm(scenario.timeout_s)
            scenario.run(lab, result)
            passed = True
        finally:
            signal.alarm(0)
            if repeat > 1:
                timeline.add(f"end of repeat {index + 1}")
            result.steps += timeline.sorted()
            self._keep(lab, folder, before)
            self.previous = scenario
            again = scenario.in_place and index + 1 < repeat
            if self.given is None and not (
                    passed and (scenario.shared or scenario.default_pair or again)):
                self.end_lab()

    def _finds_its_own(self, scenario):
        """The scenario before has left the lab as this one may find it."""
        before = self.previous
        return (before.shared or before is scenario
                or (before.default_pair and scenario.default_pair))

    def _echo(self, line):
        self.say(f"    {line}")

    def _keep(self, lab, folder, since):
        lab.save_logs(folder)
        (folder / "power.json").write_text(json.dumps(
            [entry for entry in lab.power.log() if entry["t"] >= since], indent=1))

    def _get_lab(self, scenario, timeline):
        options = LabOptions(**{**self.base, **scenario.options})
        if self.lab is not None and self.given is None and not (
                self.lab_options == options and self._finds_its_own(scenario)):
            self.end_lab()
        if self.lab is None:
            self.lab = Lab.create(self.prefix, options, timeline=timeline)
            self.lab_options = options
            if scenario.product and not self.lab.has_product:
                self.end_lab()
                raise Skip(f"no colo-hbd in {options.build}")
            self.lab.up()
        elif self.previous:
            timeline.add(f"the lab is the one that {self.previous.name} has left")
        self.lab.set_timeline(timeline)
        if scenario.product and not self.lab.has_product:
            raise Skip("the running lab has no colo-hbd")
        if len(self.lab.nodes) < options.nodes:
            raise Skip(f"needs {options.nodes} nodes")
        return self.lab

    def end_lab(self):
        if self.lab is not None and self.given is None:
            self.lab.down()
            self.lab = None


def _outcome(result):
    if result.skipped:
        return f"skipped: {result.skipped}"
    if not result.passed:
        return f"FAILED after {result.took_s:.1f} s: {result.failure}\n    logs: {result.log}"
    numbers = [f"{name} {_spread(values)}" for name, values in (
        ("gap", result.gap_ms), ("decided", result.decided_ms)) if values]
    if result.answers:
        numbers.append(f"answers {result.answers}, lost {result.lost}, "
                       f"repeated {result.repeated}")
    return " ".join([f"passed in {result.took_s:.1f} s", *numbers])


def _spread(values):
    ordered = sorted(values)
    middle = ordered[len(ordered) // 2]
    return f"p50 {middle:.0f} max {ordered[-1]:.0f} ms ({len(ordered)})"


def summary(results, say=print):
    """Prints the end of a run; returns the exit code: 0 if nothing failed and something passed."""
    failed = [result for result in results if not result.passed and not result.skipped]
    passed = [result for result in results if result.passed]
    for result in failed:
        say(f"failed: {result.name}: {result.failure}")
    skipped = [result for result in results if result.skipped]
    if skipped:
        say(f"{len(skipped)} skipped: "
            + ", ".join(f"{result.name} ({result.skipped})" for result in skipped))
    say(f"{len(passed)} passed, {len(failed)} failed")
    return 0 if passed and not failed else 1
