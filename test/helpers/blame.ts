import type { FailureRecord, OutputRecord } from "../../src/core/record.ts";
import type { Truth } from "./situations.ts";

/**
 * The blame, in the words of the ground truth; what the truth cannot know is null. A search for holders that took longer than
 * the failure could wait has told of them later, in `records`.
 */
export function blame(failure: FailureRecord, truth: Truth | undefined, records: readonly OutputRecord[]) {
  const late = records.filter((record) => record.type === "holders").filter((record) => record.failure === failure.id);
  return {
    pid: failure.binder.pid,
    fd: truth?.fd === null ? null : failure.binder.fd,
    inode: truth?.inode === null ? null : failure.binder.inode,
    operation: failure.operation,
    protocol: failure.protocol,
    family: failure.family,
    address: failure.address,
    port: failure.port,
    netns: failure.netns,
    rule: failure.rule,
    blockers: sorted(
      failure.blockers.map((blocker) => ({
        inode: blocker.inode,
        protocol: blocker.protocol,
        state: blocker.state,
        family: blocker.family,
        address: blocker.address,
        peer: blocker.peer,
        rule: blocker.rule,
        holders: pids((late.findLast(({ socket }) => socket === blocker.socket) ?? blocker).holders),
      })),
    ),
  };
}

const pids = (holders: readonly { pid: number }[]) => [...new Set(holders.map(({ pid }) => pid))].sort((a, b) => a - b);

export const sorted = <T>(items: readonly T[]) => [...items].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
