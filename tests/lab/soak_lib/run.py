# SPDX-License-Identifier: GPL-2.0-or-later
"""The command: a lab, its VMs, steps until the time is over, and the account of it."""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from colo_lab import cli, paths
from colo_lab.errors import LabError
from colo_lab.kernel import boottime
from colo_lab.lab import Lab, LabOptions
from colo_lab.result import Result
from colo_lab.timeline import Timeline

from . import draw, journal, report
from .checkers import Checkers
from .step import Course
from .vms import Account, Vm

ABOUT = """Random failures, operator actions and heals, one after the other, drawn from a seed, on real
corosync, Pacemaker and QEMU. Ends with every pair whole and no answer lost or repeated, or says why
not and how to do it again."""


def _parser():
    parser = argparse.ArgumentParser(prog="soak", description=ABOUT)
    parser.add_argument("--minutes", type=float, default=30, help="no step begins after that (30)")
    parser.add_argument("--seed", type=int, help="which steps; default: a new one")
    parser.add_argument("--replay", metavar="FILE", help="the steps of another run's journal")
    parser.add_argument("--steps", metavar="A..B", help="with --replay: only these of them")
    parser.add_argument("--pairs", type=int, default=1, help="VMs; the primary of every second one "
                        "begins on the second host (1)")
    parser.add_argument("--rough", action="store_true", help="double failures, too: the VM may be "
                        "down, but never diverges")
    parser.add_argument("--kinds", metavar="KIND,...", help="only steps of these kinds")
    parser.add_argument("--list", action="store_true", help="show the kinds")
    parser.add_argument("--json", metavar="FILE", help="write the results there")
    parser.add_argument("--results", metavar="DIR", help="folder for journal, recordings and logs")
    parser.add_argument("--prefix", default=f"soak-{os.getpid()}", help="name of the lab")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what the lab does")
    cli.add_lab_options(parser)
    return parser


def _plan(args):
    """(options for the journal's first line, steps to be run again or None)."""
    options = {"seed": args.seed, "minutes": args.minutes, "nodes": 2 if args.two_node else 3,
               "pairs": args.pairs, "rough": args.rough, "token_ms": args.token,
               "kinds": args.kinds}
    if args.pairs < 1:
        raise LabError("--pairs: at least one")
    if args.kinds:
        world = draw.World(options["nodes"], args.pairs, args.rough)
        known = {name for name, _ in draw.deck(world)}
        unknown = set(args.kinds.split(",")) - known
        if unknown:
            raise LabError(f"no kind {', '.join(sorted(unknown))} here; see --list")
    if args.replay:
        found, steps = journal.read(args.replay)
        options.update({key: found[key] for key in journal.OPTIONS})
        options["replay"] = args.replay
        return options, journal.part(steps, args.steps) if args.steps else steps
    if options["seed"] is None:
        options["seed"] = random.SystemRandom().randrange(1 << 32)
    return options, None


class Soak:
    def __init__(self, args, options, steps, say):
        self.args, self.options, self.steps, self.say = args, options, steps, say
        self.world = draw.World(options["nodes"], options["pairs"], options["rough"])
        self.folder = Path(args.results or paths.RESULTS /
                           f"soak-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}").resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.journal = journal.Journal(self.folder / "journal.jsonl", options)
        self.result = Result("soak")
        self.done, self.failure, self.interrupted = [], None, False
        self.lab = self.checkers = self.course = None
        self.vms = []
        self.start = boottime()

    # ---- the lab ----

    def _up(self):
        echo = (lambda line: self.say(f"    {line}")) if self.args.verbose else None
        options = {**cli.base_options(self.args), "token_ms": self.options["token_ms"],
                   "nodes": self.world.nodes, "two_node": self.world.nodes == 2}
        self.lab = Lab.create(self.args.prefix, LabOptions(**options), timeline=Timeline(echo))
        if not self.lab.has_product:
            raise LabError(f"no colo-hbd in {self.args.build}")
        self.lab.up()
        self.checkers = Checkers(self.lab, self.folder / "recordings")
        self.vms = [Vm(self.lab, self.result, number) for number in range(self.world.pairs)]
        for vm in self.vms:
            vm.next_window()
            vm.create_on("n2" if vm.number % 2 else "n1")
        for vm in self.vms:
            vm.wait_whole(Course.whole_s)
            vm.connect_both()
            vm.wait_agreement(Course.agree_s)
        self.course = Course(self.lab, self.vms, self.world, self.journal, self.checkers,
                             self.result)
        self.say(f"pairs that are whole: {len(self.vms)}, after {boottime() - self.start:.0f} s")

    def _planned(self):
        """(number, step) in turn, until the time is over or the list is."""
        if self.steps is not None:
            yield from enumerate(self.steps, 1)
            return
        end = boottime() + self.args.minutes * 60
        wanted = self.args.kinds.split(",") if self.args.kinds else draw.KINDS
        given, number = 0, 0
        while boottime() < end:
            number += 1
            step = draw.draw(self.options["seed"], number, self.world)
            if step["kind"] in wanted:
                given += 1
                yield given, step

    def _finish(self):
        """After the last step, which may have been in a hurry."""
        for vm in self.vms:
            vm.wait_whole(Course.whole_s)
            vm.wait_agreement(Course.agree_s)
            vm.check_guest()
            vm.wait_served(Course.served_s)
            vm.check_counts()
            wrong = vm.end_window()
            self.checkers.wrong += wrong
            self.result.check(not wrong, "; ".join(wrong))

    def run(self):
        """Everything. Returns the exit code."""
        try:
            self._up()
            self.start = boottime()
            for number, step in self._planned():
                done = self.course.run(number, step)
                self.done.append(done)
                self.say(report.progress(done, boottime() - self.start))
            self._finish()
        except (KeyboardInterrupt, SystemExit):
            self.failure, self.interrupted = "interrupted", True
        except Exception as error:  # whatever it is, the lab goes down and says how far it came
            self.failure = f"{type(error).__name__}: {error}"
        return self._account()

    # ---- the end ----

    def _totals(self):
        sums = Account()
        for vm in self.vms:
            try:
                sums += vm.totals()
            except (OSError, ValueError, KeyError):  # one has ended, or was interrupted in an answer
                sums += vm.ended
        return asdict(sums)

    def _keep(self):
        """What somebody needs who looks into a failure."""
        for line in self.checkers.last_words(self.vms) if self.checkers else ():
            self.say(f"    {line}")
        number = self.course.number if self.course else 0
        self.journal.event(number, "failed", why=self.failure)
        self.lab.save_logs(self.folder / "logs")

    def _account(self):
        took_s = boottime() - self.start
        totals = self._totals()
        try:
            if self.failure is not None and not self.interrupted and self.lab:
                self._keep()
        except Exception as error:  # the first reason counts
            self.say(f"    not everything could be kept: {error}")
        finally:
            for vm in self.vms:
                vm.kill_clients()
            if self.lab:
                self.lab.down()
        checks = (self.checkers.as_json(self.vms) if self.checkers
                  else {"recordings": 0, "frames": 0, "wrong": []})
        for line in report.summary(self.done, totals, checks, self.failure, took_s):
            self.say(line)
        found = report.as_json(self.done, totals, checks, self.options, self.failure, took_s)
        self.journal.event(len(self.done), "end", passed=self.failure is None, clients=totals)
        self.journal.close()
        if self.args.json:
            Path(self.args.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        if self.failure is None:
            self.say(f"journal: {self.journal.path}")
            return 0
        self._how_again()
        return 130 if self.interrupted else 1

    def _how_again(self):
        number = self.course.number if self.course else 0
        step = self.course.step if self.course else None
        what = f", {step['kind']} {step['role']}" if step else ""
        self.say(f"in step {number}{what}, after {len(self.done)} that were well; all of it: "
                 f"{self.folder}")
        self.say(f"again: {paths.LAB_DIR / 'soak'} --build {self.args.build} "
                 f"--replay {self.journal.path}")


def _commit():
    done = subprocess.run(["git", "-C", str(paths.PROJECT), "describe", "--always", "--dirty"],
                          text=True, capture_output=True)
    return done.stdout.strip()


def main(words):
    paths.check_python()
    args = _parser().parse_args(words)
    if args.list:
        for name, kind in draw.KINDS.items():
            print(f"{name:22} {kind.about}{' (--rough)' if kind.rough else ''}")
        return 0
    if os.geteuid() != 0:
        print("soak: namespaces need root", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, cli.terminate)
    # A shell starts what is to run in the background with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        options, steps = _plan(args)
        options.update(commit=_commit(), began=time.strftime("%Y-%m-%dT%H:%M:%S%z"))
        soak = Soak(args, options, steps, lambda line: print(line, flush=True))
    except (LabError, ValueError, OSError) as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2
    print(f"seed {options['seed']}, "
          + (f"{len(steps)} steps of {args.replay}" if steps is not None
             else f"{args.minutes:g} minutes") + f"; journal: {soak.journal.path}", flush=True)
    return soak.run()
