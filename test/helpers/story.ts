import type { BlockerRecord, FailureRecord, OutputRecord } from "../../src/core/record.ts";
import type { Said, SilentTrouble, TrueStory, Truth, UnfoundedComplaint } from "./situations.ts";

type RecordOf<Type extends OutputRecord["type"]> = Extract<OutputRecord, { type: Type }>;

/**
 * What a report says otherwise, or does not say, of the story around a refusal, or of trouble without one: a sentence each.
 * Only what the truth tells is asked for. The facts of the refusal itself are not compared here.
 */
export function storyProblems(records: readonly OutputRecord[], said: Said): string[] {
  if ("warning" in said) return warningProblems(records, said);
  if ("absence" in said) return absenceProblems(records, said);
  const failure = of(records, "failure").find((one) => isThat(one, said));
  if (!failure) return [`no failure for the ${said.operation} of process ${said.pid}`];
  const [first] = failure.blockers;
  return said.story ? [...blockerProblems(records, failure, first, said.story), ...codeProblems(records, failure, said.story)] : [];
}

function isThat({ binder, operation }: FailureRecord, truth: Truth): boolean {
  return binder.pid === truth.pid && operation === truth.operation && (truth.inode === null || binder.inode === truth.inode);
}

function blockerProblems(
  records: readonly OutputRecord[],
  failure: FailureRecord,
  blocker: BlockerRecord | undefined,
  { via = {}, from = {}, nature, release, steps = [] }: TrueStory,
): string[] {
  if (!blocker) return ["no blocker"];
  const belongs = (record: { failure: string; socket: string }) => record.failure === failure.id && record.socket === blocker.socket;
  // A search for holders that took longer tells of them later.
  const later = of(records, "holders").findLast(belongs);
  const holders = later?.holders ?? blocker.holders;
  const holder = (pid: string) => holders.find((one) => one.pid === Number(pid));
  const gone = of(records, "release").find(belongs);
  const [session] = of(records, "session");
  // Who receives from a unix socket is seen by the kernel hook set alone; pidfd_getfd is a call that both see.
  const seen = steps.filter(([step]) => step !== "received" || session?.hooks === "kernel" || lineageHas(blocker, "received"));
  // The tracepoint hook set sees no port that connect takes, and so not whose connection it is.
  const unseen = blocker.peer !== null && blocker.opener === null && session?.hooks === "tracepoint";
  const lineage = blocker.lineage.map(({ step, pid }) => `${step} ${pid}`);
  return [
    ...Object.entries(via).flatMap(([pid, how]) => (unseen ? [] : differs(`how ${pid} came to it`, holder(pid)?.via, how))),
    ...Object.entries(from).flatMap(([pid, sender]) => differs(`from whom ${pid} has it`, holder(pid)?.from?.pid, sender)),
    ...(nature ? differs("nature", later?.nature ?? blocker.nature, nature) : []),
    ...(release ? differs("how it goes", gone?.via, release) : []),
    ...missingSteps(
      lineage,
      seen.map(([step, pid]) => `${step} ${pid}`),
    ),
  ];
}

const lineageHas = ({ lineage }: BlockerRecord, wanted: string) => lineage.some(({ step }) => step === wanted);

/** The first of the steps that does not come after those before it. */
function missingSteps(lineage: readonly string[], steps: readonly string[]): string[] {
  let at = 0;
  for (const step of steps) {
    at = lineage.indexOf(step, at) + 1;
    if (at === 0) return [`"${step}" is not where it should be in the lineage: ${lineage.join(", ") || "none"}`];
  }
  return [];
}

function codeProblems(records: readonly OutputRecord[], failure: FailureRecord, { notes = [], warnings = [] }: TrueStory): string[] {
  return [
    ...missing(
      "note",
      notes,
      failure.notes.map(({ code }) => code),
    ),
    ...missing(
      "warning",
      warnings,
      of(records, "warning").map(({ code }) => code),
    ),
  ];
}

function warningProblems(records: readonly OutputRecord[], { warning, port, sockets }: SilentTrouble): string[] {
  const told = of(records, "warning").filter(({ code }) => code === warning);
  if (told.length === 0) return [`no warning "${warning}"`];
  const onPort = of(records, "summary").flatMap(({ ports }) => ports.filter((one) => one.port === port).flatMap((one) => one.sockets));
  const inodes = told.map((one) => one.sockets.map((id) => onPort.find(({ socket }) => socket === id)?.inode ?? null));
  const right = inodes.some((named) => sockets.every((inode) => named.includes(inode)));
  return right ? [] : [`"${warning}" is said of ${JSON.stringify(inodes)}, not of ${JSON.stringify(sockets)}`];
}

function absenceProblems(records: readonly OutputRecord[], { absence }: UnfoundedComplaint): string[] {
  return missing(
    "absence",
    [absence],
    of(records, "absence").map(({ code }) => code),
  );
}

const missing = (what: string, wanted: readonly string[], told: readonly string[]) =>
  wanted.filter((code) => !told.includes(code)).map((code) => `no ${what} "${code}"`);

const differs = <T>(what: string, told: T | undefined, truth: T) =>
  told === truth ? [] : [`${what}: ${JSON.stringify(told ?? null)}, not ${JSON.stringify(truth)}`];

function of<Type extends OutputRecord["type"]>(records: readonly OutputRecord[], type: Type): RecordOf<Type>[] {
  return records.filter((record): record is RecordOf<Type> => record.type === type);
}
