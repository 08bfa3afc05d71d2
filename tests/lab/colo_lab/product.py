"""The product in the lab: installed from a build tree, run under each node's PID 1.

The build tree's own install rules fill a staging folder, and each node unpacks that onto its disk
at boot, so the lab runs the files that a package would contain, at their real paths.
"""

import os
import re
import shutil
import subprocess
import time

from .errors import LabError
from .mounts import DISK_FOLDERS, REAL_QEMU, SHARED

SERVICE = "colo-hbd"
DAEMON = "/usr/sbin/colo-hbd"
WATCHDOG = {"watchdog_s": 5, "abort_s": 10}  # WatchdogSec and TimeoutStopSec of its unit
WRAPPER = """\
#!/bin/bash
# Stands where QEMU is expected; see qemu_wrapper in the lab's README.
{fake}{exports}exec -a "$0" {real} "$@"
"""


def stage(build, target):
    """Installs the build tree under `target` (a DESTDIR). Returns a stamp, None without a build."""
    if not (build / "cmake_install.cmake").exists():
        return None
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    result = subprocess.run(["cmake", "--install", str(build), "--prefix", "/usr"], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env={**os.environ, "DESTDIR": str(target)})
    if result.returncode != 0:
        raise LabError(f"cmake --install {build} failed:\n{result.stdout}")
    for entry in target.iterdir():
        # Other folders are read-only in a node, for they are the machine's own.
        if entry.name not in DISK_FOLDERS:
            raise LabError(f"the build installs into /{entry.name}, which nodes cannot write")
    if not (target / DAEMON.lstrip("/")).exists():
        return None
    return f"{build} {time.time_ns()}"


def daemon_service(env, watchdog):
    """Service description of the daemon for a node's PID 1 (see init.py)."""
    service = {"name": SERVICE, "argv": [DAEMON, "--foreground"], "restart": True,
               "log": f"/var/log/colo-hbd/{SERVICE}.log", "env": env,
               "folders": {"/run/colo-hbd": "0755", "/var/lib/colo-hbd": "0750"}}
    return {**service, **(WATCHDOG if watchdog else {})}


FAKE = "tests/unit/qmp/fake/fake-qemu"  # in a build tree
FAKE_NAMES = "fake"                     # VMs whose name begins so have no guest
FAKE_LINE = f"""\
[[ " $* " != *" -name guest={FAKE_NAMES}"* ]] || exec -a "$0" {SHARED}/qemu-system-x86_64 "$@"
"""


def qemu_version():
    """Of the real QEMU, as "7.2.22"."""
    done = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True,
                          check=True)
    return re.search(r"version (\d+\.\d+\.\d+)", done.stdout).group(1)


def write_wrapper(shared, shim, env, fake=None):
    """Writes the script that replaces QEMU in the nodes; False if nothing is to be added to it.

    shim: path outside of a library to preload, or None; env: more variables for QEMU; fake: the
    stand-in that runs for VMs with names of FAKE_NAMES, or None.
    """
    values = dict(env)
    if shim:
        shutil.copy2(shim, shared / "qemu-shim.so")
        values["LD_PRELOAD"] = f"{SHARED}/qemu-shim.so"
    if not values and fake is None:
        return False
    fake_lines = ""
    if fake is not None:
        shutil.copy2(fake, shared / "qemu-system-x86_64")
        # `--version` is answered by the real one, for there is no name of a VM behind it
        fake_lines = f"export FAKE_QEMU_VERSION={qemu_version()}\n{FAKE_LINE}"
    exports = "".join(f"export {name}='{value}'\n" for name, value in values.items())
    wrapper = shared / "qemu-wrapper"
    wrapper.write_text(WRAPPER.format(exports=exports, real=REAL_QEMU,
                                      fake=fake_lines))
    wrapper.chmod(0o755)
    return True
