import { conflict, type KernelTraits, type Rule } from "../../src/core/conflict.ts";
import type { KernelFault } from "../../src/core/faults.ts";
import { bindsIpv6Only, type Party } from "../../src/core/party.ts";
import type { HolderRecord, ProcessRecord, StepRecord } from "../../src/core/process-record.ts";
import type { BlockerRecord, FailureRecord } from "../../src/core/record.ts";
import { type History, type Refused, type Tenure, type TrueSocket, throughout } from "./chaos-log.ts";

/** What the truth of a failure is held against, and what is known of the kernel and the clocks. */
export interface Setting {
  kernel: KernelTraits;
  /** Faults that this kernel is certain to have. */
  faults: readonly KernelFault[];
  /** CLOCK_BOOTTIME in ns of a time in a record. */
  boot(iso: string): number;
  /** When the last search for the holders of a failure's blockers had ended, CLOCK_BOOTTIME in ns. */
  searched(failure: FailureRecord): number;
}

/** How a socket that was in the way was held. */
export const KINDS = ["process", "inherited", "received", "in flight", "TIME_WAIT", "orphan", "not accepted"] as const;
export type Kind = (typeof KINDS)[number];

/** What is right in a failure's record. */
export interface Credit {
  /** Sockets that were rightly blamed, by how they were held. */
  kinds: Record<Kind, number>;
  /** Of these, sockets of which it was left open who stands behind them. */
  open: number;
  /** Holders that were rightly named, by what was said of how they came to it: `unknown` where it was left open. */
  vias: Record<HolderRecord["via"], number>;
  /** Of these, holders that had it only after the refusal. */
  later: number;
}

/** One failure against the truth of it. */
export class Judgement {
  readonly #setting: Setting;
  readonly #history: History;
  readonly #refused: Refused;
  readonly #failure: FailureRecord;
  readonly #credit: Credit;

  constructor(setting: Setting, history: History, refused: Refused, failure: FailureRecord, credit: Credit) {
    this.#setting = setting;
    this.#history = history;
    this.#refused = refused;
    this.#failure = failure;
    this.#credit = credit;
  }

  errors(): string[] {
    const { binder, blockers } = this.#failure;
    const { fd, address, port, errno, netns } = this.#refused;
    const { reuseAddr, reusePort, uid, family, protocol } = this.#refused.binder;
    return [
      ...differences("the failure", this.#failure, { address, port, errno, netns, family, protocol }),
      ...differences("the binder", binder, { fd, reuseAddr, reusePort, socketUid: uid }),
      ...this.#blame(),
      ...blockers.flatMap((blocker) => this.#blocker(blocker)),
    ];
  }

  /** Exactly those are blamed that conflict, each by its rule. */
  #blame(): string[] {
    const { confidence, blockers, rule } = this.#failure;
    const { errno, port, sockets } = this.#refused;
    if (errno !== "EADDRINUSE") return differences("the failure", this.#failure, { rule: "not-a-conflict", blockers: [] });
    if (port === 0) return differences("the failure", this.#failure, { rule: "ports-exhausted", blockers: [] });
    if (confidence === "unknown") return differences("the failure", this.#failure, { rule: "no-owner-found", blockers: [] });
    const innocent = blockers.filter((blocker) => {
      const socket = this.#find(blocker);
      return socket && !this.#rules(socket).includes(blocker.rule);
    });
    const forgotten = sockets.filter(
      (socket) => socket.certain && this.#mustConflict(socket) && !blockers.some((blocker) => this.#find(blocker) === socket),
    );
    return [
      ...innocent.map((blocker) => `${blocker.socket} is not in the way by the rule ${blocker.rule}`),
      ...forgotten.map((socket) => `${textOf(socket)} is in the way, and is not blamed`),
      ...(blockers.length === 0 ? [`nobody is blamed, with the confidence ${confidence}`] : []),
      ...(blockers.filter(({ decisive }) => decisive).length > 1 ? ["more than one is decisive"] : []),
      ...(blockers.length > 0 && !blockers.some((blocker) => blocker.rule === rule) ? [`none is in the way by ${rule}`] : []),
    ];
  }

  #find({ inode, address, port, peer, state }: BlockerRecord): TrueSocket | undefined {
    const { sockets } = this.#refused;
    const held = state === "TIME_WAIT" ? undefined : sockets.find((socket) => socket.inode !== null && socket.inode === inode);
    return held ?? sockets.find((socket) => socket.inode === null && same(socket.name, [address, port]) && same(socket.peer, ends(peer)));
  }

  /** The rules by which it was in the way, one for each state that it may have had; null: it was not. */
  #rules(socket: TrueSocket): (Rule | null)[] {
    const { binder, address, operation } = this.#refused;
    const ipv6Only = bindsIpv6Only(binder.family, address, binder.ipv6Only);
    const asking: Party = { ...binder, address, ipv6Only, state: "BOUND", device: 0, orphan: false, inGroup: false };
    return socket.states.map((state) => conflict(asking, partyOf(socket, state), this.#setting.kernel, operation));
  }

  #mustConflict(socket: TrueSocket): boolean {
    const { binder, address } = this.#refused;
    const asking: Party = { ...binder, address, state: "BOUND", device: 0, orphan: false, inGroup: false };
    const overlooked = this.#setting.faults.some(({ overlooks }) =>
      socket.states.some((state) => overlooks?.(asking, partyOf(socket, state), null)),
    );
    return !overlooked && !this.#rules(socket).includes(null);
  }

  #blocker(blocker: BlockerRecord): string[] {
    const socket = this.#find(blocker);
    if (!socket) return [`${blocker.socket} (inode ${blocker.inode}, ${blocker.address}:${blocker.port}) did not have the port`];
    const { protocol, family, name, reuseAddr, reusePort, ipv6Only } = socket;
    const uid = blocker.state === "TIME_WAIT" ? null : socket.uid;
    const what = `${blocker.socket} (${textOf(socket)})`;
    const said = differences(what, blocker, {
      ...{ protocol, family, address: name[0], port: name[1], reuseAddr, reusePort, ipv6Only, socketUid: uid, device: null },
    });
    if (!socket.states.includes(blocker.state)) said.push(`${what}: its state was ${socket.states.join(" or ")}, not ${blocker.state}`);
    if (blocker.state === "TIME_WAIT" && socket.states.length === 1 && blocker.substate !== socket.substate) {
      said.push(`${what}: its state was ${socket.substate}, not ${blocker.substate}`);
    }
    // The kernel keeps the peer of a connection that is over for as long as the socket keeps its port; nobody else can see it.
    const over = blocker.state === "BOUND" && blocker.peer === null && protocol === "tcp";
    if (!over && !same(socket.peer, ends(blocker.peer))) said.push(`${what}: its peer was ${socket.peer}`);
    if (blocker.inode !== null && blocker.inode !== socket.formerInode) said.push(`${what}: its inode was ${socket.formerInode}`);
    said.push(...this.#people(what, blocker, socket), ...this.#holders(what, blocker, socket));
    said.push(...blocker.lineage.flatMap((step) => this.#step(what, step, socket)));
    if (said.length > 0) return said;
    this.#credit.kinds[kindOf(socket)]++;
    if (blocker.nature === "unknown") this.#credit.open++;
    return [];
  }

  #people(what: string, { creator, opener, references, holders }: BlockerRecord, socket: TrueSocket): string[] {
    const copies = socket.holders.length + socket.inFlight;
    const processes = [opener?.process ?? null, ...holders.map(({ process }) => process)];
    return [
      ...processes.filter((process) => process !== null).flatMap((process) => this.#end(what, process)),
      ...(creator && socket.creator && creator.pid !== socket.creator ? [`${what}: made by ${socket.creator}, not ${creator.pid}`] : []),
      ...(opener && socket.opener && opener.pid !== socket.opener ? [`${what}: bound by ${socket.opener}, not ${opener.pid}`] : []),
      ...(opener && !socket.opener ? [`${what}: not bound by ${opener.pid}, nor by anybody`] : []),
      ...(references !== null && references !== copies ? [`${what}: ${copies} copies of its descriptor, not ${references}`] : []),
    ];
  }

  /** A process that is said to have ended has, so and then. */
  #end(what: string, { pid, exitedAt, exitCode, exitSignal }: ProcessRecord): string[] {
    if (exitedAt === null) return [];
    const t = this.#setting.boot(exitedAt);
    const detail = exitSignal ?? `code ${exitCode}`;
    const ends = this.#history.stepsOf("exited", pid).filter(({ during }) => during[0] <= t && t <= during[1]);
    return ends.some((end) => end.detail === detail) ? [] : [`${what}: that ${pid} ended by ${detail} is not in the log`];
  }

  /** Every holder that is named had it between the refusal and the end of the search, and whoever had it all the time is named. */
  #holders(what: string, { holders, holdersComplete, nature }: BlockerRecord, socket: TrueSocket): string[] {
    const { entered, returned } = this.#refused;
    const until = Math.max(returned, this.#setting.searched(this.#failure));
    const tenures = socket.inode === null ? [] : this.#history.heldWithin(socket.inode, entered, until);
    const errors: string[] = [];
    for (const holder of holders) {
      const { pid, fd, via, from } = holder;
      const possible = tenures.filter((tenure) => tenure.pid === pid && (fd === null || tenure.fd === fd));
      const fitting = possible.filter((tenure) => fits(tenure, holder, socket));
      const [first] = possible;
      if (!first) errors.push(`${what}: ${pid} did not hold it through fd ${fd}`);
      else if (fitting.length === 0) {
        const truth = `${first.via}${first.sender === null ? "" : ` from ${first.sender}`}`;
        errors.push(`${what}: fd ${fd} of ${pid} was ${truth}, not ${via}${from ? ` from ${from.pid}` : ""}`);
      } else {
        this.#credit.vias[via]++;
        if (fitting.every(({ gained }) => gained[0] > returned)) this.#credit.later++;
      }
    }
    const always = tenures.filter((tenure) => throughout(tenure, entered, until));
    const named = ({ pid, fd }: Tenure) => holders.some((holder) => holder.pid === pid && (holder.fd === fd || holder.fd === null));
    if (holdersComplete) {
      errors.push(...always.filter((tenure) => !named(tenure)).map(({ pid, fd }) => `${what}: ${pid} held it through fd ${fd}, too`));
    }
    const flying = socket.inode !== null && this.#history.inFlightWithin(socket.inode, entered, until);
    const natures = [
      "unknown",
      ...(tenures.length > 0 ? ["process"] : []),
      ...(flying && always.length === 0 ? ["in-flight"] : []),
      ...(socket.states.includes("TIME_WAIT") ? ["time-wait"] : []),
      ...(socket.inode === null && socket.states.some((state) => state !== "TIME_WAIT") ? ["orphan"] : []),
    ];
    if (!natures.includes(nature)) errors.push(`${what}: its nature was ${natures.slice(1).join(" or ")}, not ${nature}`);
    return errors;
  }

  /** What is told of its past is in the log. */
  #step(what: string, { step, at, pid, fd, other, detail }: StepRecord, { formerInode }: TrueSocket): string[] {
    const t = this.#setting.boot(at);
    const found = this.#history
      .stepsOf(step, pid)
      .some(
        (logged) =>
          (logged.inode === null || logged.inode === formerInode) &&
          (logged.fd === undefined || fd === null || logged.fd === fd) &&
          (logged.other === undefined || logged.other === other?.pid) &&
          (logged.detail === undefined || logged.detail === detail) &&
          logged.during[0] <= t &&
          t <= logged.during[1],
      );
    return found ? [] : [`${what}: that it was ${step} by ${pid}${other ? ` (${other.pid})` : ""} ${detail} is not in the log`];
  }
}

/** Who made the socket is said to have created it, also of a descriptor that it got back. */
function fits({ via, sender }: Tenure, said: HolderRecord, { creator }: TrueSocket): boolean {
  const made = said.via === "created" && said.pid === creator;
  if (said.via !== "unknown" && said.via !== via && !made) return false;
  return said.from === null || said.from.pid === sender;
}

function partyOf(socket: TrueSocket, state: TrueSocket["states"][number]): Party {
  const remains = state === "TIME_WAIT";
  const { protocol, family, reuseAddr, reusePort, ipv6Only, uid } = socket;
  const orphan = socket.inode === null && !remains;
  const options = { protocol, family, reuseAddr, reusePort, ipv6Only, uid: remains ? null : uid };
  return { ...options, address: socket.name[0], device: 0, state, orphan, inGroup: false };
}

function kindOf({ inode, states, holders, inFlight }: TrueSocket): Kind {
  if (inode === null) {
    if (states.includes("TIME_WAIT")) return "TIME_WAIT";
    return states.some((state) => state === "ESTABLISHED" || state === "CLOSE_WAIT") ? "not accepted" : "orphan";
  }
  if (holders.length === 0 && inFlight > 0) return "in flight";
  const vias = holders.map(({ via }) => via);
  if (vias.includes("created")) return "process";
  return vias.includes("inherited") ? "inherited" : "received";
}

/** Those of the expected fields that are otherwise. */
function differences(what: string, said: object, expected: object): string[] {
  return Object.entries(expected)
    .map(([field, value]) => ({ field, value, got: (said as Record<string, unknown>)[field] }))
    .filter(({ value, got }) => JSON.stringify(value) !== JSON.stringify(got))
    .map(({ field, value, got }) => `${what}: ${field} is ${JSON.stringify(value)}, not ${JSON.stringify(got)}`);
}

const ends = (peer: BlockerRecord["peer"]) => (peer ? ([peer.address, peer.port] as const) : null);
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
const textOf = ({ inode, formerInode, states, name, peer }: TrueSocket) =>
  `${name.join(":")}${peer ? ` to ${peer.join(":")}` : ""} ${states.join(" or ")} ${inode ?? `formerly ${formerInode}`}`;
