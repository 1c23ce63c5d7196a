"""A process took a copy of a server's listening socket without asking, and keeps the port when the server has gone.

pidfd_getfd(2) copies a descriptor out of another process, as debuggers and sandboxes do. The server had no part in it.
"""

import os
import sys
from collections.abc import Iterator
from socket import socket

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, expect, holders, listener, owner, refused_bind, run
from processes import child_process, libc

PIDFD_GETFD = 438


def taker(told: int) -> Iterator[None]:
    pid, fd = os.read(told, 64).split()
    process = os.pidfd_open(int(pid))
    with socket(fileno=libc("syscall", PIDFD_GETFD, process, int(fd), 0)):
        yield


def old_server(port: int) -> Iterator[tuple[int, Owner]]:
    with listener(IPV4_ANY, port) as old:
        yield old.fileno(), owner(old, "LISTEN", "listening")


def pidfd_getfd_listener(port: int) -> None:
    told, tell = os.pipe()
    with child_process(taker(told)) as heir:
        with child_process(old_server(port)) as server:
            fd, blocker = server.step()
            os.write(tell, b"%d %d" % (server.pid, fd))
            heir.step()
        expect(holders(blocker["inode"]) == [heir.pid], "the heir is not the only holder")
        story = {
            "via": {heir.pid: "received"},
            "steps": [["bound", server.pid], ["received", heir.pid], ["copy-closed", server.pid]],
            "release": "close",
        }
        refused_bind(IPV4_ANY, port, by=[blocker], story=story)
    bound(IPV4_ANY, port).close()


run(pidfd_getfd_listener)
