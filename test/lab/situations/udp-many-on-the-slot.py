"""A dozen UDP servers have the port, each on its own loopback address, and one of them is started twice.

With more than ten sockets in the hash slot of a port, the kernel looks in its second table, by address and port. Only
the one on the same address is in the way.
"""

import sys
from contextlib import ExitStack
from socket import IPPROTO_UDP

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import bound, owner, refused_bind, run

ADDRESSES = [f"127.0.0.{number}" for number in range(1, 13)]
TWICE = ADDRESSES[4]


def udp_many_on_the_slot(port: int) -> None:
    with ExitStack() as stack:
        servers = {address: stack.enter_context(bound(address, port, protocol=IPPROTO_UDP)) for address in ADDRESSES}
        first = servers.pop(TWICE)
        blocker = owner(first, "BOUND", "bound")
        refused_bind(TWICE, port, protocol=IPPROTO_UDP, by=[blocker], innocent=[*servers.values()])
        first.close()
        bound(TWICE, port, protocol=IPPROTO_UDP).close()


run(udp_many_on_the_slot)
