import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { bindtrace } from "../helpers/cli.ts";
import { hostileTrace, textOf } from "./hostile-trace.ts";
import { kind } from "./kind.ts";
import { mutated, mutations } from "./mutation.ts";
import { expectSafe } from "./safe.ts";

/** Longest time in ms that a process may take on a machine that does other things too. */
const LIMIT = 60_000;
/** MiB that what it keeps in memory may come to. */
const HEAP = 256;

const BOMBS = { none: (bytes: Buffer) => bytes, bomb: () => gzipSync(Buffer.alloc(60 << 20)), line: () => Buffer.alloc(40 << 20, "[") };

export const processes = kind({
  name: "the program itself, on such files",
  share: 400,
  few: 5,
  input: fc.record({
    trace: hostileTrace,
    changes: fc.oneof(fc.constant([]), mutations),
    zip: fc.boolean(),
    instead: fc.oneof({ arbitrary: fc.constant("none" as const), weight: 12 }, fc.constantFrom("bomb" as const, "line" as const)),
    how: fc.constantFrom<string[]>(
      ["replay"],
      ["replay", "--color", "always"],
      ["replay", "--json"],
      ["export", "--html"],
      ["export", "--ndjson"],
    ),
    stdin: fc.boolean(),
  }),
  check: async ({ trace, changes, zip, instead, how, stdin }) => {
    const text = Buffer.from(textOf(trace));
    const bytes = BOMBS[instead](mutated(zip ? gzipSync(text) : text, changes));
    const folder = mkdtempSync(join(tmpdir(), "bindtrace-fuzz-"));
    const path = join(folder, "trace");
    writeFileSync(path, bytes);
    const env = { NODE_OPTIONS: `--max-old-space-size=${HEAP}` };
    const options = { env, timeout: LIMIT, stripFinalNewline: false, ...(stdin ? { input: bytes } : {}) };
    const { exitCode, signal, timedOut, stdout, stderr } = await bindtrace([...how, stdin ? "-" : path], options);
    rmSync(folder, { recursive: true });
    if (timedOut || signal) throw new Error(`ended by ${signal}`);
    if (![0, 1, 5, 6].includes(exitCode ?? -1)) throw new Error(`exit code ${exitCode}: ${stderr}`);
    if (instead !== "none" && exitCode !== 5) throw new Error(`exit code ${exitCode} of a ${instead}`);
    expectSafe(String(stderr));
    if (!how.includes("--html")) expectSafe(String(stdout), how.includes("--color"));
  },
});
