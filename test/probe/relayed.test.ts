import { closeSync, fstatSync, readdirSync, readlinkSync, realpathSync, writeSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { expect, it, onTestFinished, vi } from "vitest";
import { openPipe, type Pipe } from "../../src/probe/pipe.ts";
import { relayed } from "../../src/probe/relayed.ts";
import { scratch } from "../helpers/cli.ts";

async function pipe(): Promise<Pipe> {
  const opened = await openPipe();
  if (!opened.ok) throw new Error(opened.error.message);
  return opened.value;
}

async function linesOf(batches: AsyncIterable<string[]>): Promise<string[]> {
  const all: string[] = [];
  for await (const lines of batches) all.push(...lines);
  return all;
}

it("a pipe is one, and leaves no name behind", async () => {
  // A folder of its own: what others make in the shared one meanwhile says nothing of this.
  const folder = scratch();
  onTestFinished(() => {
    vi.unstubAllEnvs();
    folder.remove();
  });
  vi.stubEnv("TMPDIR", folder.path);
  const { readEnd, writeEnd } = await pipe();
  expect([readEnd, writeEnd].map((fd) => fstatSync(fd).isFIFO())).toEqual([true, true]);
  expect(readlinkSync(`/proc/self/fd/${readEnd}`)).toContain(join(realpathSync(folder.path), "bindtrace-"));
  expect(readdirSync(folder.path)).toEqual([]);
  for (const fd of [readEnd, writeEnd]) closeSync(fd);
});

it("every line comes once and in order, however it was cut into pieces, and the last without its end", async () => {
  const { readEnd, writeEnd } = await pipe();
  const text = "bt:one 1\n\nbt:two 2\nbt:\u00ff";
  for (const byte of Buffer.from(text, "latin1")) writeSync(writeEnd, Buffer.of(byte));
  closeSync(writeEnd);
  expect(await linesOf(relayed(readEnd))).toEqual(text.split("\n"));
});

it("takes everything from a child that writes far more than a pipe holds while this thread does something else", async () => {
  const { readEnd, writeEnd } = await pipe();
  const batches = relayed(readEnd);
  const child = execa("seq", ["300000"], { stdout: writeEnd as 3, buffer: false });
  closeSync(writeEnd);
  // Nothing is taken out before the child, of whose two megabytes a pipe holds 64 KiB, has written all.
  await child;
  const lines = await linesOf(batches);
  expect([lines.length, lines[0], lines.at(-1)]).toEqual([300_000, "1", "300000"]);
  expect(lines.every((line, index) => Number(line) === index + 1)).toBe(true);
});

it("a line without end is not held, and is none of ours", async () => {
  const { readEnd, writeEnd } = await pipe();
  const batches = relayed(readEnd);
  const child = execa("sh", ["-c", "head -c 20000000 /dev/zero | tr '\\0' 1; echo; echo bt:beat 1"], {
    stdout: writeEnd as 3,
    buffer: false,
  });
  closeSync(writeEnd);
  await child;
  const [long = "", ...more] = await linesOf(batches);
  expect([long.length < 200_000, more]).toEqual([true, ["bt:beat 1"]]);
});

it("a writer whose reader was never there is told so by SIGPIPE: no copy of the read end goes to a child", async () => {
  const { readEnd, writeEnd } = await pipe();
  const child = execa("yes", { stdout: writeEnd as 3, buffer: false, reject: false });
  closeSync(writeEnd);
  closeSync(readEnd);
  expect((await child).signal).toBe("SIGPIPE");
});
