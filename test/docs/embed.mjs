// Puts what recorded traces show into the documents that show it. A block is the command and what it prints, indented by four:
//     $ bindtrace replay samples/NAME/trace.jsonl
// or, of a long report, its beginning: … | head -20. Of a sample, that is its report.txt. Any other command over recorded traces
// (bindtrace replay …, jq …) is run as it stands; where jq is not installed, what it printed before is left.
// node test/docs/embed.mjs writes the documents anew (make golden); test/golden.test.ts compares.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const DOCUMENTS = [
  "README.md",
  ...["eaddrinuse-in-node", "tutorial", "in-containers", "in-ci", "json", "trace-format", "how-it-knows"].map((name) => `docs/${name}.md`),
];

const BLOCK = /^( {4}\$ ((?:bindtrace replay|jq) .*))\n(?: {4}.*\n|\n(?= {4}))*/gm;
const SAMPLE = /^bindtrace replay samples\/([\w-]+)\/trace\.jsonl(?: \| head -(\d+))?$/;

/** The document with its blocks as the traces have them now. */
export function embedded(document) {
  return document.replace(BLOCK, (block, line, command) => {
    const sample = SAMPLE.exec(command);
    const printed = sample ? reportOf(sample[1], sample[2]) : run(command);
    return printed === null ? block : [line, ...printed.map((text) => (text === "" ? "" : `    ${text}`)), ""].join("\n");
  });
}

function reportOf(name, count) {
  const report = readFileSync(join(ROOT, "samples", name, "report.txt"), "utf8")
    .trimEnd()
    .split("\n");
  return count === undefined ? report : report.slice(0, Number(count));
}

/** What the command prints, null where there is no jq to run it with. */
function run(command) {
  const script = `bindtrace() { "${process.execPath}" dist/cli.js "$@"; }; ${command}`;
  const { stdout, stderr } = spawnSync("bash", ["-c", script], { cwd: ROOT, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
  if (stderr.includes("jq: command not found")) return null;
  if (stderr !== "" || stdout === "") throw new Error(`${command}: ${stderr || "printed nothing"}`);
  return stdout.trimEnd().split("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of DOCUMENTS) {
    const path = join(ROOT, name);
    writeFileSync(path, embedded(readFileSync(path, "utf8")));
  }
}
