import { describe, expect, it } from "vitest";
import { isOptionalProbe, type OptionalProbe, WITHOUT_PROBE } from "../../src/core/probes.ts";
import { expandBlocks, findHooks, type Hook, type Hooks, type ProbeKind } from "../../src/probe/hooks.ts";
import { column, KERNELS, type Kernel, kernelFixture, type Row } from "./kernels.ts";

interface Change {
  without?: OptionalProbe[];
  /** Names that this kernel's list of symbols lacks. */
  gone?: string[];
  /** What its compiler made of them: `.isra.0` and the like, by name. */
  copied?: Record<string, string>;
}

function found(kernel: Kernel, kind: ProbeKind, { without = [], gone = [], copied = {} }: Change = {}) {
  const { btf, kallsyms } = kernelFixture(kernel);
  const lines = kallsyms.split("\n").filter((line) => !gone.some((name) => line.endsWith(` ${name}`)));
  const symbols = lines.map((line) => line.replace(/ (\w+)$/, (symbol, name: string) => symbol + (copied[name] ?? "")));
  return findHooks(kind, { btf, kallsyms: Buffer.from(symbols.join("\n")), without });
}

function hooksOf(...[kernel, kind, change]: Parameters<typeof found>): Hooks {
  const hooks = found(kernel, kind, change);
  if ("lacks" in hooks) throw new Error(hooks.lacks);
  return hooks;
}

const [V5_10, V6_1, , , V7_2] = KERNELS;
const OPTIONAL = Object.keys(WITHOUT_PROBE).filter(isOptionalProbe);
const WITH_BHASH2: readonly string[] = ["inet_bhash2_addr_any_conflict", "inet_bind_conflict"];

describe.each(KERNELS)("%s", (kernel) => {
  /** What is not simply attached to by fentry under its own name. */
  const ODD: Record<string, Row<string | null>> = {
    //                5.10     6.1   6.12  6.18  7.2
    sk_setsockopt: ["absent", null, null, null, null],
    // These take a struct by value, which trampolines of 5.10 cannot pass.
    sock_setsockopt: ["kprobe:sock_setsockopt", null, null, null, null],
    ipv6_setsockopt: ["kprobe:ipv6_setsockopt", null, null, null, null],
    udp_lib_lport_inuse: [null, null, null, ...twice("kprobe:udp_lib_lport_inuse.isra.0")],
    inet_bhash2_addr_any_conflict: ["absent", null, null, null, null],
    inet_bind_conflict: ["absent", null, null, null, null],
  };
  const odd = column(ODD, kernel);
  const expected = (kind: ProbeKind) => {
    const plain = ["inet_csk_get_port", "find_vpid", ...OPTIONAL].map((name) => [name, `${kind}:${name}`] as const);
    const all = { ...Object.fromEntries(plain), ...odd };
    return Object.fromEntries(Object.entries(all).filter(([, place]) => place !== "absent"));
  };
  const places = ({ functions }: Hooks) =>
    Object.fromEntries([...functions].map(([name, { kind, symbol }]) => [name, `${kind}:${symbol}`]));

  it("lacks nothing that matters", () => {
    expect(hooksOf(kernel, "fentry").missing).toEqual([]);
  });

  it.each(["fentry", "kprobe"] as const)("has its functions for %s", (kind) => {
    expect(places(hooksOf(kernel, kind))).toEqual(expected(kind));
  });

  it("has the parameters of every function that fentry names them of", () => {
    const { functions } = hooksOf(kernel, "fentry");
    const nameless = [...functions].filter(([, { kind, names }]) => kind === "fentry" && names.length === 0);
    expect(nameless).toEqual([]);
  });

  it.each(OPTIONAL)("can do without %s, and says so where it has that", (name) => {
    const whole = hooksOf(kernel, "fentry");
    const standIn = kernel === V5_10 && name === "sk_setsockopt" ? "sock_setsockopt" : name;
    const { functions, missing } = hooksOf(kernel, "fentry", { without: [name] });
    expect([...functions.keys()]).toEqual([...whole.functions.keys()].filter((each) => each !== standIn));
    expect(missing).toEqual(kernel === V5_10 && WITH_BHASH2.includes(name) ? [] : [name]);
  });
});

function twice<Value>(value: Value): [Value, Value] {
  return [value, value];
}

describe("a kernel that lacks", () => {
  it.each(["inet_csk_get_port", "find_vpid"])("%s has no kernel hook set", (name) => {
    expect(found(V6_1, "kprobe", { gone: [name] })).toEqual({ lacks: name });
  });

  it("an optional function misses it", () => {
    const { missing, functions } = hooksOf(V6_1, "fentry", { gone: ["inet_put_port"] });
    expect(missing).toEqual(["inet_put_port"]);
    expect(functions.has("inet_put_port")).toBe(false);
  });

  it("buckets by address does not miss what came with them", () => {
    expect(hooksOf(V5_10, "fentry").missing).toEqual([]);
    expect(hooksOf(V6_1, "fentry", { gone: [...WITH_BHASH2] }).missing).toEqual(WITH_BHASH2);
  });

  it("sk_setsockopt has sock_setsockopt in its place; without both it misses the former", () => {
    const { functions, missing } = hooksOf(V6_1, "fentry", { gone: ["sk_setsockopt"] });
    expect(functions.get("sock_setsockopt")).toMatchObject({ kind: "fentry", symbol: "sock_setsockopt" });
    expect(missing).toEqual([]);
    expect(hooksOf(V6_1, "fentry", { gone: ["sk_setsockopt", "sock_setsockopt"] }).missing).toEqual(["sk_setsockopt"]);
  });
});

it("a function of which there is only a copy has a kprobe, whatever BTF says of its parameters", () => {
  const { functions } = hooksOf(V6_1, "fentry", { copied: { inet_put_port: ".constprop.0" } });
  expect(functions.get("inet_put_port")).toMatchObject({ kind: "kprobe", symbol: "inet_put_port.constprop.0" });
});

it("sock_setsockopt is not probed where there is sk_setsockopt, which it calls", () => {
  expect(hooksOf(V7_2, "fentry").functions.has("sock_setsockopt")).toBe(false);
});

describe("a block", () => {
  const hook = (symbol: string, kind: ProbeKind, names: string[] = []): [string, Hook] => [
    symbol.replace(/\..*/, ""),
    { kind, symbol, names },
  ];
  const expand = (text: string, ...functions: [string, Hook][]) => expandBlocks(text, { functions: new Map(functions), missing: [] });
  /** A block as the parts in bpf/kernel have it. */
  const block = (head: string, ...body: string[]) => `${head} {\n${body.map((line) => `  ${line}\n`).join("")}}`;

  it.each([
    ["enter", "fentry", "kfunc"],
    ["exit", "fentry", "kretfunc"],
    ["enter", "kprobe", "kprobe"],
    ["exit", "kprobe", "kretprobe"],
  ] as const)("at %s is for %s a %s", (when, kind, probe) => {
    const expected = block(`${probe}:inet_release`, "$x = retval;");
    expect(expand(block(`${when}:inet_release`, "$x = retval;"), hook("inet_release", kind))).toBe(expected);
  });

  it("is attached to the name that the compiler gave the function", () => {
    expect(expand(block("exit:udp_lib_lport_inuse", "x"), hook("udp_lib_lport_inuse.isra.0", "kprobe"))).toBe(
      block("kretprobe:udp_lib_lport_inuse.isra.0", "x"),
    );
  });

  it("of several functions is one probe for each that there is, each of its own kind", () => {
    const text = block("exit:inet_put_port, udp_lib_unhash, inet_release", "x");
    expect(expand(text, hook("inet_put_port", "fentry"), hook("inet_release", "kprobe"))).toBe(
      `${block("kretfunc:inet_put_port", "x")}\n\n${block("kretprobe:inet_release", "x")}`,
    );
  });

  it("of a function that there is not vanishes, and leaves what is around it", () => {
    const text = ["// before", block("enter:inet_put_port", "if (1) {", "  x", "}"), "", block("enter:inet_release", "y"), "// after"].join(
      "\n",
    );
    expect(expand(text, hook("inet_release", "fentry"))).toBe(
      ["// before", "", "", block("kfunc:inet_release", "y"), "// after"].join("\n"),
    );
  });

  it.each([
    ["enter", "kfunc", "kprobe"],
    ["exit", "kretfunc", "kretprobe"],
  ])("at %s keeps its filter", (when, traced, probed) => {
    const text = block(`${when}:inet_put_port, inet_release /@port[tid].1 == 2/`, "x");
    expect(expand(text, hook("inet_put_port", "fentry"), hook("inet_release", "kprobe"))).toBe(
      `${block(`${traced}:inet_put_port /@port[tid].1 == 2/`, "x")}\n\n${block(`${probed}:inet_release /@port[tid].1 == 2/`, "x")}`,
    );
  });

  it("of a tracepoint stays as it is", () => {
    const text = block("tracepoint:tcp:tcp_destroy_sock", "$port = (uint64)args->sport;");
    expect(expand(text, hook("inet_release", "kprobe"))).toBe(text);
  });

  describe("with arguments", () => {
    const text = block("enter:inet_bind_conflict", "$x = (uint64)args->sk2 - (uint64)args->sk;");

    it("has them by the names of this kernel for fentry", () => {
      expect(expand(text, hook("inet_bind_conflict", "fentry", ["one", "other"]))).toContain(
        "$x = (uint64)args->other - (uint64)args->one;",
      );
    });

    it("has them by their place for kprobe", () => {
      expect(expand(text, hook("inet_bind_conflict", "kprobe", ["one", "other"]))).toContain("$x = (uint64)arg1 - (uint64)arg0;");
    });

    it("keeps those that a kretprobe needs from the entry on, and forgets them", () => {
      const filter = "/@port[tid].1/";
      const exit = block(`exit:inet_bind_conflict ${filter}`, "$x = (uint64)args->sk2;", "$y = args->sk;", "$z = args->sk2;");
      expect(expand(exit, hook("inet_bind_conflict", "kprobe"))).toBe(
        `${block(`kprobe:inet_bind_conflict ${filter}`, "@in[tid] = (nsecs, (uint64)arg1, (uint64)arg0);")}\n\n${block(
          `kretprobe:inet_bind_conflict ${filter}`,
          "$x = (uint64)@in[tid].1;",
          "$y = @in[tid].2;",
          "$z = @in[tid].1;",
          "delete(@in[tid]);",
        )}`,
      );
    });

    it("keeps arguments for the end of a call whatever that returns", () => {
      const functions = new Map([["__scm_send", { kind: "kprobe" as const, symbol: "__scm_send", names: [] }]]);
      expect(expandBlocks("exit:__scm_send /(int32)retval >= 0/ {\n  $scm = args->scm;\n}", { functions, missing: [] })).toBe(
        [
          "kprobe:__scm_send {\n  @in[tid] = (nsecs, (uint64)arg2, (uint64)0);\n}",
          "kretprobe:__scm_send {\n  if ((int32)retval >= 0) {\n  $scm = @in[tid].1;\n  }\n  delete(@in[tid]);\n}",
        ].join("\n\n"),
      );
    });

    it("needs nothing from the entry for kretfunc", () => {
      const exit = block("exit:inet_bind_conflict", "$y = args->sk;");
      expect(expand(exit, hook("inet_bind_conflict", "fentry", ["one", "other"]))).toBe(
        block("kretfunc:inet_bind_conflict", "$y = args->one;"),
      );
    });

    it("finds the sock of sock_setsockopt through its socket", () => {
      const enter = block("enter:sk_setsockopt, sock_setsockopt", "$sk = (struct sock *)(args->sk);", "$l = args->level;");
      const sock = ["sock", "level", "optname"];
      expect(expand(enter, hook("sock_setsockopt", "fentry", sock))).toBe(
        block("kfunc:sock_setsockopt", "$sk = (struct sock *)(((struct socket *)args->sock)->sk);", "$l = args->level;"),
      );
      expect(expand(enter, hook("sock_setsockopt", "kprobe", sock))).toBe(
        block("kprobe:sock_setsockopt", "$sk = (struct sock *)(((struct socket *)arg0)->sk);", "$l = arg1;"),
      );
      expect(expand(enter, hook("sk_setsockopt", "fentry", ["sk", "level"]))).toBe(
        block("kfunc:sk_setsockopt", "$sk = (struct sock *)(args->sk);", "$l = args->level;"),
      );
    });
  });
});
