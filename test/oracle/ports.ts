import { ANY4, addressKind, type Family } from "../../src/core/address.ts";
import { type Answer, answer, type BucketCache } from "../../src/core/bucket.ts";
import type { Ask } from "../../src/core/conflict.ts";
import type { Party } from "../../src/core/party.ts";
import { remember } from "./bucket-cache.ts";
import { type Kernel, overlooked } from "./running-kernel.ts";
import { type Sock, toParty } from "./sockets.ts";

/** How the running kernel differs, in its rules and in what its bind buckets remember. */
export interface ModelKernel extends Pick<Kernel, "name" | "traits" | "faults"> {
  /** A bucket without owners can be marked as shared by all (up to 6.7). */
  seesEmpty: boolean;
  /** What is left of a bucket when only ports that connect chose remain forgets the rest (d57f4b874946, 6.18). */
  forgets: boolean;
}

/** `inet_bind2_bucket`: owners of one local address. */
interface AddressBucket {
  /** Family of the socket that made it, by which 6.1 with `mapped-wildcard-not-seen` decides. */
  family: Family;
  owners: Set<Sock>;
  /** `fastreuse` and `fastreuseport` are -1. */
  connects: boolean;
}

/** `inet_bind_bucket`, or the sockets of a UDP port in the order of their chain. */
interface PortBucket {
  owners: Sock[];
  cache: BucketCache | null;
  addresses: Map<string, AddressBucket>;
}

const NOBODY = { family: "ipv4", address: ANY4, ipv6Only: false } as const;

/** All ports of the modelled namespaces. */
export class Ports {
  readonly #kernel: ModelKernel;
  readonly #buckets = new Map<string, PortBucket>();

  constructor(kernel: ModelKernel) {
    this.#kernel = kernel;
  }

  owners(sock: Sock, port: number): readonly Sock[] {
    return this.#buckets.get(key(sock, port))?.owners ?? [];
  }

  /** What the kernel will say to this socket about this port. */
  answer(sock: Sock, port: number, ask: Ask): Answer {
    const bucket = this.#buckets.get(key(sock, port));
    const binder = toParty(sock);
    const owners = bucket?.owners.filter((owner) => owner.id !== sock.id && !this.#overlooks(binder, owner, bucket)).map(toParty) ?? [];
    return answer(binder, { owners, cache: bucket?.cache ?? null }, this.#kernel.traits, ask);
  }

  /** After a bind, or a listen, that succeeded. */
  take(sock: Sock, port: number): void {
    const bucket = this.#bucket(sock, port, 0);
    sock.port = port;
    if (sock.protocol === "udp") {
      // sk_add_node_rcu
      if (sock.family === "ipv6" && sock.reusePort) bucket.owners.push(sock);
      else bucket.owners.unshift(sock);
      return;
    }
    const filed = this.#file(sock, bucket, false);
    bucket.cache = remember(bucket.owners.length === 0 ? null : bucket.cache, toParty(sock), this.#kernel.seesEmpty);
    filed.connects = false;
    if (!bucket.owners.includes(sock)) bucket.owners.push(sock);
  }

  /** connect chose this port, of a bucket of its own or one that only such sockets have (`__inet_hash_connect`). */
  takeByConnect(sock: Sock, port: number): void {
    const bucket = this.#bucket(sock, port, -1);
    Object.assign(sock, { port, connectBound: true });
    this.#file(sock, bucket, true);
    bucket.owners.push(sock);
  }

  /** A connection, or what is left of one, joins the owners of the port that it has; the memory does not change. */
  inherit(sock: Sock): void {
    const bucket = this.#bucket(sock, sock.port, 0);
    this.#file(sock, bucket, false);
    bucket.owners.push(sock);
  }

  /** The socket's local address changes while it has its port (`__inet_bhash2_update_saddr`). */
  move(sock: Sock, address: string): void {
    const bucket = sock.port === 0 ? undefined : this.#buckets.get(key(sock, sock.port));
    if (bucket && sock.protocol === "tcp") this.#unfile(sock, bucket);
    sock.address = address;
    if (bucket && sock.protocol === "tcp") this.#file(sock, bucket, sock.connectBound);
  }

  /** `__inet_put_port`, `inet_twsk_bind_unhash`, `udp_lib_unhash`. */
  leave(sock: Sock): void {
    const at = key(sock, sock.port);
    const bucket = this.#buckets.get(at);
    if (!bucket) return;
    bucket.owners = bucket.owners.filter((owner) => owner !== sock);
    if (sock.protocol === "tcp") this.#unfile(sock, bucket);
    Object.assign(sock, { port: 0, connectBound: false });
    if (bucket.owners.length === 0) this.#buckets.delete(at);
    else if (this.#kernel.forgets && bucket.cache && [...bucket.addresses.values()].every(({ connects }) => connects)) {
      Object.assign(bucket.cache, { fastReuse: -1, fastReusePort: -1 });
    }
  }

  /** Whether connect may choose this port: nobody was bound to it (`fastreuse` and `fastreuseport` are below 0). */
  connectMayTake(sock: Sock, port: number): boolean {
    const cache = this.#buckets.get(key(sock, port))?.cache;
    return !cache || (cache.fastReuse < 0 && cache.fastReusePort < 0);
  }

  #overlooks(binder: Party, owner: Sock, { owners, addresses }: PortBucket): boolean {
    const madeBy = addresses.get(bucketAddress(owner))?.family ?? owner.family;
    return overlooked(binder, toParty(owner), madeBy, this.#kernel, owners.length);
  }

  #bucket(sock: Sock, port: number, fast: number): PortBucket {
    const at = key(sock, port);
    let bucket = this.#buckets.get(at);
    if (!bucket) {
      const cache = sock.protocol === "udp" ? null : { fastReuse: fast, fastReusePort: fast, fastUid: 0, fastAddress: NOBODY };
      bucket = { owners: [], cache, addresses: new Map() };
      this.#buckets.set(at, bucket);
    }
    return bucket;
  }

  #file(sock: Sock, bucket: PortBucket, connects: boolean): AddressBucket {
    const at = bucketAddress(sock);
    let filed = bucket.addresses.get(at);
    if (!filed) {
      filed = { family: sock.family, owners: new Set(), connects };
      bucket.addresses.set(at, filed);
    }
    filed.owners.add(sock);
    return filed;
  }

  /** `inet_bind2_bucket_destroy`. */
  #unfile(sock: Sock, bucket: PortBucket): void {
    const at = bucketAddress(sock);
    const filed = bucket.addresses.get(at);
    if (!filed) return;
    filed.owners.delete(sock);
    if (filed.owners.size === 0) bucket.addresses.delete(at);
    else if ([...filed.owners].every(({ connectBound }) => connectBound)) filed.connects = true;
  }
}

const key = ({ netns, protocol }: Sock, port: number) => `${netns}/${protocol}/${port}`;

/** IPv4 addresses and IPv4-mapped ones share a bucket. */
function bucketAddress({ family, address }: Sock): string {
  const { kind, v4 } = addressKind(family, address);
  return kind === "mapped" ? v4 : address;
}
