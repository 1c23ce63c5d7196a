"""A server handed its listening socket to a process that it never started, and has gone.

The heir is older than the socket and no relative: the descriptor came over a unix socket (SCM_RIGHTS). It never called
bind, and does not know the port that it keeps.
"""

import sys
from collections.abc import Iterator
from socket import recv_fds, send_fds, socket, socketpair

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, expect, holders, listener, owner, refused_bind, run
from processes import child_process


def receiver(from_server: socket) -> Iterator[None]:
    [arrived] = recv_fds(from_server, 1, 1)[1]
    with socket(fileno=arrived):
        yield


def old_server(port: int, to_receiver: socket) -> Iterator[Owner]:
    old = listener(IPV4_ANY, port)
    send_fds(to_receiver, [b"\n"], [old.fileno()])
    yield owner(old, "LISTEN", "listening")


def received_listener(port: int) -> None:
    here, there = socketpair()
    with child_process(receiver(here)) as heir:
        with child_process(old_server(port, there)) as server:
            blocker = server.step()
        heir.step()
        expect(holders(blocker["inode"]) == [heir.pid], "the heir is not the only holder")
        story = {
            "via": {heir.pid: "received"},
            "from": {heir.pid: server.pid},
            "steps": [["bound", server.pid], ["sent", server.pid], ["exited", server.pid], ["received", heir.pid]],
            "release": "close",
        }
        refused_bind(IPV4_ANY, port, by=[blocker], story=story)
    bound(IPV4_ANY, port).close()


run(received_listener)
