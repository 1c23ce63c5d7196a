import type { Nanos } from "../base/nanoseconds.ts";
import { type Place, type PlaceKey, placeKey } from "./party.ts";
import type { Socket } from "./socket.ts";

interface Sockets {
  /** Those that have not let go, in the order in which they took the port. */
  there: Set<Socket>;
  /** The others, in the order in which they did. */
  gone: Socket[];
}

/** The sockets of each port, so that a trace of many need not be searched for the few that meet. */
export class Places {
  readonly #at = new Map<PlaceKey, Sockets>();
  readonly #of = new Map<Socket, Sockets>();

  /** The socket has, or has again, the port that its facts name. */
  put(socket: Socket): void {
    const key = placeKey(socket.facts);
    const here = this.#at.get(key) ?? { there: new Set(), gone: [] };
    const before = this.#of.get(socket);
    if (before !== here) before?.there.delete(socket);
    // It had let go, and has taken the port again.
    else if (!here.there.has(socket)) here.gone.splice(here.gone.lastIndexOf(socket), 1);
    this.#at.set(key, here);
    this.#of.set(socket, here);
    here.there.add(socket);
  }

  /** Lets go of sockets that nothing will refer to any more. */
  forget(sockets: ReadonlySet<Socket>): void {
    const changed = new Set<Sockets>();
    for (const socket of sockets) {
      const here = this.#of.get(socket);
      if (!here) continue;
      this.#of.delete(socket);
      if (!here.there.delete(socket)) changed.add(here);
    }
    for (const here of changed) here.gone = here.gone.filter((socket) => !sockets.has(socket));
    for (const [key, { there, gone }] of this.#at) if (there.size + gone.length === 0) this.#at.delete(key);
  }

  /** Those that have not let the port go. */
  there(place: Place): Socket[] {
    const here = this.#at.get(placeKey(place));
    if (!here) return [];
    for (const socket of here.there) {
      if (socket.releasedAt === null) continue;
      here.there.delete(socket);
      const after = here.gone.findLastIndex((other) => (other.releasedAt ?? 0) <= (socket.releasedAt ?? 0));
      here.gone.splice(after + 1, 0, socket);
    }
    return [...here.there];
  }

  /** Those that had the port at `t` or since. */
  since(place: Place, t: Nanos): Socket[] {
    const there = this.there(place);
    const gone: Socket[] = [];
    const all = this.#at.get(placeKey(place))?.gone ?? [];
    for (let index = all.length - 1; index >= 0; index--) {
      const socket = all[index];
      // One that has taken a port again is among those that are there.
      if (!socket || socket.releasedAt === null) continue;
      if (socket.releasedAt < t) break;
      gone.push(socket);
    }
    return [...gone.reverse(), ...there];
  }
}
