# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's IPv6, which COLO does not hold back: dropped unless the operator allows it.

The guest of these scenarios sends IPv6 by itself, all the time, whatever its clients do.
"""

import subprocess

from colo_lab.api import scenario, wait_for
from colo_lab.asker import asking
from colo_lab.pair import Pair

# Its kernel says on the console when it gives its address up because somebody else seems to have it.
SPEAKS_IPV6 = ("ipv6.disable=0", "colo_shout=50", "ignore_loglevel")
CONSOLE = "colo-hbd/colo-vm.console"
PINGS = 5


def link_local(mac):
    """The address that Linux makes of a MAC by default."""
    middle = bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]
    return "fe80::" + ":".join(middle[i:i + 2].hex() for i in range(0, 8, 2))


def tap_of(node):
    links = node.sh("ip -o link show master br0").stdout.splitlines()
    return next(name for name in (line.split(":")[1].split("@")[0].strip() for line in links)
                if name != "uplink")


def listen(node, way):
    """IPv6 on the guest's tap: "in" is what the guest sends, filtered or not, "out" what it gets."""
    process = node.popen(["/usr/bin/tcpdump", "-l", "-n", "-e", "-Z", "root", "-i", tap_of(node),
                          "-Q", way, "ip6"], text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    while "listening on" not in process.stderr.readline():
        pass
    return process


def wait_for_address(node):
    """Until the guest sends from its own address: Linux waits some seconds to see whether it is its own."""
    done = node.exec(["/usr/bin/timeout", "60", "/usr/bin/tcpdump", "-n", "-c", "1", "-Z", "root", "-i",
                      tap_of(node), "-Q", "in", "ip6 and src net fe80::/10"], check=False)
    if done.returncode != 0:
        console = node.log(CONSOLE).splitlines()
        raise AssertionError(f"the guest sends no IPv6 from its address: {done.stderr}"
                             f"{[line for line in console if 'IPv6' in line]}")


def heard_no_other_self(lab, result):
    """No guest took its address for somebody else's. Nobody else has it: that was the other side's
    guest, whose frames the bridges give to this one's tap, too."""
    said = [f"{node.name}: {line}" for node in lab.nodes.values()
            for line in node.log(CONSOLE).splitlines() if "duplicate address" in line]
    result.check(not said, f"a guest heard its other self: {said}")


def heard(process):
    process.terminate()
    return [line for line in process.communicate(timeout=10)[0].splitlines() if line]


def try_ipv6(lab, result, pair, allowed):
    """In both directions, on the primary as it is now."""
    node = lab.nodes[pair.primary()]
    wait_for_address(node)
    mac = pair.watch.so_far()[-1].source
    before = len(pair.watch.so_far())
    sent, got = listen(node, "in"), listen(node, "out")
    pinged = lab.client.exec(["/usr/bin/ping", "-6", "-c", PINGS, "-i", "0.2", "-W", "1",
                              f"{link_local(mac)}%eth0"], check=False)
    pair.client.wait_answers(20, timeout_s=120)
    sent, got = heard(sent), heard(got)
    left = [frame for frame in pair.watch.so_far()[before:] if frame.kind == "IPv6"]
    lab.timeline.add(f"IPv6 on {node.name}: the guest sent {len(sent)}, {len(left)} left the host, "
                     f"{len(got)} came to the guest, ping {pinged.returncode}")
    result.check(len(sent) > PINGS, f"the guest speaks IPv6: {sent}")
    result.check((pinged.returncode == 0) == allowed, f"ping of {link_local(mac)}: {pinged.stdout}")
    result.check((len(left) > PINGS) == allowed and bool(left) == allowed,
                 f"{len(left)} IPv6 frames left the host")
    result.check(bool(got) == allowed, f"to the guest came {got}")


def says_so(lab, result, pair, allowed):
    words = "leaves before both copies agree (ipv6=allow)" if allowed else "guest is dropped"
    for name in (pair.primary(), pair.secondary()):
        log = lab.nodes[name].log("colo-hbd/colo-hbd.log")
        result.check(words in log, f"the log of {name} lacks {words!r}")
        told = lab.nodes[name].exec(["/usr/sbin/coloctl", "doctor"], check=False).stdout
        line = next((line for line in told.splitlines() if words in line), "")
        result.check(line.startswith("advice" if allowed else "ok"), f"doctor on {name}: {told}")


def ipv6(lab, result, allowed):
    parameters = {"ipv6": "allow"} if allowed else {}
    with Pair(lab, result, parameters=parameters, kernel_words=SPEAKS_IPV6) as pair, \
            asking(lab, pair.address):
        pair.up()
        primary, secondary = pair.primary(), pair.secondary()
        says_so(lab, result, pair, allowed)
        try_ipv6(lab, result, pair, allowed)
        heard_no_other_self(lab, result)
        at = lab.nodes[primary].kill9(pair.qemu(primary).pid)
        pair.client.wait_answers(20, timeout_s=120)
        result.gap_ms.append(pair.gap_ms(at, settle_ms=3000))
        wait_for(lambda: pair.find("solo") == [secondary] or pair.is_whole(), 30, "the survivor")
        pair.wait_whole()
        try_ipv6(lab, result, pair, allowed)
        pair.wait_agreement()
        heard_no_other_self(lab, result)
        pair.finish()


@scenario("ipv6-drop", in_place=True, timeout_s=600)
def ipv6_drop(lab, result):
    """By default no IPv6 passes in either direction, before, in and after a failover; doctor says so."""
    ipv6(lab, result, allowed=False)


@scenario("ipv6-allow", in_place=True, timeout_s=600)
def ipv6_allow(lab, result):
    """With ipv6=allow it passes, on both sides of a failover, and doctor advises against it."""
    ipv6(lab, result, allowed=True)
