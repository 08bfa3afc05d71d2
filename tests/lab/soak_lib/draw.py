# SPDX-License-Identifier: GPL-2.0-or-later
"""Which step comes next: drawn from a seed alone, and whether it is legal in a given state. Pure.

Steps name roles, not hosts, and depend neither on time nor on what happened before: one seed is one
list of steps on any machine, and a list of steps can be run again however the roles came to lie.
Kinds come from a deck of cards that is shuffled once for each round, so that all of them come.
"""

import random
from dataclasses import dataclass
from typing import NamedTuple

SIDES = ("primary", "secondary")
ALL = (*SIDES, "spare")
WAYS = (None, None, "in", "out")
SETTLE_S = (0, 0, 0, 0.5, 1, 2, 5)
OF_A_FILLING = ("kill-filled-qemu", "hang-filled-qemu", "cut-power-filled", "cut-replication",
                "kill-primary-daemon", "kill-filled-daemon", "switchover-is-refused")


@dataclass(frozen=True)
class World:
    """What the steps are drawn for."""

    nodes: int = 3
    pairs: int = 1
    rough: bool = False


class State(NamedTuple):
    """What is: the hosts that are up, and for each VM (host of the primary, of the secondary), None
    where there is none."""

    up: frozenset
    sides: tuple


class Kind(NamedTuple):
    """roles: of whom it is a deed; cards: how often each is in the deck. draw: its own parameters.
    breaks: the pair is another one afterwards; else nothing is. host: of all VMs on the host, not of
    one alone. rough: a double failure."""

    roles: tuple
    about: str
    cards: int = 1
    draw: object = None
    breaks: bool = True
    host: bool = True
    rough: bool = False


def _back(rng, world):
    # With two hosts there is no whole pair before the lost one is back.
    return {"back": rng.choice(("served", "whole")) if world.nodes > 2 else "served"}


def _isolate(rng, world):
    return {"way": rng.choice(WAYS), "clients": rng.random() < 0.3, **_back(rng, world)}


def _link(rng, _world):
    return {"way": rng.choice(WAYS), "for_s": round(rng.uniform(1, 8), 1)}


def _for_s(low, high, **more):
    def draw(rng, world):
        return {"for_s": round(rng.uniform(low, high), 1),
                **{key: value(rng, world) for key, value in more.items()}}
    return draw


def _filling(rng, _world):
    return {"first": rng.choice(("kill-primary", "kill-secondary", "resync")),
            "then": rng.choice(OF_A_FILLING), "after_s": round(rng.uniform(0, 1.5), 2)}


def _meanwhile(rng, _world):
    return {"meanwhile": rng.choice((None, "primary", "secondary"))}


KINDS = {
    # Failures.
    "kill-qemu": Kind(SIDES, "kill -9 of QEMU", 2, host=False),
    "hang-qemu": Kind(SIDES, "SIGSTOP of QEMU", host=False),
    "cut-power": Kind(ALL, "power cut of the host", draw=_back),
    "isolate": Kind(ALL, "all of the host's rings are cut, both ways or one", draw=_isolate),
    "cut-replication": Kind(SIDES, "only the replication link is cut", draw=_link),
    "cut-ring": Kind(ALL, "only the other ring is cut", draw=_link, breaks=False),
    "kill-daemon": Kind(ALL, "kill -9 of colo-hbd", breaks=False,
                        draw=lambda rng, _: {"times": rng.choice((1, 1, 2))}),
    "hang-daemon": Kind(SIDES, "SIGSTOP of colo-hbd for a while", draw=_for_s(0.5, 8), breaks=False),
    "hang-daemon-kill-qemu": Kind(SIDES, "SIGSTOP of colo-hbd, kill -9 of its QEMU",
                                  draw=lambda rng, _: {"known": rng.random() < 0.5}),
    "kill-corosync": Kind(ALL, "kill -9 of corosync", draw=_back),
    "hang-corosync": Kind(SIDES, "SIGSTOP of corosync", draw=_back),
    "slow-fence": Kind(SIDES, "power cut, and the fence device is slow", draw=_for_s(2, 8)),
    "failing-fence": Kind(SIDES, "power cut, and the fence device refuses for a while",
                          draw=_for_s(2, 8)),
    "during-filling": Kind(("primary",), "a failure while the second copy is filled", 3,
                           draw=_filling, host=False),
    # Operators.
    "switchover": Kind(SIDES, "coloctl switchover, asked on that side", host=False),
    "failover": Kind(SIDES, "coloctl failover, asked on that side", host=False),
    "resync": Kind(SIDES, "coloctl resync, asked on that side", host=False),
    "standby": Kind(SIDES, "pcs node standby and unstandby", draw=_back),
    "disable": Kind(("primary",), "pcs resource disable and enable", draw=_for_s(0, 4),
                    host=False),
    "unmanage": Kind(("primary",), "pcs resource unmanage and manage, and a death between",
                     draw=_meanwhile, breaks=False, host=False),
    "maintenance": Kind(("primary",), "maintenance-mode on and off, and a death between",
                        draw=_meanwhile, breaks=False, host=False),
    "restart-pacemaker": Kind(ALL, "Pacemaker is stopped in order, and started"),
    "refresh": Kind(("primary",), "pcs resource refresh", breaks=False),
    # Two at a time: the VM may be down meanwhile.
    "both-qemus": Kind(("primary",), "kill -9 of both QEMUs", rough=True, host=False,
                       draw=_for_s(0, 0.3)),
    "both-hosts": Kind(SIDES, "power cut of both hosts, this one first, and then back first",
                       rough=True, draw=_for_s(0, 4)),
    "all-hosts": Kind(("primary",), "power cut of all hosts at once", rough=True),
    "primary-while-filling": Kind(("primary",), "power cut of the only copy's host", rough=True,
                                  host=False, draw=_for_s(0, 2)),
    "unfenceable": Kind(SIDES, "isolated, and the fence device refuses until it is healed",
                        rough=True, draw=_for_s(2, 10)),
    "both-corosyncs": Kind(("primary",), "kill -9 of corosync on both hosts", rough=True),
}


def deck(world):
    """[(kind, role)]: the cards of one round, in no order that means anything."""
    cards = []
    for name, kind in KINDS.items():
        if kind.rough and not world.rough:
            continue
        for role in kind.roles:
            if role == "spare" and world.nodes < 3:
                continue
            if name == "isolate" and world.nodes < 3:
                continue  # of two that do not see each other either may be fenced
            cards += [(name, role)] * kind.cards
    return cards


def draw(seed, number, world):
    """Step `number` (from 1) of that seed: a dictionary of plain values."""
    cards = deck(world)
    turn, index = divmod(number - 1, len(cards))
    random.Random(f"{seed}/deck/{turn}").shuffle(cards)
    name, role = cards[index]
    rng = random.Random(f"{seed}/step/{number}")
    step = {"kind": name, "vm": rng.randrange(world.pairs), "role": role,
            "settle_s": rng.choice(SETTLE_S), "hasty": rng.random() < 0.25}
    if KINDS[name].draw is not None:
        step.update(KINDS[name].draw(rng, world))
    return step


# ---- in a state ----

def target(step, state):
    """The host that the step is about; None if nobody has that role."""
    primary, secondary = state.sides[step["vm"]] or (None, None)
    if step["role"] == "spare":
        return min(state.up - {primary, secondary}, default=None)
    return primary if step["role"] == "primary" else secondary


def affected(step, state):
    """Indexes of the VMs whose pair breaks: the step's own, or all with a copy on its host."""
    kind, host = KINDS[step["kind"]], target(step, state)
    if not (kind.breaks or step.get("meanwhile")):
        return []
    if kind.rough and kind.host:
        return list(range(len(state.sides)))
    if not kind.host:
        return [step["vm"]]
    return [vm for vm, sides in enumerate(state.sides) if sides and host in sides]


def why_not(step, state, world):
    """Why the step must not begin now, in words; None if it may.

    Without --rough only one thing fails at a time, so all hosts must be up and all pairs whole.
    """
    kind = KINDS.get(step.get("kind"))
    if kind is None:
        return f"there is no kind {step.get('kind')!r}"
    if step.get("role") not in kind.roles:
        return f"{step['kind']} has no role {step.get('role')!r}"
    if not 0 <= step.get("vm", -1) < len(state.sides):
        return f"there is no VM {step.get('vm')!r}"
    if kind.rough and not world.rough:
        return f"{step['kind']} is a double failure: use --rough"
    if len(state.up) < world.nodes:
        return f"only {', '.join(sorted(state.up)) or 'no host'} is up"
    broken = [str(vm) for vm, sides in enumerate(state.sides) if not sides or None in sides]
    if broken:
        return f"VM {', '.join(broken)} is no pair"
    if target(step, state) is None:
        return "there is no spare host"
    return None
