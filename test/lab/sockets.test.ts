import { describe, it } from "vitest";
import { labProblem, useLab } from "../helpers/lab-session.ts";

describe.skipIf(labProblem !== null)("a bind in the lab", () => {
  const { says } = useLab();

  it("is refused a port that another process has", () =>
    says(`
      fork p1
      p1: socket a tcp 4
      p1: bind a 127.0.0.1 8080 -> ok port=8080
      socket a tcp 4
      bind a 127.0.0.1 8080     -> EADDRINUSE
      bind a 127.0.0.2 8080     -> ok port=8080
    `));
  it("shares with SO_REUSEADDR until one listens", () =>
    says(`
      socket a tcp 4
      set a reuseaddr 1
      bind a 0.0.0.0 8080
      socket b tcp 4
      set b reuseaddr 1
      bind b 0.0.0.0 8080
      listen a 5
      listen b              -> EADDRINUSE
    `));
  it("shares with SO_REUSEPORT among sockets of one user", () =>
    says(`
      socket a udp 4
      set a reuseport 1
      bind a 0.0.0.0 8080
      user 65534
      socket b udp 4
      set b reuseport 1
      bind b 0.0.0.0 8080   -> EADDRINUSE
      user 0
      socket c udp 4
      set c reuseport 1
      bind c 0.0.0.0 8080   -> ok port=8080
    `));
  it("is refused to a binder that is in a reuseport group of its own by an attached program", () =>
    says(`
      socket a udp 4
      set a reuseport 1
      bind a 127.0.0.1 8080
      socket b udp 4
      set b reuseport 1
      attach b
      bind b 127.0.0.1 8080 -> EADDRINUSE
      attach a
      detach a
      detach a              -> ENOENT
    `));
  it("is refused an IPv4 address by a dual-stack socket, mapped or not, unless that is IPv6 only", () =>
    says(`
      socket a tcp 6
      bind a :: 8080
      socket b tcp 4
      bind b 127.0.0.1 8080          -> EADDRINUSE
      socket c tcp 6
      bind c ::ffff:127.0.0.1 8080   -> EADDRINUSE
      close a
      socket a tcp 6
      set a v6only 1
      bind a :: 8080                 -> ok port=8080
      bind c ::ffff:127.0.0.1 8080   -> ok port=8080
      bind b 127.0.0.1 8080          -> EADDRINUSE
    `));
  it("keeps sockets of different devices apart", () =>
    says(`
      ip link add eth7 type veth
      ip link set eth7 up
      ip address add 2001:db8::1/64 dev eth7 nodad
      ip address add fe80::7/64 dev eth7 nodad
      socket a tcp 4
      set a device lo
      bind a 0.0.0.0 8080
      socket b tcp 4
      set b device lo
      bind b 0.0.0.0 8080       -> EADDRINUSE
      set b device eth7
      bind b 0.0.0.0 8080       -> ok port=8080
      socket c tcp 6
      bind c 2001:db8::1 9000   -> ok port=9000
      socket d tcp 6
      bind d fe80::7 9000       -> EINVAL
      bind d fe80::7 9000 eth7  -> ok port=9000
      bind d fe80::7 9000 eth9  -> error: there is no device eth9
      ip link add eth7 type veth -> error: ip failed: RTNETLINK answers: File exists
    `));
  it("forces its way with TCP_REPAIR", () =>
    says(`
      socket a tcp 4
      bind a 0.0.0.0 8080
      listen a
      socket b tcp 4
      bind b 0.0.0.0 8080   -> EADDRINUSE
      set b repair 1
      bind b 0.0.0.0 8080   -> ok port=8080
    `));
  it("takes a port from the range, with IP_BIND_ADDRESS_NO_PORT none", () =>
    says(`
      sysctl net.ipv4.ip_local_port_range 40000 40000
      socket a udp 4
      bind a 0.0.0.0 0      -> ok port=40000
      socket b udp 4
      bind b 0.0.0.0 0      -> EADDRINUSE
      set b bind_no_port 1
      bind b 127.0.0.1 0    -> ok port=0
    `));
  it("has MPTCP as well", () =>
    says(`
      socket a mptcp 4
      bind a 127.0.0.1 8080
      listen a
      socket b tcp 4
      bind b 127.0.0.1 8080 -> EADDRINUSE
    `));
});
