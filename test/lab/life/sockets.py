"""What chaos.py has its workers do with sockets."""

import time

from life.choices import A_MOMENT_SECONDS, Choices, Held
from life.kernel import End, connection
from life.truth import refused
from life.world import PATIENCE_SECONDS, Confused, Descriptor, Sock, Worker
from life.worker import Answer

ADDRESSES = {"ipv4": ["0.0.0.0", "127.0.0.1", "127.0.0.2"], "ipv6": ["::", "::1", "::ffff:127.0.0.1"]}
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}
MAPPED = "::ffff:"
DISCARD = 9
MOST_WAITING, MOST_REMAINS = 8, 3


class SocketActions(Choices):
    remains = 0
    """Connections in TIME_WAIT at the last bind."""

    def bind(self) -> None:
        found = self.held(lambda sock: sock.port == 0 and not sock.connected) if self.chance(0.4) else None
        family = found[2].facts["family"] if found else self.random.choice(["ipv4", "ipv4", "ipv6"])
        worker, fd, sock = found or self._made(self.worker(), "udp" if self.chance(0.25) else "tcp", family)
        port = 0 if self.chance(0.03) else self.random.choice(sorted(self.world.ports))
        self._attempt("bind", worker, fd, sock, (self.random.choice(ADDRESSES[family]), port))
        if sock.port and sock.protocol == "tcp" and self.chance(0.5):
            self._attempt("listen", worker, fd, sock, sock.facts["name"])

    def listen(self) -> None:
        unbound_too = self.chance(0.1)
        found = self.held(
            lambda sock: sock.protocol == "tcp" and not (sock.connected or sock.listening) and (sock.port != 0 or unbound_too)
        )
        if found:
            self._attempt("listen", *found, found[2].facts["name"])

    def connect(self) -> None:
        if self.chance(0.15):
            self._connect_udp()
            return
        listeners = [row for row in self.world.rows().values() if row.state == "LISTEN"]
        targets = [row for row in listeners if row.waiting < MOST_WAITING]
        if not targets:
            return
        target = self.random.choice(targets)
        address, port = LOOPBACK.get(target.name[0], target.name[0]), target.name[1]
        if target.name[0] == "::" and not self.world.socks[target.inode].facts["ipv6Only"] and self.chance(0.5):
            address = "127.0.0.1"
        family = "ipv6" if ":" in address else "ipv4"
        # From a port to itself a socket connects to itself.
        client = self.held(
            lambda sock: sock.protocol == "tcp"
            and not (sock.listening or sock.connected)
            and sock.port not in (0, port)
            and sock.facts["family"] == family
        )
        worker, fd, sock = client or self._made(self.worker(), "tcp", family)
        sock.connected = True
        answer = self.world.order(worker, "connect", fd=fd, address=address, port=port)
        self.world.learn(sock)
        if answer["errno"] == 0:
            self._end_by(worker, fd)
            self._arrived(sock, {row.inode: row.waiting for row in listeners})

    def accept(self) -> None:
        waiting = {row.inode for row in self.world.rows().values() if row.state == "LISTEN" and row.waiting}
        found = self.held(lambda sock: sock.inode in waiting)
        if not found:
            return
        worker, fd, _ = found
        cloexec = self.chance(0.5)
        answer = self.world.order(worker, "accept", fd=fd, cloexec=cloexec)
        if answer["errno"]:
            raise Confused("a connection that waited was not accepted")
        self._add(worker, answer, cloexec).connected = True
        self._end_by(worker, answer["fd"])

    def hang_up(self) -> None:
        found = self.held(lambda sock: sock.protocol == "tcp" and sock.connected)
        if found:
            worker, fd, sock = found
            self.world.order(worker, "hang up", fd=fd)
            self.world.learn(sock)

    def abandon(self) -> None:
        """Close a connection with more to send than the other end reads: the kernel keeps it without a process."""
        found = self.held(
            lambda sock: sock.protocol == "tcp" and sock.connected and len(sock.descriptors) == 1 and sock.port in self.world.ports
        )
        if found:
            worker, fd, sock = found
            self.world.order(worker, "stuff", fd=fd)
            self.world.order(worker, "end by", fd=fd, reset=False)
            self.world.close(worker, fd, sock)

    def close(self) -> None:
        found = self.held()
        if found:
            self.world.close(*found)

    def option(self) -> None:
        found = self.held()
        if found:
            worker, fd, sock = found
            self.world.order(worker, "option", fd=fd, option=self.random.choice(["reuseAddr", "reusePort"]), value=self.chance(0.5))
            self.world.learn(sock)

    def _made(self, worker: Worker, protocol: str, family: str) -> Held:
        options = {name: True for name in ("reuseAddr", "reusePort") if self.chance(0.4)}
        if family == "ipv6" and self.chance(0.4):
            options["ipv6Only"] = True
        cloexec = self.chance(0.5)
        answer = self.world.order(worker, "make", protocol=protocol, family=family, options=options, cloexec=cloexec)
        sock = self._add(worker, answer, cloexec)
        self.world.step("created", worker.pid, answer["during"], sock)
        return worker, answer["fd"], sock

    def _add(self, worker: Worker, answer: Answer, cloexec: bool) -> Sock:
        sock = Sock(answer["inode"], worker.pid, {})
        self.world.socks[sock.inode] = sock
        self.world.gain(sock, (worker.pid, answer["fd"]), Descriptor("created", None, cloexec, answer["during"]))
        self.world.learn(sock)
        return sock

    def _attempt(self, operation: str, worker: Worker, fd: int, sock: Sock, where: End) -> None:
        """A bind or listen, with the truth about it where it is refused."""
        address, port = where
        before = self.world.rows()
        self.remains = sum(row.state == "TIME_WAIT" for row in before.values())
        asked = {"address": address, "port": port} if operation == "bind" else {}
        answer = self.world.order(worker, operation, fd=fd, **asked)
        if answer["errno"]:
            patient = self.report is not None and self.chance(0.35)
            refused(self.world, worker, fd, sock, (operation, where), answer, before, patient)
            if patient:
                self.wait_for_report()
            return
        sock.opener = sock.opener or worker.pid
        sock.locked = sock.locked or (operation == "bind" and port != 0)
        sock.listening = operation == "listen"
        self.world.step("bound" if operation == "bind" else "listened", worker.pid, answer["during"], sock)
        self.world.learn(sock)

    def _end_by(self, worker: Worker, fd: int) -> None:
        """Most connections end by a RST: what stays in TIME_WAIT stays for a minute."""
        if self.chance(0.9 if self.remains > MOST_REMAINS else 0.6):
            self.world.order(worker, "end by", fd=fd, reset=True)

    def _connect_udp(self) -> None:
        found = self.held(lambda sock: sock.protocol == "udp") or self._made(self.worker(), "udp", "ipv4")
        worker, fd, sock = found
        self.world.order(worker, "connect", fd=fd, address="::1" if sock.facts["family"] == "ipv6" else "127.0.0.1", port=DISCARD)
        self.world.learn(sock)

    def _arrived(self, client: Sock, waiting: dict[int | None, int]) -> None:
        """Note whose connection it has become: until it is accepted, no process can say."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            for row in self.world.rows().values():
                if row.state == "LISTEN" and row.waiting > waiting.get(row.inode, row.waiting):
                    facts = self.world.socks[row.inode].facts
                    name, peer = (_as(facts["family"], client.facts[which]) for which in ("peer", "name"))
                    nobody = {"inode": None, "creator": None, "opener": None}
                    self.world.connections[connection(name, peer)] = facts | nobody | {"name": name, "peer": peer}
                    return
            time.sleep(A_MOMENT_SECONDS)
        raise Confused("nobody got the connection")


def _as(family: str, end: End) -> End:
    """The same end to a socket of that family."""
    address, port = end
    if family == "ipv6":
        return address if ":" in address else MAPPED + address, port
    return address.removeprefix(MAPPED), port
