"""The scenarios and what they say about themselves."""

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from .errors import LabError
from .paths import LAB_DIR

_scenarios = {}


@dataclass(frozen=True)
class Scenario:
    name: str
    run: Callable
    about: str
    options: dict = field(default_factory=dict)
    shared: bool = False
    in_place: bool = False
    product: bool = True
    timeout_s: int = 300


def scenario(name, shared=False, in_place=False, product=True, timeout_s=300, **options):
    """Registers a function `run(lab, result)` as a scenario.

    options: fields of LabOptions that it needs (nodes=2, two_node=True, token_ms=1000).
    shared: it leaves the lab as it found it, so the next shared scenario with the same options
    may go on in it. in_place: its own repeats may, because it leaves a whole pair. product: it needs colo-hbd in the build tree and is skipped without it.
    timeout_s: the run is failed after this.
    """
    def register(function):
        if name in _scenarios:
            raise LabError(f"two scenarios are called {name}")
        about = (function.__doc__ or "").strip().split("\n")[0]
        _scenarios[name] = Scenario(name, function, about, options, shared, in_place, product,
                                    timeout_s)
        return function
    return register


def load(folder=None):
    """Imports all scenario files; returns {name: Scenario}, in the order of the files."""
    for path in sorted(Path(folder or LAB_DIR / "scenarios").glob("*.py")):
        name = f"lab_scenario_{path.stem.replace('-', '_')}"
        spec = importlib.util.spec_from_file_location(name, path)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return dict(_scenarios)
