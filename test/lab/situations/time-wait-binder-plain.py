"""A server without SO_REUSEADDR follows one that closed its last connection itself.

Whoever closes first keeps the connection in TIME_WAIT for a minute, and that keeps the port. The old listener had
SO_REUSEADDR and its connections inherited it, so it is the binder that spoils the excuse.
"""

import sys
from socket import SO_REUSEADDR

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, connected, listener, refused_bind, run, time_wait


def time_wait_binder_plain(port: int) -> None:
    with listener(IPV4_ANY, port, SO_REUSEADDR) as old:
        accepted, client = connected(old)
    with time_wait(accepted, client, "time-wait-binder-lacks-reuseaddr") as blocker:
        refused_bind(IPV4_ANY, port, by=[blocker], story={"nature": "time-wait"})
        bound(IPV4_ANY, port, SO_REUSEADDR).close()
    bound(IPV4_ANY, port).close()


run(time_wait_binder_plain)
