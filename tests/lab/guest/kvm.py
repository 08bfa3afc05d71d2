# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds out whether KVM works, by booting the lab's guest with it.

/dev/kvm being there proves nothing: in some nested set-ups it opens, and a guest then never gets
anywhere.
"""
import os
import subprocess
import tempfile
import time
from pathlib import Path

READY = "guest: ready"


def boots(guest, accel, timeout_s):
    """True if the guest comes up with this accelerator within the time."""
    with tempfile.TemporaryDirectory() as folder:
        console = Path(folder, "console")
        command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                   "-accel", accel, "-m", "128", *guest.qemu_args([], console=console)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + timeout_s
        try:
            while time.monotonic() < end and process.poll() is None:
                if console.exists() and READY in console.read_text(errors="replace"):
                    return True
                time.sleep(0.02)
            return False
        finally:
            process.kill()
            process.wait()


def usable(guest, cache, timeout_s=10):
    """Whether KVM can run guests here. The answer is kept in the cache folder until the next boot."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    note = Path(cache, f"kvm-{boot}")
    if not note.exists():
        answer = Path("/dev/kvm").exists() and boots(guest, "kvm", timeout_s)
        fresh = Path(cache, f"kvm.{os.getpid()}")  # another lab may look at this moment
        fresh.write_text("yes" if answer else "no")
        fresh.rename(note)
    return note.read_text() == "yes"
