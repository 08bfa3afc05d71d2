"""The command line of the lab."""

import argparse
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path

from . import paths, registry, state
from .errors import LabError
from .kernel import boottime
from .lab import Lab, LabOptions
from .runner import Runner, summary
from .spawn import enter, enter_net
from .timeline import Timeline


def _parser():
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    parser.add_argument("--prefix", help="name of the lab (default: $LAB_PREFIX or lab); labs "
                        "with different names run side by side")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a cluster and leave it running")
    up.add_argument("count", nargs="?", type=int, default=3, help="number of nodes (3)")
    add_lab_options(up)
    run = commands.add_parser("run", help="run scenarios, each in a fresh lab")
    run.add_argument("scenarios", nargs="*", help="names; none: all; see `lab list`")
    run.add_argument("--json", metavar="FILE", help="write the results there")
    run.add_argument("--repeat", type=int, default=1, metavar="N")
    run.add_argument("--share", metavar="DIR", help="an empty folder: labs that run side by side and "
                     "name the same one run each scenario once")
    run.add_argument("--results", metavar="DIR", help="folder for logs")
    run.add_argument("--here", action="store_true", help="use the lab that runs, leave it running")
    run.add_argument("-v", "--verbose", action="store_true", help="show every step")
    add_lab_options(run)
    commands.add_parser("list", help="the scenarios")
    demo = commands.add_parser("demo", help="show what the product does")
    add_lab_options(demo)
    execute = commands.add_parser("exec", help="run a command in a node, `switch` or `client`")
    execute.add_argument("node")
    execute.add_argument("argv", nargs=argparse.REMAINDER)
    for name, text in (("on", "power for a node"), ("off", "no power for a node")):
        power = commands.add_parser(name, help=text)
        power.add_argument("node")
    commands.add_parser("install", help="install the build tree again, as an upgrade")
    commands.add_parser("status", help="what runs")
    commands.add_parser("down", help="end the lab and remove all of it")
    return parser


def add_lab_options(parser):
    """Options of every command that makes a lab."""
    parser.add_argument("--build", default=str(paths.DEFAULT_BUILD), help="build tree to install")
    parser.add_argument("--token", type=int, default=300, metavar="MS", help="corosync's token")
    parser.add_argument("--two-node", action="store_true", help="votequorum's two_node")
    parser.add_argument("--qemu-shim", metavar="SO", help="library to preload into QEMU; "
                        "`none`: none (default: the one for COLO without KVM, where it is needed)")


def base_options(args):
    """What they say, as fields of LabOptions."""
    shim = args.qemu_shim
    if shim is None:
        from . import emulation  # it may compile something, so only where QEMU is going to run
        shim = emulation.shim()
    return {"build": args.build, "token_ms": args.token, "two_node": args.two_node,
            "qemu_shim": None if shim == "none" else shim}


def _up(args, prefix):
    start = boottime()
    options = LabOptions(**base_options(args), nodes=args.count)
    lab = Lab.create(prefix, options, owned=False,
                     timeline=Timeline(lambda line: print(line, flush=True)))
    try:
        if not lab.has_product:
            print(f"no colo-hbd in {args.build}: the cluster alone")
        lab.up()
    except BaseException:
        print(f"logs: {_save(lab, prefix)}", file=sys.stderr)
        lab.down()
        raise
    print(f"{args.count} nodes online after {boottime() - start:.1f} s; "
          f"try: {sys.argv[0]} exec n1 pcs status")
    return 0


def _save(lab, prefix):
    folder = paths.RESULTS / f"{time.strftime('%Y%m%dT%H%M%S')}-{prefix}"
    lab.save_logs(folder)
    return folder


def _take(path):
    """True for the one that makes the file."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True


def _run(args, prefix):
    known = registry.load()
    chosen = registry.find(args.scenarios) or list(known.values())
    share = Path(args.share) if args.share else None
    if share and not share.is_dir():
        raise LabError(f"--share {share}: no such folder")
    # Two of them come towards each other: neighbours can use the same lab.
    if share and not _take(share / "from-the-front"):
        chosen = chosen[::-1]
    stamp = time.strftime("%Y%m%dT%H%M%S")
    results = Path(args.results or paths.RESULTS / f"{stamp}-{os.getpid()}")
    runner = Runner(prefix or f"run-{os.getpid()}", base_options(args), results,
                    lab=Lab.attach(prefix or paths.default_prefix()) if args.here else None,
                    say=lambda line: print(line, flush=True), verbose=args.verbose)
    try:
        runner.run(chosen, args.repeat, lambda name: share is None or _take(share / name))
    finally:
        runner.end_lab()
        if args.json:
            Path(args.json).write_text(json.dumps(
                {"scenarios": [result.as_json() for result in runner.done]}, indent=1) + "\n")
    return summary(runner.done)


def _list():
    for each in registry.load().values():
        print(f"{each.name:24} {each.about}")
        for name in each.also:
            print(f"{'':24} also: {name}")
    return 0


def _demo(args, prefix):
    sys.path.insert(0, str(paths.LAB_DIR))
    try:
        demo = importlib.import_module("demo")
    except ModuleNotFoundError as error:
        if error.name != "demo":
            raise
        raise LabError("there is no demo yet") from error
    return demo.main(prefix or f"demo-{os.getpid()}", LabOptions(**base_options(args)))


def _exec(args, prefix):
    lab = Lab.attach(prefix)
    places = {"switch": lab.switch, "client": lab.client, **lab.nodes}
    if lab.qnetd:
        places["q"] = lab.qnetd
    if args.node not in places:
        raise LabError(f"no {args.node}; there are {', '.join(places)}")
    words = args.argv[1:] if args.argv[:1] == ["--"] else args.argv
    words = words or ["/bin/bash", "-i"]
    place = places[args.node]
    env = {"PS1": f"{args.node}# "}
    if args.node in lab.nodes and not sys.stdin.isatty():
        code = place.popen(words, env=env, stdin=None).wait()
        return code if code >= 0 else 128 - code
    # A shell with job control needs the terminal, so it is entered from outside.
    enter_words = enter(place.pid1) if args.node in lab.nodes else enter_net(place.net_path)
    sys.stdout.flush()
    os.execve(enter_words[0], [*enter_words, *words], {**paths.NODE_ENV, **env})


def _status(prefix):
    lab = Lab.attach(prefix)
    status = lab.power.status()
    for name, node in status["nodes"].items():
        fault = status["faults"][name]["mode"]
        print(f"{name}: {'on' if node['on'] else 'off'}, boots {node['boots']}, "
              f"pid 1 is {node['pid1']}, fence device {fault}")
    print(f"files: {lab.state}")
    return 0


def _down(prefix):
    swept = state.sweep()
    if swept:
        print(f"removed the rest of: {', '.join(swept)}")
    try:
        lab = Lab.attach(prefix)
    except LabError:
        return 0
    lab.down()
    return 0


def _dispatch(args):
    prefix = args.prefix or paths.default_prefix()
    # A run makes labs of its own; it must not fall over the one that somebody looks at.
    own = args.prefix or os.environ.get("LAB_PREFIX")
    if args.command == "up":
        return _up(args, prefix)
    if args.command == "run":
        return _run(args, own)
    if args.command == "demo":
        return _demo(args, own)
    if args.command == "list":
        return _list()
    if args.command == "exec":
        return _exec(args, prefix)
    if args.command == "on":
        Lab.attach(prefix).power.on(args.node)
        return 0
    if args.command == "off":
        Lab.attach(prefix).power.off(args.node)
        return 0
    if args.command == "install":
        Lab.attach(prefix).install()
        return 0
    if args.command == "status":
        return _status(prefix)
    return _down(prefix)


def terminate(number, _frame):
    """Handles signals that end a command: by an exception, so that `finally` and atexit take the lab
    down."""
    raise SystemExit(128 + number)


def main(words):
    paths.check_python()
    if os.geteuid() != 0:
        print("lab: namespaces need root", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, terminate)
    # A shell starts what is to run in the background with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _dispatch(_parser().parse_args(words))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130
