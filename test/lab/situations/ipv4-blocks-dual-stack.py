"""A server on 0.0.0.0 is in the way of one on [::].

Unless it has IPV6_V6ONLY, a socket on [::] wants the IPv4 connections too, and those are taken.
"""

import sys

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, IPV6_ANY, bound, listener, owner, refused_bind, run


def ipv4_blocks_dual_stack(port: int) -> None:
    with listener(IPV4_ANY, port) as first:
        refused_bind(IPV6_ANY, port, by=[owner(first, "LISTEN", "listening")])
    bound(IPV6_ANY, port).close()


run(ipv4_blocks_dual_stack)
