#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A daemon for ocf-tester: does at once what it is told, for any VM. Argument: its socket."""

import json
import os
import socket
import sys

RESULTS = {(False, False): "not-running", (True, False): "unpromoted", (True, True): "promoted"}


def refuse(code, text):
    return {"ok": False, "error": {"code": code, "text": text}}


def act(vms, request):
    command, name = request["command"], request.get("vm", "")
    started, promoted = vms.get(name, (False, False))
    if command == "vm-start":
        vms[name] = (True, promoted)
    elif command == "vm-stop":
        vms.pop(name, None)
    elif command in ("vm-promote", "vm-demote"):
        if not started:
            return refuse("no-such-vm", f"{name}: not started on this host: start it first")
        vms[name] = (True, command == "vm-promote")
    elif command == "vm-monitor":
        if name not in vms:
            return refuse("no-such-vm", f"{name}: not started on this host")
        return {"ok": True, "result": {"ocf": RESULTS[(started, promoted)]}}
    else:
        return refuse("invalid", f"{command}: no such command")
    return {"ok": True, "result": {}}


def main():
    path, vms = sys.argv[1], {}
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path + ".new")
    listener.listen(8)
    os.rename(path + ".new", path)
    while True:
        client, _ = listener.accept()
        with client:
            line = client.makefile("rb").readline()
            client.sendall(json.dumps(act(vms, json.loads(line))).encode() + b"\n")


main()
