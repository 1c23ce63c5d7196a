"""The old server was stopped, by Ctrl-Z for instance, and forgotten: it neither answers nor goes away.

It is in state T, and its sockets stay as they are. It takes part in nothing until SIGCONT, not even in its own end
by SIGTERM.
"""

import os
import signal
import sys
from collections.abc import Iterator

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, expect, listener, owner, refused_bind, run
from processes import child_process, libc

PR_SET_PDEATHSIG = 1


def old_server(port: int) -> Iterator[Owner]:
    libc("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a stopped one would not notice the end of this program
    with listener(IPV4_ANY, port) as old:
        yield owner(old, "LISTEN", "listening")


def stopped_holder(port: int) -> None:
    with child_process(old_server(port)) as server:
        blocker = server.step()
        os.kill(server.pid, signal.SIGSTOP)
        try:
            expect(os.WIFSTOPPED(os.waitpid(server.pid, os.WUNTRACED)[1]), "the server does not stop")
            steps = [["listened", server.pid], ["signalled", server.pid]]
            story = {"via": {server.pid: "created"}, "notes": ["stopped-holder"], "steps": steps, "release": "close"}
            refused_bind(IPV4_ANY, port, by=[blocker], story=story)
        finally:
            os.kill(server.pid, signal.SIGCONT)
    bound(IPV4_ANY, port).close()


run(stopped_holder)
