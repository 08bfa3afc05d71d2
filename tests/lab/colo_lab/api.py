"""What a scenario imports."""

from .errors import LabError, Skip, WaitTimeout
from .kernel import boottime
from .lab import Lab, LabOptions
from .registry import scenario
from .wait import wait_for

__all__ = ["Lab", "LabError", "LabOptions", "Skip", "WaitTimeout", "boottime", "scenario",
           "wait_for"]
