import { answer } from "../../src/core/bucket.ts";
import { meet, type Place } from "../../src/core/party.ts";
import { party } from "../core/parties.ts";
import { type Lab, parseAnswer } from "../helpers/lab.ts";
import type { Kernel } from "./running-kernel.ts";

/**
 * Where sockets meet at all: for each protocol, an owner and a binder in each namespace and VRF, with and without
 * `tcp_l3mdev_accept`, neither with any option, both on 0.0.0.0.
 */
const NAMESPACES = ["here", "there"];
/** Devices, each with the VRF that it is in: a VRF is its own device, and may have others. */
const DEVICES = { none: 0, lo: 0, red: 1, blue: 2, "red-port": 1 };
const INDEX = Object.fromEntries(Object.keys(DEVICES).map((name, index) => [name, index]));
const PORT = 4000;

const PREPARE = [
  "ip link add red type vrf table 10",
  "ip link add blue type vrf table 20",
  "ip link add red-port type veth peer name red-peer",
  "ip link set red-port master red",
  ...["red", "blue", "red-port", "red-peer"].map((device) => `ip link set ${device} up`),
];

interface Socket extends Place {
  place: string;
  device: keyof typeof DEVICES;
}

export interface PlaceResults {
  pairs: number;
  refused: number;
  /** A line of the lab each, what it answered, and the script before it. */
  mismatches: string[];
}

/** Null where this kernel has no VRFs. */
export async function runPlaces(lab: Pick<Lab, "run">, kernel: Kernel): Promise<PlaceResults | null> {
  const results: PlaceResults = { pairs: 0, refused: 0, mismatches: [] };
  for (const accept of [0, 1]) {
    const network = [
      "reset network",
      ...NAMESPACES.flatMap((name) => [`netns ${name}`, ...PREPARE, `sysctl net.ipv4.tcp_l3mdev_accept ${accept}`]),
    ];
    const refusal = (await lab.run(network)).find((line) => !parseAnswer(line).ok);
    if (refusal !== undefined) return null;
    for (const [owner, binder] of pairs(accept === 1)) {
      const script = ["reset", ...bindLines("a", owner), ...bindLines("b", binder)];
      const answered = parseAnswer((await lab.run(script)).at(-1) ?? "").errno === "EADDRINUSE";
      results.pairs++;
      if (answered) results.refused++;
      if (answered !== refuses(owner, binder, kernel))
        results.mismatches.push([...network, ...script, `# refused: ${answered}`].join("\n"));
    }
  }
  return results;
}

function* pairs(accepts: boolean): Generator<[Socket, Socket]> {
  const sockets = ["tcp" as const, "udp" as const].flatMap((protocol) =>
    NAMESPACES.flatMap((place, netns) =>
      (Object.keys(DEVICES) as (keyof typeof DEVICES)[]).map(
        (device): Socket => ({ protocol, place, netns, device, port: PORT, vrf: accepts ? 0 : DEVICES[device] }),
      ),
    ),
  );
  for (const owner of sockets) for (const binder of sockets) yield [owner, binder];
}

function bindLines(name: string, { protocol, place, device }: Socket): string[] {
  return [`netns ${place}`, `socket ${name} ${protocol} 4`, `set ${name} device ${device}`, `bind ${name} 0.0.0.0 ${PORT}`];
}

function refuses(owner: Socket, binder: Socket, { traits }: Kernel): boolean {
  const plain = ({ protocol, device }: Socket) => party("0.0.0.0", "", { protocol, device: INDEX[device] ?? 0, state: "BOUND" });
  return meet(owner, binder) && answer(plain(binder), { owners: [plain(owner)], cache: null }, traits).refused;
}
