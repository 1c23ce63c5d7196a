"""A server was killed with SIGKILL, and its worker was not: the port stays taken.

Nobody can clean up after SIGKILL, so the worker that the server had forked goes on with the listening socket, until it
is killed too.
"""

import os
import signal
import sys
from collections.abc import Iterator

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, expect, holders, listener, owner, refused_bind, run
from processes import adopt_orphans, child_process, forked_worker


def old_server(port: int, lifeline: int, end_of_life: int) -> Iterator[tuple[int, Owner]]:
    with listener(IPV4_ANY, port) as old:
        yield forked_worker(lifeline, end_of_life), owner(old, "LISTEN", "listening")


def killed_server(port: int) -> None:
    adopt_orphans()
    with child_process(old_server(port, *os.pipe())) as server:
        worker, blocker = server.step()
        server.kill()
    expect(holders(blocker["inode"]) == [worker], "the worker is not the only holder")
    story = {
        "via": {worker: "inherited"},
        "steps": [["listened", server.pid], ["forked", server.pid], ["signalled", server.pid], ["exited", server.pid]],
        "release": "exit",
    }
    refused_bind(IPV4_ANY, port, by=[blocker], story=story)
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    bound(IPV4_ANY, port).close()


run(killed_server)
