"""One program serves 127.0.0.1 and another one [::1], on the same port: who asks for localhost gets either of them.

The addresses do not overlap, so both binds pass. Which one a client gets is a matter of its resolver.
"""

import sys

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import inode_of, listener, run, silent_trouble
from processes import perl_server


def loopback_split(port: int) -> None:
    with listener("127.0.0.1", port) as old, perl_server("::1", port) as new:
        silent_trouble("loopback-split", port, [inode_of(old), new])


run(loopback_split)
