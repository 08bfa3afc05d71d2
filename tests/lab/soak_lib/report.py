# SPDX-License-Identifier: GPL-2.0-or-later
"""What a soak found out, in numbers and in lines. Pure."""

from dataclasses import asdict, dataclass, field

PERCENTILES = (50, 90, 99, 100)


@dataclass
class Done:
    """One step that came to its end. gap_ms: longest wait of a client until all was served again;
    whole_s: from the strike to the whole pair; None where nothing was to be seen."""

    number: int
    kind: str
    role: str
    host: str
    gap_ms: float = None
    whole_s: float = None
    took_s: float = None
    rough: bool = False
    notes: list = field(default_factory=list)


def percentile(values, percent):
    """The smallest of the values that is not below `percent` of them."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def spread(values):
    """{"n", "p50", "p90", "p99", "max"} of numbers, without those that are None."""
    known = [value for value in values if value is not None]
    if not known:
        return {"n": 0}
    names = [f"p{percent}" if percent < 100 else "max" for percent in PERCENTILES]
    return {"n": len(known),
            **{name: round(percentile(known, percent), 1)
               for name, percent in zip(names, PERCENTILES)}}


def by_kind(steps):
    """{kind: {"steps": how many, "gap_ms": spread, "whole_s": spread}}, by name."""
    found = {}
    for name in sorted({step.kind for step in steps}):
        own = [step for step in steps if step.kind == name]
        found[name] = {"steps": len(own), "gap_ms": spread(step.gap_ms for step in own),
                       "whole_s": spread(step.whole_s for step in own)}
    return found


def as_json(steps, totals, checks, options, failure, took_s):
    return {"options": options, "passed": failure is None, "failure": failure,
            "took_s": round(took_s, 1), "steps": [asdict(step) for step in steps],
            "kinds": by_kind(steps), "gap_ms": spread(step.gap_ms for step in steps),
            "whole_s": spread(step.whole_s for step in steps), "clients": totals, "checks": checks}


def _cell(spread_of, unit):
    if not spread_of["n"]:
        return "-"
    return f"p50 {spread_of['p50']:g} max {spread_of['max']:g} {unit}"


def progress(done, at_s):
    """The line of a step that is over."""
    minutes, seconds = divmod(int(at_s), 60)
    gap = "-" if done.gap_ms is None else f"{done.gap_ms:.0f} ms"
    whole = "-" if done.whole_s is None else f"{done.whole_s:.1f} s"
    what = f"{done.kind} {done.role} ({done.host})"
    line = f"{minutes:3d}:{seconds:02d} [{done.number:3d}] {what:44} gap {gap:>9}  whole {whole:>7}"
    return line + (f"  ({'; '.join(done.notes)})" if done.notes else "")


def summary(steps, totals, checks, failure, took_s):
    """The lines at the end."""
    lines = [f"{len(steps)} steps in {took_s / 60:.1f} minutes"]
    for name, each in by_kind(steps).items():
        lines.append(f"  {each['steps']:3d} {name:22} gap {_cell(each['gap_ms'], 'ms'):26} "
                     f"whole {_cell(each['whole_s'], 's')}")
    for title, key, unit in (("client gap", "gap_ms", "ms"), ("whole again", "whole_s", "s")):
        numbers = spread(getattr(step, key) for step in steps)
        if numbers["n"]:
            lines.append(f"{title}: p50 {numbers['p50']:g}, p90 {numbers['p90']:g}, "
                         f"p99 {numbers['p99']:g}, max {numbers['max']:g} {unit} ({numbers['n']})")
    lines.append(f"clients: {totals['answers']} answers on {totals['connections']} connections, "
                 f"{totals['lost']} lost, {totals['repeated']} repeated, "
                 f"{totals['resets']} connections lost")
    lines.append(f"checkers: {checks['recordings']} recordings replayed and judged, "
                 f"{checks['frames']} frames judged: "
                 + ("nothing broken" if not checks["wrong"] else "; ".join(checks["wrong"])))
    lines.append("passed" if failure is None else f"FAILED: {failure}")
    return lines
