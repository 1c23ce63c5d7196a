"""One program serves 127.0.0.1 and another one [::1], on the same port: who asks for localhost gets either of them.

The addresses do not overlap, so both binds pass. Which one a client gets is a matter of its resolver.
"""

import sys
from collections.abc import Iterator

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import inode_of, listener, run, silent_trouble
from processes import other_process, perl_server


def old_server(port: int) -> Iterator[int]:
    with listener("127.0.0.1", port) as old:
        yield inode_of(old)


def loopback_split(port: int) -> None:
    with other_process(old_server(port)) as old, perl_server("::1", port) as new:
        silent_trouble("loopback-split", port, [old, new])


run(loopback_split)
