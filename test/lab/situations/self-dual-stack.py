"""One server listens on [::] and then wants 0.0.0.0 too, and is in its own way.

Unless it has IPV6_V6ONLY, a socket on [::] takes IPv4 connections too: there is nothing left for the second one.
"""

import os
import sys

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, IPV6_ANY, bound, listener, owner, refused_bind, run


def self_dual_stack(port: int) -> None:
    with listener(IPV6_ANY, port) as first:
        story = {"via": {os.getpid(): "created"}, "notes": ["same-process"], "release": "close"}
        refused_bind(IPV4_ANY, port, by=[owner(first, "LISTEN", "listening")], story=story)
    bound(IPV4_ANY, port).close()


run(self_dual_stack)
