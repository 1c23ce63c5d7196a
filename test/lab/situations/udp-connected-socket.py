"""The port is the local port of somebody's outgoing UDP socket, as happens in the ephemeral range.

Its connect() has narrowed its address from 0.0.0.0 to 127.0.0.1, and still it is in the way of a server on 0.0.0.0.
Clients do not set SO_REUSEADDR, so the binder's SO_REUSEADDR is no help: it excuses only if both have it.
"""

import sys
from socket import IPPROTO_UDP, SO_REUSEADDR

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, expect, owner, refused_bind, run

LOOPBACK = "127.0.0.1"


def udp_connected_socket(port: int) -> None:
    with bound(LOOPBACK, 0, protocol=IPPROTO_UDP) as elsewhere, bound(IPV4_ANY, port, protocol=IPPROTO_UDP) as client:
        client.connect(elsewhere.getsockname())
        expect(client.getsockname() == (LOOPBACK, port), "connect did not narrow the address")
        blocker = owner(client, "BOUND", "owner-lacks-reuseaddr")
        refused_bind(IPV4_ANY, port, SO_REUSEADDR, protocol=IPPROTO_UDP, by=[blocker])
    bound(IPV4_ANY, port, SO_REUSEADDR, protocol=IPPROTO_UDP).close()


run(udp_connected_socket)
