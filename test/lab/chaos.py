"""Random life on a few ports: servers and children start and end, bind, connect, and pass descriptors to each other.

Usage: chaos.py SECONDS PORT... [--seed N]. It wants root and a network namespace of its own. What it does depends on the seed
and on what the kernel answers. Stdout has the truth, one JSON object a line (life/README.md). With REPORT in the environment, the
file that bindtrace reports to, it waits after about every third refusal until that has been reported, so that nothing changes
before bindtrace has looked for the holders.
"""

import argparse
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from life.processes import DescriptorActions, ProcessActions
from life.sockets import SocketActions
from life.world import Confused, World

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
FIRST_WORKERS = 4
MOST_SOCKETS = 48
PORTS_OF_THE_KERNEL = 28


class Chaos(SocketActions, DescriptorActions, ProcessActions):
    def act(self) -> None:
        crowded = len(self.world.socks) > MOST_SOCKETS
        actions: dict[Callable[[], None], float] = {
            self.bind: 30,
            self.listen: 10,
            self.connect: 0 if crowded else 10,
            self.accept: 8,
            self.hang_up: 3,
            self.abandon: 5,
            self.close: 40 if crowded else 12,
            self.option: 3,
            self.duplicate: 3,
            self.send: 7,
            self.receive: 3,
            self.drop_link: 1,
            self.take: 3,
            self.start: 4,
            self.fork: 4,
            self.execute: 2,
            self.become: 2,
            self.stop: 1,
            self.go_on: 2,
            self.end: 6,
        }
        self.random.choices(list(actions), list(actions.values()))[0]()


def direct(seconds: float, ports: list[int], seed: int) -> int:
    """The director: everything happens by its orders, one after the other."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # The ports that the kernel chooses are among these, so that outgoing connections are in the way too.
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(f"{min(ports)} {max(ports) + PORTS_OF_THE_KERNEL}")
    report = os.environ.get("REPORT")
    world = World(ports)
    chaos = Chaos(world, seed, Path(report) if report else None)
    for _ in range(FIRST_WORKERS):
        world.start()
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            chaos.act()
    except Confused as error:
        print(f"chaos.py: seed {seed}: {error}", file=sys.stderr)
        return 1
    chaos.wait_for_report()
    world.say(type="end", seed=seed, refusals=world.refusals, orders=world.orders)
    sys.stdout.flush()
    return 0


def prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def children() -> list[int]:
    return [int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=float)
    parser.add_argument("ports", type=int, nargs="+")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**31)
    options = parser.parse_args()
    if Path("/proc/net/route").read_text().count("\n") > 1:
        parser.error("this network namespace has routes, and it wants one of its own: unshare --net")
    # Whoever loses its parent becomes a child of this process, which leaves none behind.
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(1))
    director = os.fork()
    if director == 0:
        os._exit(direct(options.seconds, options.ports, options.seed))
    try:
        while (ended := os.wait())[0] != director:
            pass
        return os.waitstatus_to_exitcode(ended[1])
    finally:
        while left := children():
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            os.wait()


if __name__ == "__main__":
    sys.exit(main())
