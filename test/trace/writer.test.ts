import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../../src/core/event.ts";
import { encodeHeader } from "../../src/trace/codec.ts";
import { header } from "../helpers/events.ts";
import { events, eventsOf, fresh, numbered, open, read, record, tryToOpen } from "./files.ts";

describe.each([".jsonl", ".jsonl.gz"])("a %s file", (ending) => {
  it("is for its owner alone", async () => {
    expect(statSync(await record(fresh(ending))).mode & 0o777).toBe(0o600);
  });

  it("can be read up to the last refused bind while it is being written", async () => {
    const path = fresh(ending);
    const writer = open(path);
    writer.header(header());
    for (const event of events.slice(0, 2)) writer.event(event);
    await delay(20);
    expect(eventsOf((await read(path)).lines)).toEqual(numbered.slice(0, 2));
    await writer.close();
  });

  it("can be read up to an event of a moment ago while it is being written", async () => {
    const path = fresh(ending);
    const writer = open(path);
    writer.header(header());
    writer.event(events[3] as TraceEvent);
    await delay(300);
    expect(eventsOf((await read(path)).lines)).toHaveLength(1);
    await writer.close();
  });
});

it("is compressed when its name ends in .gz", async () => {
  const text = gunzipSync(readFileSync(await record(fresh(".jsonl.gz")))).toString();
  expect(text).toBe(readFileSync(await record(fresh(".jsonl")), "utf8"));
  expect(text.split("\n")).toHaveLength(events.length + 2);
});

it("that cannot be written to any more is told of once", () => {
  const writer = open("/dev/full", { replace: true });
  const told: Error[] = [];
  writer.onBroken((error) => told.push(error));
  writer.header(header());
  writer.event(events[0] as TraceEvent);
  writer.close();
  expect(told).toEqual([expect.objectContaining({ code: "ENOSPC" })]);
  expect(writer.error).toBe(told[0]);
});

describe("what cannot be written", () => {
  const refusal = (path: string, force = false) => {
    const writer = tryToOpen(path, { replace: force });
    return writer.ok ? "" : writer.error;
  };

  it("a file that exists already, unless it may be replaced", async () => {
    const path = await record(fresh(".jsonl"), events.slice(0, 1));
    const before = readFileSync(path, "utf8");
    expect(refusal(path)).toBe(`${path} exists already: choose another name, or add --force to replace it`);
    expect(readFileSync(path, "utf8")).toBe(before);
    const writer = open(path, { replace: true });
    writer.header(header());
    await writer.close();
    expect(readFileSync(path, "utf8")).toBe(encodeHeader(header()));
  });

  it("a file that was open to all is for its owner alone once it is replaced", async () => {
    const path = fresh(".jsonl");
    writeFileSync(path, "old");
    chmodSync(path, 0o644);
    await open(path, { replace: true }).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.each([".jsonl", ".jsonl.gz"])("is no reason to lose what it was to replace: a %s file without a header", async (ending) => {
    const path = await record(fresh(ending));
    const before = readFileSync(path);
    open(path, { replace: true }).discardEmpty();
    expect(readFileSync(path)).toEqual(before);
  });

  it("a file in a folder that is not there", () => {
    const path = join(fresh(""), "trace.jsonl");
    expect(refusal(path)).toBe(`the folder of ${path} does not exist: create it first`);
    expect(existsSync(path)).toBe(false);
  });

  it.each([false, true])("a folder (force %s)", (force) => {
    const path = fresh("");
    mkdirSync(path);
    expect(refusal(path, force)).toBe(`${path} is a folder: name a file in it`);
  });
});
