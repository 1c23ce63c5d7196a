import { endpoint } from "../core/address.ts";
import type { GroupHistoryRecord, PortRecord } from "../core/record.ts";
import { type Field, fieldLines } from "./block.ts";
import { clockTime, most, type TextOptions } from "./text.ts";

/** Most groups of one port, and most sockets of one group, that are named. */
const MAX_GROUPS = 8;
const MAX_SOCKETS = 8;

/** The reuseport groups that a port had, below its events; one that always was of one socket says nothing. */
export function groupLines(record: Pick<PortRecord, "groups" | "port">, options: TextOptions): string {
  return fieldLines(groupFields(record, options), options)
    .map((line) => `${line}\n`)
    .join("");
}

export function groupFields({ groups, port }: Pick<PortRecord, "groups" | "port">, options: TextOptions): Field[] {
  const shared = groups.filter(({ largest }) => largest > 1);
  const max = most(MAX_GROUPS, options);
  const shown = shared.slice(0, max).map((group): Field => [group.id, groupText(group, port, options)]);
  const hidden = shared.length - max;
  return hidden > 0 ? [...shown, ["", `and ${hidden} more groups`]] : shown;
}

/** `uid 0, 0.0.0.0:8080: s1, s2, s3 (14:03:01.000 to 14:03:09.000); no BPF program when last looked at`. */
function groupText({ members, size, history, program }: GroupHistoryRecord, port: number, options: TextOptions): string {
  const users = distinct(history.flatMap(({ uid }) => (uid === null ? [] : [`uid ${uid}`])));
  const places = distinct(history.map(({ address }) => endpoint(address, port)));
  const gone = history.flatMap(({ socket, joinedAt, leftAt }) =>
    leftAt === null ? [] : [`${socket} (${clockTime(joinedAt, options)} to ${clockTime(leftAt, options)})`],
  );
  const all = [...members, ...gone];
  const max = most(MAX_SOCKETS, options);
  const named = [...all.slice(0, max), ...(all.length > max ? [`${all.length - max} more`] : [])];
  return [
    `${[users, places].filter((text) => text !== "").join(", ")}: ${named.join(", ")}`,
    ...(size > members.length ? [`the kernel counted ${size}`] : []),
    ...(program === null ? [] : [`${program ? "a BPF program chose among them" : "no BPF program"} when last looked at`]),
  ].join("; ");
}

const distinct = (values: readonly string[]) => [...new Set(values)].join(" and ");
