"""The new UDP server wants to share the port, the running one never offered it.

SO_REUSEPORT counts only if both sides have it; here the owner lacks it. The kernel looks at the options of this
moment, so setting it late, on the bound socket, is enough.
"""

import sys
from socket import IPPROTO_UDP, SO_REUSEPORT, SOL_SOCKET

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, owner, refused_bind, run


def udp_owner_lacks_reuseport(port: int) -> None:
    with bound(IPV4_ANY, port, protocol=IPPROTO_UDP) as first:
        blocker = owner(first, "BOUND", "owner-lacks-reuseport")
        refused_bind(IPV4_ANY, port, SO_REUSEPORT, protocol=IPPROTO_UDP, by=[blocker])
        first.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
        bound(IPV4_ANY, port, SO_REUSEPORT, protocol=IPPROTO_UDP).close()


run(udp_owner_lacks_reuseport)
