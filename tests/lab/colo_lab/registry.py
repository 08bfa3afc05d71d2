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
    default_pair: bool = False
    product: bool = True
    timeout_s: int = 300
    also: tuple = ()


def scenario(name, shared=False, in_place=False, default_pair=False, product=True, timeout_s=300,
             also=(), **options):
    """Registers a function `run(lab, result)` as a scenario.

    options: fields of LabOptions that it needs (nodes=2, two_node=True, token_ms=1000).
    shared: it leaves the lab as it found it, so the next shared scenario with the same options
    may go on in it. in_place: its own repeats may, because it leaves a whole pair. default_pair: so
    may the next scenario that says so and has the same options, because both begin with
    `Pair(lab, result).up()` and leave such a pair, without parameters of their own.
    product: it needs colo-hbd in the build tree and is skipped without it.
    timeout_s: the run is failed after this.
    also: more names of it, in the words of what people fear and it shows not to happen
    (["both-nodes-shot-each-other"]).
    """
    def register(function):
        about = (function.__doc__ or "").strip().split("\n")[0]
        made = Scenario(name, function, about, options, shared, in_place or default_pair,
                        default_pair, product, timeout_s, tuple(also))
        taken = {each for other in _scenarios.values() for each in (other.name, *other.also)}
        for each in (name, *also):
            if each in taken:
                raise LabError(f"two scenarios are called {each}")
        _scenarios[name] = made
        return function
    return register


def find(names):
    """The loaded scenarios with these names, `also` included, each once, in the order asked for.

    Raises LabError if a name is unknown.
    """
    known = {each: made for made in _scenarios.values() for each in (made.name, *made.also)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise LabError(f"no scenario {', '.join(unknown)}; there are: {', '.join(known)}")
    return [_scenarios[name] for name in dict.fromkeys(known[name].name for name in names)]


def load(folder=None):
    """Imports all scenario files; returns {name: Scenario}, in the order of the files."""
    for path in sorted(Path(folder or LAB_DIR / "scenarios").glob("*.py")):
        name = f"lab_scenario_{path.stem.replace('-', '_')}"
        spec = importlib.util.spec_from_file_location(name, path)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return dict(_scenarios)
