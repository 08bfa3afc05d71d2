"""Pacemaker's view: who is online, pcs and crm_mon, and waiting for either."""

import xml.etree.ElementTree as ET

from .errors import LabError
from .wait import wait_for


class Cluster:
    def __init__(self, lab):
        self._lab = lab

    def any_node(self):
        """A node with power, the one with the lowest number."""
        state = self._lab.power.status()["nodes"]
        for node in self._lab.nodes.values():
            if state[node.name]["on"]:
                return node
        raise LabError("no node has power")

    def run(self, argv, node=None, **options):
        """A cluster command on `node` (default: the first with power); CompletedProcess."""
        return self._lab.nodes[node].exec(argv, **options) if node else \
            self.any_node().exec(argv, **options)

    def pcs(self, *words, node=None, **options):
        return self.run(["/usr/sbin/pcs", *words], node, **options)

    def mon(self, node=None):
        """crm_mon's XML (an Element) as `node` sees the cluster; None while it has no answer."""
        try:
            result = self.run(["/usr/sbin/crm_mon", "-1", "-A", "--output-as=xml"], node,
                              check=False, timeout_s=10)
        except LabError:
            return None  # the node is losing its power
        return ET.fromstring(result.stdout) if result.returncode == 0 else None

    def text(self, node=None):
        return self.run(["/usr/sbin/crm_mon", "-A1"], node, check=False).stdout

    def states(self, node=None):
        """State of each node: online, pending, unclean, standby or offline; {} if unknown."""
        root = self.mon(node)
        if root is None:
            return {}
        return {each.get("name"): _state(each) for each in root.findall("./nodes/node")}

    def dc(self, node=None):
        root = self.mon(node)
        found = None if root is None else root.find("./summary/current_dc")
        return found.get("name") if found is not None and found.get("present") == "true" else None

    def wait_online(self, names=None, timeout_s=60, node=None):
        """Waits until all of `names` (default: all nodes) are online and there is a DC."""
        names = set(names or self._lab.nodes)
        node = node or sorted(names)[0]

        def all_online():
            states = self.states(node)
            return {name for name, state in states.items() if state == "online"} >= names \
                and self.dc(node)

        wait_for(all_online, timeout_s, lambda: f"{sorted(names)} online: {self.states(node)}")
        self.wait_idle(timeout_s, node)
        return self._lab.timeline.add(f"online: {' '.join(sorted(names))}")

    def wait_idle(self, timeout_s=60, node=None):
        """Waits until Pacemaker has nothing more to do.

        A controller in the middle of a transition is up to two seconds late for the next event,
        so what is measured from there on says nothing.
        """
        def idle():
            dc = self.dc(node)
            # A DC that has just died does not answer, and crmadmin would wait for it.
            return dc and "S_IDLE" in self.run(["/usr/bin/timeout", "1", "/usr/sbin/crmadmin",
                                                "-S", dc], node, check=False).stdout

        # Between two transitions it is idle for a moment, hence the second look.
        wait_for(lambda: idle() and idle(), timeout_s, "Pacemaker to be idle")

    def wait_state(self, name, state, timeout_s=60, node=None):
        """Waits until node `name` is in `state` in the eyes of `node`."""
        if node is None:
            node = next(each for each in self._lab.nodes if each != name)
        wait_for(lambda: self.states(node).get(name) == state, timeout_s,
                 lambda: f"{name} {state}: {self.states(node)}")
        return self._lab.timeline.add(f"{name} is {state}")

    def wait_fenced(self, name, since, timeout_s=60):
        """Waits for a power-off of `name` confirmed to a fence agent after `since`; its entry."""
        entry = wait_for(lambda: self._lab.power.fenced(name, since), timeout_s,
                         f"{name} to be fenced")[0]
        self._lab.timeline.add(f"fenced {name}", at=entry["t"], by=entry["by"])
        return entry

    def attributes(self, node=None):
        """Transient and permanent attributes as crm_mon shows them: {node: {name: value}}."""
        root = self.mon(node)
        if root is None:
            return {}
        return {each.get("name"): {pair.get("name"): pair.get("value")
                                   for pair in each.findall("attribute")}
                for each in root.findall("./node_attributes/node")}

    def roles(self, resource, node=None):
        """Role of each instance of a clone's primitive: {node: "Promoted" | "Unpromoted" | ...}."""
        root = self.mon(node)
        found = {}
        for each in root.iter("resource") if root is not None else ():
            if each.get("id", "").split(":")[0] == resource:
                for place in each.findall("node"):
                    found[place.get("name")] = each.get("role")
        return found

    def failures(self, node=None):
        """Failed actions: {(resource operation key, node)}."""
        root = self.mon(node)
        if root is None:
            return set()
        return {(each.get("op_key"), each.get("node")) for each in root.iter("failure")}

    def members(self, node):
        """Names of corosync's members as `node` sees them, without Pacemaker."""
        result = self._lab.nodes[node].exec(
            ["/usr/sbin/corosync-cmapctl", "runtime.members."], check=False)
        joined = {int(line.split(".")[2]) for line in result.stdout.splitlines()
                  if ".status " in line and line.endswith("= joined")}
        return {each.name for each in self._lab.nodes.values() if each.id in joined}

    def wait_links(self, timeout_s=20):
        """Waits until every node has all its knet links to all others."""
        nodes = [node for node in self._lab.nodes.values() if node.is_on]

        def connected(node):
            result = node.exec(["/usr/sbin/corosync-cmapctl", "-m", "stats"], check=False)
            states = [line.split("=")[-1].strip() for line in result.stdout.splitlines()
                      if ".connected " in line and f"node{node.id}." not in line]
            return len(states) >= 2 * (len(nodes) - 1) and states.count("1") == len(states)

        wait_for(lambda: all(map(connected, nodes)), timeout_s, "all links to be connected")


def _state(node):
    if node.get("unclean") == "true":
        return "unclean"
    if node.get("online") != "true":
        return "offline"
    if node.get("pending") == "true":
        return "pending"
    return "standby" if node.get("standby") == "true" else "online"
