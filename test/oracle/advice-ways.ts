import type { AdviceCode } from "../../src/core/advice.ts";
import { type Act, nothing, type Standing } from "./advice-play.ts";
import type { OwnerPlan, Situation } from "./advice-situations.ts";
import type { Stage } from "./advice-stage.ts";

/** A way to do what advice says: the situation set up so from the start, or something done in it. */
export interface Way {
  name: string;
  situation: Situation;
  act: Act;
}

type Option = "reuseaddr" | "reuseport";

/** All ways to do what this advice says, given who blocks. */
export function waysTo(code: AdviceCode, situation: Situation, blockers: readonly Standing[]): Way[] {
  const { binder } = situation;
  const fresh = (changed: Partial<Situation>): Way => ({ name: "set up so", situation: { ...situation, ...changed }, act: nothing });
  const live = (option: Option, changed: Partial<Situation> = {}): Way[] =>
    blockers.every(isHeld) ? [{ name: "set later", situation: { ...situation, ...changed }, act: each(blockers, setting(option)) }] : [];
  const acts = (name: string, act: Act): Way => ({ name, situation, act });
  const blocking = new Set(blockers.map(({ owner }) => owner));
  const owners = (change: (owner: OwnerPlan) => Partial<OwnerPlan>) =>
    situation.owners.map((owner, index) => (blocking.has(index) ? { ...owner, ...change(owner) } : owner));
  const reuseAddr = { reuseAddr: true };
  const reusePort = { reusePort: true };

  switch (code) {
    case "wait-for-time-wait":
      return [waiting(situation, blockers, byReset)];
    case "close-owner":
      return [
        acts("closed here", each(blockers, closing)),
        acts("closed in two processes", forked(each(blockers, closing))),
        ...(blockers.some((blocker) => isHeld(blocker) && blocker.part.peer)
          ? [acts("closed here, then there", each(blockers, closingBoth))]
          : []),
      ];
    case "peer-closes":
      return [acts("closed there, then here", each(blockers, closingPeerFirst))];
    case "reuseaddr-on-binder":
      return [fresh({ binder: { ...binder, ...reuseAddr } })];
    case "reuseport-on-binder":
      return [fresh({ binder: { ...binder, ...reusePort } })];
    case "ipv6only-on-binder":
      return [fresh({ binder: { ...binder, ipv6Only: true } })];
    case "reuseaddr-on-owner":
      return [fresh({ owners: owners(() => reuseAddr) }), ...live("reuseaddr")];
    case "reuseport-on-owner":
      return [fresh({ owners: owners(() => reusePort) }), ...live("reuseport")];
    case "reuseaddr-on-both":
      return [
        fresh({ binder: { ...binder, ...reuseAddr }, owners: owners(() => reuseAddr) }),
        ...live("reuseaddr", { binder: { ...binder, ...reuseAddr } }),
      ];
    case "reuseport-on-both":
      return [
        fresh({ binder: { ...binder, ...reusePort }, owners: owners(() => ({ ...reusePort, uid: binder.uid })) }),
        ...(blockers.every(({ party }) => party.uid === binder.uid) ? live("reuseport", { binder: { ...binder, ...reusePort } }) : []),
      ];
    case "same-user":
      return [fresh({ owners: situation.owners.map((owner) => ({ ...owner, uid: binder.uid })) })];
  }
}

type Deed = (stage: Stage, standing: Standing) => void;

/** What is done to those who block. */
function each(blockers: readonly Standing[], deed: Deed): Act {
  return (stage, standing) => {
    const meant = standing.filter(({ owner, role }) => blockers.some((blocker) => blocker.owner === owner && blocker.role === role));
    for (const one of meant) deed(stage, one);
  };
}

const forked =
  (act: Act): Act =>
  (stage, standing) => {
    stage.fork();
    act(stage, standing);
  };

const isHeld = ({ part, sock }: Standing) => part.name !== null && sock.held;

const setting =
  (option: Option): Deed =>
  (stage, { part }) =>
    stage.set(part, option, true);

const closing: Deed = (stage, standing) => {
  if (isHeld(standing)) stage.close(standing.part);
};

const closingPeer: Deed = (stage, { part: { peer } }) => {
  if (peer?.sock.held) stage.close(peer);
};

const closingBoth: Deed = (stage, standing) => {
  if (!isHeld(standing)) return;
  closing(stage, standing);
  closingPeer(stage, standing);
};

const closingPeerFirst: Deed = (stage, standing) => {
  const { sock, part } = standing;
  if (sock.state !== "ESTABLISHED") return;
  closingPeer(stage, standing);
  if (part.listener) stage.accept(part);
  stage.close(part);
};

export const byReset: Deed = (stage, { part, sock }) => {
  if (sock.state === "TIME_WAIT") stage.reset(part, sock);
};

/** The network has to have made the timer short. */
export const byTimer: Deed = (stage, { sock }) => {
  if (sock.state === "TIME_WAIT") stage.expire(sock);
};

/**
 * TIME_WAIT ends while the other end is still open, which spares 60 s. To bind it is TIME_WAIT as any other, all that
 * differs is `tw_substate`.
 */
export function waiting(situation: Situation, blockers: readonly Standing[], ending: Deed): Way {
  const owners = situation.owners.map((owner) => {
    const { connection } = owner;
    return connection?.end === "TIME_WAIT" ? { ...owner, connection: { ...connection, end: "half" as const } } : owner;
  });
  return { name: "it ends", situation: { ...situation, owners }, act: each(blockers, ending) };
}
