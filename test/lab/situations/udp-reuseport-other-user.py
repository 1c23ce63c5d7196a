"""Two UDP servers would share a port with SO_REUSEPORT, but run as different users.

So that nobody steals traffic, the kernel lets only sockets of the same user share: the user who called socket().
"""

import os
import sys
from collections.abc import Iterator
from socket import IPPROTO_UDP, SO_REUSEPORT

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, owner, refused_bind, run
from processes import other_process

NOBODY = 65534


def server_of_nobody(port: int) -> Iterator[Owner]:
    os.setresuid(NOBODY, NOBODY, NOBODY)
    with bound(IPV4_ANY, port, SO_REUSEPORT, protocol=IPPROTO_UDP) as first:
        yield owner(first, "BOUND", "reuseport-other-user")


def udp_reuseport_other_user(port: int) -> None:
    with other_process(server_of_nobody(port)) as blocker:
        refused_bind(IPV4_ANY, port, SO_REUSEPORT, protocol=IPPROTO_UDP, by=[blocker])
    bound(IPV4_ANY, port, SO_REUSEPORT, protocol=IPPROTO_UDP).close()


run(udp_reuseport_other_user)
