"""The port is the local port of somebody's outgoing connection, as happens in the ephemeral range.

Clients do not set SO_REUSEADDR, so the binder's SO_REUSEADDR is no help: it excuses only if both have it.
"""

import sys
from socket import SO_REUSEADDR

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, listener, owner, refused_bind, reset, run

LOOPBACK = "127.0.0.1"


def outgoing_connection(port: int) -> None:
    with listener(LOOPBACK, 0) as elsewhere, bound(LOOPBACK, port) as client:
        client.connect(elsewhere.getsockname())
        refused_bind(IPV4_ANY, port, SO_REUSEADDR, by=[owner(client, "ESTABLISHED", "owner-lacks-reuseaddr")])
        reset(client)
    bound(IPV4_ANY, port, SO_REUSEADDR).close()


run(outgoing_connection)
