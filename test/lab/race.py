"""Two processes fight for one port: each binds a socket and closes it at once, again and again.

Usage: race.py PORT ROUNDS, each makes at least as many. Every fourth holder closes only when the other has tried meanwhile,
so that they meet on a machine with one processor too. Stdout has one JSON object for each call: {"pid", "inode", "refused", "entered", "returned", "closed"}, times in ns of
CLOCK_BOOTTIME around bind and after close. It is the truth about who had the port when.
"""

import errno
import json
import mmap
import os
import socket
import sys
import time
from struct import Struct

TRIES = Struct("=II")  # binds that either of the two has made
NAP_SECONDS = 20e-6


def now() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def fight(port: int, rounds: int, me: int, shared: mmap.mmap) -> list[dict[str, object]]:
    log: list[dict[str, object]] = []
    while min(tries := TRIES.unpack_from(shared)) < rounds:
        with socket.socket() as contender:
            inode = os.fstat(contender.fileno()).st_ino
            entered = now()
            try:
                contender.bind(("127.0.0.1", port))
                refused = False
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                refused = True
            returned = now()
            shared[4 * me : 4 * me + 4] = (len(log) + 1).to_bytes(4, sys.byteorder)
            while not refused and len(log) % 4 == 0 and min(now_tried := TRIES.unpack_from(shared)) < rounds:
                if now_tried[1 - me] > tries[1 - me]:
                    break
                time.sleep(NAP_SECONDS)
        log.append({"pid": os.getpid(), "inode": inode, "refused": refused, "entered": entered, "returned": returned, "closed": now()})
    return log


def main() -> int:
    port, rounds = int(sys.argv[1]), int(sys.argv[2])
    shared = mmap.mmap(-1, TRIES.size)
    child = os.fork()
    for call in fight(port, rounds, 1 if child else 0, shared):
        sys.stdout.write(json.dumps(call) + "\n")
    sys.stdout.flush()
    if child == 0:
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main())
