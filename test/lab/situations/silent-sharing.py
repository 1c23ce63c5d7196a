"""Two programs that know nothing of each other share a port, and nobody is told: each gets half of the connections.

Both set SO_REUSEPORT, for workers of their own, and run as the same user. The kernel asks no more than that.
"""

import sys
from socket import SO_REUSEPORT

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, inode_of, listener, run, silent_trouble
from processes import perl_server


def silent_sharing(port: int) -> None:
    with listener(IPV4_ANY, port, SO_REUSEPORT) as old, perl_server(IPV4_ANY, port, SO_REUSEPORT) as new:
        silent_trouble("unrelated-programs-share", port, [inode_of(old), new])


run(silent_sharing)
