import { chmodSync, closeSync, mkdirSync, readdirSync, readSync, writeFileSync, writeSync } from "node:fs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { openPipe } from "../../src/probe/pipe.ts";
import { scratch } from "../helpers/cli.ts";

let folder: ReturnType<typeof scratch>;
beforeEach(() => {
  folder = scratch();
  mkdirSync(`${folder.path}/tmp`);
  vi.stubEnv("TMPDIR", `${folder.path}/tmp`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  folder.remove();
});

it("a pipe has two ends, and no name", async () => {
  const pipe = await openPipe();
  if (!pipe.ok) throw new Error(pipe.error.message);
  const { readEnd, writeEnd } = pipe.value;
  writeSync(writeEnd, "line\n");
  closeSync(writeEnd);
  const read = Buffer.alloc(99);
  expect([read.toString("latin1", 0, readSync(readEnd, read)), readSync(readEnd, read)]).toEqual(["line\n", 0]);
  closeSync(readEnd);
  expect(readdirSync(`${folder.path}/tmp`)).toEqual([]);
});

it.skipIf(process.geteuid?.() !== 0).each([
  ["a pipe of another user", 'mkfifo "$3" && chown 33 "$3"'],
  ["what is no pipe", 'echo > "$3"'],
])("%s, put in its place meanwhile, is not taken", async (_, exchange) => {
  writeFileSync(`${folder.path}/mkfifo`, `#!/bin/sh\nPATH=\${PATH#*:}\n${exchange}\n`);
  chmodSync(`${folder.path}/mkfifo`, 0o755);
  vi.stubEnv("PATH", `${folder.path}:${process.env.PATH}`);
  const pipe = await openPipe();
  expect(pipe).toMatchObject({ ok: false, error: { kind: "unsupported", message: expect.stringContaining("it was exchanged") } });
  expect(readdirSync(`${folder.path}/tmp`)).toEqual([]);
});
