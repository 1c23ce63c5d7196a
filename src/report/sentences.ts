import type { AdviceCode } from "../core/advice.ts";
import type { Rule } from "../core/conflict.ts";
import type { State } from "../core/event.ts";
import type { FailureRecord } from "../core/record.ts";

/** The only prose about sockets: one sentence a code. */

export const RULE_SENTENCES: Readonly<Record<Rule, string>> = {
  listening: "a socket that listens has the port, and the two have not both opted into sharing it (SO_REUSEPORT)",
  "reuseaddr-but-listening": "both have SO_REUSEADDR, but that never shares a port with a socket that listens",
  bound: "the port is taken, and neither socket has SO_REUSEADDR or SO_REUSEPORT",
  "binder-lacks-reuseaddr": "the socket that is there has SO_REUSEADDR, the new one has not; sharing needs it on both",
  "owner-lacks-reuseaddr": "the new socket has SO_REUSEADDR, the one that is there has not; sharing needs it on both",
  "time-wait-binder-lacks-reuseaddr": "an old connection in TIME_WAIT keeps the port, because the new socket has no SO_REUSEADDR",
  "time-wait-owner-lacked-reuseaddr":
    "the new socket has SO_REUSEADDR, but the old one had not when its connection went into TIME_WAIT; it needs it on both",
  "binder-lacks-reuseport": "the socket that is there has SO_REUSEPORT, the new one has not; sharing needs it on both",
  "owner-lacks-reuseport": "the new socket has SO_REUSEPORT, the one that is there has not; sharing needs it on both",
  "reuseport-other-user": "both have SO_REUSEPORT, but they were created by different users, and the kernel shares within one user only",
  "binder-already-in-group": "the new socket is in a reuseport group already, so it cannot join another",
  "autobind-needs-exclusive": "the kernel chooses a free port only where no socket has the address at all",
  "ports-exhausted": "no port was left in net.ipv4.ip_local_port_range for this address",
  "no-owner-found": "no socket that conflicts was found among the owners of the port, so nobody is blamed",
  "not-a-conflict": "this is no conflict over the port",
};

/** reuseport-other-user where one user created both (sock_i_uid, kernels up to 6.16). */
export const ORPHAN_SENTENCE =
  "both have SO_REUSEPORT, but this kernel counts a socket that no process holds as root's, and shares within one user only";

/** What stands behind a socket that no process has. */
export const NATURE_SENTENCES = {
  "in-flight":
    "no process has a descriptor of it, and yet it is referred to: it is under way over a unix socket (SCM_RIGHTS), or a system call still uses it",
  kernel: "no process has it: it is a socket of the kernel itself (NFS, a tunnel, another module)",
} as const;

/** Until when the kernel keeps a connection that no process has (tcp(7), tcp_close, inet_csk_listen_stop). */
export const ORPHAN_SENTENCES: Readonly<Partial<Record<State, string>>> = {
  SYN_RECV: "no process has accepted it yet: it goes with its listener",
  ESTABLISHED: "no process has accepted it yet: it goes with its listener",
  CLOSE_WAIT: "no process has accepted it yet: it goes with its listener",
  FIN_WAIT1: "its process has closed it; the kernel sends the rest, until the other end answers or net.ipv4.tcp_orphan_retries are used up",
  FIN_WAIT2: "its process has closed it; the kernel waits for the other end to close, net.ipv4.tcp_fin_timeout at most",
  CLOSING: "its process has closed it; the kernel waits for the other end's last answer, until net.ipv4.tcp_orphan_retries are used up",
  LAST_ACK: "its process has closed it; the kernel waits for the other end's last answer, until net.ipv4.tcp_orphan_retries are used up",
};

/** ports-exhausted where a datagram socket without a port wanted one (inet_autobind). */
export const AGAIN_SENTENCE = "connect and sendto report that as EAGAIN";

/** Why a bind fails with another error than EADDRINUSE (bind(2), and the checks of __inet_bind). */
const CAUSES: Readonly<Record<string, string>> = {
  EADDRINUSE: "the kernel's own search for the port did not fail, so a cgroup program or a security module returned the error",
  EACCES:
    "the port is below net.ipv4.ip_unprivileged_port_start and the process has no CAP_NET_BIND_SERVICE, or a security module refused it",
  EPERM: "a cgroup program or a security module forbids it",
  EADDRNOTAVAIL: "the address does not belong to this machine (network namespace)",
  EINVAL: "the socket is bound already, or the address does not fit it",
  EAFNOSUPPORT: "the address is of another family than the socket",
  ENODEV: "the network interface does not exist",
  EOPNOTSUPP: "this kind of socket cannot listen",
};

export function causeOf(errno: string): string {
  return CAUSES[errno] ?? "the kernel gave another reason";
}

/** Where the verdict on a refused call comes from. */
export const EVIDENCE_SENTENCES: Readonly<Record<FailureRecord["evidence"], string>> = {
  bucket: "a look at the owners of the port",
  table: "earlier events; the look at the owners of the port did not show the blocker",
  none: "no socket is blamed",
};

/** A recording that was killed, or copied while it went on. */
export const CUT_SENTENCE = "the trace was cut: its recording ended without a last line";

/** bpftrace ended by itself. */
export const earlyEnd = (reason: string) => `the recording ended early: ${reason}`;

/** How advice reads after "would help"; the target tells whose change it is. */
export const ADVICE_SENTENCES: Readonly<Record<AdviceCode, string>> = {
  "wait-for-time-wait": "waiting for TIME_WAIT to end",
  "close-owner": "closing the blocking socket in every process that holds it",
  "peer-closes": "letting the other end close the connection first, so that no TIME_WAIT stays here",
  "reuseaddr-on-binder": "SO_REUSEADDR on the new socket",
  "reuseaddr-on-owner": "SO_REUSEADDR on the socket that has the port (for a connection: on the listener it came from)",
  "reuseaddr-on-both": "SO_REUSEADDR on both sockets",
  "reuseport-on-binder": "SO_REUSEPORT on the new socket",
  "reuseport-on-owner": "SO_REUSEPORT on the socket that has the port",
  "reuseport-on-both": "SO_REUSEPORT on both, created by the same user",
  "same-user": "creating all sockets of the port as the user of the new one",
  "ipv6only-on-binder": "IPV6_V6ONLY on the new socket, so that it leaves IPv4 alone",
};
