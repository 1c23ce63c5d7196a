"""A cgroup of one's own, with a BPF program at bind: bpf(2) by hand, since nothing else is to be installed."""

import ctypes
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EINVAL, ENOSYS
from pathlib import Path
from struct import pack

from lab import expect

from parts.program import Lacking

BPF = 321  # the system call, on x86-64
BPF_PROG_LOAD, BPF_LINK_CREATE = 5, 28
INET4_BIND, INET4_POST_BIND = 8, 12  # enum bpf_attach_type
PROGRAM_TYPE = {INET4_BIND: 18, INET4_POST_BIND: 9}  # BPF_PROG_TYPE_CGROUP_SOCK_ADDR and _SOCK
SET_RETVAL = 187  # bpf_set_retval, a helper for these two since 6.0
USER_PORT = 24  # offset in struct bpf_sock_addr, in network byte order

_libc = ctypes.CDLL(None, use_errno=True)


def instruction(opcode: int, to: int = 0, source: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    return pack("<BBhi", opcode, source << 4 | to, offset, immediate)


def returning(value: int) -> bytes:
    return instruction(0xB7, to=0, immediate=value) + instruction(0x95)  # r0 = value; exit


def rewriting(requested: int, port: int) -> bytes:
    """if (ctx->user_port == htons(requested)) ctx->user_port = htons(port); return 1"""
    return (
        instruction(0x61, to=2, source=1, offset=USER_PORT)  # r2 = ctx->user_port
        + instruction(0x55, to=2, offset=2, immediate=_network(requested))  # if r2 != …: skip two
        + instruction(0xB7, to=2, immediate=_network(port))  # r2 = …
        + instruction(0x63, to=1, source=2, offset=USER_PORT)  # ctx->user_port = r2
        + returning(1)
    )


def failing(errno: int) -> bytes:
    """bpf_set_retval(-errno); return 0"""
    return instruction(0xB7, to=1, immediate=-errno) + instruction(0x85, immediate=SET_RETVAL) + returning(0)


def _network(port: int) -> int:
    return port >> 8 | (port & 0xFF) << 8


def _bpf(command: int, attributes: bytes) -> int:
    result = _libc.syscall(BPF, command, ctypes.c_char_p(attributes), len(attributes))
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"bpf command {command}: {os.strerror(code)}")
    return result


def load(attach_type: int, code: bytes) -> int:
    """File descriptor of a program."""
    instructions, licence = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    addresses = ctypes.addressof(instructions), ctypes.addressof(licence)
    attributes = pack("=IIQQ", PROGRAM_TYPE[attach_type], len(code) // 8, *addresses)
    # No log, no kernel version, no flags; then the name, no device, and where it will be attached.
    attributes += pack("=IIQII16sII", 0, 0, 0, 0, 0, b"bindtrace_lab", 0, attach_type)
    return _bpf(BPF_PROG_LOAD, attributes)


def load_or_lack(attach_type: int, code: bytes, lacking: str) -> int:
    """The program, or Lacking, where the kernel takes a program there but not this one."""
    # In 5.10 the programs and maps of all root's processes count against this, those of a tracer too.
    with suppress(ValueError):  # not even root may, without CAP_SYS_RESOURCE
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        os.close(load(attach_type, returning(1)))
    except OSError as error:
        expect(error.errno in (EINVAL, ENOSYS), str(error))
        raise Lacking(f"no BPF program at bind in this kernel: {error}") from None
    try:
        return load(attach_type, code)
    except OSError as error:
        expect(error.errno == EINVAL, str(error))
        raise Lacking(lacking) from None


@contextmanager
def fresh_cgroup() -> Iterator[Path]:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    root = next((Path(point) for _, point, kind, *_ in mounts if kind == "cgroup2"), None)
    if root is None:
        raise Lacking("no cgroup2 is mounted")
    folder = root / f"bindtrace-lab-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        raise Lacking(f"no cgroup can be made: {error}") from None
    try:
        yield folder
    finally:
        folder.rmdir()


@contextmanager
def attached(program: int, attach_type: int, cgroup: Path) -> Iterator[None]:
    """While the block runs, and no longer than this process lives."""
    folder = os.open(cgroup, os.O_RDONLY)
    link = _bpf(BPF_LINK_CREATE, pack("=IIII", program, folder, attach_type, 0))
    os.close(folder)
    try:
        yield
    finally:
        os.close(link)
