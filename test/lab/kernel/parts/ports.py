"""The range from which the kernel chooses a port itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@contextmanager
def only(port: int) -> Iterator[None]:
    """In this network namespace the kernel can choose one port and no other.

    It says in its log that it would prefer a range with both even and odd ports. That is all it does about it.
    """
    before = RANGE.read_text(encoding="ascii")
    RANGE.write_text(f"{port} {port}\n", encoding="ascii")
    try:
        yield
    finally:
        RANGE.write_text(before, encoding="ascii")
