"""A UDP server is started twice.

UDP knows no listening: a socket has the port from its bind on. Neither socket has SO_REUSEADDR or SO_REUSEPORT, so the
kernel lets nobody else bind an overlapping address.
"""

import sys
from socket import IPPROTO_UDP

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, owner, refused_bind, run


def udp_same_address(port: int) -> None:
    with bound(IPV4_ANY, port, protocol=IPPROTO_UDP) as first:
        refused_bind(IPV4_ANY, port, protocol=IPPROTO_UDP, by=[owner(first, "BOUND", "bound")])
    bound(IPV4_ANY, port, protocol=IPPROTO_UDP).close()


run(udp_same_address)
