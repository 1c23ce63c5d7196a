"""An IPv6 connection, from [::1], is in the way of an IPv4 server.

It was accepted by a dual-stack [::] listener, closed since, and is not IPV6_V6ONLY either. That is all the kernel
asks when an IPv4 socket wants 0.0.0.0: it does not see that this connection can never carry IPv4.
"""

import sys

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, IPV6_ANY, bound, connected, listener, owner, refused_bind, reset, run


def ipv6_connection_blocks_ipv4(port: int) -> None:
    with listener(IPV6_ANY, port) as old:
        accepted, client = connected(old)
    refused_bind(IPV4_ANY, port, by=[owner(accepted, "ESTABLISHED", "bound")])
    reset(accepted, client)
    bound(IPV4_ANY, port).close()


run(ipv6_connection_blocks_ipv4)
