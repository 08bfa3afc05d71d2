"""The switch between the nodes, and how to cut its cables.

One namespace with a bridge for every ring (link 0, link 1) and one for the clients, or two with
client_nets=2. Node n1 has the ports n1r0, n1r1 and n1c (n1c1 into the second one). A cut drops
frames between two ports inside the switch, which is what a broken cable or a bad switch looks like:
no carrier lost, no error for the sender.
"""

import subprocess

from .spawn import NetCommands, enter_net

CLIENTS = "clients"
CLIENT_PORT = "client"
RINGS = (0, 1)
CLIENT_ADDRESS = "192.168.77.1"
CLIENT_ADDRESS6 = "fd77::1"


def ring_bridge(link):
    return f"ring{link}"


def client_net(number):
    """Bridge of a network of the clients: "clients", "clients1"."""
    return f"{CLIENTS}{number or ''}"


def port(node, link):
    """Switch port of a node: link 0, 1, "clients" or "clients1". The node "client" has ports into
    the last two only."""
    if str(link).startswith(CLIENTS):
        number = link.removeprefix(CLIENTS)
        return f"{CLIENT_PORT}{number}" if node == CLIENT_PORT else f"{node}c{number}"
    return CLIENT_PORT if node == CLIENT_PORT else f"{node}r{link}"


class Switch(NetCommands):
    name = "switch"

    def __init__(self, lab):
        self._lab = lab
        self._path = None

    @property
    def net_path(self):
        """Path of the namespace, good for nsenter --net."""
        if self._path is None:
            status = self._lab.power.status()
            self._path = f"/proc/{status['pid']}/fd/{status['switch_fd']}"
        return self._path

    def _client_nets(self):
        return [client_net(number) for number in range(self._lab.options.client_nets)]

    def build(self, client_path):
        """Makes the bridges and the client's leg; nodes plug themselves in when they boot."""
        lines = ["link set lo up"]
        nets = self._client_nets()
        for bridge in [*map(ring_bridge, RINGS), *nets]:
            lines.append(f"link add {bridge} type bridge stp_state 0 forward_delay 0 "
                         "mcast_snooping 0")
            lines.append(f"link set {bridge} up")
        for number, net in enumerate(nets):
            lines += [f"link add {port(CLIENT_PORT, net)} type veth peer name eth{number}",
                      f"link set {port(CLIENT_PORT, net)} master {net} up"]
        # The bridges must not speak themselves: only what nodes send is on the wire.
        self.sh("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6;"
                "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
        self._ip(lines)
        with open(client_path, "rb") as client:
            for number in range(len(nets)):
                move = ["/usr/sbin/ip", "link", "set", f"eth{number}", "netns",
                        f"/proc/self/fd/{client.fileno()}"]
                subprocess.run([*enter_net(self.net_path), *move], check=True,
                               pass_fds=[client.fileno()])
        self._nft("table bridge cut {\n"
                  " set drops { type ifname . ifname; }\n"
                  " chain loss {\n }\n"
                  " chain forward { type filter hook forward priority 0;\n"
                  "  iifname . oifname @drops drop\n  jump loss\n }\n}\n")

    def _ip(self, lines):
        self.exec(["/usr/sbin/ip", "-batch", "-"], input="\n".join(lines) + "\n")

    def _nft(self, text):
        self.exec(["/usr/sbin/nft", "-f", "-"], input=text)

    def _pairs(self, one, other, link, one_way):
        links = RINGS if link is None else (link,)
        pairs = [(port(one, each), port(other, each)) for each in links]
        return pairs if one_way else pairs + [(b, a) for a, b in pairs]

    def _others(self, node):
        return [name for name in self._lab.nodes if name != node]

    def _change(self, verb, pairs):
        elements = ", ".join(f'"{a}" . "{b}"' for a, b in pairs)
        # Adding first makes removal of what is not there harmless; it is one transaction.
        text = f"add element bridge cut drops {{ {elements} }}\n"
        if verb == "delete":
            text += f"delete element bridge cut drops {{ {elements} }}\n"
        self._nft(text)

    def cut(self, one, other, link=None, one_way=False):
        """Drops all frames between two nodes, silently. Returns the time of the cut.

        link: 0, 1, "clients", "clients1" or None for all rings. one_way: only from `one` to `other`.
        """
        self._change("add", self._pairs(one, other, link, one_way))
        return self._lab.timeline.add(f"cut {one} {'->' if one_way else '--'} {other}",
                                      link="all" if link is None else link)

    def heal(self, one, other, link=None, one_way=False):
        """Undoes a cut with the same arguments."""
        self._change("delete", self._pairs(one, other, link, one_way))
        return self._lab.timeline.add(f"heal {one} {'->' if one_way else '--'} {other}",
                                      link="all" if link is None else link)

    def _all_of(self, node, link, clients, way=None):
        pairs = []
        for other in self._others(node):
            pairs += self._pairs(node, other, link, False)
        for net in self._client_nets() if clients else ():
            for other in [*self._others(node), CLIENT_PORT]:
                pairs += self._pairs(node, other, net, False)
        own = {port(node, each) for each in (*RINGS, *self._client_nets())}
        return [pair for pair in pairs if way is None or (pair[0] in own) == (way == "out")]

    def isolate(self, node, link=None, clients=False, way=None):
        """Cuts a node from all others on a link (None: all rings), with clients=True also from
        the clients, all in one transaction. way: only what it sends ("out") or gets ("in")."""
        self._change("add", self._all_of(node, link, clients, way))
        return self._lab.timeline.add(f"isolate {node}", link="all" if link is None else link,
                                      clients=clients, way=way or "both")

    def rejoin(self, node, link=None, clients=False, way=None):
        """Undoes isolate() with the same arguments."""
        self._change("delete", self._all_of(node, link, clients, way))
        return self._lab.timeline.add(f"rejoin {node}", link="all" if link is None else link)

    def loss(self, one, other, percent, link=None):
        """Loses a share of the frames between two nodes, both ways, until heal_all()."""
        self._nft("".join(f'add rule bridge cut loss iifname "{a}" oifname "{b}" '
                          f"numgen random mod 100 < {percent} drop\n"
                          for a, b in self._pairs(one, other, link, False)))
        return self._lab.timeline.add(f"loss {one} -- {other}", percent=percent)

    def heal_all(self):
        """Every cut and every loss is gone."""
        self._nft("flush set bridge cut drops\nflush chain bridge cut loss\n")
        return self._lab.timeline.add("heal all")

    def set_port(self, node, link, up):
        """A port of the switch up or down: the node sees the carrier go, unlike with cut()."""
        self._ip([f"link set {port(node, link)} {'up' if up else 'down'}"])
        return self._lab.timeline.add(f"port {port(node, link)} {'up' if up else 'down'}")

    def flood_clients(self, flood=True):
        """Makes the clients' bridge a hub, which shows the guest's frames to the standby too."""
        self._ip([f"link set {CLIENTS} type bridge ageing_time {0 if flood else 30000}"])

    def capture(self, node, link, file, expression=""):
        """Starts tcpdump on a port; returns its Popen once it is listening (end it by terminate).

        What leaves the node is "in" for the port: see tcpdump -Q.
        """
        process = self.popen(["/usr/bin/tcpdump", "-U", "-n", "-i", port(node, link), "-w", file,
                              "-Z", "root", *expression.split()],
                             stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if "listening on" in line:
                break
        self._lab.track(process)
        return process


class Client(NetCommands):
    """The machine of the guests' users: a namespace on the clients' bridge."""

    name = "client"
    address = CLIENT_ADDRESS
    address6 = CLIENT_ADDRESS6

    def __init__(self, lab):
        self._lab = lab
        self._path = None
        # For the traffic that a scenario keeps up, set by whoever starts it.
        self.traffic = None

    @property
    def net_path(self):
        if self._path is None:
            status = self._lab.power.status()
            self._path = f"/proc/{status['pid']}/fd/{status['client_fd']}"
        return self._path

    def build(self):
        lines = ["link set lo up", f"addr add {CLIENT_ADDRESS}/24 dev eth0",
                 f"addr add {CLIENT_ADDRESS6}/64 dev eth0 nodad", "link set eth0 up"]
        for number in range(1, self._lab.options.client_nets):
            lines += [f"addr add 192.168.{77 + number}.1/24 dev eth{number}",
                      f"link set eth{number} up"]
        self.exec(["/usr/sbin/ip", "-batch", "-"], input="\n".join(lines) + "\n")

    def start(self, argv, **options):
        """popen() of something that ends with the lab at the latest."""
        return self._lab.track(self.popen(argv, **options))
