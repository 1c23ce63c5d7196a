import { readdirSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import type { OutputRecord } from "../../src/core/record.ts";
import { ROOT } from "./cli.ts";
import { PORTS } from "./ports.ts";
import type { TrueStory, Truth } from "./situations.ts";

/** What is to be told of the port beside its refusals (test/lab/programs/README.md). */
export interface Course {
  /** Refusals in a row, before the bind passed or the program gave up. */
  attempts?: number;
  /** The port went from one server to the next. */
  restart?: true;
}

/** A refusal of a real program, or that there was none. */
export type Line = (Truth & { story: TrueStory & Course }) | { refusals: 0; port: number; story: Course };

export const PORT = PORTS.programs;
const FOLDER = "test/lab/programs";

export const scenarios: string[] = readdirSync(join(ROOT, FOLDER))
  .filter((file) => file.endsWith(".mjs"))
  .sort()
  .map((file) => file.replace(/\.mjs$/, ""));

/** The command that creates it, relative to the repository. */
export const commandOf = (name: string): string[] => ["node", `${FOLDER}/${name}.mjs`];

/** Names of the programs that it needs and that are not installed. */
export async function missingFor(name: string): Promise<string[]> {
  const [file = "", ...args] = commandOf(name);
  const { stdout } = await execa(file, [...args, "--missing"], { cwd: ROOT });
  return stdout.split("\n").filter((line) => line !== "");
}

export function linesOf(stdout: string): Line[] {
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);
}

export const isRefusal = (line: Line): line is Extract<Line, Truth> => "rule" in line;

/** What the records do not say of attempts and restarts: a sentence each. */
export function courseProblems(records: readonly OutputRecord[], { port, story }: Line): string[] {
  const { attempts, restart } = story;
  const rows = records.filter((record) => record.type === "attempts").filter((record) => record.port === port);
  const problems = [];
  // A single refusal is a story of its own only when a bind passed after it.
  if (attempts !== undefined && attempts > 1 && !rows.some(({ failures }) => failures === attempts))
    problems.push(`no ${attempts} attempts in a row`);
  if (restart && !records.some((record) => record.type === "restart" && record.port === port)) problems.push("no restart");
  return problems;
}
