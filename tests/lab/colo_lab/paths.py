"""Where things are: the project, the state of a lab, the results of a run."""

import os
import sys
from pathlib import Path

LAB_DIR = Path(__file__).resolve().parent.parent
PROJECT = LAB_DIR.parent.parent
DEFAULT_BUILD = PROJECT / "build" / "release"
RESULTS = PROJECT / "build" / "lab" / "runs"

# The one python that Debian's own packages are made for; another may come first on PATH.
PYTHON = "/usr/bin/python3"

# Short on purpose: the sockets below it must fit into the 108 bytes of a socket address.
STATE_ROOT = Path(os.environ.get("LAB_STATE", "/tmp/colo-lab"))

# A command in a node must not depend on the shell of whoever started the lab.
NODE_ENV = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": os.environ.get("TERM", "dumb"),
}


def default_prefix():
    """The name of the lab that commands without --prefix speak of."""
    return os.environ.get("LAB_PREFIX", "lab")


def helper_argv(module, *args):
    """Command that runs main() of a module of this package in a fresh python.

    Isolated (-I) so that no environment of the caller changes a node, and without `site` (-S),
    which takes more time than all the rest of the start.
    """
    code = (f"import sys; sys.path.insert(0, {str(LAB_DIR)!r}); "
            f"from colo_lab.{module} import main; sys.exit(main(sys.argv[1:]))")
    return [PYTHON, "-SEI", "-c", code, *map(str, args)]


def check_python():
    """Refuses a python that is too old for pidfd signals (3.9)."""
    if sys.version_info < (3, 9):
        raise SystemExit("the lab needs python 3.9 or newer")
