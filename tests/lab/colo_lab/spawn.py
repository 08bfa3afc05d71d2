"""Commands inside namespaces."""

import subprocess

from .errors import CommandFailed
from .paths import NODE_ENV

NSENTER = "/usr/bin/nsenter"
ALL = ("-n", "-m", "-u", "-i", "-p")


def enter(pid):
    """Prefix of a command that is to run in all namespaces of process `pid`."""
    return [NSENTER, "-t", str(pid), *ALL, "--"]


def enter_net(path):
    """Prefix of a command that is to run in a network namespace alone."""
    return [NSENTER, f"--net={path}", "--"]


class Commands:
    """exec() and popen() for a place that has a `prefix` and a `name`."""

    name = "?"

    def prefix(self):
        raise NotImplementedError

    def popen(self, argv, env=None, **options):
        """subprocess.Popen of a command in this place; the caller ends it."""
        return subprocess.Popen([*self.prefix(), *map(str, argv)],
                                env={**NODE_ENV, **(env or {})}, **options)

    def exec(self, argv, check=True, timeout_s=60, input=None, env=None):
        """Runs a command in this place and returns its CompletedProcess (text).

        check: True for exit code 0, a set of allowed exit codes, or False for any.
        """
        # The time limit is enforced in there: killing nsenter would leave its child behind.
        limited = ["/usr/bin/timeout", "-k", "1", str(timeout_s), *map(str, argv)]
        result = subprocess.run([*self.prefix(), *limited], text=True, input=input,
                                stdin=subprocess.DEVNULL if input is None else None,
                                capture_output=True, env={**NODE_ENV, **(env or {})})
        allowed = {0} if check is True else check
        if allowed and result.returncode not in allowed:
            raise CommandFailed(self.name, [str(part) for part in argv], result)
        return result

    def sh(self, script, **options):
        """A shell line in this place."""
        return self.exec(["/bin/sh", "-c", script], **options)
