"""A server on [::] is in the way of one on 0.0.0.0.

Unless it has IPV6_V6ONLY, a socket on [::] takes IPv4 connections too, so the two addresses overlap.
"""

import sys

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, IPV6_ANY, bound, listener, owner, refused_bind, run


def dual_stack_blocks_ipv4(port: int) -> None:
    with listener(IPV6_ANY, port) as first:
        refused_bind(IPV4_ANY, port, by=[owner(first, "LISTEN", "listening")])
    bound(IPV4_ANY, port).close()


run(dual_stack_blocks_ipv4)
