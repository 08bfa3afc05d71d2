# SPDX-License-Identifier: GPL-2.0-or-later
"""A file system is full or may not be written: that of the state folder, of the image, of the
secondary's overlays."""

from colo_lab.api import scenario, wait_for
from colo_lab.pair import Pair
from colo_lab.steps import boot_ids, says, sides
from colo_lab.wait import holds

TWO = {"nodes": 2, "two_node": True}
STATE, IMAGES, OVERLAYS = "/var/lib/colo-hbd", "/var/lib/colo", "/var/lib/colo-overlays"
SIZES = {STATE: "4m", IMAGES: "48m", OVERLAYS: "12m"}
NO_SPACE = "No space left on device"
LOG = "colo-hbd/colo-hbd.log"
NOT_WRITTEN = "the record could not be written"
SILENT_S = 1  # two hundred times what the client waits between two requests


def own_file_systems(lab):
    """Small ones, as on hosts that have them apart; there already in the repeats of a scenario."""
    for node in lab.nodes.values():
        if node.sh(f"mountpoint -q {OVERLAYS}", check=False).returncode == 0:
            continue
        daemon = node.service("colo-hbd")
        daemon.stop()
        for folder, size in SIZES.items():
            node.sh(f"mkdir -p {folder} && mount -t tmpfs -o size={size},mode=0755 small {folder}")
        daemon.start()


def fill(lab, node, folder):
    lab.nodes[node].sh(f"dd if=/dev/zero of={folder}/filler bs=4k", check={1})  # until it fails
    left = lab.nodes[node].sh(f"df --output=avail {folder} | tail -1").stdout.strip()
    lab.timeline.add(f"{folder} of {node} is full, {left} kB left")


def empty(lab, node, folder):
    lab.nodes[node].sh(f"rm {folder}/filler")
    lab.timeline.add(f"{folder} of {node} has space again")


def write_protect(lab, node, protect):
    words = ["/usr/bin/mount", "-o", f"remount,{'ro' if protect else 'rw'}", STATE]
    # Not while a file is open there for writing.
    wait_for(lambda: lab.nodes[node].exec(words, check=False).returncode == 0, 30,
             lambda: f"{STATE} of {node} to be remounted")
    lab.timeline.add(f"the state folder of {node} is {'read-only' if protect else 'writable'}")


def loses_secondary(pair):
    """kill -9 of the secondary's QEMU. Returns (primary, secondary)."""
    secondary, primary = sides(pair, "secondary")
    pair.lab.nodes[secondary].kill9(pair.qemu(secondary).pid)
    return primary, secondary


def whole_again(pair, result, primary):
    pair.wait_whole()
    result.check(pair.primary() == primary, f"{primary} is primary: {pair.phases()}")
    pair.wait_agreement(90)
    pair.client.wait_answers(20)


@scenario("disk-full", in_place=True, timeout_s=600,
          also=["state-folder-full", "read-only-state-folder"], **TWO)
def disk_full(lab, result):
    """The state folder is full or read-only: what needs no space goes on, the rest waits and says so."""
    with Pair(lab, result, parameters={"overlay_dir": OVERLAYS}) as pair:
        own_file_systems(lab)
        pair.up()
        booted = boot_ids(lab)

        # Records have their place from the beginning: going solo needs no space.
        fill(lab, pair.primary(), STATE)
        primary, secondary = loses_secondary(pair)
        pair.client.wait_answers(20, timeout_s=60)
        whole_again(pair, result, primary)
        empty(lab, primary, STATE)

        # Without a record nobody may begin to serve alone: silence, until it can be written.
        write_protect(lab, primary, True)
        loses_secondary(pair)
        says(pair, primary, NOT_WRITTEN)
        result.check(pair.phases()[primary][0] == "going-solo", f"it waits: {pair.phases()}")
        answers = pair.client.report()["answers"]
        holds(lambda: pair.client.report()["answers"] == answers, SILENT_S, "silence")
        write_protect(lab, primary, False)
        pair.client.wait_answers(20, timeout_s=60)
        whole_again(pair, result, primary)

        # A host that cannot note that it is being filled is not filled.
        write_protect(lab, secondary, True)
        loses_secondary(pair)
        says(pair, secondary, NOT_WRITTEN)
        pair.client.wait_answers(20)
        result.check(pair.find("solo") == [primary], f"{primary} serves: {pair.phases()}")
        write_protect(lab, secondary, False)
        whole_again(pair, result, primary)
        result.check(boot_ids(lab) == booted, "no host was fenced")
        pair.finish()


def holds_what_was_written(pair, result):
    found = pair.client.ask("verify")
    pair.lab.timeline.add(f"guest: {found}")
    result.check(found.startswith("verify ok"), found)


# Not in place: what one run has written needs no space in the image when the next one writes it again.
@scenario("image-full", timeout_s=600, **TWO)
def image_full(lab, result):
    """No space for the image, on either host: the other one has all that was written, and serves."""
    with Pair(lab, result, parameters={"overlay_dir": OVERLAYS}) as pair:
        own_file_systems(lab)
        pair.up()
        booted = boot_ids(lab)
        primary, secondary = sides(pair, "primary")

        # The primary's: the guest moves to where there is space.
        fill(lab, primary, IMAGES)
        at = lab.timeline.add("the guest writes 1 MB")
        pair.client.ask("write 256")
        wait_for(lambda: pair.find("solo") == [secondary], 60,
                 lambda: f"{secondary} to serve: {pair.phases()}")
        pair.client.wait_answers(20, timeout_s=60)
        result.gap_ms.append(pair.gap_ms(at, settle_ms=3000))
        result.check("(P1)" in pair.proof(secondary, at), "the death of the other was seen")
        says(pair, secondary, f"no peer: {primary} is not fit")
        holds_what_was_written(pair, result)
        empty(lab, primary, IMAGES)
        whole_again(pair, result, secondary)

        # The secondary's: it has missed what the guest wrote, so it must never serve.
        primary, secondary = secondary, primary
        fill(lab, secondary, IMAGES)
        pair.client.ask("write 256")
        wait_for(lambda: pair.find("solo") == [primary], 60,
                 lambda: f"{primary} to serve alone: {pair.phases()}")
        pair.client.wait_answers(20, timeout_s=60)
        says(pair, primary, NO_SPACE)
        empty(lab, secondary, IMAGES)
        whole_again(pair, result, primary)
        lab.nodes[primary].kill9(pair.qemu(primary).pid)
        pair.client.wait_answers(20, timeout_s=60)
        holds_what_was_written(pair, result)
        whole_again(pair, result, secondary)
        result.check(boot_ids(lab) == booted, "no host was fenced")
        pair.finish()


@scenario("overlays-full", in_place=True, timeout_s=600, **TWO)
def overlays_full(lab, result):
    """No space for the secondary's overlays: the primary goes on alone, and the reason is said."""
    with Pair(lab, result, parameters={"overlay_dir": OVERLAYS}) as pair:
        own_file_systems(lab)
        pair.up()
        primary, secondary = sides(pair, "primary")
        fill(lab, secondary, OVERLAYS)
        said = {name: len(node.log(LOG)) for name, node in lab.nodes.items()}
        at = lab.timeline.add("the guest writes 1 MB")
        pair.client.ask("write 256")
        # New overlays have the space that the old ones had, so that all may soon be well again in the
        # eyes of status; but not in those of history and log.
        wait_for(lambda: "(P1)" in pair.proof(primary, at), 60,
                 lambda: f"{primary} to go on alone: {pair.phases()}")
        pair.client.wait_answers(20, timeout_s=60)
        result.gap_ms.append(pair.gap_ms(at, settle_ms=5000))
        # Either the write that came from the primary fails, or the one of the secondary's own guest.
        result.check(any(NO_SPACE in node.log(LOG)[said[name]:] for name, node in lab.nodes.items()),
                     "the reason is in a log")
        empty(lab, secondary, OVERLAYS)
        whole_again(pair, result, primary)
        lab.nodes[primary].kill9(pair.qemu(primary).pid)
        pair.client.wait_answers(20, timeout_s=60)
        holds_what_was_written(pair, result)
        whole_again(pair, result, secondary)
        pair.finish()
