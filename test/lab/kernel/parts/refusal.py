"""A refused call with the truth about it, where the truth of lab.py does not reach: other calls, other errnos, a port
that is not the one asked for, and refusals without a blocker.
"""

import json
import os
from collections.abc import Callable
from errno import EADDRINUSE, errorcode
from pathlib import Path
from socket import AF_INET6, SOCK_DGRAM, socket
from typing import Any

from lab import Owner, Unexpected, expect, holders


def refused(
    sock: socket,
    operation: str,
    attempt: Callable[[], None],
    host: str,
    port: int,
    *,
    rule: str | None = None,
    by: list[Owner] | None = None,
    errno: int = EADDRINUSE,
    requested: int | None = None,
    fd: int | None = -1,
) -> None:
    """Have a call on that socket fail with that errno, for that rule or by exactly those listeners.

    `port` is the one that the kernel tried, `requested` the one asked for, if another; `fd` None where none can tell.
    """
    blockers = by or []
    try:
        attempt()
    except OSError as error:
        expect(error.errno == errno, f"{operation} failed in another way: {error}")
    else:
        raise Unexpected(f"{operation} was not refused")
    visible, blamed = _visible(port), {blocker["inode"] for blocker in blockers}
    expect(port == 0 or visible == blamed, f"/proc/net shows {visible} on the port, not {blamed}")
    truth: dict[str, Any] = {
        "pid": os.getpid(),
        "fd": sock.fileno() if fd == -1 else fd,
        "inode": os.fstat(sock.fileno()).st_ino,
        "operation": operation,
        "errno": errorcode[errno],
        "protocol": "udp" if sock.type == SOCK_DGRAM else "tcp",
        "family": "ipv6" if sock.family == AF_INET6 else "ipv4",
        "address": host,
        "port": port,
        "requestedPort": port if requested is None else requested,
        "netns": os.stat("/proc/self/ns/net").st_ino,
        "rule": rule or blockers[0]["rule"],
        "blockers": [blocker | {"holders": holders(blocker["inode"])} for blocker in blockers],
    }
    print(json.dumps(truth), flush=True)


def _visible(port: int) -> set[int]:
    """Inodes of the TCP sockets on a port, but for bound ones, which /proc does not show."""
    tables = [table for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")) if table.exists()]
    rows = [line.split() for table in tables for line in table.read_text(encoding="ascii").splitlines()[1:]]
    return {int(row[9]) for row in rows if int(row[1].rpartition(":")[2], 16) == port}
