"""The lab itself: if these fail, no other scenario says anything."""

from colo_lab.api import scenario, wait_for
from colo_lab.wait import holds


def members(lab, seen_from):
    return lab.cluster.members(seen_from)


@scenario("cluster-up", product=False, shared=True)
def cluster_up(lab, result):
    """All nodes are online, have all links, and the tools work on each."""
    names = set(lab.nodes)
    for node in lab.nodes.values():
        result.check(node.exec(["/usr/bin/uname", "-n"]).stdout.strip() == node.name, "hostname")
        result.check(members(lab, node.name) == names, f"members seen by {node.name}")
        node.exec(["/usr/sbin/attrd_updater", "-n", "lab-test", "-U", node.name])
        result.check("partition with quorum" in lab.cluster.pcs("status", node=node.name).stdout,
                     f"pcs status on {node.name}")
    wait_for(lambda: {name: attributes.get("lab-test") for name, attributes
                      in lab.cluster.attributes().items()} == {name: name for name in names},
             5, "node attributes")
    boot_ids = {node.boot_id() for node in lab.nodes.values()}
    result.check(len(boot_ids) == len(names), "every node has a boot id of its own")
    lab.cluster.wait_links()


@scenario("cluster-power-off", product=False, shared=True)
def cluster_power_off(lab, result):
    """A node without power is fenced, and comes back with its disk when it has power again."""
    victim = lab.nodes["n3"]
    boot_id = victim.boot_id()
    victim.sh("echo kept > /var/lib/lab-test; echo lost > /run/lab-test")
    times = victim.power_off()
    result.check(times["dead"] - times["cut"] < 1, "all processes end at once")
    fenced = lab.cluster.wait_fenced("n3", times["cut"])
    lab.cluster.wait_state("n3", "offline")
    result.notes["fenced_s"] = round(fenced["t"] - times["cut"], 3)
    start = victim.power_on()
    result.check(start["on"], "it boots")
    lab.cluster.wait_online()
    result.check(victim.sh("cat /var/lib/lab-test").stdout == "kept\n", "its disk is kept")
    result.check(victim.sh("cat /run/lab-test", check=False).returncode != 0, "its memory is not")
    result.check(victim.boot_id() != boot_id, "it has a new boot id")


@scenario("cluster-cut-one-ring", product=False, shared=True)
def cluster_cut_one_ring(lab, result):
    """Without one of its two links a node stays a member."""
    lab.cluster.wait_links()
    since = lab.switch.isolate("n3", link=0)
    try:
        # Three times what corosync needs to notice a lost node.
        holds(lambda: members(lab, "n1") == set(lab.nodes), 2, "membership")
    finally:
        lab.switch.rejoin("n3", link=0)
    result.check(not lab.power.fenced("n3", since), "nobody is fenced")
    lab.cluster.wait_links()


@scenario("cluster-cut-all-rings", product=False, shared=True)
def cluster_cut_all_rings(lab, result):
    """A node without any link is fenced and comes back."""
    lab.cluster.wait_links()
    since = lab.switch.isolate("n3")
    fenced = lab.cluster.wait_fenced("n3", since)
    result.notes["fenced_s"] = round(fenced["t"] - since, 3)
    result.check(not lab.nodes["n3"].is_on, "it has no power")
    lab.switch.heal_all()
    lab.nodes["n3"].power_on()
    lab.cluster.wait_online()


@scenario("cluster-fence-faults", product=False, shared=True)
def cluster_fence_faults(lab, result):
    """A fence device that refuses fences nobody until it works again."""
    lab.power.fault("n3", "fail")
    since = lab.switch.isolate("n3")
    wait_for(lambda: [entry for entry in lab.power.log() if entry["t"] > since
                      and entry.get("result") == "asked"], 20, "a request to the fence device")
    result.check(lab.nodes["n3"].is_on and not lab.power.fenced("n3", since), "n3 keeps its power")
    lab.power.fault("n3", "ok")
    lab.cluster.wait_fenced("n3", since)
    lab.switch.heal_all()
    lab.nodes["n3"].power_on()
    lab.cluster.wait_online()


@scenario("cluster-two-nodes", product=False, nodes=2, two_node=True)
def cluster_two_nodes(lab, result):
    """Two nodes with two_node: the survivor of a power cut keeps quorum and fences."""
    times = lab.nodes["n1"].power_off()
    lab.cluster.wait_fenced("n1", times["cut"])
    result.check("partition with quorum" in lab.cluster.pcs("status", node="n2").stdout, "quorum")
    lab.nodes["n1"].power_on()
    lab.cluster.wait_online()
