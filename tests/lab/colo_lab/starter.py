"""Starts one node and stays outside until it is dead.

The power daemon runs this as a process of its own. It makes the namespaces, connects the node to
the switch, forks the node's PID 1 and waits for it. When that wait returns the kernel has ended
every process of the node, which makes it a sound confirmation for the fencer.
"""

import json
import os
import socket
import subprocess
import traceback
from pathlib import Path

from . import init, kernel, mounts


def _ip(lines, net_fd=None):
    enter = (lambda: kernel.setns(net_fd, kernel.CLONE_NEWNET)) if net_fd is not None else None
    subprocess.run(["/usr/sbin/ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True,
                   check=True, preexec_fn=enter)


def _legs(config, switch_fd):
    """One leg into every bridge of the switch; the node's ends are named by the config."""
    lines = []
    for leg in config["legs"]:
        lines += [f"link add {leg['port']} type veth peer name {leg['name']} netns {os.getpid()}",
                  f"link set {leg['port']} master {leg['bridge']} up"]
    _ip(lines, switch_fd)


def _addresses(config):
    lines = ["link set lo up"]
    lines += [f"link add {bridge['name']} type bridge stp_state 0 forward_delay 0 "
              "mcast_snooping 0" for bridge in config["bridges"]]
    for leg in config["legs"]:
        if leg.get("address"):
            lines.append(f"addr add {leg['address']} dev {leg['name']}")
        else:
            lines.append(f"link set {leg['name']} master {leg['into']}")
        lines.append(f"link set {leg['name']} up")
    for bridge in config["bridges"]:
        lines += [f"addr add {bridge['address']} dev {bridge['name']}",
                  f"link set {bridge['name']} up"]
    # The host's own IPv6 noise would be in every capture of what a guest lets out.
    for scope in ("all", "default"):
        Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1")
    _ip(lines)


def _install_product(config):
    """Unpacks the product onto the node's disk, once for each build."""
    stamp = Path("/var/lib/colo-lab-product")
    wanted = config["product"]
    if not wanted or (stamp.exists() and stamp.read_text() == wanted):
        return
    subprocess.run(["/bin/sh", "-c", init.INSTALL_PRODUCT], check=True)
    stamp.write_text(wanted)


def _pid1(config, report):
    kernel.die_with(0)  # a parent outside the PID namespace reads as 0
    mounts.mount_proc()
    os.setsid()
    init.run(config, report)


def start(config_path, switch_fd, report, parent):
    """Brings the node up, waits for its end and reports on `report`, a line for each step:
    its pid; "ready" (by PID 1); "dead" when its last process is gone."""
    kernel.die_with(parent)
    config = json.loads(Path(config_path).read_text())
    kernel.set_name(f"lab-{config['name']}")
    kernel.unshare(kernel.CLONE_NEWNET | kernel.CLONE_NEWNS | kernel.CLONE_NEWUTS
                   | kernel.CLONE_NEWIPC)
    _legs(config, switch_fd)
    _addresses(config)
    socket.sethostname(config["name"])
    mounts.build(config)
    _install_product(config)
    os.chdir("/")
    kernel.unshare(kernel.CLONE_NEWPID)
    pid = os.fork()
    if pid == 0:
        try:
            _pid1(config, report)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.write(report, f"{pid}\n".encode())
    os.waitpid(pid, 0)
    os.write(report, b"dead\n")
    # The end of this process unmounts the node's disk, which takes some 100 ms of writing.
    os._exit(0)


def main(args):
    config_path, switch_fd, report, parent = args
    return start(config_path, int(switch_fd), int(report), int(parent))
