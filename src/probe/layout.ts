import { fail, ok, type Result } from "../base/result.ts";
import type { KernelTraits } from "../core/conflict.ts";
import type { Btf } from "./btf.ts";

/** Names of the values that the prelude defines for the programs in bpf/, taken from the running kernel's BTF. */
export interface Layout extends KernelTraits {
  defines: Record<string, string>;
  /** Which walk fits: kernels from 6.8 keep owners in second buckets by address. */
  walk: "bhash2" | "owners";
}

/** What the rule of this kernel depends on: whether TCP has buckets by address, and whether there is sock_i_uid (up to 6.16). */
export function traitsOf(btf: Btf): KernelTraits {
  return { bhash2: btf.sizeOf("inet_bind2_bucket") !== undefined, orphanUidIsZero: btf.hasFunction("sock_i_uid") };
}

/** Byte offsets that the programs add themselves, because bpftrace 0.17 has no offsetof. */
const OFFSETS: Readonly<Record<string, string>> = {
  OFF_SKC_FAMILY: "sock_common.skc_family",
  OFF_SKC_PORTPAIR: "sock_common.skc_hash",
  OFF_SKC_V6_LOCAL: "sock_common.skc_v6_rcv_saddr",
  OFF_SKC_V6_PEER: "sock_common.skc_v6_daddr",
  OFF_SKC_BIND_NODE: "sock_common.skc_bind_node",
  OFF_SKC_NODE: "sock_common.skc_node",
  OFF_TB_NODE: "inet_bind_bucket.node",
  OFF_PID_NUMBERS: "pid.numbers",
  OFF_COMM: "task_struct.comm",
  OFF_SCM_FILES: "scm_fp_list.fp",
};

/** Every field whose offset the programs add, on any kernel: it has to begin with a byte. */
const ADDED = [
  ...Object.values(OFFSETS),
  ...["signal_struct.pids", "file.f_ref.refcnt.counter", "file.f_count.counter", "net.ipv4.udp_table", "inet_bind2_bucket.bhash_node"],
];

/** Fields that the programs name; a kernel that lacks one cannot be traced. */
const FIELDS = [
  "sock.sk_uid",
  "sock.sk_protocol",
  "sock.sk_socket",
  "sock.sk_shutdown",
  "sock.sk_reuseport_cb",
  "sock_reuseport.reuseport_id",
  "sock_reuseport.num_socks",
  "sock_reuseport.prog",
  "socket.file",
  "socket_alloc.vfs_inode",
  "inet_timewait_sock.tw_substate",
  "inet_timewait_sock.tw_timer.expires",
  "inet_bind_bucket.fastreuse",
  "inet_bind_bucket.fastuid",
  "net.hash_mix",
  "udp_table.hash",
  "udp_table.mask",
  "udp_hslot.head.first",
  "udp_hslot.count",
  "net.ipv4.tcp_death_row.hashinfo",
  "inet_hashinfo.bhash",
  "inet_bind_bucket.fastreuseport",
  "inet_bind_bucket.port",
  "inet_bind_bucket.ib_net",
  "inet_hashinfo.bhash_size",
  "net.ns.inum",
  "inode.i_mode",
  "inode.i_ino",
  "files_struct.fdt",
  "fdtable.fd",
  "fdtable.max_fds",
  "task_struct.files",
  "task_struct.signal",
  "task_struct.flags",
  "task_struct.exit_code",
  "file.f_inode",
  "file.private_data",
  "pid.level",
  "task_struct.nsproxy",
  "signal_struct.live.counter",
];

/** PIDTYPE_TGID (include/linux/pid_types.h): index of the process's own struct pid. */
const PIDTYPE_TGID = 1;

/**
 * Reads from BTF what the programs need. Nothing is chosen by version number. `udpTable`: address of the kernel's
 * udp_table, 0 where it is not known (before 6.2 no network namespace points to it).
 * The error names the field that this kernel lacks.
 */
export function readLayout(btf: Btf, udpTable: bigint): Result<Layout, string> {
  const missing = [...Object.values(OFFSETS), ...FIELDS].find((path) => !btf.member(path));
  if (missing) return fail(missing);
  const at = (path: string) => (btf.member(path)?.bitOffset ?? 0) / 8;
  const adjacent = adjacencyProblem(btf) ?? ADDED.find((path) => !Number.isInteger(at(path)));
  if (adjacent) return fail(adjacent);

  const defines: Record<string, string> = {};
  for (const [name, path] of Object.entries(OFFSETS)) defines[name] = String(at(path));
  const pids = btf.member("signal_struct.pids");
  if (!pids) return fail("signal_struct.pids");
  defines.OFF_TGID_PID = String(pids.bitOffset / 8 + PIDTYPE_TGID * 8);

  // Before 6.13 the count starts at 1 for one reference, from then on at 0.
  const counts = btf.member("file.f_ref.refcnt.counter")
    ? { path: "file.f_ref.refcnt.counter", base: 1 }
    : { path: "file.f_count.counter", base: 0 };
  if (!btf.member(counts.path)) return fail("file.f_count");
  defines.OFF_FILE_COUNT = String(at(counts.path));
  defines.FILE_COUNT_BASE = String(counts.base);

  // Since 6.2 a network namespace may have a table of its own.
  const ownTable = btf.member("net.ipv4.udp_table");
  if (ownTable) defines.UDP_TABLE = `(*(uint64*)($net+${ownTable.bitOffset / 8}))`;
  else if (udpTable !== 0n) defines.UDP_TABLE = `0x${udpTable.toString(16)}`;
  else return fail("net.ipv4.udp_table");

  const traits = traitsOf(btf);
  if (btf.member("inet_bind_bucket.bhash2")) {
    const absent = ["inet_bind2_bucket.owners", "inet_bind2_bucket.bhash_node"].find((path) => !btf.member(path));
    if (absent) return fail(absent);
    defines.OFF_TB2_NODE = String(at("inet_bind2_bucket.bhash_node"));
    return ok({ defines, walk: "bhash2", ...traits });
  }
  return btf.member("inet_bind_bucket.owners") ? ok({ defines, walk: "owners", ...traits }) : fail("inet_bind_bucket.owners");
}

/** The programs read neighbouring fields of struct sock_common as one word; the reader takes it apart again. */
function adjacencyProblem(btf: Btf): string | undefined {
  const at = (path: string) => (btf.member(path)?.bitOffset ?? Number.NaN) / 8;
  const family = at("sock_common.skc_family");
  const hash = at("sock_common.skc_hash");
  const expected: [string, number][] = [
    ["sock_common.skc_daddr", 0],
    ["sock_common.skc_rcv_saddr", 4],
    ["sock_common.skc_dport", hash + 4],
    ["sock_common.skc_num", hash + 6],
    ["sock_common.skc_state", family + 2],
    ["sock_common.skc_reuse", family + 3],
    ["sock_common.skc_reuseport", family + 3.5],
    ["sock_common.skc_ipv6only", family + 3.625],
    ["sock_common.skc_bound_dev_if", family + 4],
    ["udp_hslot.head.first", 0],
  ];
  return expected.find(([path, offset]) => at(path) !== offset)?.[0];
}
