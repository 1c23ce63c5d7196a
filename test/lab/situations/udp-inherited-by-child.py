"""A UDP server has died, but a program that it had started still holds its socket.

The descriptor was opened without CLOEXEC, so the program (cat, which knows nothing of sockets) got a copy at its
start. A socket is closed with its last descriptor: until then datagrams come in, and nobody reads them.
"""

import os
import sys
from collections.abc import Iterator
from socket import IPPROTO_UDP

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, expect, holders, libc, other_process, owner, refused_bind, run

PR_SET_CHILD_SUBREAPER = 36


def old_server(port: int, lifeline: int) -> Iterator[tuple[int, Owner]]:
    old = bound(IPV4_ANY, port, protocol=IPPROTO_UDP)
    old.set_inheritable(True)
    heir = os.posix_spawnp("cat", ["cat"], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, lifeline, 0)])
    yield heir, owner(old, "BOUND", "bound")


def udp_inherited_by_child(port: int) -> None:
    libc("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # to reap the orphan
    lifeline, end_of_life = os.pipe()
    with other_process(old_server(port, lifeline)) as (heir, blocker):
        pass  # and now the old server is dead
    try:
        expect(holders(blocker["inode"]) == [heir], "the heir is not the only holder")
        refused_bind(IPV4_ANY, port, protocol=IPPROTO_UDP, by=[blocker])
    finally:
        os.close(end_of_life)
        os.waitpid(heir, 0)
    bound(IPV4_ANY, port, protocol=IPPROTO_UDP).close()


run(udp_inherited_by_child)
