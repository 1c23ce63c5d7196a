"""A server with SO_REUSEADDR follows one without, which closed its last connection itself.

That connection is in TIME_WAIT and keeps the options which it inherited from the old listener: none. The new server
can no longer do anything about it.
"""

import sys
from socket import SO_REUSEADDR

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, connected, listener, refused_bind, run, time_wait


def time_wait_owner_plain(port: int) -> None:
    with listener(IPV4_ANY, port) as old:
        accepted, client = connected(old)
    with time_wait(accepted, client, "time-wait-owner-lacked-reuseaddr") as blocker:
        refused_bind(IPV4_ANY, port, SO_REUSEADDR, by=[blocker], story={"nature": "time-wait"})
    bound(IPV4_ANY, port, SO_REUSEADDR).close()


run(time_wait_owner_plain)
