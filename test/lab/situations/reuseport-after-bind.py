"""The old server set SO_REUSEPORT only after its bind, and shares its port all the same.

The option of the moment counts in which the next one binds, so that is not refused, and takes half of the connections.
"""

import sys
from socket import SO_REUSEPORT, SOL_SOCKET

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, inode_of, listener, run, silent_trouble


def reuseport_after_bind(port: int) -> None:
    with bound(IPV4_ANY, port) as old:
        old.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
        old.listen()
        with listener(IPV4_ANY, port, SO_REUSEPORT) as new:
            silent_trouble("reuseport-after-bind", port, [inode_of(old)], innocent=[inode_of(new)])


run(reuseport_after_bind)
