"""Of two UDP servers on the port only one has SO_REUSEPORT: whether a third may share depends on their order.

The kernel goes through the sockets of the port, newest first for IPv4. At the first with which the binder shares by
SO_REUSEPORT it stops and lets it bind, and an older one that would conflict stays hidden. Met first, that same one
refuses, and it alone conflicts.
"""

import sys
from socket import IPPROTO_UDP, SO_REUSEPORT

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, owner, refused_bind, run

PLAIN, SHARING = "127.0.0.1", "127.0.0.2"


def udp_reuseport_hidden_conflict(port: int) -> None:
    with bound(PLAIN, port, protocol=IPPROTO_UDP), bound(SHARING, port, SO_REUSEPORT, protocol=IPPROTO_UDP):
        bound(IPV4_ANY, port, SO_REUSEPORT, protocol=IPPROTO_UDP).close()
    with bound(SHARING, port, SO_REUSEPORT, protocol=IPPROTO_UDP) as sharing:
        with bound(PLAIN, port, protocol=IPPROTO_UDP) as plain:
            blocker = owner(plain, "BOUND", "owner-lacks-reuseport")
            refused_bind(IPV4_ANY, port, SO_REUSEPORT, protocol=IPPROTO_UDP, by=[blocker], innocent=[sharing])
        bound(IPV4_ANY, port, SO_REUSEPORT, protocol=IPPROTO_UDP).close()


run(udp_reuseport_hidden_conflict)
