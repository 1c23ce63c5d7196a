"""The running UDP receiver shares its port by SO_REUSEADDR, the new one does not ask for it.

Receivers of multicast set SO_REUSEADDR to get the same datagrams. In UDP it excuses whenever both sides have it; here
the binder lacks it, and binds as soon as it does not.
"""

import sys
from socket import IPPROTO_UDP, SO_REUSEADDR

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, owner, refused_bind, run


def udp_binder_lacks_reuseaddr(port: int) -> None:
    with bound(IPV4_ANY, port, SO_REUSEADDR, protocol=IPPROTO_UDP) as first:
        refused_bind(IPV4_ANY, port, protocol=IPPROTO_UDP, by=[owner(first, "BOUND", "binder-lacks-reuseaddr")])
        bound(IPV4_ANY, port, SO_REUSEADDR, protocol=IPPROTO_UDP).close()
    bound(IPV4_ANY, port, protocol=IPPROTO_UDP).close()


run(udp_binder_lacks_reuseaddr)
