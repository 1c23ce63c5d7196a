"""A UDP server on [::] is in the way of one on 0.0.0.0.

Unless it has IPV6_V6ONLY, a socket on [::] takes IPv4 datagrams too, so the two addresses overlap.
"""

import sys
from socket import IPPROTO_UDP

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, IPV6_ANY, bound, owner, refused_bind, run


def udp_dual_stack_blocks_ipv4(port: int) -> None:
    with bound(IPV6_ANY, port, protocol=IPPROTO_UDP) as first:
        refused_bind(IPV4_ANY, port, protocol=IPPROTO_UDP, by=[owner(first, "BOUND", "bound")])
    bound(IPV4_ANY, port, protocol=IPPROTO_UDP).close()


run(udp_dual_stack_blocks_ipv4)
