"""Two processes fight for one port: each binds a socket and closes it at once, again and again.

Usage: race.py PORT ROUNDS. Stdout has one JSON object for each call: {"pid", "inode", "refused", "entered", "returned",
"closed"}, times in ns of CLOCK_BOOTTIME around bind and after close. It is the truth about who had the port when.
"""

import errno
import json
import os
import socket
import sys
import time


def now() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def fight(port: int, rounds: int) -> list[dict[str, object]]:
    log = []
    for _ in range(rounds):
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
        log.append({"pid": os.getpid(), "inode": inode, "refused": refused, "entered": entered, "returned": returned, "closed": now()})
    return log


def main() -> int:
    port, rounds = int(sys.argv[1]), int(sys.argv[2])
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reader, 1)
    else:
        os.write(writer, b"!")
    for call in fight(port, rounds):
        sys.stdout.write(json.dumps(call) + "\n")
    sys.stdout.flush()
    if child == 0:
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main())
