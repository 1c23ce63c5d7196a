import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../helpers/cli.ts";

/** Name of each page for people, relative to the repository. */
export const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

export const textOf = (page: string) => readFileSync(join(ROOT, page), "utf8");

/** The text under a heading of level two, up to the next one; its own headings included. Empty where there is none. */
export function section(text: string, heading: string): string {
  return text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
}

/** Headings of level two. */
export const headings = (text: string) => [...text.matchAll(/^## (.*)$/gm)].map(([, heading = ""]) => heading);

/** Everything in `code`, outside of blocks. */
export const codeIn = (text: string) => [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);

/** What stands in `code` in the first column of the tables. */
export function rowsIn(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => codeIn(line.split(/(?<!\\)\|/)[1] ?? ""));
}
