"""A UDP server attaches the program that steers its reuseport group before it binds.

A socket with such a program is in a reuseport group of its own already, and cannot join that of the running server,
although both have SO_REUSEPORT and the same user. Attached after the bind, the program goes to the common group.
"""

import ctypes
import sys
from socket import IPPROTO_UDP, SO_REUSEPORT, SOL_SOCKET, socket
from struct import pack

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, bound, owner, refused_bind_of, run, unbound

SO_ATTACH_REUSEPORT_CBPF = 51
TO_THE_FIRST_MEMBER = pack("HBBI", 0x06, 0, 0, 0)  # BPF_RET | BPF_K, 0


def steer(sock: socket) -> None:
    program = ctypes.create_string_buffer(TO_THE_FIRST_MEMBER)
    sock.setsockopt(SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, pack("HP", 1, ctypes.addressof(program)))


def udp_binder_in_group(port: int) -> None:
    with unbound(IPV4_ANY, SO_REUSEPORT, protocol=IPPROTO_UDP) as binder:
        steer(binder)
        with bound(IPV4_ANY, port, SO_REUSEPORT, protocol=IPPROTO_UDP) as first:
            refused_bind_of(binder, IPV4_ANY, port, by=[owner(first, "BOUND", "binder-already-in-group")])
            with bound(IPV4_ANY, port, SO_REUSEPORT, protocol=IPPROTO_UDP) as third:
                steer(third)
        binder.bind((IPV4_ANY, port))


run(udp_binder_in_group)
