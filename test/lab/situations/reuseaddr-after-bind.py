"""A server sets SO_REUSEADDR after its bind was refused, which is too late for that bind, but not for the next.

A connection of the server before it is in TIME_WAIT and has the option. The kernel looks at the options of the moment:
the same socket, unchanged but for the option, gets the port.
"""

import sys
from socket import SO_REUSEADDR, SOL_SOCKET

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, connected, listener, refused_bind_of, run, time_wait, unbound


def reuseaddr_after_bind(port: int) -> None:
    with listener(IPV4_ANY, port, SO_REUSEADDR) as old:
        accepted, client = connected(old)
    with time_wait(accepted, client, "time-wait-binder-lacks-reuseaddr") as blocker:
        with unbound(IPV4_ANY) as new:
            refused_bind_of(new, IPV4_ANY, port, by=[blocker], story={"nature": "time-wait"})
            new.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
            new.bind((IPV4_ANY, port))


run(reuseaddr_after_bind)
