"""A server has become another program, and holds the port under the name of that.

The descriptor was opened without CLOEXEC, so it outlived the exec. The process is the one that called bind, but its
program (cat) knows nothing of sockets.
"""

import os
import sys
from collections.abc import Iterator

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, expect, listener, owner, refused_bind, run
from processes import child_process


def server_becomes_cat(port: int, stdin: int, stdout: int) -> Iterator[Owner]:
    old = listener(IPV4_ANY, port)
    old.set_inheritable(True)
    yield owner(old, "LISTEN", "listening")
    os.dup2(stdin, 0)
    os.dup2(stdout, 1)
    os.execvp("cat", ["cat"])


def exec_keeps_listener(port: int) -> None:
    stdin, feed = os.pipe()
    taste, stdout = os.pipe()
    with child_process(server_becomes_cat(port, stdin, stdout)) as server:
        blocker = server.step()
        server.go_on()
        os.write(feed, b"\n")
        expect(os.read(taste, 1) == b"\n", "that is not cat")
        steps = [["bound", server.pid], ["listened", server.pid], ["execed", server.pid]]
        story = {"via": {server.pid: "created"}, "steps": steps, "release": "exit"}
        refused_bind(IPV4_ANY, port, by=[blocker], story=story)
        os.close(feed)
    bound(IPV4_ANY, port).close()


run(exec_keeps_listener)
