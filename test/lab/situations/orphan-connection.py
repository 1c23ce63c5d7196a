"""The old server has gone, but the kernel is still at work for it: its last answer has not been taken yet.

The client does not read, so answer and FIN cannot be sent. The connection belongs to no process any more, and stays in
the bind bucket of the port until the client has taken everything, or breaks off.
"""

import sys
from socket import SO_RCVBUF, SO_REUSEADDR, SOL_SOCKET

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, expect, listener, owner, refused_bind, reset, run, unbound, visible_on
from processes import until

LOOPBACK = "127.0.0.1"
RECEIVE_BYTES, ANSWER_BYTES = 4096, 1 << 20


def orphan_connection(port: int) -> None:
    client = unbound(LOOPBACK)
    client.setsockopt(SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES)
    with listener(IPV4_ANY, port) as old:
        client.connect((LOOPBACK, port))
        accepted = old.accept()[0]
    accepted.setblocking(False)
    expect(accepted.send(bytes(ANSWER_BYTES)) > 2 * RECEIVE_BYTES, "the answer is too short")
    orphan = owner(accepted, "FIN_WAIT1", "owner-lacks-reuseaddr") | {"inode": None}
    accepted.close()
    refused_bind(IPV4_ANY, port, SO_REUSEADDR, by=[orphan], story={"nature": "orphan"})
    reset(client)
    until(lambda: not visible_on("tcp", port), "the reset did not end the connection")
    bound(IPV4_ANY, port, SO_REUSEADDR).close()


run(orphan_connection)
