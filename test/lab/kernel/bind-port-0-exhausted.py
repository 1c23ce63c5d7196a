"""A server leaves the choice of its port to the kernel, and there is none left in ip_local_port_range."""

import sys

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, unbound
from parts.ports import only
from parts.program import run
from parts.refusal import refused


def bind_port_0_exhausted(port: int) -> None:
    with only(port), bound(IPV4_ANY, port) as last, unbound(IPV4_ANY) as binder:
        refused(binder, "bind", lambda: binder.bind((IPV4_ANY, 0)), IPV4_ANY, 0, rule="ports-exhausted")
        last.close()
        binder.bind((IPV4_ANY, 0))


run(bind_port_0_exhausted)
