import { endpoint } from "../core/address.ts";
import type { HolderRecord } from "../core/process-record.ts";
import type { BlockerRecord, ReleaseRecord } from "../core/record.ts";
import { ruleText } from "./block.ts";
import { ADVICE_SENTENCES } from "./sentences.ts";
import type { ToldFailure } from "./told-failures.ts";

/** What Perfetto shows of a refused call that is clicked. */
export function failureArgs({ record, releases }: ToldFailure): object {
  const { id, operation, protocol, address, port, errno, rule, confidence, evidence, doubts, binder, blockers, advice, notes, repeats } =
    record;
  const { socket, pid, comm, socketUid, reuseAddr, reusePort, process } = binder;
  return {
    failure: id,
    call: `${operation} ${endpoint(address, port)} (${protocol})`,
    errno,
    rule,
    why: ruleText(record),
    ...{ confidence, evidence, doubts },
    binder: { socket, pid, comm, command: process.command, uid: socketUid, reuseAddr, reusePort },
    blockers: blockers.map((blocker) => blockerArgs(blocker, releases.get(blocker.socket))),
    wouldHelp: advice.flatMap(({ code, wouldBind }) => (wouldBind ? [ADVICE_SENTENCES[code]] : [])),
    notes: notes.map(({ message }) => message),
    repeats,
  };
}

function blockerArgs(blocker: BlockerRecord, release: ReleaseRecord | undefined): object {
  const { socket, state, address, port, peer, rule, decisive, nature, reuseAddr, reusePort, socketUid, holders, holdersComplete } = blocker;
  return {
    socket,
    state,
    address: endpoint(address, port),
    ...(peer && { peer: endpoint(peer.address, peer.port) }),
    ...{ rule, decisive, nature, reuseAddr, reusePort, uid: socketUid },
    holders: holders.map(holderText),
    holdersComplete,
    ...(release && { releasedAfterNs: release.afterNs, releasedVia: release.via }),
  };
}

/** `worker.sh[9233] fd 18 (inherited): sh worker.sh`. */
function holderText({ pid, comm, fd, via, command }: HolderRecord): string {
  const through = fd === null ? "" : ` fd ${fd}${via === "unknown" ? "" : ` (${via})`}`;
  return `${comm || "?"}[${pid}]${through}${command ? `: ${command}` : ""}`;
}
