import { readdirSync, readFileSync } from "node:fs";
import { type Family, ipv6Text } from "../core/address.ts";

/** What a bind depends on beside the owners of its port, in the network namespace of this process. */

const DEVICES = "/sys/class/net";
const TENTATIVE = 0x40;

export interface Devices {
  /** Interface index by name; null where /sys does not show this network namespace. */
  index: ReadonlyMap<string, number> | null;
  /** There are, or may be, virtual routing domains (VRF): then a port is in use for each of them separately. */
  vrfs: boolean;
}

/** The network interfaces. /sys shows those of the namespace in which it was mounted, which need not be this one. */
export function readDevices(): Devices {
  const listed = names(read("/proc/net/dev") ?? "");
  const shown = list(DEVICES);
  if (shown.length === 0 || [...shown].sort().join() !== listed.sort().join()) return { index: null, vrfs: true };
  return {
    index: new Map(shown.map((name) => [name, Number(read(`${DEVICES}/${name}/ifindex`))])),
    vrfs: shown.some((name) => /^DEVTYPE=vrf$/m.test(read(`${DEVICES}/${name}/uevent`) ?? "DEVTYPE=vrf")),
  };
}

/** Names in /proc/net/dev, which has two lines of titles. */
function names(table: string): string[] {
  return table.split("\n").flatMap((line, at) => (at > 1 && line.includes(":") ? [line.slice(0, line.indexOf(":")).trim()] : []));
}

/** Whether a bind to this address finds it on this machine; null where that cannot be told. */
export function isLocal(family: Family, address: string): boolean | null {
  const tables = read(family === "ipv4" ? "/proc/net/fib_trie" : "/proc/net/if_inet6");
  if (tables === null) return null;
  return family === "ipv4" ? isRoutedHere(tables, address) : isOnDevice(tables, address);
}

/**
 * Whether /proc/net/fib_trie has the address as local or broadcast (`inet_addr_valid_or_nonlocal`,
 * include/net/inet_sock.h). Each leaf `|-- 127.0.0.0` is followed by its routes: `/8 host LOCAL`.
 */
export function isRoutedHere(trie: string, address: string): boolean {
  const wanted = numberOf(address);
  let leaf = 0;
  return trie.split("\n").some((line) => {
    leaf = numberOf(/\|-- ([\d.]+)/.exec(line)?.[1] ?? "") ?? leaf;
    const route = /\/(\d+) \w+ (?:LOCAL|BROADCAST)\b/.exec(line);
    if (!route || wanted === null) return false;
    const span = 2 ** (32 - Number(route[1]));
    return Math.floor(leaf / span) === Math.floor(wanted / span);
  });
}

function numberOf(address: string): number | null {
  const parts = address.split(".").map(Number);
  return parts.length === 4 ? parts.reduce((sum, part) => sum * 256 + part, 0) : null;
}

/** Whether /proc/net/if_inet6 has the address; null while the kernel still asks the network whether another machine has it. */
export function isOnDevice(table: string, address: string): boolean | null {
  const row = table
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .find(
      ([bytes = ""]) => bytes.length === 32 && ipv6Text((bytes.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16))) === address,
    );
  if (!row) return false;
  return (Number.parseInt(row[4] ?? "0", 16) & TENTATIVE) === 0 ? true : null;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path).filter((name) => name !== "bonding_masters");
  } catch {
    return [];
  }
}
