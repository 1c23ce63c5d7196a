// Puts the reports of samples into the documents that show them. A block is the command and what it prints, indented by four:
//     $ bindtrace replay samples/NAME/trace.jsonl
// or, of a long report, its beginning: … | head -20.
// node test/docs/embed.mjs writes the documents anew (make golden); test/golden.test.ts compares.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const DOCUMENTS = ["README.md", "docs/eaddrinuse-in-node.md"];

const BLOCK = /^( {4}\$ bindtrace replay samples\/([\w-]+)\/trace\.jsonl(?: \| head -(\d+))?)\n(?: {4}.*\n|\n(?= {4}))*/gm;

/** The document with its blocks as the samples have them now. */
export function embedded(document) {
  return document.replace(BLOCK, (_, command, name, count) => {
    const report = readFileSync(join(ROOT, "samples", name, "report.txt"), "utf8")
      .trimEnd()
      .split("\n");
    const shown = count === undefined ? report : report.slice(0, Number(count));
    return [command, ...shown.map((line) => (line === "" ? "" : `    ${line}`)), ""].join("\n");
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of DOCUMENTS) {
    const path = join(ROOT, name);
    writeFileSync(path, embedded(readFileSync(path, "utf8")));
  }
}
