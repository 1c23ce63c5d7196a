import { type Finding, good, note } from "./finding.ts";
import type { KernelMessage } from "./survey.ts";

interface Kind {
  code: string;
  pattern: RegExp;
  means: string;
  mend: string;
}

/**
 * Kernel messages that bear on ports. Sources: `tcp_syn_flood_action` (net/ipv4/tcp_input.c), `tcp_check_oom`
 * (net/ipv4/tcp.c), `__nf_conntrack_alloc`, `slab_out_of_memory` (mm/slub.c), the audit records of AppArmor and
 * SELinux. From 5.10 on too many TIME_WAIT sockets are a counter instead, see sysctl-notes.ts.
 */
const KINDS: readonly Kind[] = [
  {
    code: "syn-flood",
    pattern: /Possible SYN flooding on port/,
    means: "connections came faster than a listener accepted them: its port is taken by it as ever, and no bind is refused for it",
    mend: "if that was no attack, let the program accept faster or listen with a larger backlog (net.core.somaxconn bounds it)",
  },
  {
    code: "time-wait-overflow",
    pattern: /time wait bucket table overflow/,
    means: "more connections than net.ipv4.tcp_max_tw_buckets: those went without TIME_WAIT, and their ports were free at once",
    mend: "raise net.ipv4.tcp_max_tw_buckets",
  },
  {
    code: "too-many-orphans",
    pattern: /too many orphaned sockets/,
    means:
      "more closed connections that no process holds than net.ipv4.tcp_max_orphans: they were reset, and their ports were free at once",
    mend: "find out which program closes so many, or raise net.ipv4.tcp_max_orphans",
  },
  {
    code: "tcp-memory",
    pattern: /TCP: out of (socket )?memory|[Oo]ut of socket memory/,
    means: "TCP's memory was used up: closed connections were reset, and their ports were free at once",
    mend: "find out which sockets hold so much (ss -m), or raise net.ipv4.tcp_mem",
  },
  {
    code: "conntrack-full",
    pattern: /nf_conntrack: table full/,
    means: "packets were dropped, so connections took longer to close, and kept their ports meanwhile",
    mend: "raise net.netfilter.nf_conntrack_max",
  },
  {
    code: "bucket-allocation",
    pattern: /cache: tcp_bind2?_bucket/,
    means: "the kernel had no memory for a bind bucket: a bind then says EADDRINUSE though nobody has the port",
    mend: "free memory, or raise vm.min_free_kbytes, and bind again",
  },
  {
    code: "security-module",
    pattern: /apparmor="DENIED" operation="(bind|listen)"|avc:\s+denied\s+\{[^}]*\bname_bind\b/,
    means: "a security module refused a bind: it says EACCES, never EADDRINUSE",
    mend: "allow it in the program's AppArmor or SELinux policy",
  },
];

/** How many messages are shown. */
const LAST = 5;

/** What the last messages about sockets mean for bind: one finding a kind, in the order of the messages. */
export function kernelLogFindings(messages: readonly KernelMessage[] | null): Finding[] {
  if (messages === null) {
    return [note("kernel-log", "the kernel's messages cannot be read", "read them as root, outside of a container: dmesg | grep TCP")];
  }
  const known = messages.flatMap((message) => {
    const kind = KINDS.find(({ pattern }) => pattern.test(message.text));
    return kind ? [{ kind, message }] : [];
  });
  if (known.length === 0) return [good("kernel-log", `none of the kernel's ${messages.length} messages is about sockets`)];
  const shown = known.slice(-LAST);
  return [...new Set(shown.map(({ kind }) => kind))].map((kind) => {
    const lines = shown.filter((line) => line.kind === kind).map(({ message }) => `[${message.at.toFixed(6)}] ${message.text}`);
    return note(kind.code, kind.means, kind.mend, lines);
  });
}
