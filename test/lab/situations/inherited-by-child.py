"""A server has died, but a program that it had started still holds its listening socket.

The descriptor was opened without CLOEXEC, so the program (cat, which knows nothing of sockets) got a copy at its
start. A socket is closed with its last descriptor: the port goes on listening, with nobody there to accept.
"""

import os
import sys
from collections.abc import Iterator

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, expect, holders, listener, owner, refused_bind, run
from processes import adopt_orphans, child_process


def old_server(port: int, lifeline: int) -> Iterator[tuple[int, Owner]]:
    old = listener(IPV4_ANY, port)
    old.set_inheritable(True)
    heir = os.posix_spawnp("cat", ["cat"], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, lifeline, 0)])
    yield heir, owner(old, "LISTEN", "listening")


def inherited_by_child(port: int) -> None:
    adopt_orphans()
    lifeline, end_of_life = os.pipe()
    with child_process(old_server(port, lifeline)) as old:
        heir, blocker = old.step()
    try:
        expect(holders(blocker["inode"]) == [heir], "the heir is not the only holder")
        steps = [["bound", old.pid], ["forked", old.pid], ["execed", heir], ["exited", old.pid]]
        story = {"via": {heir: "inherited"}, "steps": steps, "release": "exit"}
        refused_bind(IPV4_ANY, port, by=[blocker], story=story)
    finally:
        os.close(end_of_life)
        os.waitpid(heir, 0)
    bound(IPV4_ANY, port).close()


run(inherited_by_child)
