"""Other processes of a situation: children that do what they are told step by step, and a server in Perl."""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from lab import PATIENCE_SECONDS, expect

PR_SET_CHILD_SUBREAPER = 36
PERL_SERVER = r"""
my ($host, $port, @options) = @ARGV;
my $family = $host =~ /:/ ? AF_INET6 : AF_INET;
my $address = inet_pton($family, $host);
socket(my $server, $family, SOCK_STREAM, 0) or die $!;
setsockopt($server, SOL_SOCKET, $_, 1) or die $! for @options;
bind($server, $family == AF_INET6 ? pack_sockaddr_in6($port, $address) : pack_sockaddr_in($port, $address)) or die $!;
listen($server, 5) or die $!;
syswrite STDOUT, (stat $server)[1] . "\n";
<STDIN>;
"""


class Child:
    """A child process with a generator, which it runs only as far as it is told."""

    def __init__(self, steps: Iterator[Any]) -> None:
        reports, reporter = os.pipe()
        orders, self._orders = os.pipe()
        self._ended = False
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._orders)
            os._exit(_obey(steps, reporter, orders))
        os.close(reporter)
        os.close(orders)
        self._reports = open(reports, encoding="utf-8")

    def step(self) -> Any:
        """Have it run to its next yield, and return what it yields."""
        self.go_on()
        said = self._reports.readline()
        expect(said != "", "the child failed")
        return json.loads(said)

    def go_on(self) -> None:
        """The same without waiting, for what does not yield again: it becomes another program, or ends."""
        os.write(self._orders, b"\n")

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        expect(os.WTERMSIG(self._wait()) == signal.SIGKILL, "the child was not killed")

    def end(self) -> None:
        """Wait for its end, after which there is no step."""
        os.close(self._orders)
        self._reports.close()
        if not self._ended:
            expect(self._wait() == 0, "the child failed")

    def _wait(self) -> int:
        self._ended = True
        return os.waitpid(self.pid, 0)[1]


def _obey(steps: Iterator[Any], reporter: int, orders: int) -> int:
    try:
        with open(reporter, "w", encoding="utf-8") as parent:
            for _, said in zip(iter(lambda: os.read(orders, 1), b""), steps):
                print(json.dumps(said), file=parent, flush=True)
        return 0
    except BaseException as error:  # nothing may escape into the code of the parent
        print(f"child {os.getpid()}: {error!r}", file=sys.stderr)
        return 1


@contextmanager
def child_process(steps: Iterator[Any]) -> Iterator[Child]:
    """Run a generator in a child process: to a yield at each `step`, and on to its end when the block is done.

    If the block fails, the child ends without going on.
    """
    child = Child(steps)
    try:
        yield child
        with suppress(BrokenPipeError):  # it has become another program, or was killed
            child.go_on()
    finally:
        child.end()


@contextmanager
def other_process(steps: Iterator[Any]) -> Iterator[Any]:
    """The same with one step, already done: the block receives what the generator yields."""
    with child_process(steps) as child:
        yield child.step()


def forked_worker(lifeline: int, end_of_life: int) -> int:
    """Fork a worker that has every socket of this process, and ends when the pipe `end_of_life` is closed."""
    pid = os.fork()
    if pid == 0:
        os.close(end_of_life)
        os.read(lifeline, 1)
        os._exit(0)
    return pid


def adopt_orphans() -> None:
    """Descendants whose parent dies become children of this process, which then has to wait for them."""
    libc("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@contextmanager
def perl_server(host: str, port: int, *options: int) -> Iterator[int]:
    """Another program, started by a shell, listens there until the block is done, which receives the inode of its socket.

    In Perl, since that is part of every Debian.
    """
    modules = "-MSocket=:DEFAULT,inet_pton,pack_sockaddr_in6"
    # With something to do after it, the shell stays.
    arguments = ["sh", "-c", 'perl "$@"; exit $?', "sh", modules, "-e", PERL_SERVER, host, str(port), *map(str, options)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as perl:
        said = perl.stdout.readline()
        expect(said != b"", "the server in Perl failed")
        yield int(said)


def gone(process: int) -> None:
    """Wait for the end of the process behind that pidfd, which need not be a child."""
    expect(select.select([process], [], [], PATIENCE_SECONDS)[0] != [], "the process does not end")
    os.close(process)


def until(fact: Callable[[], bool], otherwise: str) -> None:
    """Wait for what no byte tells of."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not fact():
        expect(time.monotonic() < end, otherwise)
        os.sched_yield()


def libc(function: str, *arguments: int) -> int:
    """Call what Python 3.11 has no wrapper for."""
    result = ctypes.CDLL(None, use_errno=True)[function](*arguments)
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{function}: {os.strerror(code)}")
    return result
