// table.mjs [RESULTS]: what situations.sh found, each kernel and hook set at its newest, as a Markdown table.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cache = process.env.BINDTRACE_VM_CACHE ?? fileURLToPath(new URL("../../.cache/vm", import.meta.url));
const all = readFileSync(process.argv[2] ?? join(cache, "out/results.jsonl"), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line));

const KERNELS = ["5.10", "6.1", "6.12", "7"];
const HOOKS = ["tracepoint", "fentry", "kprobe", "kernel-without"];
const MOST = 300;

const columns = KERNELS.flatMap((kernel) => HOOKS.map((hooks) => ({ kernel, hooks })))
  .map(({ kernel, hooks }) => {
    const rows = all.filter((result) => result.kernel === kernel && result.hooks === hooks);
    return { title: `${kernel} ${hooks}`, rows: rows.filter(({ run }) => run === rows.at(-1)?.run) };
  })
  .filter(({ rows }) => rows.length > 0);
const names = [...new Set(columns.flatMap(({ rows }) => rows.map(({ situation }) => situation)))];
const situations = [...names.filter((name) => !name.startsWith("(")), ...names.filter((name) => name.startsWith("("))];

const notes = [];
function cell(result) {
  if (!result) return "";
  if (result.result === "ok") return "ok";
  const why = result.why.join(" ").slice(0, MOST);
  if (!notes.includes(why)) notes.push(why);
  return `${result.result} [${notes.indexOf(why) + 1}]`;
}

const row = (cells) => console.log(`| ${cells.join(" | ")} |`);
row(["", ...columns.map(({ title }) => title)]);
row(["---", ...columns.map(() => "---")]);
for (const name of situations) row([name, ...columns.map(({ rows }) => cell(rows.find(({ situation }) => situation === name)))]);
console.log(notes.map((why, index) => `\n[${index + 1}] ${why}`).join("\n"));
