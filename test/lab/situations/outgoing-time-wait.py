"""The port was the local port of somebody's outgoing connection, as happens in the ephemeral range.

The client hung up first, so its side is in TIME_WAIT for a minute. Clients do not set SO_REUSEADDR, so the binder's
SO_REUSEADDR is no help: it excuses only if both have it.
"""

import sys
from socket import SO_REUSEADDR

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, listener, refused_bind, run, time_wait

LOOPBACK = "127.0.0.1"


def outgoing_time_wait(port: int) -> None:
    with listener(LOOPBACK, 0) as elsewhere, bound(LOOPBACK, port) as client:
        client.connect(elsewhere.getsockname())
        accepted = elsewhere.accept()[0]
        elsewhere.close()
        with time_wait(client, accepted, "time-wait-owner-lacked-reuseaddr") as blocker:
            refused_bind(IPV4_ANY, port, SO_REUSEADDR, by=[blocker], story={"nature": "time-wait"})
    bound(IPV4_ANY, port, SO_REUSEADDR).close()


run(outgoing_time_wait)
