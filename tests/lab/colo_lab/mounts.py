"""The file system of a node: the machine's own, with a disk and a memory of the node above it.

Everything here happens in the node's mount namespace, so it goes away with the node and cannot be
left behind.
"""

import os
import uuid
from pathlib import Path

from . import kernel

# What a node may write and keeps over a power cut. The rest of the machine is read-only to it.
DISK_FOLDERS = ("etc", "var", "usr")
TMPFS = {"/run": "mode=755,size=1g", "/dev/shm": "mode=1777,size=1g", "/tmp": "mode=1777,size=1g"}
# In a node: the folder shared by all nodes of a lab (power socket, product, shim), the node's own.
SHARED = "/run/lab"
PORT = "/run/lab-node"
# QEMU looks for its firmware in ../share of the folder that it was started from.
REAL_QEMU = "/usr/libexec/qemu-system-x86_64"
QEMU = "/usr/bin/qemu-system-x86_64"


def _overlay(folder, disk):
    upper, work = disk / folder / "upper", disk / folder / "work"
    # redirect_dir and metacopy stay off: the upper folders must be readable from outside.
    kernel.mount("overlay", f"/{folder}", "overlay", 0,
                 f"lowerdir=/{folder},upperdir={upper},workdir={work}")


def _bind_folder(source, target):
    os.makedirs(target, exist_ok=True)
    kernel.bind(source, target)


def _wrap_qemu(real_fd, wrapper):
    """Puts `wrapper` in the place of QEMU and the real one beside it.

    The product must not know that the lab gives QEMU an environment of its own, so it finds a
    script where it expects the binary. The script keeps argv[0]; the name of the process is that
    of the real file, which is the same.
    """
    os.makedirs(os.path.dirname(REAL_QEMU), exist_ok=True)
    Path(REAL_QEMU).touch()
    kernel.bind(f"/proc/self/fd/{real_fd}", REAL_QEMU)
    kernel.bind(wrapper, QEMU)


def build(config):
    """Mounts all that a node has except /proc, which needs the node's PID 1.

    config: the node's description (see node_config in lab.py).
    """
    state = Path(config["node_dir"])
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    # Open descriptors reach what the mounts below hide.
    kept = {path: os.open(path, os.O_PATH) for path in config["keep"]}
    port, shared = os.open(state / "port", os.O_PATH), os.open(config["shared_dir"], os.O_PATH)
    folders = {target: os.open(state / "bind" / name, os.O_PATH)
               for name, target in config["binds"].items()}
    qemu = os.open(QEMU, os.O_PATH) if config["qemu_wrapper"] else None

    for folder in DISK_FOLDERS:
        _overlay(folder, state / "disk")
    for target, options in TMPFS.items():
        kernel.mount("tmpfs", target, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    _bind_folder(f"/proc/self/fd/{shared}", SHARED)
    _bind_folder(f"/proc/self/fd/{port}", PORT)
    for target, fd in folders.items():
        _bind_folder(f"/proc/self/fd/{fd}", target)
    for path, fd in kept.items():
        if not os.path.exists(path):
            _bind_folder(f"/proc/self/fd/{fd}", path)
    if qemu is not None:
        _wrap_qemu(qemu, f"{SHARED}/qemu-wrapper")
    # The interfaces under /sys are those of the namespace in which it was mounted.
    kernel.mount("sysfs", "/sys", "sysfs", kernel.MS_RDONLY)
    kernel.mount("none", "/", None, kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY)
    # All descriptors were opened with O_CLOEXEC and this process ends with the node.


def mount_proc():
    """/proc of the node's own processes; to be called by its PID 1."""
    kernel.mount("proc", "/proc", "proc")
    # sbd and Pacemaker panic a node through this file, and this would be the real machine.
    if os.path.exists("/proc/sysrq-trigger"):
        kernel.bind("/dev/null", "/proc/sysrq-trigger")
    # A node that was off has another boot id; without this all nodes share one for ever.
    boot_id = Path("/run/boot_id")
    boot_id.write_text(f"{uuid.uuid4()}\n")
    kernel.bind(boot_id, "/proc/sys/kernel/random/boot_id")
