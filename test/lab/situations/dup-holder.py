"""A server has closed its listening socket, but not every descriptor of it.

It had made copies (dup), as programs do that move a socket to a number which another part expects. A socket is closed
with its last descriptor.
"""

import os
import sys
from collections.abc import Iterator

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, listener, owner, refused_bind, run
from processes import child_process

EXPECTED_FD = 100


def forgetful(port: int) -> Iterator[Owner]:
    with listener(IPV4_ANY, port) as server:
        os.dup2(server.fileno(), EXPECTED_FD)
        described = owner(server, "LISTEN", "listening")
    yield described
    os.close(EXPECTED_FD)


def dup_holder(port: int) -> None:
    with child_process(forgetful(port)) as server:
        blocker = server.step()
        steps = ["bound", "listened", "duplicated", "copy-closed"]
        story = {
            "via": {server.pid: "created"},
            "steps": [[step, server.pid] for step in steps],
            "release": "close",
        }
        refused_bind(IPV4_ANY, port, by=[blocker], story=story)
    bound(IPV4_ANY, port).close()


run(dup_holder)
