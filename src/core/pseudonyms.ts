import { ipv4Text, ipv6Text } from "./address.ts";
import { isCommon, isCommonFolder } from "./common-words.ts";
import { inRanges, type PortRanges } from "./port-ranges.ts";
import { isMark } from "./runtime-marks.ts";
import { workloadOf } from "./workload.ts";

/** Numbers from 1 on, the same one for the same key. */
class Numbers {
  readonly #of = new Map<string, number>();

  of(key: string): number {
    const known = this.#of.get(key) ?? this.#of.size + 1;
    this.#of.set(key, known);
    return known;
  }
}

/** Kinds of addresses that have to stay what they are, and the range from which each gets new ones. */
const RANGES4: readonly { fits(first: number): boolean; from: number }[] = [
  { fits: (first) => first === 0, from: 0 },
  // MCAST-TEST-NET (RFC 5771).
  { fits: (first) => first >= 224, from: 0xe9fc0000 },
  // For benchmarks of networks (RFC 2544): 131,072 addresses that nobody has.
  { fits: () => true, from: 0xc6120000 },
];
const RANGES6: readonly { fits: RegExp; from: readonly [number, number] }[] = [
  { fits: /^fe[89ab]/, from: [0xfe80, 0] },
  { fits: /^ff/, from: [0xff02, 0x0db8] },
  // For documentation (RFC 3849).
  { fits: /^/, from: [0x2001, 0x0db8] },
];

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const IPV6 = /^(?=.*:.*:)[0-9a-f:]{2,39}$/;
const MAPPED = "::ffff:";

/**
 * Other names for what a trace tells of people and machines: the same one for the same thing, different ones for different things,
 * and of the same kind where the kernel's rule or a note asks for that. `ports`: those that are watched, which are no secret.
 */
export class Pseudonyms {
  readonly #ports: PortRanges;
  readonly #names = new Numbers();
  readonly #folders = new Numbers();
  readonly #addresses = new Numbers();
  readonly #users = new Numbers();
  readonly #groups = new Numbers();

  constructor(ports: PortRanges) {
    this.#ports = ports.filter(([low, high]) => high - low < MOST_PORTS);
  }

  /** Name of a process, or words of a command line with a blank between any two. */
  words(text: string): string {
    return text
      .split(" ")
      .map((word, index, all) => (TAKE_PORT.test(all[index - 1] ?? "") && PORT.test(word) ? word : this.#word(word)))
      .join(" ");
  }

  /** `NAME` or `NAME=value` of an environment. A name that no runtime gives is a foreign word, too: it is in no trace of ours. */
  mark(mark: string): string {
    const [variable = "", ...value] = mark.split("=");
    const name = isMark(variable) ? variable : this.words(variable);
    return value.length === 0 ? name : `${name}=${this.words(value.join("="))}`;
  }

  /** Wildcards and loopback addresses stay. */
  address(address: string): string {
    if (address.startsWith(MAPPED) && address.includes(".")) return MAPPED + this.address(address.slice(MAPPED.length));
    const v4 = IPV4.exec(address);
    if (v4) return this.#address4(address, Number(v4[1]));
    return address === "::" || address === "::1" ? address : this.#address6(address);
  }

  /** uid 0 and the one that stands for none (overflowuid) stay. */
  user(uid: number): number {
    return uid === 0 || uid === 65534 ? uid : 999 + this.#users.of(String(uid));
  }

  /** A path that names a unit, a container and a pod where this one does, and nothing else. */
  group(path: string): string {
    const { unit, container, pod } = workloadOf(path);
    const inPod =
      pod === null ? "" : `/kubepods.slice/kubepods-pod${hex(this.#groups.of(`pod ${pod}`), 8)}_0000_0000_0000_000000000000.slice`;
    const inContainer = container === null ? "" : this.#container(container);
    const inUnit = unit === null ? "" : `/system.slice/${this.#unit(unit)}`;
    return inPod + inContainer + inUnit || "/";
  }

  #container(container: string): string {
    const number = this.#groups.of(`container ${container}`);
    // Of an id reports show the first twelve digits.
    return /^[0-9a-f]{64}$/.test(container) ? `/docker-${hex(number, 12).padEnd(64, "0")}.scope` : `/lxc.payload.container-${number}`;
  }

  #unit(unit: string): string {
    const dot = unit.lastIndexOf(".");
    const name = unit.slice(0, dot);
    return (isCommon(name) ? name : `unit-${this.#groups.of(`unit ${unit}`)}`) + unit.slice(dot);
  }

  #word(word: string): string {
    if (word === "" || isCommon(word)) return word;
    const [, flag, value] = /^(-[^=]*)(=.*)?$/s.exec(word) ?? [];
    if (flag === undefined) return this.#endpoint(word, false) ?? this.#path(word);
    return this.#flag(flag) + (value === undefined ? "" : `=${this.#value(flag, value.slice(1))}`);
  }

  #flag(flag: string): string {
    const name = flag.replace(/^--?/, "");
    return isCommon(flag) ? flag : flag.slice(0, flag.length - name.length) + this.#name(name);
  }

  #value(flag: string, value: string): string {
    return this.#endpoint(value, TAKE_PORT.test(flag)) ?? this.#word(value);
  }

  /** An address, a port, or both: `127.0.0.1:8080`. A number is one that is watched, or `isPort`. */
  #endpoint(word: string, isPort: boolean): string | null {
    if (IPV4.test(word) || IPV6.test(word)) return this.address(word);
    const [, host, port = ""] = /^(?:([\d.]+):)?(\d+)$/.exec(word) ?? [];
    const isKept = PORT.test(port) && (isPort || (this.#ports.length > 0 && inRanges(Number(port), this.#ports)));
    if (!isKept || (host !== undefined && !IPV4.test(host))) return null;
    return host === undefined ? port : `${this.address(host)}:${port}`;
  }

  #path(word: string): string {
    // A package's command line without its link in .bin, by which notes-programs.ts knows tsx.
    const [path = "", script = ""] = word.endsWith(SCRIPT) ? [word.slice(0, -SCRIPT.length), SCRIPT] : [word];
    const at = path.lastIndexOf("/");
    const [folder, name] = [path.slice(0, Math.max(at, 0)), path.slice(at + 1)];
    const where = at < 0 ? "" : `${isCommonFolder(folder) ? folder : `folder-${this.#folders.of(folder)}`}/`;
    return where + this.#name(name) + script;
  }

  #name(name: string): string {
    const [, stem = name, ending = ""] = /^(.+)(\.(?:[cm]?[jt]s|py|rb|pl|php|sh|jar))$/s.exec(name) ?? [];
    return (stem === "" || isCommon(stem) ? stem : `name-${this.#names.of(stem)}`) + ending;
  }

  #address4(address: string, first: number): string {
    if (first === 127 || address === "0.0.0.0" || address === "255.255.255.255") return address;
    const from = RANGES4.find(({ fits }) => fits(first))?.from ?? 0;
    const number = from + this.#addresses.of(address);
    return ipv4Text([24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256));
  }

  #address6(address: string): string {
    const [high, low] = RANGES6.find(({ fits }) => fits.test(address))?.from ?? [0, 0];
    const number = this.#addresses.of(address);
    const groups = [high, low, 0, 0, 0, 0, Math.floor(number / 65536), number % 65536];
    return ipv6Text(groups.flatMap((group) => [group >> 8, group & 255]));
  }
}

const SCRIPT = "/dist/cli.mjs";

/** A wider range says nothing of a number in it. */
const MOST_PORTS = 100;
const PORT = /^[1-9]\d{0,4}$/;
/** Options that are followed by a port. */
const TAKE_PORT = /^--?(?:port|container-port|host-port|debug-port|inspect(?:-brk|-wait|-port)?)$/;

const hex = (number: number, digits: number) => number.toString(16).padStart(digits, "0");
