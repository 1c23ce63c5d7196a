"""A program looks for a free port by binding it, lets it go, and a moment later somebody else has it.

"Free" was true when it was said. Between the look and the real bind there is nothing that keeps the port.
"""

import sys
from collections.abc import Iterator

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, listener, owner, refused_bind, run
from processes import other_process


def quicker(port: int) -> Iterator[Owner]:
    with listener(IPV4_ANY, port) as server:
        yield owner(server, "LISTEN", "listening")


def check_then_bind(port: int) -> None:
    bound(IPV4_ANY, port).close()
    print(f"port {port} is free", file=sys.stderr)
    with other_process(quicker(port)) as blocker:
        refused_bind(IPV4_ANY, port, by=[blocker], story={"notes": ["checked-before"]})
    bound(IPV4_ANY, port).close()


run(check_then_bind)
