"""Two sockets with SO_REUSEADDR are bound to one address, and both want to listen.

Bound sockets with SO_REUSEADDR share. listen() asks the same question again, and by then the other one listens.
"""

import sys
from socket import SO_REUSEADDR

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, owner, refused_listen, run


def second_listen_refused(port: int) -> None:
    with bound(IPV4_ANY, port, SO_REUSEADDR) as second:
        with bound(IPV4_ANY, port, SO_REUSEADDR) as first:
            first.listen()
            refused_listen(second, by=[owner(first, "LISTEN", "reuseaddr-but-listening")])
        second.listen()


run(second_listen_refused)
