"""The new server wants to share the port, the running one never offered it.

SO_REUSEPORT counts only if both sides have it; here the owner lacks it. The kernel looks at the options of this
moment, so setting it late, on the listening socket, is enough.
"""

import sys
from socket import SO_REUSEPORT, SOL_SOCKET

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, listener, owner, refused_bind, run


def owner_lacks_reuseport(port: int) -> None:
    with listener(IPV4_ANY, port) as first:
        refused_bind(IPV4_ANY, port, SO_REUSEPORT, by=[owner(first, "LISTEN", "owner-lacks-reuseport")])
        first.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
        bound(IPV4_ANY, port, SO_REUSEPORT).close()


run(owner_lacks_reuseport)
