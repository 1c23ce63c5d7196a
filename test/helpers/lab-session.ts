import { existsSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { liveProblem } from "./cli.ts";
import { LAB, type Lab, openLab, parseAnswer } from "./lab.ts";

/** Why no test can use the lab here; make builds it where there is a C compiler. */
export const labProblem: string | null =
  process.geteuid?.() !== 0 ? "the lab needs root" : existsSync(LAB) ? null : `the lab needs ${LAB}, which make builds`;

// In CI a lab that is not there would hide what it tests.
if (process.env.BINDTRACE_LIVE === "required" && liveProblem === null && labProblem !== null) throw new Error(labProblem);

/** Runs `COMMAND -> ANSWER` lines, where no answer stands for ok and any details. Returns the details of the last. */
export async function transcribe(lab: Lab, transcript: string): Promise<Record<string, string>> {
  const lines = transcript
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.trim().split(/ +-> /));
  const answers = await lab.run(lines.map(([command]) => command as string));
  expect(lines.map(([command], index) => `${command} -> ${answers[index]}`)).toEqual(
    lines.map(([command, answer], index) => `${command} -> ${answer ?? (parseAnswer(answers[index] ?? "").ok ? answers[index] : "ok")}`),
  );
  return parseAnswer(answers.at(-1) ?? "").fields;
}

/** A lab in a namespace of its own for all tests of a file; each finds it as new. */
export function useLab(): { lab(): Lab; says(transcript: string): Promise<Record<string, string>> } {
  let lab: Lab;
  beforeAll(() => {
    lab = openLab({ netns: true });
  });
  beforeEach(() => transcribe(lab, "reset network"));
  afterAll(() => lab?.close());
  return { lab: () => lab, says: (transcript) => transcribe(lab, transcript) };
}
