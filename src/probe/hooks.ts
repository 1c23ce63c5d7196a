import { type OptionalProbe, WITHOUT_PROBE } from "../core/probes.ts";
import type { Btf } from "./btf.ts";
import { findSymbols } from "./symbols.ts";

/** The first parameters of each function, as the programs name them. Source: the kernel's headers, 5.10 to 7.2. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  inet_csk_get_port: ["sk", "snum"],
  udp_lib_get_port: ["sk", "snum"],
  find_vpid: ["nr"],
  __sys_socket: ["family", "type", "protocol"],
  __scm_send: ["sock", "msg", "scm"],
  security_file_receive: ["file"],
  __sys_bind: ["fd", "umyaddr"],
  __sys_listen: ["fd", "backlog"],
  inet_bind_conflict: ["sk", "sk2"],
  inet_rcv_saddr_equal: ["sk", "sk2"],
  inet_release: ["sock"],
  sk_setsockopt: ["sk", "level", "optname"],
  sock_setsockopt: ["sock", "level", "optname"],
  ipv6_setsockopt: ["sk", "level", "optname"],
  inet_csk_destroy_sock: ["sk"],
  inet_put_port: ["sk"],
  udp_lib_unhash: ["sk"],
  inet_twsk_bind_unhash: ["tw"],
};

/** What a program calls a parameter but is found through another. */
const ALIASES: Readonly<Record<string, Readonly<Record<string, { parameter: string; expression(argument: string): string }>>>> = {
  sock_setsockopt: { sk: { parameter: "sock", expression: (sock) => `((struct socket *)${sock})->sk` } },
};

/** Without these there is no kernel hook set. */
const REQUIRED = ["inet_csk_get_port", "find_vpid"] as const;
/** What some kernels have in the place of another function. */
const STAND_INS: Readonly<Partial<Record<OptionalProbe, string>>> = { sk_setsockopt: "sock_setsockopt" };
/** Functions that came with the buckets by address (6.1). */
const WITH_BHASH2: readonly OptionalProbe[] = ["inet_bhash2_addr_any_conflict", "inet_bind_conflict"];

export type ProbeKind = "fentry" | "kprobe";

/** How one function is attached to on this machine. */
export interface Hook {
  kind: ProbeKind;
  /** As in kallsyms: a compiler may have added `.isra.0`. */
  symbol: string;
  /** The function's parameters as this kernel names them (fentry), in order. */
  names: readonly string[];
}

export interface Hooks {
  functions: ReadonlyMap<string, Hook>;
  missing: OptionalProbe[];
}

export interface HookSources {
  btf: Btf;
  kallsyms: Buffer;
  /** Optional probes that are to be left out. */
  without: readonly OptionalProbe[];
}

/** Finds each function of the kernel hook set. The error names the required one that this kernel lacks. */
export function findHooks(kind: ProbeKind, { btf, kallsyms, without }: HookSources): Hooks | { lacks: string } {
  const bhash2 = btf.sizeOf("inet_bind2_bucket") !== undefined;
  const optional = (Object.keys(WITHOUT_PROBE) as OptionalProbe[]).filter((name) => bhash2 || !WITH_BHASH2.includes(name));
  const symbols = findSymbols(kallsyms, [...REQUIRED, ...optional, ...Object.values(STAND_INS)]);
  // Since 6.1 trampolines pass structs by value, which some of the functions take.
  const passesStructs = btf.member("btf_func_model.arg_flags") !== undefined;
  const hookOf = (name: string): Hook | undefined => {
    const symbol = symbols.get(name);
    if (!symbol) return undefined;
    const names = btf.parameters(name);
    const traced = symbol.exact && names !== undefined && (passesStructs || !btf.takesStruct(name));
    return { kind: kind === "fentry" && traced ? "fentry" : "kprobe", symbol: symbol.name, names: names ?? [] };
  };
  const functions = new Map<string, Hook>();
  const missing: OptionalProbe[] = [];
  for (const name of REQUIRED) {
    const hook = hookOf(name);
    if (!hook) return { lacks: name };
    functions.set(name, hook);
  }
  for (const name of optional) {
    const used = [name, STAND_INS[name] ?? name].find((candidate) => symbols.has(candidate));
    const hook = used === undefined || without.includes(name) ? undefined : hookOf(used);
    if (used !== undefined && hook) functions.set(used, hook);
    else missing.push(name);
  }
  return { functions, missing };
}

/** Arguments of its function that a kretprobe may use. */
const KEPT_ARGUMENTS = 2;

const BLOCK = /^(enter|exit):([\w, ]+?)( \/[^\n]*\/)? \{\n(.*?)^\}$/gms;

/**
 * Turns the blocks `enter:FUNCTION, FUNCTION /filter/ {` and `exit:…` of bpf/kernel into probes of this machine: one for
 * each function that there is, with `args->NAME` as its kind of probe has it.
 */
export function expandBlocks(text: string, { functions }: Hooks): string {
  return text.replace(BLOCK, (_, when: "enter" | "exit", list: string, filter: string | undefined, body: string) =>
    list
      .split(", ")
      .flatMap((name) => {
        const hook = functions.get(name);
        return hook ? [probeText(when, name, hook, filter ?? "", body)] : [];
      })
      .join("\n\n"),
  );
}

function probeText(when: "enter" | "exit", name: string, hook: Hook, filter: string, body: string): string {
  const place = (parameter: string) => (PARAMETERS[name] ?? []).indexOf(parameter);
  const withArguments = (argument: (parameter: string) => string) =>
    body.replace(/\bargs->(\w+)/g, (_, parameter: string) => {
      const of = ALIASES[name]?.[parameter];
      return of ? of.expression(argument(of.parameter)) : argument(parameter);
    });
  if (hook.kind === "fentry") {
    const probe = when === "enter" ? "kfunc" : "kretfunc";
    return `${probe}:${hook.symbol}${filter} {\n${withArguments((parameter) => `args->${hook.names[place(parameter)] ?? parameter}`)}}`;
  }
  if (when === "enter") return `kprobe:${hook.symbol}${filter} {\n${withArguments((parameter) => `arg${place(parameter)}`)}}`;
  const used = new Set<string>();
  const text = withArguments((parameter) => {
    used.add(parameter);
    return `@in[tid].${[...used].indexOf(parameter) + 1}`;
  });
  if (used.size === 0) return `kretprobe:${hook.symbol}${filter} {\n${text}}`;
  // A kretprobe has no arguments any more: those that it needs are kept from the entry, in one map of one shape.
  const values = Array.from({ length: KEPT_ARGUMENTS }, (_, index) => {
    const parameter = [...used][index];
    return parameter === undefined ? "(uint64)0" : `(uint64)arg${place(parameter)}`;
  });
  // Of the return value nothing is known at the entry: what is kept goes in any case.
  const atEnd = /^ \/(.*\bretval\b.*)\/$/.exec(filter)?.[1];
  const atEntry = atEnd === undefined ? filter : "";
  const keep = `kprobe:${hook.symbol}${atEntry} {\n  @in[tid] = (nsecs, ${values.join(", ")});\n}`;
  const then = atEnd === undefined ? text : `  if (${atEnd}) {\n${text}  }\n`;
  return `${keep}\n\nkretprobe:${hook.symbol}${atEntry} {\n${then}  delete(@in[tid]);\n}`;
}
