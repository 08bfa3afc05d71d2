# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the lab's guest: a distribution kernel, and an initramfs with one static program.

The kernel package is fetched once and kept in the cache folder. A second call with nothing changed
returns at once and prints nothing.
"""
import fcntl
import gzip
import hashlib
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
SOURCES = ["init.c", "boot.c", "disk.c", "memory.c", "command.c", "shout.c", "server.c"]
META_PACKAGE = "linux-image-cloud-amd64"
# In the order in which they must be loaded; the cloud kernel has them all as modules.
MODULES = [
    "virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci",
    "failover", "net_failover", "virtio_net", "virtio_blk", "evdev", "button",
    "pvpanic", "pvpanic-pci",
]
WARNINGS = [
    "-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wformat=2",
    "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wundef",
]


class Guest(NamedTuple):
    kernel: Path
    initrd: Path

    def qemu_args(self, addresses, *extra, console=None):
        """QEMU arguments for a guest with these addresses, one per NIC ("10.0.0.9/24").

        console: file that receives the serial console.
        """
        words = ["console=ttyS0", "quiet", "panic=-1", "random.trust_cpu=1", "ipv6.disable=1"]
        for index, address in enumerate(addresses):
            words.append(f"colo_ip{index or ''}={address}")
        args = ["-kernel", str(self.kernel), "-initrd", str(self.initrd)]
        args += ["-append", " ".join(words + list(extra))]
        if console is not None:
            args += ["-serial", f"file:{console}"]
        return args


def run(command, **options):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stdout}")
    return done.stdout


def download_kernel(cache):
    """Fetches the package; returns its file."""
    depends = run(["apt-cache", "depends", META_PACKAGE])
    package = re.search(r"Depends: (linux-image-\S+)", depends)
    if package is None:
        raise RuntimeError(f"apt knows no {META_PACKAGE}")
    run(["apt-get", "download", "-q", package.group(1)], cwd=cache)
    [archive] = cache.glob(f"{package.group(1)}_*.deb")
    return archive


def fetch_kernel(cache):
    """Unpacks the newest cloud kernel into cache/kernel unless some kernel is there already."""
    unpacked = cache / "kernel"
    if not list(unpacked.glob("boot/vmlinuz-*")):
        try:
            archive = download_kernel(cache)
        except RuntimeError:  # no package lists, or old ones that name what is gone
            run(["apt-get", "update"])
            archive = download_kernel(cache)
        run(["dpkg", "-x", archive, unpacked])
        archive.unlink()
    return max(unpacked.glob("boot/vmlinuz-*"))


def compile_init(output):
    run(["gcc", "-std=gnu17", "-O2", "-static", "-s", *WARNINGS, "-o", output,
         *[HERE / name for name in SOURCES]])


def cpio_entry(name, mode, data=b"", device=(0, 0)):
    """One member of a newc archive. Inode and time are zero: the result depends on content alone."""
    raw_name = name.encode() + b"\0"
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(raw_name), 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + raw_name
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def make_initrd(init, modules, output):
    parts = [cpio_entry(name, stat.S_IFDIR | 0o755) for name in ("dev", "proc", "sys", "modules")]
    parts.append(cpio_entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1)))
    parts.append(cpio_entry("init", stat.S_IFREG | 0o755, init.read_bytes()))
    for index, module in enumerate(modules):
        name = f"modules/{index:02}-{module.name}"
        parts.append(cpio_entry(name, stat.S_IFREG | 0o644, module.read_bytes()))
    parts.append(cpio_entry("TRAILER!!!", 0))
    output.write_bytes(gzip.compress(b"".join(parts), compresslevel=1, mtime=0))


def find_modules(kernel):
    version = kernel.name.removeprefix("vmlinuz-")
    folder = kernel.parent.parent / "lib/modules" / version
    found = {path.name.removesuffix(".ko"): path for path in folder.rglob("*.ko")}
    missing = [name for name in MODULES if name not in found]
    if missing:
        raise RuntimeError(f"kernel {version} has no module {', '.join(missing)}")
    return [found[name] for name in MODULES]


def build(cache):
    """Returns the guest, building what is missing or older than its sources in the cache folder."""
    cache = Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:  # of labs that begin at the same time one builds
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _build(cache)


def _build(cache):
    kernel = fetch_kernel(cache)
    digest = hashlib.sha256(kernel.name.encode())
    for name in [*SOURCES, "guest.h", "build.py"]:
        digest.update((HERE / name).read_bytes())
    initrd = cache / f"initrd-{digest.hexdigest()[:16]}.img"
    if not initrd.exists():
        init = cache / f"init.{os.getpid()}"
        fresh = cache / f"initrd.{os.getpid()}"
        compile_init(init)
        make_initrd(init, find_modules(kernel), fresh)
        init.unlink()
        fresh.rename(initrd)
    return Guest(kernel, initrd)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} CACHE-FOLDER")
    print("\n".join(map(str, build(sys.argv[1]))))
