import type { Answer } from "../../src/core/bucket.ts";
import { conflict, type KernelTraits } from "../../src/core/conflict.ts";
import type { Party } from "../../src/core/party.ts";
import type { BinderPlan, OwnerPlan, Situation } from "./advice-situations.ts";
import { granted, NotForeseen, OwnerRefused, type Part, type Setup, Stage, settle } from "./advice-stage.ts";
import type { ModelKernel } from "./ports.ts";
import { beingBound, type Sock, toParty } from "./sockets.ts";

/** An owner of the port at the moment of the question. */
export interface Standing {
  /** The number of its plan, and of the socket among those of the plan: the same in any play of it. */
  owner: number;
  role: number;
  part: Part;
  /** The socket of the part, or what TIME_WAIT has kept of it. */
  sock: Sock;
  party: Party;
  blocks: boolean;
}

export interface Question {
  asked: Situation["ask"];
  binder: Party;
  standing: Standing[];
  /** What the model says that the kernel answers. */
  answer: Answer;
}

/** A situation as lines for the lab, all of which have to pass but the last. */
export interface Play {
  lines: string[];
  /** How many of the lines come before the change and the question. */
  prepared: number;
  /** Null where an owner cannot be set up: by the model, it is its line that is refused. */
  question: Question | null;
}

/** What is changed once all is set up. */
export type Act = (stage: Stage, standing: readonly Standing[]) => void;

export const nothing: Act = () => {};

/** Null where the model does not foresee what happens. */
export function play(kernel: ModelKernel, situation: Situation, act: Act, setup: Setup): Play | null {
  const stage = new Stage(kernel, setup);
  try {
    return perform(stage, situation, act, kernel.traits);
  } catch (error) {
    if (error instanceof OwnerRefused) return { lines: stage.lines, prepared: 0, question: null };
    if (error instanceof NotForeseen) return null;
    throw error;
  }
}

function perform(stage: Stage, { owners, binder: plan, ask }: Situation, act: Act, traits: KernelTraits): Play {
  const listens = ask === "listen";
  let parts = owners.map((owner) => (listens ? [bound(stage, owner)] : settle(stage, bound(stage, owner), owner)));
  const binder = created(stage, plan);
  const asking = toParty(beingBound(binder.sock, plan.address));
  const look = () => lookAt(stage, parts, binder, asking, traits);
  if (listens) {
    const standing = look();
    const answer = stage.bind(binder, plan.address);
    if (answer.refused) return { lines: stage.lines, prepared: 0, question: { binder: asking, asked: "bind", standing, answer } };
    parts = owners.map((owner, index) => settle(stage, parts[index]?.[0] as Part, owner));
  }
  const prepared = stage.pause();
  act(stage, look());
  const standing = look();
  const answer = listens ? stage.listen(binder) : stage.bind(binder, plan.address);
  return { lines: stage.lines, prepared, question: { binder: asking, asked: ask, standing, answer } };
}

function bound(stage: Stage, owner: OwnerPlan): Part {
  const part = stage.create(owner);
  if (owner.becomes !== "connects") granted(stage.bind(part, owner.address));
  return part;
}

function created(stage: Stage, plan: BinderPlan): Part {
  const part = stage.create(plan);
  if (!plan.attached) return part;
  if (!plan.reusePort) stage.set(part, "reuseport", true);
  stage.attach(part);
  if (!plan.reusePort) stage.set(part, "reuseport", false);
  return part;
}

function lookAt(stage: Stage, parts: readonly Part[][], binder: Part, asking: Party, traits: KernelTraits): Standing[] {
  const kept = (sock: Sock, part: Part) => sock === part.sock || (sock.connection !== null && sock.connection === part.sock.connection);
  return stage.owners(binder).flatMap((sock) =>
    parts.flatMap((each, owner) =>
      each.flatMap((part, role) => {
        const party = toParty(sock);
        return kept(sock, part) ? [{ owner, role, part, sock, party, blocks: conflict(asking, party, traits) !== null }] : [];
      }),
    ),
  );
}
