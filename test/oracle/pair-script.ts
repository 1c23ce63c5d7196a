import { addressesOf, type Binder, familyOf, type Owner, type Pair } from "./pairs.ts";

/** Clients take the owner's port and so many more. */
const CLIENT_PORTS = 30_000;

/** A pair as lines for the lab (test/lab/sockets): the last is the question, all others have to succeed. */
export function pairScript({ table: { ask }, owner, binder }: Pair, port: number): string[] {
  const owners = addressesOf(owner).map((address, index) => ({ ...owner, address, name: `o${index}` }));
  const bound = [`user ${owner.uid}`, ...owners.flatMap((each) => [...created(each.name, each), bind(each.name, each, port)])];
  const settled = owners.flatMap((each) => [...becomes(each.name, each, port), ...changed(each.name, each)]);
  const asking = [`user ${binder.uid}`, ...created("b", binder)];
  switch (ask) {
    case "bind":
      return [...bound, ...settled, ...asking, bind("b", binder, port)];
    case "listen":
      return [...bound, ...asking, bind("b", binder, port), ...settled, ...changed("b", binder), "listen b"];
    case "autobind":
    case "autobind-reuse":
      return [...bound, ...settled, ...asking, `sysctl net.ipv4.ip_local_port_range ${port} ${port}`, bind("b", binder, 0)];
  }
}

/** What the network of a table's pairs needs: connections without a process that stay, and plain IPv6 addresses. */
export function networkScript({ network }: Pair["table"]): string[] {
  return ["reset network", "sysctl net.ipv4.tcp_fin_timeout 120", "sysctl net.ipv6.ip_nonlocal_bind 1", ...network];
}

function created(name: string, { protocol, address, options, device }: Binder): string[] {
  return [
    `socket ${name} ${protocol} ${familyOf(address) === "ipv6" ? 6 : 4}`,
    ...(address.endsWith(" v6only") ? [`set ${name} v6only 1`] : []),
    ...(options.includes("RA") ? [`set ${name} reuseaddr 1`] : []),
    ...(options.includes("RP") ? [`set ${name} reuseport 1`] : []),
    ...(options.includes("BPF") ? [`attach ${name}`] : []),
    ...(device === null ? [] : [`set ${name} device ${device}`]),
  ];
}

function bind(name: string, { address }: Binder, port: number): string {
  return `bind ${name} ${address.replace(" v6only", "")} ${port}`;
}

function changed(name: string, { options, later }: Binder): string[] {
  if (later === null) return [];
  return (["RA", "RP"] as const)
    .filter((option) => options.includes(option) !== later.includes(option))
    .map((option) => `set ${name} ${option === "RA" ? "reuseaddr" : "reuseport"} ${later.includes(option) ? 1 : 0}`);
}

/** From bound to the owner's state. */
function becomes(name: string, { protocol, state, connectedAt: local }: Owner, port: number): string[] {
  if (state === "BOUND") return [];
  if (state === "LISTEN" || local === null) return [`listen ${name}`];
  if (protocol === "udp") return [`connect ${name} ${local} 9`];
  const client = port + CLIENT_PORTS;
  const accepted = [
    `listen ${name}`,
    `socket k tcp ${familyOf(local) === "ipv6" ? 6 : 4}`,
    `bind k ${local} ${client}`,
    `connect k ${local} ${port}`,
    `accept ${name} a`,
    `close ${name}`,
  ];
  if (state === "ESTABLISHED") return accepted;
  if (state === "FIN_WAIT2") return [...accepted, "close a"];
  return [...accepted, "close a", "close k", `await ${local} ${port} ${local} ${client} TIME_WAIT`];
}
