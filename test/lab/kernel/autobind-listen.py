"""listen() on a socket that was never bound: the kernel chooses the port, and nobody called bind.

Once it finds one, and the next server on that port is refused; once there is none left, and listen() itself is refused.
"""

import sys

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, expect, owner, refused_bind, unbound
from parts.ports import only
from parts.program import run
from parts.refusal import refused


def autobind_listen(port: int) -> None:
    with only(port), unbound(IPV4_ANY) as first, unbound(IPV4_ANY) as second:
        first.listen()
        expect(first.getsockname() == (IPV4_ANY, port), f"the kernel chose {first.getsockname()}")
        refused_bind(IPV4_ANY, port, by=[owner(first, "LISTEN", "listening")])
        refused(second, "listen", second.listen, IPV4_ANY, 0, rule="ports-exhausted")
        first.close()
        second.listen()
    bound(IPV4_ANY, port).close()


run(autobind_listen)
