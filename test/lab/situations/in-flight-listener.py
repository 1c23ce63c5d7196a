"""A listening socket is on its way from one process to another, and no process has it.

The old server sent it over a unix socket and closed its own descriptor; the receiver has not called recvmsg yet. Until
then the message in the queue keeps the socket: the port listens, and no list of descriptors shows it.
"""

import os
import sys
from collections.abc import Iterator
from socket import recv_fds, send_fds, socket, socketpair

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, listener, owner, refused_bind, run
from processes import child_process


def old_server(port: int, away: socket) -> Iterator[Owner]:
    with listener(IPV4_ANY, port) as old:
        described = owner(old, "LISTEN", "listening")
        send_fds(away, [b"\n"], [old.fileno()])
    yield described


def in_flight_listener(port: int) -> None:
    here, away = socketpair()
    with child_process(old_server(port, away)) as server:
        blocker = server.step()
        steps = ["created", "bound", "listened", "sent", "copy-closed"]
        story = {"nature": "in-flight", "release": "close", "steps": [[step, server.pid] for step in steps]}
        refused_bind(IPV4_ANY, port, by=[blocker], story=story)
        for arrived in recv_fds(here, 1, 1)[1]:
            os.close(arrived)
    bound(IPV4_ANY, port).close()


run(in_flight_listener)
