import { type Answer, answer, type BucketCache } from "../../src/core/bucket.ts";
import { bindsIpv6Only, type Party } from "../../src/core/party.ts";
import { firstSeesEmpty, remember } from "./bucket-cache.ts";
import { addressesOf, type Binder, familyOf, type Options, type Owner, type Table } from "./pairs.ts";
import { type Kernel, overlooked } from "./running-kernel.ts";

const DEVICES = { lo: 1, other: 2 };

/** What the rule says to the pairs of a table, in their order. */
export function* predictions({ ask, owners, binders }: Table, kernel: Kernel): Generator<Answer> {
  const seesEmpty = firstSeesEmpty(kernel.upstream);
  const after = (cache: BucketCache | null, passed: Party) => remember(cache, passed, seesEmpty);
  const asking = binders.map((binder) => ({ first: boundParty(binder), now: withOptions(boundParty(binder), binder.later) }));
  for (const owner of owners) {
    const first = addressesOf(owner).map((address) => boundParty({ ...owner, address }));
    const present = first.map((party) => settled(party, owner));
    const listening = owner.state === "BOUND" ? [] : first.map((party): Party => ({ ...party, state: "LISTEN" }));
    const alone = [...first, ...listening].reduce(after, null);
    for (const binder of asking) {
      const both = ask === "listen" ? [...first, binder.first, ...listening].reduce(after, null) : alone;
      const seen = present.filter((party) => !overlooked(binder.now, party, party.family, kernel, present.length));
      yield answer(binder.now, { owners: seen, cache: owner.protocol === "udp" ? null : both }, kernel.traits, ask);
    }
  }
}

/** What an owner has become by the time of the question. */
function settled(bound: Party, { state, connectedAt, later }: Owner): Party {
  return {
    ...withOptions(bound, later),
    // A connection stays as IPv6-only as its listener.
    address: connectedAt ?? bound.address,
    uid: state === "TIME_WAIT" ? null : bound.uid,
    orphan: state === "FIN_WAIT2",
    state,
  };
}

function boundParty({ protocol, address: place, options, uid, device }: Binder): Party {
  const [address = "", v6only] = place.split(" ");
  const family = familyOf(address);
  const party: Party = {
    protocol,
    family,
    address,
    ipv6Only: bindsIpv6Only(family, address, v6only !== undefined),
    device: device === null ? 0 : DEVICES[device],
    reuseAddr: false,
    reusePort: false,
    uid,
    state: "BOUND",
    orphan: false,
    inGroup: options.includes("BPF"),
  };
  return withOptions(party, options);
}

function withOptions(party: Party, options: Options | null): Party {
  return options === null ? party : { ...party, reuseAddr: options.includes("RA"), reusePort: options.includes("RP") };
}
