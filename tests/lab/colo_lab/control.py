"""Requests to the lab's daemons: one JSON object a line over a unix socket."""

import json
import socket

from .errors import LabError


def ask(path, request, timeout_s=60):
    """Sends one request and returns the answer; LabError if it says no or does not come."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        try:
            sock.connect(str(path))
            sock.sendall(json.dumps(request).encode() + b"\n")
            line = sock.makefile().readline()
        except OSError as error:
            raise LabError(f"{path}: {request['op']}: {error}") from error
    if not line:
        raise LabError(f"{path}: {request['op']}: no answer")
    answer = json.loads(line)
    if not answer.pop("ok"):
        raise LabError(f"{request['op']} {request.get('node') or request.get('name') or ''}: "
                       f"{answer['error']}")
    return answer
