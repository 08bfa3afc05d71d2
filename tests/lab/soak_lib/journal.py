# SPDX-License-Identifier: GPL-2.0-or-later
"""What a soak did, a JSON object a line, written as it happens, so that it can be run again.

The first line says with what options it began. A step is a line with "step" and "do"; all that happened
in it are lines with "step" and "event". Times are seconds since the first line.
"""

import json

from colo_lab.kernel import boottime

FORMAT = 1
OPTIONS = ("seed", "nodes", "pairs", "rough", "token_ms")  # what it takes to run steps again


class JournalError(ValueError):
    """A file that is no journal; the text is meant for people."""


class Journal:
    def __init__(self, path, options):
        self.path, self.start = path, boottime()
        self._file = open(path, "w", encoding="utf-8", buffering=1)
        self._write({"soak": FORMAT, **options})

    def _write(self, line):
        self._file.write(json.dumps(line) + "\n")

    def _at(self, at):
        return round((boottime() if at is None else at) - self.start, 3)

    def step(self, number, step, hosts):
        """A step begins. hosts: where everything is, for people."""
        self._write({"step": number, "t": self._at(None), "do": step, "hosts": hosts})

    def event(self, number, event, at=None, **details):
        """Something happened, now or `at` (seconds of CLOCK_BOOTTIME)."""
        self._write({"step": number, "t": self._at(at), "event": event, **details})

    def close(self):
        self._file.close()


def read(path):
    """(options, [step]) of a journal. The last line may be torn, as a killed soak leaves it.

    Raises JournalError if it is none.
    """
    options, steps = None, []
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            line = dict(json.loads(text))
        except (TypeError, ValueError):
            if number == len(lines):
                break
            raise JournalError(f"{path}, line {number}: no JSON object") from None
        if options is None:
            if line.get("soak") != FORMAT or not set(OPTIONS) <= set(line):
                raise JournalError(f"{path} is no journal of a soak of format {FORMAT}")
            options = line
        elif "do" in line:
            steps.append(line["do"])
    if options is None:
        raise JournalError(f"{path} is empty")
    return options, steps


def part(steps, text):
    """The steps A..B of a list, counted from 1."""
    first, _, last = text.partition("..")
    if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last) <= len(steps)):
        raise JournalError(f"--steps {text}: write A..B, between 1 and {len(steps)}")
    return steps[int(first) - 1:int(last)]
