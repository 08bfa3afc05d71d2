"""What happened when, on the clock that all nodes share."""

from .kernel import boottime


class Timeline:
    def __init__(self, echo=None):
        """`echo`, if given, is called with a line of text for each entry."""
        self.start = boottime()
        self.entries = []
        self._echo = echo

    def add(self, what, at=None, **details):
        """Notes that `what` happened, now or `at` (seconds of CLOCK_BOOTTIME); returns `at`."""
        at = boottime() if at is None else at
        self.entries.append({"t": round(at, 4), "after_s": round(at - self.start, 4),
                             "what": what, **details})
        if self._echo:
            extra = " ".join(f"{key}={value}" for key, value in details.items())
            self._echo(f"{at - self.start:8.3f}  {what}  {extra}".rstrip())
        return at

    def sorted(self):
        return sorted(self.entries, key=lambda entry: entry["t"])
