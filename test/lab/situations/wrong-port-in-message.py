"""A server complains of port 5060, but it was another port that the kernel refused.

It opens several, and its message has the number from the first line of its configuration.
"""

import sys

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, listener, owner, refused_bind, run

CONFIGURED = 5060


def wrong_port_in_message(port: int) -> None:
    with listener(IPV4_ANY, port) as first:
        refused_bind(IPV4_ANY, port, by=[owner(first, "LISTEN", "listening")])
        print(f"cannot bind port {CONFIGURED}: Address already in use", file=sys.stderr)
    bound(IPV4_ANY, port).close()


run(wrong_port_in_message)
