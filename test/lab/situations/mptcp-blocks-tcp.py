"""An MPTCP server, as Go starts by default, is in the way of a TCP server.

The first subflow of an MPTCP socket is a TCP socket in the same bind bucket.
"""

import sys

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPPROTO_MPTCP, IPV4_ANY, bound, listener, owner, refused_bind, run


def mptcp_blocks_tcp(port: int) -> None:
    with listener(IPV4_ANY, port, protocol=IPPROTO_MPTCP) as first:
        refused_bind(IPV4_ANY, port, by=[owner(first, "LISTEN", "listening")])
    bound(IPV4_ANY, port).close()


run(mptcp_blocks_tcp)
