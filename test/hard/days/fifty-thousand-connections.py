"""A port with 50,000 connections: the look at its owners is cut, says so, and the listener behind them is named all the same."""

import os
import resource
import socket
import time
from contextlib import ExitStack
from pathlib import Path

from stage import Trace, child, same, until, wrong

PORT, CONNECTIONS, CLIENTS = 18380, 50_000, 4
ADDRESS = "127.0.0.1"
IP_BIND_ADDRESS_NO_PORT = 24
PATIENCE = 120
FREE_PORTS = "20000 65000"
"""Of each client address: without the port itself."""


def sysctl(name: str, value: object) -> None:
    (Path("/proc/sys") / name).write_text(str(value))


def connect(number: int) -> None:
    """Every client has an address of its own, for the ports of one do not suffice."""
    server.close()
    clients = []
    for _ in range(CONNECTIONS // CLIENTS):
        client = socket.socket()
        client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        client.bind((f"127.0.1.{number}", 0))
        client.connect((ADDRESS, PORT))
        clients.append(client)
    while True:
        time.sleep(PATIENCE)


def established() -> int:
    """Connections on the side of the listener, all of them: none is accepted, so that no process needs a descriptor for it."""
    tables = Path("/proc/net/sockstat").read_text().split("\n")
    return int(next(line for line in tables if line.startswith("TCP:")).split()[2]) // 2


def refused(reuse: bool) -> None:
    with socket.socket() as binder:
        binder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        try:
            binder.bind((ADDRESS, PORT))
        except OSError:
            return
    wrong(f"port {PORT} was free")


most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
sysctl("net/ipv4/ip_local_port_range", FREE_PORTS)
sysctl("net/core/somaxconn", 65535)
sysctl("net/ipv4/tcp_max_syn_backlog", 65535)

with ExitStack() as stack:
    server = stack.enter_context(socket.socket())
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((ADDRESS, PORT))
    server.listen(65535)
    for number in range(CLIENTS):
        stack.enter_context(child(lambda: connect(number + 1)))
    until(f"{CONNECTIONS} connections", lambda: established() >= CONNECTIONS, PATIENCE)
    trace = Trace("--port", str(PORT), "--netns", "self", patience=PATIENCE)
    delays = []
    for number, reuse in enumerate((True, False)):
        refused(reuse)
        returned = time.time_ns()
        until("reported", lambda: len(trace.failures) > number)
        delays.append((trace.arrived[trace.records.index(trace.failures[number])] - returned) / 1e6)
    ended = trace.stop()

cut = "not every owner of the port could be looked at"
named = f"a listener on {ADDRESS}:{PORT}, held by python3[{os.getpid()}], is in /proc/net, and the look did not come to it"
sharing, plain = trace.failures
for failure in (sharing, plain):
    if failure["walkComplete"] or not failure["ownersCounted"] < CONNECTIONS:
        wrong(f"the look was not cut: {failure['ownersCounted']} owners")
    for doubt in (cut, named):
        if doubt not in failure["doubts"]:
            wrong(f"{failure['id']} does not say: {doubt}\n  but {failure['doubts']}")
same("with SO_REUSEADDR", (sharing["rule"], sharing["confidence"], sharing["blockers"]), ("no-owner-found", "unknown", []))
same("without it", (plain["rule"], plain["confidence"]), ("binder-lacks-reuseaddr", "inferred"))
same("blockers without it", {(b["state"], b["peer"] is None) for b in plain["blockers"]}, {("ESTABLISHED", False)})
same("exit code, stderr and losses", (ended.code, ended.errors, ended.summary.get("lost")), (6, "", 0))
print(
    f"{CONNECTIONS} connections: 2 refused, 2 reported after {' and '.join(f'{delay:.0f}' for delay in delays)} ms;"
    f" {plain['ownersCounted']} owners counted, said to be cut; the listener named, not blamed"
)
