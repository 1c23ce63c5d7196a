"""What /proc/net tells of the sockets on some ports."""

import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from lab import STATES

TIME_WAIT_TIMER = "03"  # get_timewait4_sock, net/ipv4/tcp_ipv4.c

End = tuple[str, int]


@dataclass(frozen=True)
class Row:
    protocol: str
    family: str
    name: End
    peer: End | None
    state: str
    substate: str | None
    inode: int | None
    """Of a listener: connections that wait to be accepted."""
    waiting: int

    @property
    def key(self) -> object:
        """An inode, or the connection of a socket that no process has."""
        return self.inode or connection(self.name, self.peer)


def connection(name: End, peer: End | None) -> tuple[End, End | None]:
    return name, peer


def rows_on(ports: frozenset[int]) -> dict[object, Row]:
    """Every TCP socket on these ports that is more than bound, and every UDP socket."""
    rows = [
        _row(protocol, family, line.split())
        for protocol in ("tcp", "udp")
        for family, table in (("ipv4", protocol), ("ipv6", f"{protocol}6"))
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {row.key: row for row in rows if row.name[1] in ports}


def _row(protocol: str, family: str, fields: list[str]) -> Row:
    state = "BOUND" if protocol == "udp" else STATES[int(fields[3], 16)]
    remains = protocol == "tcp" and fields[5].startswith(TIME_WAIT_TIMER)
    peer = _end(fields[2])
    return Row(
        protocol,
        family,
        _end(fields[1]),
        peer if peer[1] else None,
        "TIME_WAIT" if remains else state,
        state if remains else None,
        int(fields[9]) or None,
        int(fields[4].partition(":")[2], 16),
    )


def _end(text: str) -> End:
    address, port = text.split(":")
    words = [int(address[at : at + 8], 16) for at in range(0, len(address), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words)), int(port, 16)
