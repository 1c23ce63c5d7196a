import { endpoint } from "../core/address.ts";
import type { GroupHistoryRecord, PortRecord } from "../core/record.ts";
import { field } from "./block.ts";
import { clockTime, type TextOptions } from "./text.ts";

/** Most groups of one port, and most sockets of one group, that are named. */
const MAX_GROUPS = 8;
const MAX_SOCKETS = 8;

/** The reuseport groups that a port had, below its events; one that always was of one socket says nothing. */
export function groupLines({ groups, port }: Pick<PortRecord, "groups" | "port">, options: TextOptions): string {
  const shared = groups.filter(({ largest }) => largest > 1);
  const shown = shared.slice(0, MAX_GROUPS).flatMap((group) => field(group.id, groupText(group, port, options), options));
  const hidden = shared.length - MAX_GROUPS;
  return [...shown, ...(hidden > 0 ? field("", `and ${hidden} more groups`, options) : [])].map((line) => `${line}\n`).join("");
}

/** `uid 0, 0.0.0.0:8080: s1, s2, s3 (14:03:01.000 to 14:03:09.000); no BPF program when last looked at`. */
function groupText({ members, size, history, program }: GroupHistoryRecord, port: number, options: TextOptions): string {
  const users = distinct(history.flatMap(({ uid }) => (uid === null ? [] : [`uid ${uid}`])));
  const places = distinct(history.map(({ address }) => endpoint(address, port)));
  const gone = history.flatMap(({ socket, joinedAt, leftAt }) =>
    leftAt === null ? [] : [`${socket} (${clockTime(joinedAt, options)} to ${clockTime(leftAt, options)})`],
  );
  const all = [...members, ...gone];
  const named = [...all.slice(0, MAX_SOCKETS), ...(all.length > MAX_SOCKETS ? [`${all.length - MAX_SOCKETS} more`] : [])];
  return [
    `${[users, places].filter((text) => text !== "").join(", ")}: ${named.join(", ")}`,
    ...(size > members.length ? [`the kernel counted ${size}`] : []),
    ...(program === null ? [] : [`${program ? "a BPF program chose among them" : "no BPF program"} when last looked at`]),
  ].join("; ");
}

const distinct = (values: readonly string[]) => [...new Set(values)].join(" and ");
