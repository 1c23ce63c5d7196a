"""The truth about a refused bind or listen: every socket on the port, and who has it."""

import os
import sys
from errno import errorcode
from typing import Any

from life.kernel import End, Row
from life.world import Confused, Sock, Worker, World
from life.worker import Answer

OPTIONS = ("protocol", "family", "uid", "reuseAddr", "reusePort", "ipv6Only")


def refused(
    world: World, worker: Worker, fd: int, binder: Sock, call: tuple[str, End], answer: Answer, before: dict[object, Row], patient: bool
) -> None:
    """Log it. `before`: what /proc/net showed then."""
    after = world.rows()
    world.refusals += 1
    for sock in list(world.socks.values()):
        world.learn(sock)
    operation, (address, port) = call

    def concerns(row: Row) -> bool:
        # A connection that is not established yet is in no bucket (struct request_sock).
        request = row.state == "SYN_RECV" and row.inode is None
        return row.protocol == binder.protocol and row.name[1] == port and row.inode != binder.inode and not request

    seen = [row for row in (before | after).values() if concerns(row)]
    visible = {row.inode for row in seen}
    hidden = [
        sock
        for sock in world.socks.values()
        if sock.protocol == binder.protocol == "tcp" and sock.port == port and sock.bound and sock.inode not in visible and sock is not binder
    ]
    world.say(
        type="refused",
        pid=worker.pid,
        fd=fd,
        inode=binder.inode,
        operation=operation,
        errno=errorcode[answer["errno"]],
        address=address,
        port=port,
        netns=os.stat("/proc/self/ns/net").st_ino,
        entered=answer["entered"],
        returned=answer["returned"],
        patient=patient,
        binder={key: binder.facts[key] for key in OPTIONS},
        sockets=[
            *(_seen(world, [rows[row.key] for rows in (before, after) if row.key in rows]) for row in seen),
            *(_described(world, sock, sock.facts["name"], sock.facts["peer"]) | {"states": ["BOUND"], "certain": True} for sock in hidden),
        ],
    )
    sys.stdout.flush()


def _seen(world: World, rows: list[Row]) -> dict[str, Any]:
    """A socket that /proc/net showed before and after the call, or once."""
    row = rows[-1]
    states = list(dict.fromkeys(row.state for row in rows))
    if row.inode is not None:
        sock = world.socks.get(row.inode)
        if sock is None:
            raise Confused(f"nobody has {row}")
        if len(rows) == 1 and sock.bound:
            states.append("BOUND")
        return _described(world, sock, row.name, row.peer) | {"states": states, "certain": len(rows) == 2 or sock.bound}
    facts = world.connections.get(row.key)
    if facts is None:
        raise Confused(f"whose was {row}?")
    return {
        **{key: facts[key] for key in OPTIONS},
        "inode": None,
        "formerInode": facts["inode"],
        "name": row.name,
        "peer": row.peer,
        "states": states,
        "substate": row.substate,
        "certain": len(rows) == 2,
        "creator": facts["creator"],
        "opener": facts["opener"],
        "holders": [],
        "inFlight": 0,
    }


def _described(world: World, sock: Sock, name: End, peer: End | None) -> dict[str, Any]:
    """A socket that a process has, or that is under way to one."""
    return {
        **{key: sock.facts[key] for key in OPTIONS},
        "inode": sock.inode,
        "formerInode": sock.inode,
        "name": name,
        "peer": peer,
        "substate": None,
        "creator": sock.creator,
        "opener": sock.opener,
        "holders": [
            {"pid": pid, "fd": fd, "via": descriptor.via, "from": descriptor.sender} for (pid, fd), descriptor in sock.descriptors.items()
        ],
        "inFlight": sum(flight.sock is sock for flight in world.flights),
    }
