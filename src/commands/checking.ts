import { execa } from "execa";
import { jsonLine } from "../base/json-line.ts";
import { isoTime } from "../base/nanoseconds.ts";
import { ANY4, ANY6, addressKind } from "../core/address.ts";
import { type Answer, type Asked, check } from "../core/check.ts";
import { type CheckRecord, checkRecord } from "../core/check-record.ts";
import { obstacles } from "../core/obstacles.ts";
import { numbered } from "../core/owner.ts";
import { bindsIpv6Only, type Party } from "../core/party.ts";
import { holds, outside } from "../core/rights.ts";
import { whyNotEveryProcess } from "../probe/every-process.ts";
import { HolderHints } from "../probe/holder-hints.ts";
import { HolderScan } from "../probe/holders.ts";
import { kernelRules } from "../probe/kernel.ts";
import { type NetworkNamespace, namespaceId } from "../probe/namespaces.ts";
import type { Problem } from "../probe/problem.ts";
import { readRights } from "../probe/rights.ts";
import { lookAtOwners } from "../probe/sight.ts";
import { isLocal, readDevices } from "../probe/surroundings.ts";
import { readSysctls } from "../probe/sysctls.ts";
import { checkText } from "../report/check.ts";
import { asRoot } from "./as-root.ts";
import { deviceIndex, findUser, type Host } from "./bind-options.ts";
import type { CheckOptions } from "./check.ts";
import { EXIT, type ExitCode, Failure } from "./failure.ts";
import { findNetns } from "./netns.ts";
import { textOptions } from "./options.ts";
import { streamOutput } from "./output.ts";

const EXITS: Readonly<Record<Answer, ExitCode>> = { passes: EXIT.clean, refused: EXIT.failuresExplained, unknown: EXIT.undetermined };

/** Looks at who has the port, and prints whether the bind would pass. */
export async function look(port: number, options: CheckOptions): Promise<ExitCode> {
  if (process.platform !== "linux") throw new Failure(EXIT.unsupported, "bindtrace looks at Linux only; replay works anywhere");
  if (options.netns !== "self") {
    const elsewhere = findOther(options.netns);
    if (elsewhere) return goTo(elsewhere);
  }
  const record = await answer(port, options);
  const output = streamOutput(process.stdout);
  const text = textOptions(options, -new Date().getTimezoneOffset(), process.stdout);
  output.write(options.json ? jsonLine(record) : checkText(record, text));
  await output.close();
  return EXITS[record.answer];
}

/** The network namespace that --netns means, null where that is this one. */
function findOther(which: string): NetworkNamespace | null {
  const here = namespaceId("/proc/self/ns/net");
  if (process.geteuid?.() !== 0) {
    throw new Failure(EXIT.notPermitted, `looking into the network namespace ${which} needs root: ${asRoot()}`);
  }
  const found = findNetns(which);
  if (found.id === here) return null;
  if (holds(readRights().effective, "CAP_SYS_ADMIN")) return found;
  throw new Failure(
    EXIT.notPermitted,
    `looking into the network namespace ${which} needs CAP_SYS_ADMIN, which root does not have here: ${outside(["CAP_SYS_ADMIN"])}`,
  );
}

/** Runs this same command in another network namespace, with a /sys that shows the interfaces there. */
async function goTo({ path }: NetworkNamespace): Promise<ExitCode> {
  const enter = [`--net=${path}`];
  const { failed, stderr } = await execa("nsenter", [...enter, "true"], { reject: false });
  if (failed) throw new Failure(EXIT.unsupported, `the network namespace at ${path} cannot be entered: ${stderr || "nsenter is missing"}`);
  const script = 'mount -t sysfs sysfs /sys 2>/dev/null; exec "$0" "$@"';
  const again = [process.execPath, ...process.argv.slice(1), "--netns", "self"];
  const { exitCode } = await execa("nsenter", [...enter, "unshare", "--mount", "sh", "-c", script, ...again], {
    stdio: "inherit",
    reject: false,
  });
  return exitCode ?? EXIT.interrupted;
}

/** Everything that there is to know about this bind, and the answer. */
async function answer(port: number, options: CheckOptions): Promise<CheckRecord> {
  const protocol = options.proto;
  const devices = readDevices();
  const user = await findUser(options.user);
  const sysctls = readSysctls();
  const host: Host = options.host ?? { family: options.v6only ? "ipv6" : "ipv4", address: options.v6only ? ANY6 : ANY4 };
  const device = deviceIndex(options, host, devices);
  const binderAt = ({ family, address }: Host): Party => ({
    protocol,
    family,
    address,
    ipv6Only: family === "ipv6" && bindsIpv6Only(family, address, options.v6only === true || sysctls["net.ipv6.bindv6only"] === "1"),
    device,
    reuseAddr: options.reuseaddr === true,
    reusePort: options.reuseport === true,
    uid: user.uid,
    state: "CLOSE",
    orphan: false,
    inGroup: false,
  });
  const sight = await lookAtOwners({ protocol, port });
  if (!sight.ok) throw new Failure(sight.error.kind === "unsupported" ? EXIT.unsupported : EXIT.notPermitted, sight.error.message);
  const { owners, bucket, slotSize } = sight.value;
  const seen = { ...kernelRules(), owners: numbered(owners), bucket, slotSize, vrfs: separates(devices.vrfs, sysctls) };
  const askedOf = (binder: Party): Asked => ({
    ...seen,
    binder,
    obstacles: obstacles(binder, port, { sysctls, isLocal: localOf(binder) }),
  });
  const asked = askedOf(binderAt(host));
  const verdict = check(asked);
  // Who asks for no address in particular may well be about to start a server that binds this one.
  const hasIpv6 = isLocal("ipv6", ANY6) !== null;
  const alsoDual = hasIpv6 && options.host === undefined && host.family === "ipv4";
  const dualStack = alsoDual ? check(askedOf(binderAt({ family: "ipv6", address: ANY6 }))) : null;
  const scan = new HolderScan(
    owners.flatMap(({ inode }) => (inode === null ? [] : [{ inode, at: 0 }])),
    { hints: new HolderHints(), instantOfStart: () => 0 },
  );
  await scan.done;
  const { at, counted, hindrance } = sight.value;
  const unseen = whyNotEveryProcess();
  const held = owners.some(({ inode }) => inode !== null);
  const reasons = [
    ...verdict.reasons,
    ...(hindrance ? [whatIsMissing(hindrance)] : []),
    ...(unseen !== null && held && process.geteuid?.() === 0 ? [`who holds a socket may not be seen from here: ${unseen}`] : []),
  ];
  return checkRecord(asked, { ...verdict, reasons }, dualStack, {
    at: isoTime(at, 0),
    netns: namespaceId("/proc/self/ns/net"),
    port,
    user,
    ownersCounted: counted,
    iso: (instant) => isoTime(at, instant),
    holders: scan.result().holders,
    everyProcess: unseen === null,
  });
}

/** TCP has its ports apart in each VRF, unless a setting gives listeners of all of them to everybody. */
const separates = (vrfs: boolean, sysctls: Readonly<Record<string, string>>) => vrfs && sysctls["net.ipv4.tcp_l3mdev_accept"] !== "1";

function localOf({ family, address }: Party): boolean | null {
  const { kind, v4 } = addressKind(family, address);
  return kind === "mapped" ? isLocal("ipv4", v4) : isLocal(family, address);
}

/** Why the answer comes from /proc, and what would see more. */
function whatIsMissing({ message }: Problem): string {
  if (process.geteuid?.() === 0) return `only /proc could be looked at, which shows no options and devices: ${message}`;
  return `without root only /proc can be looked at, which shows no options, devices and processes of others; to see all: ${asRoot()}`;
}
