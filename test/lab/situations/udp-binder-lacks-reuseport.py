"""The running UDP server offers to share its port, the new one does not ask for it.

SO_REUSEPORT counts only if both sides have it; here the binder lacks it, and binds as soon as it does not.
"""

import sys
from socket import IPPROTO_UDP, SO_REUSEPORT

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, owner, refused_bind, run


def udp_binder_lacks_reuseport(port: int) -> None:
    with bound(IPV4_ANY, port, SO_REUSEPORT, protocol=IPPROTO_UDP) as first:
        refused_bind(IPV4_ANY, port, protocol=IPPROTO_UDP, by=[owner(first, "BOUND", "binder-lacks-reuseport")])
        bound(IPV4_ANY, port, SO_REUSEPORT, protocol=IPPROTO_UDP).close()
    bound(IPV4_ANY, port, protocol=IPPROTO_UDP).close()


run(udp_binder_lacks_reuseport)
