"""Two programs that know nothing of each other share a port, and nobody is told: each gets half of the connections.

Both set SO_REUSEPORT, for workers of their own, and run as the same user. The kernel asks no more than that.
"""

import sys
from collections.abc import Iterator
from socket import SO_REUSEPORT

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, inode_of, listener, run, silent_trouble
from processes import other_process, perl_server


def old_server(port: int) -> Iterator[int]:
    with listener(IPV4_ANY, port, SO_REUSEPORT) as old:
        yield inode_of(old)


def silent_sharing(port: int) -> None:
    with other_process(old_server(port)) as old, perl_server(IPV4_ANY, port, SO_REUSEPORT) as new:
        silent_trouble("unrelated-programs-share", port, [old, new])


run(silent_sharing)
