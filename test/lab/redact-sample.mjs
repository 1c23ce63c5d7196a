// redact-sample.mjs TRACE: takes out of a recorded sample what says nothing to a reader but where it was recorded: the build of
// the kernel, and bindtrace itself and its ancestors, of whom only process 1 is left.

import { readFileSync, writeFileSync } from "node:fs";

const [path = ""] = process.argv.slice(2);
const INIT = { pid: 1, comm: "init", program: "init", command: "init" };
const [header, ...lines] = readFileSync(path, "utf8").trimEnd().split("\n");

function redacted(line) {
  const event = JSON.parse(line);
  if (event.type !== "process") return line;
  const outer = event.ancestors.findIndex(({ command = "" }) => command.includes("dist/cli.js"));
  const within = outer === -1 ? event.ancestors.filter(({ pid }) => pid !== 1) : event.ancestors.slice(0, outer);
  return JSON.stringify({ ...event, ancestors: [...within, INIT] });
}

const kernel = header.replace(/("release":"[0-9.]+)-[^"]*"/, '$1"');
writeFileSync(path, `${[kernel, ...lines.map(redacted)].join("\n")}\n`);
