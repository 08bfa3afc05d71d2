"""Commands inside namespaces."""

import subprocess

from .errors import CommandFailed, LabError
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
    """exec(), sh() and popen() for a place that can popen() and has a `name`."""

    name = "?"

    def popen(self, argv, env=None, **options):
        raise NotImplementedError

    def exec(self, argv, check=True, timeout_s=60, input=None, env=None):
        """Runs a command in this place and returns its CompletedProcess (text).

        check: True for exit code 0, a set of allowed exit codes, or False for any.
        """
        argv = [str(part) for part in argv]
        process = self.popen(argv, env=env, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE,
                             stdin=subprocess.DEVNULL if input is None else subprocess.PIPE)
        try:
            out, err = process.communicate(input, timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise LabError(f"{self.name}: {' '.join(argv)}: no end after {timeout_s} s") from error
        result = subprocess.CompletedProcess(argv, process.returncode, out or "", err or "")
        allowed = {0} if check is True else check
        if allowed and result.returncode not in allowed:
            raise CommandFailed(self.name, argv, result)
        return result

    def sh(self, script, **options):
        """A shell line in this place."""
        return self.exec(["/bin/sh", "-c", script], **options)


class NetCommands(Commands):
    """A place that is a network namespace and nothing else, at `net_path`."""

    net_path = None

    def popen(self, argv, env=None, **options):
        """subprocess.Popen of a command in this place."""
        return subprocess.Popen([*enter_net(self.net_path), *map(str, argv)],
                                env={**NODE_ENV, **(env or {})}, **options)
