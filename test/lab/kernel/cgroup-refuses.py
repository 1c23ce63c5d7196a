"""A BPF program of the server's cgroup refuses the bind and says EADDRINUSE, though nobody has the port.

Once it does so before the kernel has looked at the port, once after the kernel has already given it.
"""

import sys
from collections.abc import Iterator
from errno import EADDRINUSE
from pathlib import Path

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, unbound
from parts.cgroup import INET4_BIND, INET4_POST_BIND, attached, failing, fresh_cgroup, load_or_lack
from parts.program import run
from parts.refusal import refused
from processes import other_process

TOO_OLD = "a BPF program at bind cannot choose the errno in this kernel"


def binder(cgroup: Path, programs: dict[int, int], port: int) -> Iterator[None]:
    (cgroup / "cgroup.procs").write_text("0", encoding="ascii")
    for attach_type, program in programs.items():
        with attached(program, attach_type, cgroup), unbound(IPV4_ANY) as sock:
            refused(sock, "bind", lambda: sock.bind((IPV4_ANY, port)), IPV4_ANY, port, rule="not-a-conflict")
        bound(IPV4_ANY, port).close()
    yield


def cgroup_refuses(port: int) -> None:
    programs = {at: load_or_lack(at, failing(EADDRINUSE), TOO_OLD) for at in (INET4_BIND, INET4_POST_BIND)}
    with fresh_cgroup() as cgroup, other_process(binder(cgroup, programs, port)):
        pass


run(cgroup_refuses)
