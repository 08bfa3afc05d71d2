# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guests' CPU is here: KVM where it really works, else QEMU's emulation with the shim that
QEMU 7.2 needs for COLO on it."""

import functools
import sys

from . import paths

CACHE = paths.PROJECT / "build" / "lab" / "guest"
sys.path[:0] = [str(paths.LAB_DIR / "guest"), str(paths.LAB_DIR / "shim")]

import build as guest_build  # noqa: E402  (folders of their own, see above)
import kvm  # noqa: E402
import shim_build  # noqa: E402


@functools.cache
def guest():
    """Kernel and initial RAM disk of the lab's guest, built if need be."""
    return guest_build.build(CACHE)


@functools.cache
def has_kvm():
    return kvm.usable(guest(), CACHE)


def parameters():
    """The resource parameters that say it: `accel` and `cpu`."""
    return {"accel": "kvm", "cpu": "host"} if has_kvm() else {"accel": "tcg", "cpu": "qemu64"}


def shim():
    """The library to preload into QEMU, None where none is needed."""
    if has_kvm() or not shim_build.needed():
        return None
    return str(shim_build.build(CACHE))
