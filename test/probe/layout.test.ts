import { describe, expect, it } from "vitest";
import type { Btf } from "../../src/probe/btf.ts";
import { readLayout } from "../../src/probe/layout.ts";

/** Bytes from the start of struct sock_common, as on x86-64 from 5.10 to 7.3. */
const SOCK_COMMON: Record<string, number> = {
  skc_daddr: 0,
  skc_rcv_saddr: 4,
  skc_hash: 8,
  skc_dport: 12,
  skc_num: 14,
  skc_family: 16,
  skc_state: 18,
  skc_reuse: 19,
  skc_reuseport: 19.5,
  skc_ipv6only: 19.625,
  skc_bound_dev_if: 20,
  skc_bind_node: 24,
  skc_v6_daddr: 56,
  skc_v6_rcv_saddr: 72,
};

/** A kernel of today that has every field, but for those that are taken away or moved. */
function kernel(change: { without?: string[]; moved?: Record<string, number>; functions?: string[] } = {}): Btf {
  const common = Object.fromEntries(Object.entries(SOCK_COMMON).map(([name, at]) => [`sock_common.${name}`, at]));
  const offsets: Record<string, number> = { ...common, "udp_hslot.head.first": 0, ...change.moved };
  const has = (path: string) => !change.without?.some((gone) => path === gone || path.startsWith(`${gone}.`));
  return {
    member: (path: string) => (has(path) ? { bitOffset: (offsets[path] ?? 32) * 8, typeId: 1 } : undefined),
    sizeOf: (struct: string) => (has(struct) ? 64 : undefined),
    hasFunction: (name: string) => change.functions?.includes(name) === true,
  } as Btf;
}
const layoutOf = (change: Parameters<typeof kernel>[0]) => readLayout(kernel(change), 0n);

describe("a field that is missing", () => {
  it.each([
    "sock.sk_uid",
    "sock_common.skc_bind_node",
    "inet_timewait_sock.tw_timer.expires",
    "net.ipv4.tcp_death_row.hashinfo",
    "task_struct.comm",
    "signal_struct.pids",
    "inet_bind2_bucket.owners",
    "inet_bind2_bucket.bhash_node",
  ])("%s is named", (path) => {
    expect(layoutOf({ without: [path] })).toEqual({ ok: false, error: path });
  });

  it("is that of either kind of bucket", () => {
    expect(layoutOf({ without: ["inet_bind_bucket.bhash2", "inet_bind_bucket.owners"] })).toEqual({
      ok: false,
      error: "inet_bind_bucket.owners",
    });
  });

  it("is that of either kind of file reference", () => {
    expect(layoutOf({ without: ["file.f_ref", "file.f_count"] })).toEqual({ ok: false, error: "file.f_count" });
  });
});

it.each(Object.keys(SOCK_COMMON).filter((name) => !/hash|family|bind_node|v6/.test(name)))("a %s that is elsewhere is named", (name) => {
  const path = `sock_common.${name}`;
  expect(layoutOf({ moved: { [path]: (SOCK_COMMON[name] ?? 0) + 100 } })).toEqual({ ok: false, error: path });
});

it("a list that is not at the start of its UDP slot is named", () => {
  expect(layoutOf({ moved: { "udp_hslot.head.first": 8 } })).toEqual({ ok: false, error: "udp_hslot.head.first" });
});

it.each(["pid.numbers", "signal_struct.pids", "file.f_ref.refcnt.counter", "net.ipv4.udp_table", "inet_bind2_bucket.bhash_node"])(
  "a %s that begins within a byte is named: no program can add half a byte",
  (path) => {
    expect(layoutOf({ moved: { [path]: 32.5 } })).toEqual({ ok: false, error: path });
  },
);

describe("what differs between kernels", () => {
  const good = (change: Parameters<typeof kernel>[0]) => {
    const layout = layoutOf(change);
    if (!layout.ok) throw new Error(layout.error);
    return layout.value;
  };

  it.each([
    ["6.8 and later", [], { walk: "bhash2", bhash2: true }],
    ["6.1 to 6.7", ["inet_bind_bucket.bhash2"], { walk: "owners", bhash2: true }],
    ["5.10", ["inet_bind_bucket.bhash2", "inet_bind2_bucket"], { walk: "owners", bhash2: false }],
  ])("the walk of %s", (_, without, expected) => {
    expect(good({ without })).toMatchObject(expected);
  });

  it("how references to a file are counted", () => {
    expect(good({}).defines.FILE_COUNT_BASE).toBe("1");
    expect(good({ without: ["file.f_ref"] }).defines.FILE_COUNT_BASE).toBe("0");
  });

  it("whose an orphan is", () => {
    expect(good({}).orphanUidIsZero).toBe(false);
    expect(good({ functions: ["sock_i_uid"] }).orphanUidIsZero).toBe(true);
  });

  it("offsets, in bytes", () => {
    expect(good({ moved: { "pid.numbers": 112, "signal_struct.pids": 200 } }).defines).toMatchObject({
      OFF_SKC_FAMILY: "16",
      OFF_SKC_V6_LOCAL: "72",
      OFF_PID_NUMBERS: "112",
      // The second of the pids: PIDTYPE_TGID.
      OFF_TGID_PID: "208",
    });
  });
});
