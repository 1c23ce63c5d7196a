"""An io_uring with room for one request at a time, made with the system calls themselves."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSYS, EPERM
from mmap import MAP_POPULATE, MAP_SHARED, mmap
from socket import inet_aton, socket
from struct import pack, pack_into, unpack_from

from parts.program import Lacking

IO_URING_SETUP, IO_URING_ENTER = 425, 426
SQES = 0x10000000
ENTER_GETEVENTS = 1
OP_BIND, OP_LISTEN = 56, 57
AF_INET = 2

_libc = ctypes.CDLL(None, use_errno=True)


class Ring:
    """Both queues are pages that are shared with the kernel; the offsets in them come from io_uring_setup."""

    def __init__(self) -> None:
        parameters = ctypes.create_string_buffer(120)
        self.fd = _libc.syscall(IO_URING_SETUP, 1, parameters)
        if self.fd == -1:
            code = ctypes.get_errno()
            raise OSError(code, f"io_uring_setup: {os.strerror(code)}")
        # struct io_sqring_offsets at 40 and io_cqring_offsets at 80
        self.tail, self.mask, self.array = (unpack_from("I", parameters, 40 + at)[0] for at in (4, 8, 24))
        self.done, self.done_mask, self.results = (unpack_from("I", parameters, 80 + at)[0] for at in (0, 8, 20))
        # Separate mappings, which every kernel has; a page is enough for either.
        self.submissions = mmap(self.fd, 4096, MAP_SHARED | MAP_POPULATE, offset=0)
        self.completions = mmap(self.fd, 4096, MAP_SHARED | MAP_POPULATE, offset=0x8000000)
        self.requests = mmap(self.fd, 4096, MAP_SHARED | MAP_POPULATE, offset=SQES)

    def close(self) -> None:
        for shared in (self.submissions, self.completions, self.requests):
            shared.close()
        os.close(self.fd)

    def submit(self, opcode: int, fd: int, *, address: int = 0, second: int = 0, length: int = 0) -> int:
        """Result of one request, which the kernel carries out before the call returns."""
        pack_into("BBHiQQI36x", self.requests, 0, opcode, 0, 0, fd, second, address, length)
        (tail,) = unpack_from("I", self.submissions, self.tail)
        (mask,) = unpack_from("I", self.submissions, self.mask)
        pack_into("I", self.submissions, self.array + 4 * (tail & mask), 0)
        pack_into("I", self.submissions, self.tail, tail + 1)
        if _libc.syscall(IO_URING_ENTER, self.fd, 1, 1, ENTER_GETEVENTS, None, 0) == -1:
            code = ctypes.get_errno()
            raise OSError(code, f"io_uring_enter: {os.strerror(code)}")
        (head,) = unpack_from("I", self.completions, self.done)
        (mask,) = unpack_from("I", self.completions, self.done_mask)
        (result,) = unpack_from("i", self.completions, self.results + 16 * (head & mask) + 8)
        pack_into("I", self.completions, self.done, head + 1)
        return result

    def bind(self, sock: socket, host: str, port: int) -> int:
        address = ctypes.create_string_buffer(pack("=H", AF_INET) + pack(">H", port) + inet_aton(host) + bytes(8), 16)
        return self.submit(OP_BIND, sock.fileno(), address=ctypes.addressof(address), second=len(address))

    def listen(self, sock: socket) -> int:
        return self.submit(OP_LISTEN, sock.fileno(), length=128)


@contextmanager
def fresh_ring() -> Iterator[Ring]:
    try:
        ring = Ring()
    except OSError as error:
        if error.errno not in (EPERM, ENOSYS):
            raise
        raise Lacking(f"io_uring is switched off: {error}") from None
    try:
        yield ring
    finally:
        ring.close()
