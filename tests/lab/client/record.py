# SPDX-License-Identifier: GPL-2.0-or-later
"""What one client saw: when each answer came, and whether the counting was ever wrong.

Times are nanoseconds of CLOCK_BOOTTIME, the clock that the agent uses too, so that a client's gap can
be laid beside an agent's events.
"""
import bisect
import time
from array import array


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def ms(nanoseconds):
    return None if nanoseconds is None else round(nanoseconds / 1e6, 3)


class Record:
    def __init__(self):
        self.times = array("q")
        self.value = None
        self.lost = 0
        self.repeated = 0
        self.errors = []
        self.resets = []
        self.marks = {}

    def answer(self, value, at):
        """Notes one answer of the counter. A first answer may be anything."""
        if self.value is not None and value != self.value + 1:
            if value > self.value:
                self.lost += value - self.value - 1
            else:
                self.repeated += self.value + 1 - value
            self.errors.append({"at": at, "expected": self.value + 1, "got": value})
        self.value = value
        self.times.append(at)

    def reset(self, at, reason):
        self.resets.append({"at": at, "reason": reason})

    def resume(self, value):
        """Notes what the guest's counter is after a new connection. The one request that was under way
        may have counted or not; anything else is a fault."""
        if self.value is not None and value not in (self.value, self.value + 1):
            self.errors.append({"at": now_ns(), "expected": self.value, "got": value})
            if value < self.value:
                self.repeated += self.value - value
            else:
                self.lost += value - self.value
        self.value = value

    def mark(self, name, at=None):
        self.marks[name] = now_ns() if at is None else at

    def gap_around(self, at):
        """The last answer at or before an instant, and the first after it; each may be None."""
        index = bisect.bisect_right(self.times, at)
        before = self.times[index - 1] if index > 0 else None
        after = self.times[index] if index < len(self.times) else None
        return before, after

    def describe_gap(self, at):
        before, after = self.gap_around(at)
        complete = before is not None and after is not None
        return {
            "at": at,
            "last_before": before,
            "first_after": after,
            "gap_ms": ms(after - before) if complete else None,
            "silent_ms": ms(now_ns() - before) if before is not None and after is None else None,
            "first_after_ms": ms(after - at) if after is not None else None,
        }

    def longest_gaps(self, count=5, since=None):
        start = 0 if since is None else max(0, bisect.bisect_left(self.times, since) - 1)
        gaps = [(self.times[i + 1] - self.times[i], self.times[i])
                for i in range(start, len(self.times) - 1)]
        return [{"at": at, "gap_ms": ms(gap)} for gap, at in sorted(gaps, reverse=True)[:count]]

    def exact(self):
        """True if every answer was the one before plus one, on one connection."""
        return self.lost == 0 and self.repeated == 0 and not self.errors and not self.resets

    def report(self, since=None):
        gaps = self.longest_gaps(since=since)
        return {
            "exact": self.exact(),
            "answers": len(self.times),
            "value": self.value,
            "lost": self.lost,
            "repeated": self.repeated,
            "errors": self.errors[:20],
            "resets": self.resets,
            "first_answer": self.times[0] if self.times else None,
            "last_answer": self.times[-1] if self.times else None,
            "longest_gap_ms": gaps[0]["gap_ms"] if gaps else None,
            "gaps": gaps,
            "marks": {name: self.describe_gap(at) for name, at in self.marks.items()},
        }
