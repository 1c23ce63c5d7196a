"""The running server offers to share its port, the new one does not ask for it.

SO_REUSEPORT counts only if both sides have it; here the binder lacks it, and binds as soon as it does not.
"""

import sys
from socket import SO_REUSEPORT

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, listener, owner, refused_bind, run


def binder_lacks_reuseport(port: int) -> None:
    with listener(IPV4_ANY, port, SO_REUSEPORT) as first:
        refused_bind(IPV4_ANY, port, by=[owner(first, "LISTEN", "binder-lacks-reuseport")])
        bound(IPV4_ANY, port, SO_REUSEPORT).close()


run(binder_lacks_reuseport)
