import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOptionalProbe, type OptionalProbe, WITHOUT_PROBE } from "../../src/core/probes.ts";
import { lookBase, watchBase } from "../../src/probe/bases.ts";
import { findHooks } from "../../src/probe/hooks.ts";
import { readLayout } from "../../src/probe/layout.ts";
import { assembleCheck, assembleProgram, type ProgramOptions, WALK_BOUNDS } from "../../src/probe/program.ts";
import { findSymbols } from "../../src/probe/symbols.ts";
import { ROOT } from "../helpers/cli.ts";
import { KERNELS, type Kernel, kernelFixture } from "./kernels.ts";

const SETS = ["fentry", "kprobe", "tracepoint"] as const;
type HookSet = (typeof SETS)[number];
type Changes = Partial<Omit<ProgramOptions, "layout" | "hooks">> & { without?: readonly OptionalProbe[] };
const OPTIONAL = Object.keys(WITHOUT_PROBE).filter(isOptionalProbe);
/** Functions in which the kernel compares a binder with the owners. */
const COMPARES = ["inet_csk_bind_conflict", "inet_bhash2_addr_any_conflict", "udp_lib_lport_inuse", "udp_lib_lport_inuse2"] as const;

/** A program for this kernel, of port 8080 unless something else is said. */
function programOf(kernel: Kernel, set: HookSet, { without = [], ...changes }: Changes = {}): Program {
  const { btf, kallsyms } = kernelFixture(kernel);
  const layout = readLayout(btf, findSymbols(kallsyms, ["udp_table"]).get("udp_table")?.address ?? 0n);
  if (!layout.ok) throw new Error(layout.error);
  const hooks = set === "tracepoint" ? null : findHooks(set, { btf, kallsyms: Buffer.from(kallsyms), without });
  if (hooks && "lacks" in hooks) throw new Error(hooks.lacks);
  const plain = { ports: [[8080, 8080]] as const, closes: true, lookBase: lookBase(1), bounds: WALK_BOUNDS[0] };
  return new Program(assembleProgram({ ...plain, ...changes, layout: layout.value, hooks }));
}

/** The program of a check of a UDP port. */
function checkOf(kernel: Kernel, bounds = WALK_BOUNDS[0]): Program {
  const { btf, kallsyms } = kernelFixture(kernel);
  const layout = readLayout(btf, findSymbols(kallsyms, ["udp_table"]).get("udp_table")?.address ?? 0n);
  if (!layout.ok) throw new Error(layout.error);
  return new Program(assembleCheck({ layout: layout.value, place: { protocol: "udp", port: 8080 }, name: "bt-0123456789ab", bounds }));
}

interface Probe {
  /** tracepoint, kprobe, kretprobe, kfunc, kretfunc; or BEGIN and END, without a place. */
  kind: string;
  place: string;
  body: string;
}

/** The text of a program, taken apart. */
class Program {
  readonly defines: ReadonlyMap<string, string>;
  /** Without comments, texts and the prelude. */
  readonly code: string;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
    this.defines = new Map([...text.matchAll(/^#define (\w+) (.*)$/gm)].map(([, name = "", value = ""]) => [name, value]));
    this.code = text
      .replace(/^(#|struct ).*$/gm, "")
      .replace(/\/\/.*$/gm, "")
      .replace(/"[^"\n]*"/g, "");
  }

  /** With what the names of the prelude stand for. */
  get expanded(): string {
    return this.code.replace(/\b[A-Z][A-Z0-9_]+\b/g, (name) => this.defines.get(name) ?? name);
  }

  get probes(): Probe[] {
    const probes = this.text.matchAll(/^([a-zA-Z]+):?(\S*)[^\n]*\{(?:([^\n]+) \}$|\n(.*?)^\})/gms);
    return [...probes].map(([, kind = "", place = "", line = "", lines = ""]) => ({ kind, place, body: line + lines }));
  }
}

/** These stand for one another: what is shared by two must do without both. */
const TOGETHER: readonly OptionalProbe[][] = [
  ["inet_bind_conflict", "inet_rcv_saddr_equal"],
  ["__sys_bind", "__sys_listen"],
  ["inet_put_port", "udp_lib_unhash"],
  OPTIONAL,
];

/** Maps of this text, and those of them that something is put into. */
function mapsOf(code: string): { used: string[]; assigned: string[] } {
  const used = new Set<string>();
  const assigned = new Set<string>();
  for (const { 0: map, index } of code.matchAll(/@\w+/g)) {
    used.add(map);
    let at = index + map.length;
    for (let depth = 0; code[at] === "[" || depth > 0; at++) depth += code[at] === "[" ? 1 : code[at] === "]" ? -1 : 0;
    if (/^ = /.test(code.slice(at))) assigned.add(map);
  }
  return { used: [...used].sort(), assigned: [...assigned].sort() };
}

/** Values of a tuple: commas outside of brackets, and one. */
function valuesIn(tuple: string): number {
  let depth = 0;
  let values = 1;
  for (const character of tuple) {
    if ("([".includes(character)) depth++;
    else if (")]".includes(character)) depth--;
    else if (character === "," && depth === 0) values++;
  }
  return values;
}

describe.each(KERNELS.flatMap((kernel) => SETS.map((set) => [kernel, set] as const)))("%s, %s:", (kernel, set) => {
  /** All that the command line may ask for, and what it is without optional probes. */
  const variants: Changes[] = [
    ...[true, false].flatMap((closes) =>
      [
        [],
        [[8080, 8080]],
        [
          [1, 80],
          [443, 443],
        ],
      ].map((ports) => ({ closes, ports: ports as [number, number][] })),
    ),
    ...WALK_BOUNDS.map((bounds) => ({ bounds })),
    ...(set === "tracepoint" ? [] : [...OPTIONAL.map((name) => [name]), ...TOGETHER].map((without) => ({ without }))),
  ];
  const programs = variants.map((changes) => programOf(kernel, set, changes));
  const each = (check: (program: Program) => void) => programs.forEach(check);

  it("every brace is closed, and none is open where a probe begins", () => {
    each(({ code }) => {
      let depth = 0;
      for (const line of code.split("\n")) {
        if (/^\w/.test(line)) expect([line, depth]).toEqual([line, 0]);
        for (const [brace] of line.matchAll(/[{}]/g)) depth += brace === "{" ? 1 : -1;
        expect(depth).toBeGreaterThanOrEqual(0);
      }
      expect(depth).toBe(0);
    });
  });

  it("no probe at an entry asks for what is returned", () => {
    each(({ text }) => {
      const entries = text.split("\n").filter((line) => /^(kprobe|kfunc):/.test(line));
      expect(entries.filter((line) => /\bretval\b/.test(line))).toEqual([]);
    });
  });

  it("no block is left as the parts have it", () => {
    each(({ code }) => expect(code).not.toMatch(/\b(enter|exit):/));
  });

  it("every probe is on something that this kernel has", () => {
    const { btf, kallsyms } = kernelFixture(kernel);
    each(({ probes }) => {
      expect(probes.length).toBeGreaterThan(8);
      for (const { kind, place } of probes) {
        if (kind.startsWith("kprobe") || kind.startsWith("kretprobe"))
          expect(kallsyms).toMatch(new RegExp(`^\\w+ [tT] ${place.replace(/\./g, "\\.")}$`, "m"));
        else if (kind.startsWith("k")) expect([place, btf.hasFunction(place)]).toEqual([place, true]);
        else expect(["tracepoint", "interval", "BEGIN", "END"]).toContain(kind);
      }
    });
  });

  it("no two probes of one kind are on one place", () => {
    each(({ probes }) => {
      const places = probes.map(({ kind, place }) => `${kind}:${place}`);
      expect(places.filter((place, index) => places.indexOf(place) !== index)).toEqual([]);
    });
  });

  it("arguments are those that a probe of its kind has", () => {
    const { btf } = kernelFixture(kernel);
    each(({ probes }) => {
      for (const { kind, place, body } of probes) {
        const named = [...body.matchAll(/\bargs->(\w+)/g)].map(([, name]) => name);
        const numbered = body.match(/\barg\d\b/g) ?? [];
        if (kind.startsWith("kprobe")) expect([place, named]).toEqual([place, []]);
        else if (kind === "kretprobe") expect([place, named, numbered]).toEqual([place, [], []]);
        else if (kind !== "tracepoint") {
          expect([place, numbered]).toEqual([place, []]);
          for (const name of named) expect(btf.parameters(place)).toContain(name);
        }
      }
    });
  });

  it("every name in capitals is defined", () => {
    each(({ code, defines }) => {
      const names = new Set(code.match(/\b[A-Z][A-Z0-9_]+\b/g));
      expect([...names].filter((name) => !defines.has(name))).toEqual(["BEGIN", "END"]);
    });
  });

  it("every map that is read is written somewhere, for bpftrace knows no other", () => {
    each(({ expanded }) => {
      const { used, assigned } = mapsOf(expanded);
      expect(used).toEqual(assigned);
    });
  });

  it("every tuple of a map has as many values as the others, for bpftrace gives a map one type", () => {
    each(({ expanded }) => {
      const arities = new Map<string, Set<number>>();
      for (const [, map = "", tuple = ""] of expanded.matchAll(/(@\w+)\[[^\]]*\] = \(([^;]*)\);/g)) {
        arities.set(map, (arities.get(map) ?? new Set()).add(valuesIn(tuple)));
      }
      expect(arities.size).toBeGreaterThan(0);
      for (const [map, sizes] of arities) expect([map, sizes.size]).toEqual([map, 1]);
    });
  });

  it("the end clears every map and no other", () => {
    each(({ expanded }) => {
      const [running = "", end = ""] = expanded.split(/^END /m);
      const cleared = [...end.matchAll(/clear\((@\w+)\)/g)].map(([, map]) => map).sort();
      expect(cleared).toEqual(mapsOf(running).used);
    });
  });

  it("a system call's tracepoint is in the tracepoint hook set alone", () => {
    each(({ text }) => expect(/tracepoint:syscalls:/.test(text)).toBe(set === "tracepoint"));
  });

  it("nothing comes from the command line but numbers", () => {
    const shape = (changes: Changes) => programOf(kernel, set, changes).text.replace(/\b(0x[0-9a-f]+|\d+)\b/g, "#");
    const one = shape({
      ports: [
        [1, 2],
        [3, 3],
      ],
    });
    expect(
      shape({
        ports: [
          [60000, 65535],
          [443, 443],
        ],
        lookBase: lookBase(99),
        bounds: { addresses: 4, owners: 16 },
      }),
    ).toBe(one);
  });

  it.each([true, false])("closes are told: %s", (closes) => {
    const { text } = programOf(kernel, set, { closes });
    expect(text.includes('"bt:close ')).toBe(closes);
  });

  it("only the watched ports are told", () => {
    const tests = (ports: ProgramOptions["ports"]) => programOf(kernel, set, { ports }).defines.get("PORT_WATCHED");
    expect(tests([])).toBe("($port >= 0)");
    expect(tests([[8080, 8080]])).toBe("($port == 8080)");
    expect(
      tests([
        [80, 80],
        [9000, 9010],
      ]),
    ).toBe("($port == 80 || ($port >= 9000 && $port <= 9010))");
  });
});

describe.each(KERNELS)("%s, check:", (kernel) => {
  const program = checkOf(kernel);

  it("hooks nothing but the renaming of a thread", () => {
    expect(program.probes.map(({ kind, place }) => `${kind}:${place}`)).toEqual([
      "BEGIN:",
      "interval:ms:500",
      "tracepoint:task:task_rename",
      "END:",
    ]);
  });

  it("walks once, the port and protocol asked for, and ends", () => {
    expect(program.text.match(/bt:walk/g)).toHaveLength(1);
    expect([program.defines.get("CHECK_PORT"), program.defines.get("CHECK_UDP")]).toEqual(["8080", "1"]);
    expect(program.defines.get("CHECK_NAME")).toBe('"bt-0123456789ab"');
    expect(program.code).toMatch(/exit\(\);\n\}/);
  });

  it("is whole: braces, names and maps", () => {
    expect([...program.code].filter((each) => each === "{").length).toBe([...program.code].filter((each) => each === "}").length);
    const names = new Set(program.code.match(/\b[A-Z][A-Z0-9_]+\b/g));
    expect([...names].filter((name) => !program.defines.has(name))).toEqual(["BEGIN", "END"]);
    const { used, assigned } = mapsOf(program.expanded);
    expect(used).toEqual(assigned);
  });

  it("has a shorter walk for verifiers that need one", () => {
    expect(checkOf(kernel, WALK_BOUNDS[1]).defines.get("WALK_OWNERS")).toBe("16");
  });
});

it.each(KERNELS)("%s, tracepoint: there is one walk, for the verifier's sake", (kernel) => {
  expect(programOf(kernel, "tracepoint").text.match(/bt:walk/g)).toHaveLength(1);
});

describe.each(KERNELS.flatMap((kernel) => (["fentry", "kprobe"] as const).map((set) => [kernel, set] as const)))(
  "%s, %s: the walk",
  (kernel, set) => {
    const exits = (program: Program, name: string) =>
      program.probes.find(({ kind, place }) => /^kret/.test(kind) && place.replace(/\..*/, "") === name)?.body ?? "";
    const walksAtRefusal = (without: OptionalProbe[]) =>
      ["inet_csk_get_port", "udp_lib_get_port"].map((name) => exits(programOf(kernel, set, { without }), name).includes('"bt:walk '));
    const has = (name: string) => kernel !== KERNELS[0] || name !== "inet_bhash2_addr_any_conflict";

    it("is made where the kernel compares, under the lock", () => {
      const program = programOf(kernel, set);
      for (const name of COMPARES.filter(has)) {
        expect(exits(program, name)).toMatch(/\$locked = \(uint64\)1;/);
        expect(exits(program, name)).toMatch(/"bt:walk /);
      }
    });

    it("is not made once more at the refusal", () => {
      expect(walksAtRefusal([])).toEqual([false, false]);
    });

    it.each(COMPARES)("is made at the refusal, without the lock, where %s cannot be probed", (name) => {
      expect(walksAtRefusal([name])).toEqual([has(name), has(name)]);
      const late = exits(programOf(kernel, set, { without: [name] }), "inet_csk_get_port");
      expect(/\$locked = \(uint64\)0;/.test(late)).toBe(has(name));
    });

    it("knows the decisive owner where that can be probed", () => {
      expect(programOf(kernel, set).defines.get("DECISIVE")).toBe("@decisive[tid]");
    });
  },
);

describe("an outgoing datagram socket that gets a port by itself", () => {
  it.each([
    [[], "0"],
    [[[8080, 8080]], "1"],
  ] as const)("with the ports %j is told: %s", (ports, told) => {
    expect(programOf(KERNELS[4], "fentry", { ports }).defines.get("AUTOBIND_TOLD")).toBe(told);
  });

  it.each<[OptionalProbe[], string, string]>([
    [[], "1", "5"],
    // connect cannot be told from sendto then.
    [["inet_dgram_connect"], "1", "6"],
    [["inet_autobind"], "6", "6"],
  ])("without %j is an operation %s, or %s in inet_autobind", (without, outside, inside) => {
    const { defines } = programOf(KERNELS[4], "fentry", { without });
    expect([defines.get("OP_NO_AUTOBIND"), defines.get("OP_AUTOBIND")]).toEqual([outside, inside]);
  });
});

describe("the parts", () => {
  const folder = join(ROOT, "bpf");
  const parts = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".bt"));

  it.each(parts)("%s has no offset in numbers", (name) => {
    const code = readFileSync(join(folder, name), "utf8").replace(/\/\/.*$/gm, "");
    const sums = [...code.matchAll(/(\S+) [+-] (?:\(\w+\))?(0x[0-9a-fA-F]+|\d+)\b/g)];
    // One more or less, and the second word of what BTF says where it begins.
    const odd = sums.filter(([, left = "", number]) => !(number === "1" || (number === "8" && /OFF_\w+$/.test(left))));
    expect(odd.map(([sum]) => sum)).toEqual([]);
  });

  /** Lines of a part that are in a program as they are. */
  const marksOf = (name: string) =>
    readFileSync(join(folder, name), "utf8")
      .split("\n")
      .filter((line) => line.trim().length > 12 && !line.startsWith("//") && !/^(enter|exit):|args->/.test(line));

  it.each(parts.filter((name) => marksOf(name).length > 0))("%s is in a program", (name) => {
    const traces = KERNELS.flatMap((kernel) => SETS.map((set) => programOf(kernel, set, { without: ["inet_csk_bind_conflict"] }).text));
    const programs = [...traces, ...KERNELS.map((kernel) => checkOf(kernel).text)];
    expect(programs.some((program) => marksOf(name).every((line) => program.includes(line)))).toBe(true);
  });
});

it("a look asks for a process that cannot exist, whatever port it names", () => {
  const PID_MAX = 2 ** 22;
  fc.assert(
    fc.property(fc.nat(PID_MAX), fc.nat(0x1ffff), (random, place) => {
      const base = lookBase(random);
      expect(base).toBeGreaterThan(PID_MAX);
      expect(base + place).toBeLessThan(2 ** 31);
      expect((base + place) & 0x7ffe0000).toBe(base);
    }),
  );
});

it("a request to watch a process is told from a look, and from that of another trace", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat(2 ** 22 - 1), fc.nat(0x1ffff), (random, other, pid, place) => {
      const base = watchBase(lookBase(random));
      expect((base + pid) & 0x7fc00000).toBe(base);
      expect(base + pid).toBeLessThan(2 ** 31);
      expect(base).toBeGreaterThan(lookBase(other) + place);
    }),
  );
  expect(new Set([1, 2, 3, 4].map((random) => watchBase(lookBase(random)))).size).toBe(4);
});

it("looks of traces that were started one after the other are told apart", () => {
  expect(new Set([1, 2, 3, 4].map(lookBase)).size).toBe(4);
});
