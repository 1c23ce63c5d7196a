import { endpoint } from "./address.ts";
import { addressesEqual } from "./conflict.ts";
import type { UnseenListener } from "./event.ts";
import { bindsIpv6Only, type LocalAddress } from "./party.ts";

/** Most processes that are named for one of them. */
const MOST_NAMED = 3;

/**
 * What is to be said of listeners to which the look did not come, where the binder may have met them. Nothing was seen of their
 * options, so that none of them is blamed.
 */
export function doubtsAboutUnseen(listeners: readonly UnseenListener[], binder: LocalAddress, port: number): string[] {
  const mayMeet = ({ family, address }: UnseenListener) =>
    addressesEqual(binder, { family, address, ipv6Only: bindsIpv6Only(family, address, false) }, true);
  return listeners
    .filter(mayMeet)
    .map(
      (listener) =>
        `a listener on ${endpoint(listener.address, port)}, ${heldBy(listener)}, is in /proc/net, and the look did not come to it`,
    );
}

function heldBy({ inode, holders }: UnseenListener): string {
  const names = [...new Set(holders.map(({ pid, comm }) => `${comm}[${pid}]`))];
  if (names.length === 0) return `inode ${inode}, whose holder was not found`;
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : "";
  return `held by ${names.slice(0, MOST_NAMED).join(", ")}${more}`;
}
