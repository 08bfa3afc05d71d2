"""A node's disk from outside: files are put there while the node is off."""

import os
import shutil
from pathlib import Path

from .mounts import DISK_FOLDERS

# Folders of a node's disk that are plain folders outside: name there -> path in the node.
# The guests' images are no overlay files, for the sake of O_DIRECT and of speed.
BINDS = {"log": "/var/log", "guests": "/var/lib/colo"}
LOG_FOLDERS = {"corosync": None, "colo-hbd": None, "pcsd": None, "cluster": None,
               "pacemaker": ("hacluster", "haclient")}


def make(node_dir):
    """Empty disk of a new node."""
    for folder in DISK_FOLDERS:
        for layer in ("upper", "work"):
            (node_dir / "disk" / folder / layer).mkdir(parents=True)
        shutil.copystat(f"/{folder}", node_dir / "disk" / folder / "upper")
    for name in BINDS:
        (node_dir / "bind" / name).mkdir(parents=True)
    for name, owner in LOG_FOLDERS.items():
        folder = node_dir / "bind" / "log" / name
        folder.mkdir()
        if owner:
            shutil.chown(folder, *owner)
            folder.chmod(0o770)
    (node_dir / "port").mkdir()


def put(node_dir, path, content, mode=0o644, owner=("root", "root")):
    """Writes a file onto the disk of a node that is off. `path` is absolute, as in the node."""
    parts = Path(path).parts
    if parts[1] not in DISK_FOLDERS:
        raise ValueError(f"{path} is not on a node's disk")
    upper = node_dir / "disk" / parts[1] / "upper"
    below = Path("/") / parts[1]
    for part in parts[2:-1]:
        upper, below = upper / part, below / part
        if not upper.exists():
            upper.mkdir()
            # In an overlay the upper folder's owner and mode hide those of the lower one.
            if below.is_dir():
                shutil.copystat(below, upper)
                os.chown(upper, below.stat().st_uid, below.stat().st_gid)
    file = upper / parts[-1]
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(mode)
    shutil.chown(file, *owner)
