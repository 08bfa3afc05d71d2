# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the shim that lets QEMU 7.2 run COLO on an emulated CPU, and says whether it is needed."""
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "tcg_colo_shim.c"
FLAGS = ["-std=gnu17", "-O2", "-g", "-shared", "-fPIC", "-Wall", "-Wextra", "-Wconversion",
         "-Wsign-conversion", "-Wshadow", "-Wformat=2", "-Wstrict-prototypes",
         "-Wmissing-prototypes", "-Wundef"]
FIXED_IN = (9, 0)


def qemu_version(qemu="qemu-system-x86_64"):
    text = subprocess.run([qemu, "--version"], text=True, capture_output=True, check=True).stdout
    found = re.search(r"version (\d+)\.(\d+)", text)
    return (int(found.group(1)), int(found.group(2)))


def needed(qemu="qemu-system-x86_64"):
    """True if this QEMU cannot run COLO under TCG by itself."""
    return qemu_version(qemu) < FIXED_IN


def build(cache):
    """Returns the shared library in the cache folder, compiled if it is missing or old."""
    cache = Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(SOURCE.read_bytes() + " ".join(FLAGS).encode()).hexdigest()[:16]
    library = cache / f"tcg_colo_shim-{digest}.so"
    if not library.exists():
        fresh = cache / f"tcg_colo_shim.{os.getpid()}"
        done = subprocess.run(["gcc", *FLAGS, "-o", fresh, SOURCE], text=True, capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(f"the shim does not compile:\n{done.stderr}")
        fresh.rename(library)
    return library


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} CACHE-FOLDER")
    print(build(sys.argv[1]))
