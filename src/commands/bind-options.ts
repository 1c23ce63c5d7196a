import { isIP, SocketAddress } from "node:net";
import { InvalidArgumentError } from "commander";
import type { Family } from "../core/address.ts";
import type { UserRecord } from "../core/check-record.ts";
import type { Devices } from "../probe/surroundings.ts";
import { EXIT, Failure } from "./failure.ts";
import { findAccount, invoker } from "./invoker.ts";

/** Options that describe a bind. */
export interface BindOptions {
  host?: Host;
  proto: "tcp" | "udp";
  reuseaddr?: boolean;
  reuseport?: boolean;
  v6only?: boolean;
  device?: string;
  user?: string;
}

export interface Host {
  family: Family;
  /** In the one form of core/address.ts. */
  address: string;
}

/** Reads an IP address; names are not looked up. */
export function parseHost(text: string): Host {
  if (text.includes("%")) throw new InvalidArgumentError("leave out what follows %, and name the interface with --device.");
  const version = isIP(text);
  if (version === 0) throw new InvalidArgumentError(`'${text}' is not an IP address: give one such as 127.0.0.1, 0.0.0.0 or ::.`);
  const family = version === 6 ? "ipv6" : "ipv4";
  return { family, address: new SocketAddress({ address: text, family }).address };
}

/** (uid_t) -1 is no user. */
const LAST_UID = 2 ** 32 - 2;

const isLinkLocal = (address: string) => /^fe[89ab]/.test(address);

/** Index of the interface that the socket would be bound to, 0 for none. */
export function deviceIndex({ device, v6only }: BindOptions, { family, address }: Host, { index }: Devices): number {
  if (v6only && family === "ipv4") throw new Failure(EXIT.usage, `--v6only is for IPv6, but --host is ${address}: leave one of them out`);
  if (device === undefined) {
    if (isLinkLocal(address)) throw new Failure(EXIT.usage, `--host ${address} is link-local: name its interface with --device`);
    return 0;
  }
  if (index === null)
    throw new Failure(EXIT.unsupported, "/sys does not show this network namespace, so --device cannot be looked up in it");
  const found = index.get(device);
  if (found === undefined) throw new Failure(EXIT.usage, `--device ${device}: this network namespace has ${[...index.keys()].join(", ")}`);
  return found;
}

/** Who would make the bind: as told, else who called sudo, else who calls. */
export async function findUser(told: string | undefined): Promise<UserRecord> {
  if (told !== undefined) {
    const account = await findAccount(told);
    if (account) return { uid: account.uid, name: account.name, from: "option" };
    if (/^\d{1,10}$/.test(told) && Number(told) <= LAST_UID) return { uid: Number(told), name: null, from: "option" };
    throw new Failure(EXIT.usage, `--user ${told}: there is no such user`);
  }
  const behind = await invoker();
  if (behind) return { uid: behind.uid, name: behind.name, from: "sudo" };
  const uid = process.geteuid?.() ?? 0;
  return { uid, name: (await findAccount(String(uid)))?.name ?? null, from: "caller" };
}
