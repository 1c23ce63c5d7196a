"""A BPF program of the server's cgroup changes the port that it binds to, and that one is taken.

The system call shows the port that was asked for. The kernel tried another.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from socket import socket

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, expect, listener, owner, unbound
from parts.cgroup import INET4_BIND, attached, fresh_cgroup, load_or_lack, rewriting
from parts.program import run
from parts.refusal import refused
from processes import other_process


def binder(cgroup: Path, program: int, first: socket, port: int, blocker: Owner) -> Iterator[None]:
    first.close()
    requested = port + 1000
    (cgroup / "cgroup.procs").write_text("0", encoding="ascii")
    with attached(program, INET4_BIND, cgroup), unbound(IPV4_ANY) as sock:
        attempt = (IPV4_ANY, requested)
        refused(sock, "bind", lambda: sock.bind(attempt), IPV4_ANY, port, requested=requested, by=[blocker])
    yield
    with bound(IPV4_ANY, requested) as sock:
        expect(sock.getsockname()[1] == requested, "the port is still rewritten")


def cgroup_rewrites_port(port: int) -> None:
    program = load_or_lack(INET4_BIND, rewriting(port + 1000, port), "this kernel lets no program change the port")
    with fresh_cgroup() as cgroup, listener(IPV4_ANY, port) as first:
        with other_process(binder(cgroup, program, first, port, owner(first, "LISTEN", "listening"))):
            pass


run(cgroup_rewrites_port)
