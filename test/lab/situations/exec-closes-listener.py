"""A server becomes another program, and that frees the port though its process lives on.

The descriptor has CLOEXEC, as those of most runtimes do, so the exec closes it.
"""

import os
import sys
from collections.abc import Iterator

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, expect, listener, owner, refused_bind, run
from processes import child_process


def server_becomes_cat(port: int, stdin: int, stdout: int) -> Iterator[Owner]:
    old = listener(IPV4_ANY, port)
    yield owner(old, "LISTEN", "listening")
    os.dup2(stdin, 0)
    os.dup2(stdout, 1)
    os.execvp("cat", ["cat"])


def exec_closes_listener(port: int) -> None:
    stdin, feed = os.pipe()
    taste, stdout = os.pipe()
    with child_process(server_becomes_cat(port, stdin, stdout)) as server:
        blocker = server.step()
        refused_bind(IPV4_ANY, port, by=[blocker], story={"via": {server.pid: "created"}, "release": "exec"})
        server.go_on()
        os.write(feed, b"\n")
        expect(os.read(taste, 1) == b"\n", "that is not cat")
        bound(IPV4_ANY, port).close()
        os.close(feed)


run(exec_closes_listener)
