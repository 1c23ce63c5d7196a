"""What the situations share: sockets, and a refusal with the truth about it. Other processes are in processes.py.

A situation makes a port unavailable in one particular way, says which sockets are in the way and by which rule,
and has a bind or listen refused. The refusal becomes a JSON line on stdout, but only after the kernel has agreed:
the expected call failed with EADDRINUSE, and /proc/net shows no socket on that port besides the blamed ones and those
that the situation calls innocent.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from errno import EADDRINUSE, ECONNREFUSED
from pathlib import Path
from socket import AF_INET, AF_INET6, IPPROTO_UDP, SHUT_WR, SO_LINGER, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET, socket
from struct import pack
from typing import Any

IPPROTO_MPTCP = 262
IPV4_ANY, IPV6_ANY = "0.0.0.0", "::"
PATIENCE_SECONDS = 20
STATES = {  # include/net/tcp_states.h
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
}

Owner = dict[str, Any]  # an entry of "blockers": a socket in the bind bucket, and the rule by which it is in the way
Story = dict[str, Any]  # how the first blocker came to be in the way, and how it goes: see README.md


class Unexpected(Exception):
    """The kernel did not do what the situation is about."""


def expect(fact: bool, otherwise: str) -> None:
    if not fact:
        raise Unexpected(otherwise)


def run(situation: Callable[[int], None]) -> None:
    """The command line of every situation: PORT."""
    name = Path(sys.argv[0]).name
    if len(sys.argv) != 2 or not sys.argv[1].isdecimal():
        print(f"usage: {name} PORT", file=sys.stderr)
        sys.exit(2)
    signal.alarm(PATIENCE_SECONDS)
    try:
        situation(int(sys.argv[1]))
    except (Unexpected, OSError) as error:
        sys.exit(f"{name}: {error}")


# Sockets


def unbound(host: str, *options: int, protocol: int = 0) -> socket:
    """A TCP socket, or one of that protocol, of the family of `host`, with those SO_ options switched on."""
    kind = SOCK_DGRAM if protocol == IPPROTO_UDP else SOCK_STREAM
    sock = socket(AF_INET6 if ":" in host else AF_INET, kind, protocol)
    for option in options:
        sock.setsockopt(SOL_SOCKET, option, 1)
    return sock


def bound(host: str, port: int, *options: int, protocol: int = 0) -> socket:
    sock = unbound(host, *options, protocol=protocol)
    sock.bind((host, port))
    return sock


def listener(host: str, port: int, *options: int, protocol: int = 0) -> socket:
    sock = bound(host, port, *options, protocol=protocol)
    sock.listen()
    return sock


def connected(listening: socket) -> tuple[socket, socket]:
    """Both ends of a new connection over loopback: the accepted one and the client's."""
    loopback = "::1" if listening.family == AF_INET6 else "127.0.0.1"
    client = unbound(loopback)
    client.connect((loopback, listening.getsockname()[1]))
    return listening.accept()[0], client


def hang_up(sock: socket, other: socket) -> None:
    """Send the FIN of one end, and wait until the other has seen it."""
    sock.shutdown(SHUT_WR)
    expect(other.recv(1) == b"", "data instead of a FIN")


def reset(*ends: socket) -> None:
    """Close a connection, or one end of it, with a RST, so that nothing of it outlives the call."""
    for end in ends:
        end.setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
        end.close()


@contextmanager
def time_wait(server: socket, client: socket, rule: str) -> Iterator[Owner]:
    """Close both ends, the server's first: it is in TIME_WAIT until the block ends."""
    here, there = client.getsockname(), client.getpeername()
    waiting = owner(server, "TIME_WAIT", rule) | {"inode": None}
    hang_up(server, client)
    hang_up(client, server)
    server.close()
    client.close()
    try:
        yield waiting
    finally:
        # A TIME-WAIT assassination (RFC 1337) saves the minute: a new connection's SYN from the same client port
        # is answered with an ACK for the old connection, and the RST which the client sends for that ends TIME_WAIT.
        with bound(*here) as reborn:
            expect(reborn.connect_ex(there) == ECONNREFUSED, "TIME_WAIT did not end")


# Truth


def owner(sock: socket, state: str, rule: str) -> Owner:
    """A blocker, described while its socket is open; the holders are looked up at the refusal.

    The state of a UDP socket is BOUND, even when it is connected.
    """
    try:
        address, port = sock.getpeername()[:2]
        peer = {"address": address, "port": port}
    except OSError:
        peer = None
    return {
        "inode": inode_of(sock),
        "protocol": _protocol(sock),
        "state": state,
        "family": _family(sock),
        "address": sock.getsockname()[0],
        "peer": peer,
        "rule": rule,
    }


def refused_bind(
    host: str,
    port: int,
    *options: int,
    by: list[Owner],
    innocent: Sequence[socket] = (),
    protocol: int = 0,
    story: Story | None = None,
) -> None:
    """Have the bind of a new socket refused by exactly those owners, the decisive one first.

    The innocent, UDP sockets, have the port too, but do not conflict.
    """
    with unbound(host, *options, protocol=protocol) as binder:
        refused_bind_of(binder, host, port, by, innocent, story)


def refused_bind_of(
    binder: socket,
    host: str,
    port: int,
    by: list[Owner],
    innocent: Sequence[socket] = (),
    story: Story | None = None,
) -> None:
    """The same, of a socket that needed more than options."""
    _refused(binder, "bind", lambda: binder.bind((host, port)), host, port, by, innocent, story)


def refused_listen(binder: socket, by: list[Owner]) -> None:
    """Have the listen of a bound socket refused by exactly those owners, the decisive one first."""
    host, port = binder.getsockname()[:2]
    _refused(binder, "listen", binder.listen, host, port, by)


def _refused(
    binder: socket,
    operation: str,
    attempt: Callable[[], None],
    host: str,
    port: int,
    by: list[Owner],
    innocent: Sequence[socket] = (),
    story: Story | None = None,
) -> None:
    try:
        attempt()
    except OSError as error:
        expect(error.errno == EADDRINUSE, f"{operation} failed in another way: {error}")
    else:
        raise Unexpected(f"{operation} was not refused")
    protocol = _protocol(binder)
    owners = {(blocker["state"], blocker["inode"] or 0) for blocker in by}
    owners |= {("BOUND", inode_of(sock)) for sock in innocent}
    if protocol != "udp":  # of TCP, /proc does not show the bound ones
        owners = {(state, inode) for state, inode in owners if state != "BOUND"}
    visible = visible_on(protocol, port)
    expect(visible == owners, f"/proc/net shows {visible} on the port, not {owners}")
    truth = {
        "pid": os.getpid(),
        "fd": binder.fileno(),
        "inode": inode_of(binder),
        "operation": operation,
        "protocol": protocol,
        "family": _family(binder),
        "address": host,
        "port": port,
        "netns": os.stat("/proc/self/ns/net").st_ino,
        "rule": by[0]["rule"],
        "blockers": [blocker | {"holders": holders(blocker["inode"])} for blocker in by],
    }
    print(json.dumps(truth if story is None else truth | {"story": story}), flush=True)


def silent_trouble(warning: str, port: int, sockets: list[int], innocent: Sequence[int] = ()) -> None:
    """Tell what is wrong although no call was refused: those TCP sockets, by their inodes, all listen on the port.

    The innocent listen there too.
    """
    visible, servers = visible_on("tcp", port), {("LISTEN", inode) for inode in (*sockets, *innocent)}
    expect(visible == servers, f"/proc/net shows {visible} on the port, not {servers}")
    print(json.dumps({"warning": warning, "port": port, "sockets": sockets}), flush=True)


def holders(inode: int | None) -> list[int]:
    """The processes that have a file descriptor to that socket."""

    def link(fd: Path) -> str:
        try:
            return os.readlink(fd)
        except OSError:  # closed, or its process has gone
            return ""

    return sorted({int(fd.parts[2]) for fd in Path("/proc").glob("[0-9]*/fd/*") if link(fd) == f"socket:[{inode}]"})


def visible_on(protocol: str, port: int) -> set[tuple[str, int]]:
    """State and inode (0 in TIME_WAIT) of the sockets on a port: all of UDP, all but the bound ones of TCP."""
    table, states = ("udp", dict.fromkeys(STATES, "BOUND")) if protocol == "udp" else ("tcp", STATES)
    tables = [path for path in (Path(f"/proc/net/{table}"), Path(f"/proc/net/{table}6")) if path.exists()]
    rows = [line.split() for path in tables for line in path.read_text().splitlines()[1:]]
    return {(states[int(row[3], 16)], int(row[9])) for row in rows if int(row[1].rpartition(":")[2], 16) == port}


def inode_of(sock: socket) -> int:
    return os.fstat(sock.fileno()).st_ino


def _protocol(sock: socket) -> str:
    return {IPPROTO_MPTCP: "mptcp", IPPROTO_UDP: "udp"}.get(sock.proto, "tcp")


def _family(sock: socket) -> str:
    return "ipv6" if sock.family == AF_INET6 else "ipv4"
