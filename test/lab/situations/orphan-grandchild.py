"""What started the old server was killed, and the server lives on, as after Ctrl-C on npm or a closed terminal.

A shell had started it. Its parent is now process 1, or a nearer one that adopts orphans, and nothing shows any more
where it came from.
"""

import json
import os
import signal
import subprocess
import sys
from subprocess import PIPE

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, expect, refused_bind, run
from processes import gone

SERVER = """
import json, os, sys
sys.path.insert(0, sys.argv[2])
from lab import IPV4_ANY, listener, owner
with listener(IPV4_ANY, int(sys.argv[1])) as server:
    print(json.dumps([os.getpid(), owner(server, "LISTEN", "listening")]), flush=True)
    sys.stdin.read()
"""


def orphan_grandchild(port: int) -> None:
    # With something to do after it, the shell waits for the server instead of becoming it.
    command = ["sh", "-c", '"$@"; exit', "sh", sys.executable, "-B", "-c", SERVER, str(port), sys.path[0]]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE) as shell:
        said = shell.stdout.readline()
        expect(said != b"", "the server failed")
        pid, blocker = json.loads(said)
        server = os.pidfd_open(pid)
        shell.kill()
        expect(shell.wait() == -signal.SIGKILL, "the shell was not killed")
        story = {"via": {pid: "created"}, "notes": ["launcher-gone"], "release": "close"}
        refused_bind(IPV4_ANY, port, by=[blocker], story=story)
    gone(server)
    bound(IPV4_ANY, port).close()


run(orphan_grandchild)
