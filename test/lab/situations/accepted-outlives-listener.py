"""A server has closed its listening socket, but is still busy with two connections.

Accepted connections are in the bind bucket of the port and stay there. The old listener had no SO_REUSEADDR, so they
have none either. One client is still there (ESTABLISHED), the other has hung up (CLOSE_WAIT); each is in the way.
"""

import sys
from socket import SO_REUSEADDR

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, connected, hang_up, listener, owner, refused_bind, reset, run


def accepted_outlives_listener(port: int) -> None:
    with listener(IPV4_ANY, port) as old:
        busy, client = connected(old)
        forgotten, gone = connected(old)
    hang_up(gone, forgotten)
    refused_bind(
        IPV4_ANY,
        port,
        SO_REUSEADDR,
        by=[
            owner(forgotten, "CLOSE_WAIT", "owner-lacks-reuseaddr"),
            owner(busy, "ESTABLISHED", "owner-lacks-reuseaddr"),
        ],
    )
    reset(busy, client)
    reset(forgotten, gone)
    bound(IPV4_ANY, port, SO_REUSEADDR).close()


run(accepted_outlives_listener)
