"""A socket is bound to the port and nothing more: no listen, no connection.

It owns the port all the same. No state change ever told about it, and /proc/net does not list it.
"""

import sys

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, owner, refused_bind, run


def bound_never_listened(port: int) -> None:
    with bound(IPV4_ANY, port) as idle:
        refused_bind(IPV4_ANY, port, by=[owner(idle, "BOUND", "bound")])
    bound(IPV4_ANY, port).close()


run(bound_never_listened)
