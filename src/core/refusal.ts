import type { CallEvent, Holder, UnseenListener } from "./event.ts";
import type { Verdict } from "./explain.ts";
import type { Process } from "./process.ts";
import type { Socket } from "./socket.ts";
import type { WalkedOwner } from "./table.ts";
import type { Row } from "./timeline.ts";

/** A refused call whose holders are being looked for. */
export interface Refusal {
  id: string;
  call: CallEvent;
  binder: Socket;
  /** Who made the call. */
  process: Process;
  /** The blockers as the walk of this failure showed them. */
  owners: WalkedOwner[];
  holders: Map<number, Holder[]>;
  holdersComplete: boolean;
  /** Listeners on the port to which the walk did not come. */
  unseenListeners: readonly UnseenListener[];
  /** The first word about its holders has come: it can be reported once every refusal before it has been. */
  ready: boolean;
  row: Row | undefined;
}

/** A refused call with its verdict. */
export interface Failure extends Refusal {
  verdict: Verdict;
}

/** The same program met the same obstacle again. */
export function isRepeat(a: Failure, b: Failure): boolean {
  const obstacle = ({ call, verdict }: Failure) =>
    JSON.stringify([
      call.type === "bind" ? call.operation : call.type,
      call.comm,
      call.socket.netns,
      call.type === "bind" ? call.requested : [call.socket.address, call.socket.port],
      call.errno,
      verdict.rule,
      verdict.blockers.map(({ socket }) => socket.id),
    ]);
  return obstacle(a) === obstacle(b);
}
