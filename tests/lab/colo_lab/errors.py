"""What can go wrong in the lab itself, apart from what a scenario finds out."""


class LabError(Exception):
    """The lab or something that it ran failed; the text is meant for people."""


class WaitTimeout(LabError):
    """A condition was still false at its deadline."""


class NotHeld(LabError):
    """What had to stay as it was did not: seen to be wrong, not waited for in vain."""


class Skip(Exception):
    """A scenario cannot run here (no guest image, no build); the text says why."""


class CommandFailed(LabError):
    """A command in a node ended with another code than expected."""

    def __init__(self, where, argv, result):
        self.result = result
        tail = (result.stderr or result.stdout or "").strip()[-800:]
        super().__init__(f"{where}: {' '.join(argv)}: exit code {result.returncode}: {tail}")
