# SPDX-License-Identifier: GPL-2.0-or-later
"""A VM with more than one leg: several disks, several NICs."""

from colo_lab import images
from colo_lab.api import scenario, wait_for
from colo_lab.pair import IMAGE, Pair
from colo_lab.steps import attribute, fails_over

MEGABYTES = 1 << 20
BLOCKS = 64
MORE_DISKS = [("raw", 24), ("qcow2", 40)]
# Of a client on a machine that is shared with other labs; a failover alone takes some 300 ms.
GAP_MS = 15000


def check_images(pair, result):
    """Each image of the secondary, of which it had none, is as the primary's and as it was made."""
    wanted = {IMAGE.format(vm=pair.vm): ("qcow2", 64 * MEGABYTES)}
    wanted.update({path: (image_format, size * MEGABYTES)
                   for path, (image_format, size) in pair.more_disks.items()})
    for name in (pair.primary(), pair.secondary()):
        found = {path: images.describe(pair.lab.nodes[name], path) for path in wanted}
        result.check(found == wanted, f"images on {name}: {found}, not {wanted}")


def refuses_wrong_size(pair, result):
    """The other host has a second disk of another size: it is not touched, and it is said which
    disk it is. Away with it, and the pair is there."""
    lab, wrong = pair.lab, list(pair.more_disks)[0]
    images.make(lab.nodes["n2"], wrong, 16, "raw")
    pair.create()
    words = "n2 has an image of another size (disk 2)"
    wait_for(lambda: words in attribute(pair, "n1"), 60,
             lambda: f"crm_mon to say {words!r}: {attribute(pair, 'n1')!r}")
    result.check(words in pair.status("n1")["line"], f"status: {pair.status('n1')['line']}")
    result.check(images.describe(lab.nodes["n2"], wrong) == ("raw", 16 * MEGABYTES), "untouched")
    lab.cluster.pcs("node", "standby", "n2", "--wait=60", timeout_s=90)
    lab.nodes["n2"].sh(f"rm {wrong}")
    lab.cluster.pcs("node", "unstandby", "n2")


@scenario("multi-disk-nic", nodes=2, two_node=True, client_nets=2, timeout_s=300)
def multi_disk_nic(lab, result):
    """Three disks (qcow2 and raw, of three sizes) and two NICs on two bridges: there and back again,
    both addresses go on answering, and all disks are right; one that does not fit is named."""
    with Pair(lab, result, nics=2, more_disks=MORE_DISKS) as pair:
        refuses_wrong_size(pair, result)
        pair.up()
        check_images(pair, result)
        hello = pair.client.ask("hello")
        result.check(hello.endswith("disks 3"), f"the guest: {hello}")
        other = pair.open_client(pair.addresses[1], command="mem")
        try:
            other.start()
            other.wait_answers(5)
            # As in Pair.connect(). The survivor of a failover goes on translating the sequence numbers
            # of a connection that no checkpoint has seen, and the next copy cannot know of it.
            other.ask("clock")
            other.wait_answers(20)
            for turn in (1, 2):
                written = pair.client.ask(f"write {BLOCKS}")
                result.check(written == f"written {BLOCKS}", written)
                fails_over(pair, result)
                other.wait_answers(20)
                verified = pair.client.ask("verify")
                result.check(verified == f"verify ok {turn * 3 * BLOCKS}", verified)
            report = other.stop()
        finally:
            other.kill()
        result.check(report["exact"] and not report["resets"],
                     f"the second address: {report}")
        longest = max(report["longest_gap_ms"], pair.client.report()["longest_gap_ms"])
        result.gap_ms.append(longest)
        result.check(longest < GAP_MS, f"the longest wait was {longest} ms")
        check_images(pair, result)
        pair.finish()
