"""A TCP server is in the way of an MPTCP server.

An MPTCP socket binds by its first subflow, a TCP socket in the same bind bucket.
"""

import sys

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPPROTO_MPTCP, IPV4_ANY, bound, listener, owner, refused_bind, run


def tcp_blocks_mptcp(port: int) -> None:
    with listener(IPV4_ANY, port) as first:
        refused_bind(IPV4_ANY, port, protocol=IPPROTO_MPTCP, by=[owner(first, "LISTEN", "listening")])
    bound(IPV4_ANY, port, protocol=IPPROTO_MPTCP).close()


run(tcp_blocks_mptcp)
