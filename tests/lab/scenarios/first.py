# SPDX-License-Identifier: GPL-2.0-or-later
"""The very first start: what a user types, what the other hosts need, and who has the data."""

import re

from colo_lab import images
from colo_lab.api import scenario
from colo_lab.pair import IMAGE, FakePair, Pair
from colo_lab.steps import explanation, says_everywhere, sides
from colo_lab.wait import holds

COLOCTL = "/usr/sbin/coloctl"
ASKED = "first start: several hosts have an image, or none, so nobody knows which one has the data"
REMEDY = "say who has the data: coloctl resync {vm} --from NODE"
SILENCE_S = 3


class Plain(Pair):
    """Created with disks and nics alone. What else is typed is the lab's own: its processors are
    emulated, and its guest has no boot loader."""

    def resource_parameters(self):
        typed = super().resource_parameters()
        return {key: value for key, value in typed.items() if key not in ("memory", "cpus")}


def image_of(pair, node):
    return images.describe(pair.lab.nodes[node], IMAGE.format(vm=pair.vm))


def starts_from(pair, result, counter):
    """A client of the guest that was started from an image with this counter."""
    pair.connect()
    report = pair.client.report()
    found = report["value"] - report["answers"]
    result.check(found == counter, f"the image has {counter}, the guest goes on from {found}")
    pair.lab.timeline.add(f"the guest goes on from {found}")


def is_pair(pair, result, primary):
    """The copy has an image of the same size, where there was none, or another one."""
    pair.wait_whole()
    result.check(pair.primary() == primary, f"{primary} is primary: {pair.phases()}")
    pair.wait_agreement()
    found = image_of(pair, pair.secondary())
    result.check(found == image_of(pair, primary),
                 f"image of {pair.secondary()}: {found}, of {primary}: {image_of(pair, primary)}")


def goes_over(pair, result):
    """The primary dies, and the copy has all the data: what it had before is gone."""
    primary, secondary = sides(pair, "primary")
    pair.lab.nodes[primary].kill9(pair.qemu(primary).pid)
    pair.client.wait_answers(20)
    result.check(pair.primary() == secondary, f"{secondary} goes on: {pair.phases()}")


def asks(pairs, result):
    """Every host says that it is not known who has the data, and what to type; nobody guesses, and
    nobody says it again and again."""
    lab = pairs[0].lab
    for pair in pairs:
        for name in lab.nodes:
            says_everywhere(pair, result, name, ASKED)
            said = explanation(pair, name)
            result.check(REMEDY.format(vm=pair.vm) in said, f"explain on {name}: {said}")

    def lines():
        words = re.compile(rf"({'|'.join(pair.vm for pair in pairs)}): .*first start")
        return {name: len(words.findall(node.log("colo-hbd/colo-hbd.log")))
                for name, node in lab.nodes.items()}

    before = lines()
    holds(lambda: not any(pair.find("solo") + pair.find("booting") for pair in pairs), SILENCE_S,
          "VMs that wait for an answer", every_s=0.2)
    result.check(lines() == before, f"it is not said again in the logs: {before}, {lines()}")
    lab.cluster.wait_idle()
    for pair in pairs:
        result.check(set(lab.cluster.roles(pair.vm).values()) == {"Unpromoted"},
                     f"started, and not promoted: {lab.cluster.roles(pair.vm)}")
    result.check(not lab.cluster.failures(), f"failed actions: {lab.cluster.failures()}")


def answer(pair, node, check=True):
    """The operator's word, on the host that it names."""
    pair.lab.timeline.add(f"coloctl resync {pair.vm} --from {node}")
    return pair.lab.nodes[node].exec([COLOCTL, "resync", pair.vm, "--from", node], check=check)


def refuses(pair, result, node):
    """A host without an image has no data, whoever says so, and the question stays open."""
    said = answer(pair, node, check=False)
    result.check(said.returncode != 0 and IMAGE.format(vm=pair.vm) in said.stderr, f"{said}")
    result.check(ASKED in pair.status(node)["line"], f"still asked: {pair.status(node)}")


@scenario("first-contact", fake_qemus=True, timeout_s=300)
def first_contact(lab, result):
    """Only disks= and nics= are typed: the host with the image serves and another is filled; if none
    or two have one it is asked who has the data, and the operator's word settles it."""
    with Plain(lab, result, vm="plain") as plain, \
            Pair(lab, result, vm="twice", address="192.168.77.51") as twice, \
            FakePair(lab, result, vm="fake-blank", address="192.168.77.52") as blank:
        images.make(lab.nodes["n2"], IMAGE.format(vm=plain.vm), 64, counter=3000)
        for name, counter in (("n1", 1000), ("n2", 2000)):
            images.make(lab.nodes[name], IMAGE.format(vm=twice.vm), 64, counter=counter)
        for pair in (plain, twice, blank):
            pair.create_resource()
        asks((twice, blank), result)

        refuses(blank, result, "n3")
        images.make(lab.nodes["n3"], IMAGE.format(vm=blank.vm), 48)
        answer(blank, "n3")
        answer(twice, "n1")
        starts_from(plain, result, 3000)
        starts_from(twice, result, 1000)
        for pair, primary in ((plain, "n2"), (blank, "n3"), (twice, "n1")):
            is_pair(pair, result, primary)

        twice.client.ask("write 64")
        goes_over(twice, result)
        for pair in (plain, twice, blank):
            pair.finish()
