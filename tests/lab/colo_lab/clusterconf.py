"""Configuration of corosync and the first CIB.

Why the values are what they are: README.md, section "Cluster settings".
"""

import subprocess
import xml.etree.ElementTree as ET

COROSYNC = """\
totem {{
    version: 2
    cluster_name: {name}
    transport: knet
    link_mode: active
    crypto_cipher: aes256
    crypto_hash: sha256
    token: {token}
    token_coefficient: 0
{totem}{interfaces}}}
nodelist {{
{nodes}}}
quorum {{
    provider: corosync_votequorum
{quorum}}}
logging {{
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
    to_syslog: no
    to_stderr: no
    timestamp: hires
}}
"""

# Time-outs for a lab: the vote must come before a scenario's patience ends, and still be there on a
# machine that is busy.
DEVICE = """\
    device {{
        model: net
        votes: 1
        timeout: 3000
        sync_timeout: 4000
        net {{
            host: {host}
            algorithm: ffsplit
            tls: off
        }}
    }}
"""

INTERFACE = """\
    interface {{
        linknumber: {link}
        knet_ping_timeout: 1000
        knet_ping_interval: 200
    }}
"""

NODE = """\
    node {{
        name: n{id}
        nodeid: {id}
        ring0_addr: 10.77.0.{id}
        ring1_addr: 10.77.1.{id}
    }}
"""


def corosync_conf(count, token_ms, two_node, name="lab", extra_totem=None, qnetd=None):
    """Text of corosync.conf. extra_totem: more keys for the totem section. qnetd: address of the
    host that gives a vote."""
    totem = dict(extra_totem or {})
    if token_ms < 126:
        # corosync refuses a token that is too short for four retransmits.
        totem.setdefault("token_retransmits_before_loss_const", max(1, token_ms // 35))
    quorum = {"two_node": 1, "wait_for_all": 0} if two_node else {}

    def lines(keys):
        return "".join(f"    {key}: {value}\n" for key, value in keys.items())

    return COROSYNC.format(
        name=name, token=token_ms, totem=lines(totem), quorum=lines(quorum) + (DEVICE.format(host=qnetd) if qnetd else ""),
        interfaces="".join(INTERFACE.format(link=link) for link in (0, 1)),
        nodes="".join(NODE.format(id=number) for number in range(1, count + 1)))


def hosts(count):
    lines = ["127.0.0.1 localhost"]
    lines += [f"10.77.0.{number} n{number}" for number in range(1, count + 1)]
    return "\n".join(lines) + "\n"


def _set(parent, tag, identity, values):
    element = ET.SubElement(parent, tag, id=identity)
    for name, value in values.items():
        ET.SubElement(element, "nvpair", id=f"{identity}-{name}", name=name, value=str(value))


def _fence_device(resources, node, options):
    device = ET.SubElement(resources, "primitive", {
        "id": f"fence-{node}", "class": "stonith", "type": "fence_lab"})
    _set(device, "instance_attributes", f"fence-{node}-options", {
        "pcmk_host_list": node, "port": node, "pcmk_reboot_action": "off", **options})
    operations = ET.SubElement(device, "operations")
    ET.SubElement(operations, "op", id=f"fence-{node}-monitor", name="monitor", interval="60s")


def first_cib(names, properties, fencing, fence_options=None):
    """CIB to start with: without it the first election alone takes dc-deadtime (20 s).

    fence_options: {node: more options of the device that fences it}.
    """
    empty = subprocess.run(["/usr/sbin/cibadmin", "--empty"], check=True, capture_output=True,
                           text=True).stdout
    root = ET.fromstring(empty)
    root.set("epoch", "1")
    configuration = root.find("configuration")
    _set(configuration.find("crm_config"), "cluster_property_set", "cib-bootstrap-options", {
        "cluster-name": "lab", "have-watchdog": "false", "dc-deadtime": "2s",
        "stonith-enabled": "true" if fencing else "false", **properties})
    nodes = configuration.find("nodes")
    for number, name in enumerate(names, 1):
        ET.SubElement(nodes, "node", id=str(number), uname=name)
    if fencing:
        for name in names:
            _fence_device(configuration.find("resources"), name,
                          (fence_options or {}).get(name, {}))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"
