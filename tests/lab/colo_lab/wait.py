"""Waiting for a condition. Scenarios never sleep for a while and hope."""

import time

from .errors import NotHeld, WaitTimeout
from .kernel import boottime


def wait_for(condition, timeout_s, what, every_s=0.05):
    """Polls `condition` until it is true and returns its value.

    `what` completes "waited 5 s for ..." and may be a function that says how far things are.
    """
    deadline = boottime() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if boottime() >= deadline:
            text = what() if callable(what) else what
            raise WaitTimeout(f"waited {timeout_s:g} s for {text}")
        time.sleep(every_s)


def holds(condition, duration_s, what, every_s=0.05):
    """Checks that `condition` stays true for `duration_s`: "nothing happens" as a test."""
    deadline = boottime() + duration_s
    while boottime() < deadline:
        if not condition():
            raise NotHeld(f"{what} did not hold for {duration_s:g} s")
        time.sleep(every_s)
